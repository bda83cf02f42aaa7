/* SPDX-License-Identifier: MIT
 *
 * port_linux.c: the port to Linux, but for what it shares with other systems (port_posix.c).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "port_posix.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

int tht_port_file(void)
{
    return memfd_create("thetis", MFD_CLOEXEC);
}

void tht_port_discard(void *memory, size_t bytes)
{
    int failed = madvise(memory, bytes, MADV_DONTNEED);
    THETIS_ASSERT1(!failed);
    (void)failed;
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

const char *tht_port_name(void)
{
    return "linux";
}
