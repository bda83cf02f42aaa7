/* SPDX-License-Identifier: MIT
 *
 * inbox.c: threads send what they have counted to a loop, which adds it up.
 *
 *     $ ./inbox
 *     4000 messages of 4 threads, their sum is 1998000
 */
#include <thetis/inbox.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { THREADS = 4, EACH = 1000, ROOM = 64 };

static char memory[THETIS_INBOX_SIZE(sizeof(uint32_t), ROOM, THREADS, 1)] THETIS_CACHE_ALIGNED;
static thetis_inbox inbox;
static thetis_inbox_sender places[THREADS];
static unsigned messages;
static uint64_t sum;

/* There is no hidden queue: who finds the inbox full keeps the message. */
static void *count(void *arg)
{
    thetis_inbox_sender *me = arg;
    for (uint32_t i = 0; i < EACH;) {
        if (thetis_inbox_send(me, &i) == THETIS_OK) i++;
        else (void)sched_yield();
    }
    thetis_inbox_leave(me);
    return NULL;
}

static void on_message(thetis_inbox *from, const void *message)
{
    sum += *(const uint32_t *)message;
    if (++messages == THREADS * EACH) (void)thetis_inbox_close(from, NULL);
}

static const thetis_inbox_cfg config = {.message_size = sizeof(uint32_t), .capacity = ROOM,
                                        .senders = THREADS, .on_message = on_message};

/* run() ends when the inbox is closed and all senders have left. */
static thetis_status run(void)
{
    thetis_loop *loop;
    pthread_t thread[THREADS];
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK) s = thetis_inbox_open(loop, &inbox, memory, sizeof memory, &config);
    for (int k = 0; k < THREADS && s == THETIS_OK; k++) {
        s = thetis_inbox_join(&inbox, &places[k]);
        if (s == THETIS_OK && pthread_create(&thread[k], NULL, count, &places[k]) != 0) {
            s = THETIS_ENOMEM;
        }
    }
    if (s != THETIS_OK) return s;
    s = thetis_loop_run(loop);
    for (int k = 0; k < THREADS; k++) (void)pthread_join(thread[k], NULL);
    return s == THETIS_OK ? thetis_loop_destroy(loop) : s;
}

int main(void)
{
    thetis_status s = run();
    if (s != THETIS_OK) fprintf(stderr, "inbox: %s\n", thetis_status_text(s));
    else printf("%u messages of %d threads, their sum is %llu\n", messages, THREADS,
                (unsigned long long)sum);
    return s != THETIS_OK || sum != (uint64_t)THREADS * EACH * (EACH - 1) / 2;
}
