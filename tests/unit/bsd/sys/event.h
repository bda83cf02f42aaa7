/* SPDX-License-Identifier: MIT
 *
 * sys/event.h: kevent(2) as FreeBSD documents it, for test_sys_kqueue.c, which compiles the table
 * of the BSDs on another system. The numbers are arbitrary, and no two are alike.
 */
#ifndef TESTS_UNIT_BSD_SYS_EVENT_H
#define TESTS_UNIT_BSD_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned fflags;
    int64_t data;
    void *udata;
    uint64_t ext[4];
};

enum { EVFILT_READ = -11, EVFILT_WRITE = -12, EVFILT_USER = -13 };

enum {
    EV_ADD = 0x8000,
    EV_DELETE = 0x4000,
    EV_ONESHOT = 0x2000,
    EV_CLEAR = 0x1000,
    EV_RECEIPT = 0x800,
    EV_ERROR = 0x400,
    EV_EOF = 0x200,
    NOTE_TRIGGER = 0x1000000
};

int kqueue(void);
int kevent(int queue, const struct kevent *changes, int n, struct kevent *events, int cap,
           const struct timespec *timeout);

#endif
