/* SPDX-License-Identifier: MIT
 *
 * bytes.c: a logger. One thread writes lines of text into a ring, each as a record, in place;
 * another puts them into a stream of bytes, which goes out by writev() as it comes.
 */
#define _DEFAULT_SOURCE /* fileno, writev */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <thetis/bytes.h>
#include <unistd.h>

#define LINES 20000u
#define LINE_MAX_BYTES 80

static thetis_bytes *lines; /* records */
static uint64_t written;    /* bytes of all lines */

/* Room for the longest line is reserved; what a line does not need goes back. */
static void *log_lines(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < LINES;) {
        void *record;
        thetis_status s = thetis_bytes_reserve(lines, LINE_MAX_BYTES, &record);
        if (s == THETIS_FULL) sched_yield();
        if (s != THETIS_OK) continue;
        int n = snprintf(record, LINE_MAX_BYTES, "line %" PRIu32 " of %.*s\n", i, (int)(i % 40),
                         "a text that is longer or shorter each time");
        thetis_bytes_commit(lines, (size_t)n);
        written += (uint64_t)n;
        i++;
    }
    thetis_bytes_close(lines);
    return NULL;
}

/* Sends what the stream holds, in one system call, from where it lies. */
static uint64_t flush(thetis_bytes *stream, int to)
{
    thetis_bytes_span span;
    struct iovec out[2];
    if (thetis_bytes_peek_n(stream, SIZE_MAX, &span, NULL) == 0) return 0;
    for (int k = 0; k < 2; k++) out[k] = (struct iovec){span.run[k].at, span.run[k].n};
    ssize_t sent = writev(to, out, 2);
    if (sent < 0) return 0;
    thetis_bytes_release_n(stream, (size_t)sent);
    return (uint64_t)sent;
}

/* Until all lines are out; returns how many bytes that were. */
static uint64_t drain(thetis_bytes *stream, int to)
{
    uint64_t sent = 0;
    for (;;) {
        void *line;
        size_t size, room;
        thetis_bytes_span span;
        thetis_status s = thetis_bytes_peek(lines, &line, &size);
        if (s == THETIS_CLOSED) return sent + flush(stream, to);
        if (s == THETIS_EMPTY) sched_yield();
        if (s != THETIS_OK) continue;
        room = thetis_bytes_reserve_n(stream, size, &span, NULL);
        thetis_bytes_abort_n(stream, room); /* only to see whether the whole line fits */
        if (room < size) sent += flush(stream, to);
        (void)thetis_bytes_push_n(stream, line, size, NULL);
        thetis_bytes_release(lines);
    }
}

int main(void)
{
    static char memory[THETIS_BYTES_SIZE(1024)] THETIS_CACHE_ALIGNED;
    thetis_bytes_cfg records = {.capacity = 65536, .max_record = LINE_MAX_BYTES};
    thetis_bytes_cfg plain = {.capacity = 1024};
    thetis_bytes *stream;
    pthread_t logger;
    FILE *file = tmpfile();
    if (!file || thetis_bytes_create(&records, &lines) != THETIS_OK) return 1;
    if (thetis_bytes_init(memory, sizeof memory, &plain, &stream) != THETIS_OK) return 1;
    if (pthread_create(&logger, NULL, log_lines, NULL) != 0) return 1;
    uint64_t sent = drain(stream, fileno(file));
    pthread_join(logger, NULL);
    thetis_bytes_destroy(lines);
    printf("%u lines, %" PRIu64 " bytes written, %" PRIu64 " sent\n", LINES, written, sent);
    return sent == written ? 0 : 1;
}
