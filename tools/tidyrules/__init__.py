# SPDX-License-Identifier: MIT
"""The rules of tools/tidy.py, by subject."""

from . import code, docs, layers, names, text

RULES = [*layers.RULES, *text.RULES, *code.RULES, *names.RULES, *docs.RULES]
