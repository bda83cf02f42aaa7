/* SPDX-License-Identifier: MIT
 *
 * room.c: two areas of address space, reserved once; pages come when they are touched.
 */
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define AREA_BYTES ((size_t)4 << 30)
#define KEPT_BYTES ((size_t)64 << 20) /* scratch pages that are not given back to the system */

typedef struct area {
    char *base;
    size_t used;
} area;

static area room, scratch;

void tst_die(const char *why)
{
    fprintf(stderr, "thetis-check: %s\n", why);
    exit(2);
}

static void *take(area *from, size_t bytes)
{
    enum { ALIGN = 16 };
    if (!from->base) {
        from->base = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (from->base == MAP_FAILED) tst_die("no address space");
    }
    void *piece = from->base + from->used;
    from->used += (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (from->used > AREA_BYTES) tst_die("a scenario needs too much memory");
    return piece;
}

void *tst_room(size_t bytes)
{
    return take(&room, bytes);
}

void tst_room_forget(void)
{
    if (room.base) (void)madvise(room.base, room.used, MADV_DONTNEED); /* zero again */
    room.used = 0;
}

void *tst_scratch(size_t bytes)
{
    return take(&scratch, bytes);
}

void tst_scratch_forget(void)
{
    if (scratch.used > KEPT_BYTES) {
        (void)madvise(scratch.base + KEPT_BYTES, scratch.used - KEPT_BYTES, MADV_DONTNEED);
    }
    scratch.used = 0;
}
