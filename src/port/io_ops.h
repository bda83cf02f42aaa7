/* SPDX-License-Identifier: MIT
 *
 * io_ops.h: operations that a system carries out by itself and completes later, as one table.
 *
 * It stands beside the calls of sys.h, which tell what can be done now. An operation is begun by
 * submit() and ends by exactly one completion whose `more` is 0; one with `many` may complete
 * several times before, with `more` 1. What happens in between is the system's: completions come
 * late, in any order, short, an operation of `many` may end at any moment for no reason of its
 * own, and one that was cancelled may have been done. Whoever uses the table knows nothing but
 * what completions say.
 *
 * An object of a system begins with a tht_io; its memory is the caller's.
 */
#ifndef THT_IO_OPS_H
#define THT_IO_OPS_H

#include "sys.h"

/* What can be submitted. Poll is always offered, the others by tht_io.offers. */
typedef enum tht_io_kind {
    THT_IO_NONE,
    THT_IO_POLL,   /* n: 0. Once; ready at this moment or later. A fault: it cannot be watched. */
    THT_IO_ACCEPT, /* as tht_sys.accept, without the peer's name; never AGAIN for long */
    THT_IO_RECV,   /* as tht_sys.recv, into a lent buffer. ENOBUFS: none was left. */
    THT_IO_SEND    /* as tht_sys.send */
} tht_io_kind;

#define THT_IO_BIT(kind) (1u << (kind))
#define THT_IO_NO_BUFFER UINT32_MAX

typedef struct tht_io_op {
    uint64_t token; /* of no other operation in flight; below 2^60 */
    const thetis_iov *iov; /* SEND: the array is free after submit(), the memory is not */
    uint32_t iovs;         /* at least 1, at most max_iov */
    uint32_t most;         /* RECV, not with `many`: at most so many bytes; 0: a buffer full */
    int32_t fd;
    uint8_t kind;
    uint8_t mask; /* POLL: THT_IN, THT_OUT */
    uint8_t many; /* POLL, ACCEPT, RECV: goes on after a completion, where that is offered */
} tht_io_op;

typedef struct tht_io_done {
    uint64_t token;
    tht_ret ret;     /* ECANCELED: by cancel(), or for no reason of ours; nothing was done then */
    uint32_t buffer; /* RECV with ret.n > 0: number of the lent buffer, else NO_BUFFER */
    uint32_t more;   /* 1: the operation goes on */
} tht_io_done;

typedef struct tht_io_ops tht_io_ops;

typedef struct tht_io {
    const tht_io_ops *ops;
    uint32_t offers; /* THT_IO_BIT() of kinds that work here */
    uint32_t many;   /* likewise, of those that can go on */
} tht_io;

typedef struct tht_io_cfg {
    uint32_t handles; /* at most two operations of each are in flight */
    uint32_t buffers; /* that will be lent, a power of 2; 0: none */
    uint32_t buffer_size;
} tht_io_cfg;

struct tht_io_ops {
    size_t (*size)(const tht_sys *sys, const tht_io_cfg *cfg);

    /* ENOTSUP: this system has no such operations, or does not let us; `os` says which. */
    tht_ret (*open)(const tht_sys *sys, tht_io *io, const tht_io_cfg *cfg);

    /* Descriptors of the system's own are closed; what is in flight ends without a completion. */
    void (*close)(tht_io *io);

    /* OK; or a lack, and the operation was not begun. */
    thetis_status (*submit)(tht_io *io, const tht_io_op *op);

    /* A request: the operation (its token and kind) ends soon, in whichever way. It must be in
     * flight, or its last completion not be taken yet. OK; or a lack: to be asked for again. */
    thetis_status (*cancel)(tht_io *io, const tht_io_op *op);

    /* Hands over what was submitted, and waits for a completion as epoll_wait for an event.
     * n: completions written. EINTR: none. */
    tht_ret (*reap)(tht_io *io, tht_io_done *out, uint32_t cap, uint64_t timeout_ns);

    /* Lends buffer `number`, cfg->buffer_size bytes, until a RECV completes with it. */
    void (*lend)(tht_io *io, uint32_t number, void *memory);
};

/* io_linux.c, in builds with liburing. */
extern const tht_io_ops tht_io_linux;

#endif
