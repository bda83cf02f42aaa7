/* SPDX-License-Identifier: MIT
 *
 * model_bcast_end.c: scenarios of thetis_bcast_attach(). Thread 0 produces 1, 2, 3, ... and is
 * followed by a successor; thread 1 reads. Each has attached, and knows the memory only.
 */
#include <thetis/bcast.h>
#include <thetis/check.h>

enum { PRODUCER, READER, CAPACITY = 2 };

static thetis_bcast_cfg cfg;
static char memory[THETIS_BCAST_SIZE(sizeof(uint64_t), CAPACITY, 1)] THETIS_CACHE_ALIGNED;
static thetis_bcast in, out;
static thetis_bcast_reader reader;
static uint64_t last_pushed, last_popped; /* each used by its side */

static void attach(thetis_shm_role role, thetis_bcast *ring)
{
    thetis_check_begin("bcast.attach", 2);
    thetis_status s = thetis_bcast_attach(memory, sizeof memory, &cfg, role, ring);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void make(thetis_bcast_mode mode)
{
    thetis_bcast *ring;
    cfg = (thetis_bcast_cfg){sizeof(uint64_t), CAPACITY, mode != THETIS_BCAST_LOSSY, mode};
    THETIS_CHECK(thetis_bcast_init(memory, sizeof memory, &cfg, &ring) == THETIS_OK);
    THETIS_CHECK(thetis_bcast_attach(memory, sizeof memory, &cfg, THETIS_SHM_PRODUCER, &in) ==
                 THETIS_OK);
    THETIS_CHECK(thetis_bcast_attach(memory, sizeof memory, &cfg, THETIS_SHM_CONSUMER, &out) ==
                 THETIS_OK);
    THETIS_CHECK(thetis_bcast_join(&out, &reader) == THETIS_OK);
    last_pushed = last_popped = 0;
}

static void make_refuse(void)
{
    make(THETIS_BCAST_REFUSE);
}

static void make_evict(void)
{
    make(THETIS_BCAST_EVICT);
}

static void make_lossy(void)
{
    make(THETIS_BCAST_LOSSY);
}

static void push(void)
{
    uint64_t next = last_pushed + 1;
    thetis_check_begin("bcast.push", thetis_bcast_bound(&in, THETIS_BCAST_PUSH, 1));
    thetis_status s = thetis_bcast_push(&in, &next);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK || cfg.mode == THETIS_BCAST_REFUSE);
    if (s == THETIS_OK) last_pushed = next;
}

/* In order; without a gap unless some were lost. */
static void pop(void)
{
    uint64_t value = 0;
    thetis_check_begin("bcast.pop", thetis_bcast_bound(&out, THETIS_BCAST_POP, 1));
    thetis_status s = thetis_bcast_pop(&reader, &value);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK || s == THETIS_EMPTY || s == THETIS_LOST);
    THETIS_CHECK(s != THETIS_LOST || cfg.mode != THETIS_BCAST_REFUSE);
    if (s != THETIS_OK) return;
    THETIS_CHECK(value > last_popped);
    if (cfg.mode != THETIS_BCAST_LOSSY) THETIS_CHECK(value == last_popped + 1);
    last_popped = value;
}

static void successors(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == READER) {
            pop();
            pop();
        } else {
            push();
            attach(THETIS_SHM_PRODUCER, &in);
            push();
        }
    }
}

const thetis_check_scenario bcast_attach_refuse = {
    .name = "bcast-attach-refuse", .threads = 2, .setup = make_refuse, .body = successors};

const thetis_check_scenario bcast_attach_evict = {
    .name = "bcast-attach-evict", .threads = 2, .setup = make_evict, .body = successors};

const thetis_check_scenario bcast_attach_lossy = {
    .name = "bcast-attach-lossy", .threads = 2, .setup = make_lossy, .body = successors};

/* A producer that was killed in the middle of a batch: it had begun to overwrite both slots. What
 * a reader takes meanwhile is still what was published. */
static void make_dead(void)
{
    thetis_bcast *ring = (void *)memory;
    make(THETIS_BCAST_LOSSY);
    push();
    push();
    pop();
    ring->shown_.begun_.word_ += 2 * 4;
    ((uint64_t *)(void *)(ring + 1))[1] = 77; /* what is to come, or half of it */
    THETIS_CHECK(thetis_bcast_attach(memory, sizeof memory, &cfg, THETIS_SHM_PRODUCER, &in) ==
                 THETIS_OK);
}

static void after_death(unsigned thread)
{
    for (unsigned k = 0; k < 3; k++) {
        if (thread == READER) pop();
        else push();
    }
    if (thread == READER) THETIS_CHECK(last_popped <= 5);
}

const thetis_check_scenario bcast_attach_dead = {
    .name = "bcast-attach-dead", .threads = 2, .setup = make_dead, .body = after_death};
