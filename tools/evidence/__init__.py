# SPDX-License-Identifier: MIT
"""The parts of tools/evidence.py: measure, sections (records), tables, findings, pages."""
