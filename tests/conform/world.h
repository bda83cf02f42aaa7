/* SPDX-License-Identifier: MIT
 *
 * world.h: the system that rows run on: this machine's kernel, or a fake one.
 *
 * Peers are foreign ends of connections. They make the same calls as the library, through a table
 * of their own in which nothing is injected; what the table lacks is here.
 */
#ifndef CONFORM_WORLD_H
#define CONFORM_WORLD_H

#include "port/sys.h"

typedef struct world {
    int unix_sockets, abstract_names;
    int backlog_told;   /* a full backlog of a unix listener is told from none */
    int unread_resets;  /* a unix peer that leaves bytes unread */
    uint64_t sleep_ns; /* sleeps are this much late, at most */
    int threads; /* several threads and processes can use it */
    int spare;   /* a descriptor that is open and nobody's */
    const tht_sys *(*begin)(void); /* for the loop of a fresh case */
    void (*end)(void);             /* of the case; fails what the world itself found wrong */
    const tht_sys *(*peers)(void);
    size_t (*open_fds)(void);
    void (*settle)(void);     /* what is under way arrives, if it can */
    int (*copy)(int fd);
    void (*pipe)(int fds[2]); /* blocking or not does not matter to its users */
    tht_ret (*put)(int fd, const void *bytes, size_t n); /* into a pipe */
    tht_ret (*get)(int fd, void *bytes, size_t n);
    void (*forget)(const char *path);
    int (*is_private)(int fd); /* not inherited by programs */
    int (*waits)(int fd);      /* calls on it may block */
    uint32_t (*interface)(void); /* number of the loopback interface, 0: there is none */
} world;

extern const world world_host;

/* A fake kernel of this personality; NULL: there is no such. */
const world *world_sim(const char *personality);

/* What the program runs on. */
extern const world *the_world;

#endif
