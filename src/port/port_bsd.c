/* SPDX-License-Identifier: MIT
 *
 * port_bsd.c: the port to FreeBSD, NetBSD, OpenBSD and macOS, but for what they share with other
 * systems (port_posix.c). Compiled and linked with their headers, never run: see SUPPORT.md.
 */
#include "port_posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* FreeBSD has objects without a name, OpenBSD makes one up. Elsewhere a name is tried that nobody
 * has; it is gone at once. */
int tht_port_file(void)
{
#if defined(__FreeBSD__)
    return shm_open(SHM_ANON, O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
#elif defined(__OpenBSD__)
    char name[] = "/tmp/thetis.XXXXXXXXXX";
    int fd = shm_mkstemp(name);
    if (fd >= 0) (void)shm_unlink(name);
    return fd;
#else
    char name[32]; /* macOS allows 31 characters */
    (void)snprintf(name, sizeof name, "/thetis.%08x%08x", arc4random(), arc4random());
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (fd >= 0) (void)shm_unlink(name);
    return fd; /* POSIX: not inherited */
#endif
}

/* madvise() need not forget what was there; a new mapping in its place has. */
void tht_port_discard(void *memory, size_t bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANON | MAP_FIXED;
    void *at = mmap(memory, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    THETIS_ASSERT1(at == memory);
    (void)at;
}

int tht_port_entropy(void *out, size_t bytes)
{
    arc4random_buf(out, bytes);
    return 0;
}

/* An address on each of them. A thread's own variable may cost a malloc on first use here. */
uintptr_t tht_port_self(void)
{
    return (uintptr_t)pthread_self();
}

/* All that are there: each system has its own way to be restricted to some. */
unsigned tht_port_cpus(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

const char *tht_port_setting(const char *name)
{
    return issetugid() ? NULL : getenv(name);
}

const char *tht_port_name(void)
{
#if defined(__FreeBSD__)
    return "freebsd";
#elif defined(__NetBSD__)
    return "netbsd";
#elif defined(__OpenBSD__)
    return "openbsd";
#else
    return "macos";
#endif
}
