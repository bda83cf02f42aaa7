# SPDX-License-Identifier: MIT
"""Small source trees for the tests of the tools: one that obeys every rule, and changes to it."""

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

SPDX = "SPDX-License-" + "Identifier: MIT"

HEADER = f"""/* {SPDX}
 *
 * spsc.h: a structure.
 *
 * Orders (each end names the other):
 *   spsc.turn   push releases, pop acquires.
 */
#ifndef THETIS_SPSC_H
#define THETIS_SPSC_H

#include <thetis/atomic.h>

typedef struct thetis_spsc {{
    thetis_atomic turn_;
}} thetis_spsc;

/** Bytes it needs.
 *  @progress wait-free, 0 steps */
uintptr_t thetis_spsc_size(void);

/** Prepares it.
 *  @progress wait-free; before any other use */
void thetis_spsc_init(thetis_spsc *ring);

/** Goes on.
 *  @progress wait-free (claimed), 1 step */
static inline void thetis_spsc_push(thetis_spsc *ring)
{{
    thetis_atomic_store_release(&ring->turn_, 2); /* pair: spsc.turn */
}}

/** Asks.
 *  @progress wait-free (claimed), 1 step */
static inline uintptr_t thetis_spsc_pop(thetis_spsc *ring)
{{
    return thetis_atomic_load_acquire(&ring->turn_); /* pair: spsc.turn */
}}

#endif
"""

GOOD = {
    "include/thetis/spsc.h": HEADER,
    "include/thetis/atomic.h": f"""/* {SPDX} */
#ifndef THETIS_ATOMIC_H
#define THETIS_ATOMIC_H

#include <stdint.h>

typedef struct thetis_atomic {{
    uintptr_t word_;
}} thetis_atomic;

static inline uintptr_t thetis_atomic_load_acquire(const thetis_atomic *a)
{{
    return __atomic_load_n(&a->word_, __ATOMIC_ACQUIRE);
}}

#endif
""",
    "include/thetis/version.h": f"""/* {SPDX} */
#ifndef THETIS_VERSION_H
#define THETIS_VERSION_H

#define THETIS_VERSION_STRING "0.3.0"

#endif
""",
    "include/thetis/thetis.h": f"""/* {SPDX} */
#ifndef THETIS_THETIS_H
#define THETIS_THETIS_H

#include <thetis/atomic.h>
#include <thetis/spsc.h>
#include <thetis/version.h>

#endif
""",
    "src/sources.cmake": f"# {SPDX}\nset(THETIS_SOURCES\n  src/ring/spsc.c\n)\n",
    "src/thetis.c": f'/* {SPDX} */\n#include "ring/spsc.c"\n',
    "src/core/bits.h": f"""/* {SPDX} */
#ifndef THT_BITS_H
#define THT_BITS_H

extern const int tht_bits_table[4];

#endif
""",
    "src/ring/spsc.c": f"""/* {SPDX} */
#include "core/bits.h"
#include <thetis/spsc.h>
#include <string.h>

const int tht_bits_table[4] = {{1, 2, 3, 4}};

static int spsc_helper(void)
{{
    return tht_bits_table[0];
}}

uintptr_t thetis_spsc_size(void)
{{
    return (uintptr_t)spsc_helper();
}}
""",
    "src/port/port_demo.c": f"""/* {SPDX} */
#include <stdlib.h>

#ifdef __linux__
void *tht_port_map(unsigned long n)
{{
    return malloc(n);
}}
#endif
""",
    "tests/unit/test_spsc.c": f"""/* {SPDX} */
#include "core/bits.h"
#include <thetis/spsc.h>

TEST(push)
{{
    thetis_spsc ring;
    thetis_spsc_push(&ring);
}}
""",
    "tests/unit/test_atomic.c": f"/* {SPDX} */\n#include <thetis/atomic.h>\n",
    "examples/spsc.c": f"""/* {SPDX} */
#include <thetis/spsc.h>
#include <stdio.h>

int main(void)
{{
    return 0;
}}
""",
    "CONTRIBUTING.md": """# Contributing

Verbs: `init`, `push` `pop`
`size` `load`.

More `words`.
""",
    "CHANGELOG.md": "# Changes\n\n## Unreleased\n\nFirst.\n",
    "Makefile": f"# {SPDX}\nall:\n\tcc\n",
}


@contextmanager
def tree(changes):
    """A folder that holds GOOD with changes; None removes a file, a function edits its text."""
    files = dict(GOOD)
    for path, change in changes.items():
        files[path] = change(files[path]) if callable(change) else change
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            if text is not None:
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode())
        yield Path(folder)


def plus(text):
    """A change: text at the end."""
    return lambda old: old + text


def swap(old, new):
    """A change: one text for another, which must be there."""
    def change(text):
        assert old in text, f"{old!r} is not in the tree"
        return text.replace(old, new)
    return change
