/* SPDX-License-Identifier: MIT
 *
 * count_malloc.c: the allocation counter, see count_malloc.h.
 *
 * glibc lets a program define its own malloc and keeps its allocator under other names. Sanitizers
 * have put theirs in that place already and offer a hook instead. On other systems cases that count
 * are skipped.
 */
#include "harness/count_malloc.h"

#include <thetis/atomic.h>

#include "harness/scale.h"
#include "harness/test.h"

#if TEST_DIV_BUILD == 1 && TEST_DIV_SYSTEM != 1

size_t count_malloc(void)
{
    SKIP_ENVIRONMENT("allocations cannot be counted");
}

#else

static thetis_atomic count_allocations;

size_t count_malloc(void)
{
    return thetis_atomic_load_relaxed(&count_allocations);
}

static void count_one(void)
{
    thetis_atomic_fetch_add_relaxed(&count_allocations, 1);
}

#if TEST_DIV_BUILD != 1 && !defined(THETIS_SANITIZE_UNDEFINED)

/* What the sanitizers' run-time calls after each allocation. */
void __sanitizer_malloc_hook(const volatile void *memory, size_t size);
void __sanitizer_free_hook(const volatile void *memory);

void __sanitizer_malloc_hook(const volatile void *memory, size_t size)
{
    (void)memory, (void)size;
    count_one();
}

void __sanitizer_free_hook(const volatile void *memory)
{
    (void)memory;
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size)
{
    count_one();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count_one();
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    count_one();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    count_one();
    return __libc_memalign(align, size);
}

#endif

#endif
