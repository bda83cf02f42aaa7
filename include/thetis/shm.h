/* SPDX-License-Identifier: MIT
 *
 * thetis/shm.h: structures in memory that processes share, and that a peer may write into.
 *
 *     fd = shm_open(...) or memfd_create(...);              in one process, before the others look
 *     ftruncate(fd, thetis_spsc_size(&cfg));
 *     mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
 *     s = thetis_spsc_init(mem, size, &cfg, &ring);
 *
 *     mem = mmap(...) as above, with the fd;                in each that takes part
 *     s = thetis_spsc_attach(mem, size, &cfg, THETIS_SHM_PRODUCER, &end);
 *     s = thetis_spsc_end_push(&end, &item);
 *
 * The caller maps; this library makes no system call here. init() builds the structure, once,
 * before the others look; where they map it does not matter. A mirrored ring of bytes is an object
 * of mirror_at + capacity bytes, of which each process maps the last capacity bytes twice, one
 * behind the other: examples/bytes_shm.c.
 *
 * Each process attaches, also the one that made the structure: what attach() fills lies in memory
 * of its own, and holds all that the peer must not change. Structures that trust each other
 * (threads, or a process and its fork) need no attach().
 *
 * What a peer can do. It can write anything into the shared memory at any moment. Then
 *   - what this process reads may be wrong, torn or missing: copy, then check, then use;
 *   - a call answers ECORRUPT where the peer's words contradict the invariants of the structure,
 *     and does nothing; whether to go on is up to the caller;
 *   - it never reads or writes outside of the memory that was given, takes no more steps than its
 *     bound, and fails no assertion;
 *   - a peer that truncates the object takes the memory itself away: seal a memfd with
 *     F_SEAL_SHRINK before it is handed out.
 *
 * What a peer that is killed leaves: what it has published. The survivor completes each call. A
 * successor attaches to the same role and goes on where the dead one has published: elements that
 * it had taken and not released come again, what it had reserved and not committed is gone. That
 * the predecessor is dead is the caller's to prove (a pidfd, a robust mutex, a socket that was
 * closed): two processes in one role at a time are two producers in a ring for one.
 */
#ifndef THETIS_SHM_H
#define THETIS_SHM_H

#include <thetis/config.h>

/** Which end of a structure a process is. */
typedef enum thetis_shm_role {
    THETIS_SHM_PRODUCER, /* or writer */
    THETIS_SHM_CONSUMER  /* or reader */
} thetis_shm_role;

/* The first bytes of a structure; written by init(), compared by attach() and used by nobody. */
typedef struct thetis_shm_about_ {
    uint32_t magic_;
    uint8_t kind_;       /* of structure */
    uint8_t version_;    /* of the layout of this kind */
    uint8_t word_;       /* bytes of a counter */
    uint8_t mapped_;     /* 1: by create() */
    uintptr_t line_;     /* THETIS_CACHE_LINE */
    uintptr_t size_;     /* of everything */
    uintptr_t config_[4];
} THETIS_CACHE_ALIGNED thetis_shm_about_;

#endif
