/* SPDX-License-Identifier: MIT
 *
 * bytes_shm.c: records between two processes that need not trust each other. Each maps the object
 * for itself, the bytes of the ring twice, and attaches.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thetis/bytes_end.h>
#include <unistd.h>

enum { RECORDS = 1000 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* A part of the object at a chosen address. */
static void map_at(char *at, size_t size, int fd, off_t from)
{
    void *got = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, from);
    if (got == MAP_FAILED) die("mmap");
}

/* The whole object, and the last `capacity` bytes once more behind it. */
static void *map_ring(int fd, const thetis_bytes_cfg *cfg)
{
    size_t once = cfg->mirror_at + cfg->capacity;
    void *all = mmap(NULL, once + cfg->capacity, PROT_NONE, MAP_PRIVATE, fd, 0); /* the room */
    if (all == MAP_FAILED) die("mmap");
    map_at(all, once, fd, 0);
    map_at((char *)all + once, cfg->capacity, fd, (off_t)cfg->mirror_at);
    return all;
}

static void check(thetis_status s, const char *what)
{
    if (s == THETIS_OK) return;
    fprintf(stderr, "%s: %s\n", what, thetis_status_text(s));
    exit(1);
}

static int produce(thetis_bytes_end *end)
{
    char text[64];
    for (int k = 1; k <= RECORDS; k++) {
        int n = snprintf(text, sizeof text, "record %d of process %ld", k, (long)getpid());
        thetis_status s;
        while ((s = thetis_bytes_end_push(end, text, (size_t)n)) == THETIS_FULL)
            (void)sched_yield();
        check(s, "push");
    }
    thetis_bytes_end_close(end);
    return 0;
}

static int consume(thetis_bytes_end *end)
{
    char text[64];
    size_t size = 0;
    int count = 0;
    thetis_status s;
    while ((s = thetis_bytes_end_pop(end, text, sizeof text, &size)) != THETIS_CLOSED) {
        if (s == THETIS_EMPTY) (void)sched_yield();
        else check(s, "pop"); /* ECORRUPT: the peer has written what cannot be */
        count += s == THETIS_OK;
    }
    printf("%d records, the last one \"%.*s\"\n", count, (int)size, text);
    return count;
}

int main(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    thetis_bytes_cfg cfg = {.capacity = page, .max_record = 1000, .mirror_at = page};
    char name[64];
    thetis_bytes *ring;
    thetis_bytes_end end;
    (void)snprintf(name, sizeof name, "/thetis-bytes-%ld", (long)getpid());
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) die("shm_open");
    (void)shm_unlink(name); /* the peer has the descriptor */
    if (ftruncate(fd, (off_t)(cfg.mirror_at + cfg.capacity)) != 0) die("ftruncate");
    check(thetis_bytes_init(map_ring(fd, &cfg), thetis_bytes_size(&cfg), &cfg, &ring), "init");
    pid_t peer = fork();
    if (peer < 0) die("fork");
    thetis_shm_role role = peer ? THETIS_SHM_CONSUMER : THETIS_SHM_PRODUCER;
    check(thetis_bytes_attach(map_ring(fd, &cfg), thetis_bytes_size(&cfg), &cfg, role, &end),
          "attach");
    if (peer == 0) return produce(&end);
    int count = consume(&end), status = 1;
    return waitpid(peer, &status, 0) == peer && status == 0 && count == RECORDS ? 0 : 1;
}
