# SPDX-License-Identifier: MIT
"""Faults of queue that its histories show: what each changes in the library's text."""

from . import Fault

POP = "src/queue/pop.c"

FAULTS = [
    Fault("queue_history pass begins at the first cell", "stale knowledge", POP,
          "    if (pass->at < head) pass->at = head;", "    if (pass->at > head) head = pass->at;"),
]
