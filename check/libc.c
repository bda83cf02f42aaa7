/* SPDX-License-Identifier: MIT
 *
 * libc.c: functions of the C library that read, write or give out memory, as the program's own.
 *
 * A program's definitions come before the library's, so that also copies the compiler makes of its
 * own accord are seen. The checked forms (__memmove_chk) are the library's way in; they are what
 * does the work. malloc and its sisters serve scenarios from heap.c and all else from the library.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "hooks.h"

#define SITE __builtin_return_address(0)

/* Shared libraries, such as that of C++, are to find these, too. */
#pragma GCC visibility push(default)

/* Not SIZE_MAX, for which clang calls the unchecked forms, that is, those below, even when told
 * that there are no built-in functions. */
#define ANY_ROOM ((size_t)PTRDIFF_MAX)

void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int with, size_t bytes, size_t room);
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *block);

/* ---- memory ---------------------------------------------------------------------------------- */

static void *copy(void *to, const void *from, size_t bytes, void *site)
{
    tst_plain(from, bytes, false, site);
    tst_plain(to, bytes, true, site);
    return __memmove_chk(to, from, bytes, ANY_ROOM);
}

static void *fill(void *to, int with, size_t bytes, void *site)
{
    tst_plain(to, bytes, true, site);
    return __memset_chk(to, with, bytes, ANY_ROOM);
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    return copy(to, from, bytes, SITE);
}

void *memmove(void *to, const void *from, size_t bytes)
{
    return copy(to, from, bytes, SITE);
}

void *memset(void *to, int with, size_t bytes)
{
    return fill(to, with, bytes, SITE);
}

/* What clang calls from version 16 on, for copies of its own, too. */
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memcpy(void *to, const void *from, size_t bytes)
{
    return copy(to, from, bytes, SITE);
}

void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes)
{
    return copy(to, from, bytes, SITE);
}

void *__tsan_memset(void *to, int with, size_t bytes);
void *__tsan_memset(void *to, int with, size_t bytes)
{
    return fill(to, with, bytes, SITE);
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    tst_plain(a, bytes, false, SITE);
    tst_plain(b, bytes, false, SITE);
    for (size_t k = 0; k < bytes; k++)
        if (x[k] != y[k]) return x[k] < y[k] ? -1 : 1;
    return 0;
}

/* ---- allocation ------------------------------------------------------------------------------ */

static void *give(size_t bytes, size_t align)
{
    tst.inside = false;
    void *block = tst_heap_alloc(bytes, align);
    tst.inside = true;
    if (!block) errno = ENOMEM;
    return block;
}

void *malloc(size_t bytes)
{
    return tst.inside ? give(bytes, 0) : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    if (!tst.inside) return __libc_calloc(count, bytes);
    if (bytes && count > SIZE_MAX / bytes) return NULL;
    void *block = give(count * bytes, 0);
    return block ? __memset_chk(block, 0, count * bytes, ANY_ROOM) : NULL;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return tst.inside ? give(bytes, align) : __libc_memalign(align, bytes);
}

int posix_memalign(void **block, size_t align, size_t bytes)
{
    void *got = tst.inside ? give(bytes, align) : __libc_memalign(align, bytes);
    if (!got) return ENOMEM;
    *block = got;
    return 0;
}

static void take_back(void *block, void *site)
{
    bool inside = tst.inside;
    tst.inside = false;
    tst_heap_free(block, site);
    tst.inside = inside;
}

void free(void *block)
{
    if (tst_heap_owns(block)) take_back(block, SITE);
    else __libc_free(block);
}

void *realloc(void *block, size_t bytes)
{
    if (!tst_heap_owns(block) && !(tst.inside && !block)) return __libc_realloc(block, bytes);
    void *more = give(bytes, 0);
    if (!more || !block) return more;
    size_t old = tst_heap_size(block);
    (void)copy(more, block, old < bytes ? old : bytes, SITE);
    take_back(block, SITE);
    return more;
}

/* ---- what would make a run differ from the last ---------------------------------------------- */

/* Time passes with the accesses: 1 ns each. */
int clock_gettime(clockid_t which, struct timespec *now)
{
    if (!tst.inside) return (int)syscall(SYS_clock_gettime, which, now);
    now->tv_sec = (time_t)(tst.clock / 1000000000);
    now->tv_nsec = (long)(tst.clock % 1000000000);
    return 0;
}

/* What looks like chance is a function of the schedule. */
ssize_t getrandom(void *out, size_t bytes, unsigned flags)
{
    unsigned char *to = out;
    if (!tst.inside) return syscall(SYS_getrandom, out, bytes, flags);
    for (size_t k = 0; k < bytes; k++) {
        tst.entropy = tst.entropy * 6364136223846793005u + 1442695040888963407u;
        to[k] = (unsigned char)(tst.entropy >> 56);
    }
    return (ssize_t)bytes;
}

int getentropy(void *out, size_t bytes)
{
    return getrandom(out, bytes, 0) == (ssize_t)bytes ? 0 : -1;
}

int sched_yield(void)
{
    if (tst.inside) thetis_check_pause();
    return 0;
}

/* assert() of the code under test. */
void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
    (void)function;
    thetis_check_fail("assertion", what, file, (int)line);
    abort();
}
