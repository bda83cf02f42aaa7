/* SPDX-License-Identifier: MIT
 *
 * port_linux.c: the port to Linux, with any C library that has POSIX threads.
 *
 * Rejected: CLOCK_MONOTONIC_COARSE (a tick of 1 to 10 ms), CLOCK_BOOTTIME (counts a suspended
 * machine, but a sleep in epoll does not, so timers would all expire in one burst).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port.h"

#include <thetis/config.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

uint64_t tht_port_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void *tht_port_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void tht_port_unmap(void *memory, size_t bytes)
{
    if (!memory) return;
    int failed = munmap(memory, bytes);
    THETIS_ASSERT1(!failed);
    (void)failed;
}

size_t tht_port_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Shows `bytes` of the file from `from` on at an address inside a reservation. */
static int port_view(char *at, size_t bytes, int file, size_t from)
{
    return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, (off_t)from) == at;
}

/* Reserves the addresses first, so that nobody else's mapping can lie between the views. */
static void *port_mirror_file(int file, size_t before, size_t bytes)
{
    size_t once = before + bytes, all = once + bytes;
    char *at = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (port_view(at, once, file, 0) && port_view(at + once, bytes, file, before)) return at;
    tht_port_unmap(at, all);
    return NULL;
}

void *tht_port_mirror(size_t before, size_t bytes)
{
    void *memory = NULL;
    int file = memfd_create("thetis", MFD_CLOEXEC);
    if (file < 0) return NULL;
    if (ftruncate(file, (off_t)(before + bytes)) == 0)
        memory = port_mirror_file(file, before, bytes);
    (void)close(file); /* the mappings keep it */
    return memory;
}

uintptr_t tht_port_mask(void)
{
    return 0;
}

void tht_port_unmask(uintptr_t state)
{
    (void)state;
}

int tht_port_entropy(void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        /* non-blocking: early at boot a seed that is missing is better than one that hangs */
        ssize_t n = getrandom(at, bytes, GRND_NONBLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

uintptr_t tht_port_self(void)
{
    /* Each living thread has its own. Placed at load time: the address must not cost a malloc when
     * a thread of a library that was loaded later asks first, perhaps in a signal handler. */
    static _Thread_local char here __attribute__((tls_model("initial-exec")));
    return (uintptr_t)&here;
}

void tht_port_yield(void)
{
    (void)sched_yield();
}

unsigned tht_port_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (unsigned)CPU_COUNT(&set);
    /* more processors than the set has bits */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

const char *tht_port_setting(const char *name)
{
    return secure_getenv(name);
}

void tht_port_panic(const char *message)
{
    struct iovec text[2] = {{(void *)(uintptr_t)message, strlen(message)}, {(void *)"\n", 1}};
    if (writev(STDERR_FILENO, text, 2) < 0) abort(); /* nowhere to complain: abort all the same */
    abort();
}

const char *tht_port_name(void)
{
    return "linux";
}
