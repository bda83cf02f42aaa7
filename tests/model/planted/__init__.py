# SPDX-License-Identifier: MIT
"""Faults to plant in the library: FAULTS in <structure>.py. ../faults.py plants them.

The first word of a fault's name is the structure, whose scenarios are in model_<structure>.c.
"""

import importlib
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """One change, what it is an instance of, and, where others take long, the strategy and the
    scenario that find it soon: they are tried first."""
    name: str
    kind: str
    path: str
    old: str
    new: str
    first: str = ""


def all_faults():
    """Those of all structures."""
    names = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [fault for module in modules for fault in module.FAULTS]
