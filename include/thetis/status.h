/* SPDX-License-Identifier: MIT
 *
 * thetis/status.h: the one result type of the library.
 *
 *     thetis_status s = thetis_spsc_push(ring, &item);
 *     if (s == THETIS_FULL) drop(item);
 *     else if (s < 0) die(thetis_status_text(s));
 *
 * Zero is success. Positive values are ordinary outcomes that a correct program meets every day.
 * Negative values are faults: a bad argument, a lack, a peer or a system that failed. The numbers
 * are our own (errno differs between systems) and never change meaning. There is no thread-local
 * "last error"; a completion of the loop carries the raw system code beside its status.
 */
#ifndef THETIS_STATUS_H
#define THETIS_STATUS_H

#include <thetis/config.h>

/* name, number, sentence: the enum, thetis_status_name() and thetis_status_text() come from it */
#define THETIS_STATUS_MAP(X)                                                                    \
    X(OK, 0, "done")                                                                            \
    X(EMPTY, 1, "nothing to take")                                                              \
    X(FULL, 2, "no room now")                                                                   \
    X(CLOSED, 3, "closed by its owner")                                                         \
    X(ABSENT, 4, "not there")                                                                   \
    X(EXISTS, 5, "already there")                                                               \
    X(MISMATCH, 6, "another value than expected")                                               \
    X(LOST, 7, "items were overwritten before they were read")                                  \
    X(AGAIN, 8, "nothing can be done at this moment")                                           \
    X(EOF, 9, "the peer sends no more")                                                         \
    X(EINVAL, -1, "invalid argument")                                                           \
    X(ENOMEM, -2, "out of memory")                                                              \
    X(ENOSLOT, -3, "all slots are taken")                                                       \
    X(E2BIG, -4, "too big, it will never fit")                                                  \
    X(ECORRUPT, -5, "the memory does not hold a valid structure")                               \
    X(ENOTSUP, -6, "not supported here")                                                        \
    X(ECANCELED, -7, "canceled")                                                                \
    X(EREFUSED, -8, "connection refused")                                                       \
    X(ERESET, -9, "connection reset by the peer")                                               \
    X(ENOBUFS, -10, "the system has no buffer space")                                           \
    X(EUNREACH, -11, "no route to the peer")                                                    \
    X(ETIMEDOUT, -12, "timed out")                                                              \
    X(EADDRINUSE, -13, "address already in use")                                                \
    X(EADDRNOTAVAIL, -14, "address not available on this machine")                              \
    X(EACCES, -15, "permission denied")                                                         \
    X(EMFILE, -16, "too many open descriptors")                                                 \
    X(EBUSY, -17, "already in progress")                                                        \
    X(EINTR, -18, "interrupted")                                                                \
    X(ENOTCONN, -19, "not connected")                                                           \
    X(EOTHER, -20, "an error without a name of its own")

#define THETIS_STATUS_ENUM_(name, number, text) THETIS_##name = number,
typedef enum thetis_status {
    THETIS_STATUS_MAP(THETIS_STATUS_ENUM_)
    THETIS_STATUS_WIDTH_ = 0x7FFFFFFF /* keeps the enum an int for every compiler */
} thetis_status;
#undef THETIS_STATUS_ENUM_

THETIS_BEGIN_DECLS

/** The name without prefix, "EMPTY"; "?" for a number that is no status.
 *  @progress wait-free, 0 steps */
THETIS_API const char *thetis_status_name(thetis_status status);

/** One plain sentence, lower case, without full stop.
 *  @progress wait-free, 0 steps */
THETIS_API const char *thetis_status_text(thetis_status status);

THETIS_END_DECLS

#endif
