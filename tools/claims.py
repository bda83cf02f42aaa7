# SPDX-License-Identifier: MIT
"""What was shown for each target, in build/support: tools/support.py makes SUPPORT.md of it.

A claim is a file, named by its target, that says `linked`, `emulated` or so. It is written when all
that the target's checks wanted has passed; a target that could not be tried here says why.
"""
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "build/support"


def write(target, **claim):
    """Keeps the claim."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{target}.json").write_text(json.dumps(claim) + "\n", encoding="utf-8")


def forget(targets):
    """What earlier runs have shown is not what this one shows."""
    for target in targets:
        (FOLDER / f"{target}.json").unlink(missing_ok=True)


def shown(target, state):
    """All that was asked of the target has passed."""
    write(target, state=state)


def skipped(target, reason):
    """It could not be tried here."""
    write(target, skipped=reason)


def read():
    """The claims, by target."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(FOLDER.glob("*.json"))}
