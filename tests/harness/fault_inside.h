/* SPDX-License-Identifier: MIT
 *
 * fault_inside.h: what the files of the fault shim share.
 */
#ifndef HARNESS_FAULT_INSIDE_H
#define HARNESS_FAULT_INSIDE_H

#include "harness/fault.h"

/* What a wait is asked of: a set of the system, or one of the caller. */
typedef struct fault_set {
    int set; /* -1: the caller's */
    int is_queue;
    tht_pollfd *fds;
    const uint64_t *tokens;
    uint32_t n;
    uint32_t *first;
} fault_set;

fault *fault_of(const tht_sys *sys);

/* Counts the call; 1: it is to be answered with *ret instead of being made. */
int fault_enter(fault *f, fault_fn fn, tht_ret *ret);
tht_ret fault_leave(fault *f, fault_fn fn, int fd, uint64_t arg, tht_ret ret);

fault_reg *fault_reg_find(fault *f, int fd); /* NULL: it is not registered */
void fault_reg_note(fault *f, int fd, uint64_t token, uint32_t mask, tht_ret ret);

/* A wait, with the events that the modes add and leave out. */
tht_ret fault_wait(fault *f, const fault_set *s, tht_event *out, uint32_t cap,
                   uint64_t timeout_ns);

uint64_t fault_rand(fault *f, uint64_t below);
int fault_chance(fault *f, unsigned of_1000);
size_t fault_shorten(fault *f, size_t len);

/* fault_io.c */
extern const struct tht_io_ops fault_io_ops;

/* fault_kqueue.c */
tht_ret fault_wait_queue(fault *f, int queue, tht_event *out, uint32_t cap, uint64_t ns);
tht_ret fault_kqueue_open(const tht_sys *sys);
tht_ret fault_kevent(const tht_sys *sys, int queue, const tht_kevent *changes, uint32_t n,
                     tht_kevent *out, uint32_t cap, uint64_t timeout_ns);

#endif
