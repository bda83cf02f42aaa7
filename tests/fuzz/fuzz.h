/* SPDX-License-Identifier: MIT
 *
 * fuzz.h: what the fuzz targets share: the input as a script, and memory that a peer writes into.
 *
 * A target reads its input as calls of both ends of a structure, mixed with what a hostile peer
 * writes into the shared memory. The verdict: no access outside of that memory (pages around it
 * cannot be touched, and it ends where the structure ends), no failed assertion, no status that the
 * header does not name, and nothing written where the caller has no business.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <thetis/shm.h>
#include <thetis/status.h>
#include <unistd.h>

#define FUZZ_CHECK(cond) ((cond) ? (void)0 : abort())

enum { FUZZ_PAGE = 4096 };

/* ---- the input ------------------------------------------------------------------------------- */

typedef struct fuzz_input {
    const uint8_t *at, *end;
} fuzz_input;

static inline bool fuzz_more(const fuzz_input *in)
{
    return in->at < in->end;
}

static inline uint8_t fuzz_byte(fuzz_input *in)
{
    return fuzz_more(in) ? *in->at++ : 0;
}

static inline uint64_t fuzz_word(fuzz_input *in)
{
    uint64_t word = 0;
    for (unsigned k = 0; k < sizeof word; k++) word = word << 8 | fuzz_byte(in);
    return word;
}

/* ---- the memory ------------------------------------------------------------------------------ */

/* The `twice` bytes at its end, if any, follow a second time. */
typedef struct fuzz_memory {
    unsigned char *at;
    size_t size;
} fuzz_memory;

static inline unsigned char *fuzz_map(void *at, size_t size, int rights, int flags, int fd,
                                      size_t offset)
{
    void *got = mmap(at, size, rights, flags, fd, (off_t)offset);
    FUZZ_CHECK(got != MAP_FAILED);
    return got;
}

/* `size` bytes that end where a page begins that cannot be touched. */
static inline fuzz_memory fuzz_memory_of(size_t size, size_t twice)
{
    size_t once = (size - twice + FUZZ_PAGE - 1) / FUZZ_PAGE * FUZZ_PAGE;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)once) == 0);
    unsigned char *all = fuzz_map(NULL, once + twice + 2 * FUZZ_PAGE, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *first = all + FUZZ_PAGE;
    (void)fuzz_map(first, once, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (twice)
        (void)fuzz_map(first + once, twice, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                       once - twice);
    (void)close(fd);
    return (fuzz_memory){first + once + twice - size, size};
}

/* A place that a call has given out: inside of the memory. All its bytes are read. */
static inline void fuzz_touch(const fuzz_memory *m, const void *place, size_t n)
{
    const unsigned char *at = place;
    volatile unsigned char sum = 0;
    FUZZ_CHECK(at >= m->at && at <= m->at + m->size && n <= m->size - (size_t)(at - m->at));
    for (size_t k = 0; k < n; k++) sum = (unsigned char)(sum + at[k]);
}

/* The peer writes one word, at `near` or anywhere: a little more or less than stands there, a
 * header, that of a pad, one bit, or anything. */
static inline void fuzz_corrupt(fuzz_input *in, const fuzz_memory *m, unsigned char *near)
{
    unsigned how = fuzz_byte(in), where = fuzz_byte(in);
    size_t words = m->size / sizeof(uint64_t), index = where / 2 * 256u + fuzz_byte(in);
    unsigned char *at = where % 2 ? near : m->at + index % words * sizeof(uint64_t);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    if (how < 64) word += how;
    else if (how < 128) word -= how - 64;
    else if (how < 192) word = (uint64_t)fuzz_byte(in) << 32 | fuzz_byte(in);
    else if (how < 216) word = (uint64_t)fuzz_byte(in) << 32 | UINT32_MAX;
    else if (how < 240) word ^= (uint64_t)1 << fuzz_byte(in) % 64;
    else word = fuzz_word(in);
    memcpy(at, &word, sizeof word);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static inline void fuzz_status(thetis_status s, unsigned allowed)
{
    unsigned bit = s == THETIS_ECORRUPT ? 31u : s == THETIS_E2BIG ? 30u : (unsigned)s;
    FUZZ_CHECK(bit < 32 && (allowed >> bit & 1));
}

#define FUZZ_OK (1u << THETIS_OK)
#define FUZZ_EMPTY (1u << THETIS_EMPTY)
#define FUZZ_FULL (1u << THETIS_FULL)
#define FUZZ_CLOSED (1u << THETIS_CLOSED)
#define FUZZ_LOST (1u << THETIS_LOST)
#define FUZZ_AGAIN (1u << THETIS_AGAIN)
#define FUZZ_E2BIG (1u << 30)
#define FUZZ_ECORRUPT (1u << 31)

#endif
