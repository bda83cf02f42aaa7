/* SPDX-License-Identifier: MIT
 *
 * doctor.c: thetis-doctor, what this build of the library is and what it can do on this machine.
 *
 *     thetis-doctor [--json]
 *
 * One table of facts (section, name, value) is collected through the public headers and printed
 * either as text or as JSON. Exit codes: 0; 1 no loop could be made; 2 a bad argument.
 */
#define _DEFAULT_SOURCE /* sysconf, uname, getrlimit */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <thetis/thetis.h>
#include <unistd.h>

typedef struct fact {
    const char *section;
    const char *name;
    char value[96];
} fact;

static fact facts[64];
static size_t fact_count;

__attribute__((format(printf, 3, 4))) static void add(const char *section, const char *name,
                                                      const char *format, ...)
{
    va_list args;
    fact *f = &facts[fact_count];
    if (fact_count == sizeof facts / sizeof facts[0]) abort();
    fact_count++;
    f->section = section;
    f->name = name;
    va_start(args, format);
    (void)vsnprintf(f->value, sizeof f->value, format, args);
    va_end(args);
}

/* ---- collecting ------------------------------------------------------------------------------ */

/* The backends of this build, best first: "epoll poll". */
static const char *backend_list(void)
{
    static char list[sizeof facts[0].value];
    size_t used = 0;
    for (size_t k = 0; thetis_backend_name(k) && used < sizeof list; k++) {
        const char *gap = k ? " " : "";
        int n = snprintf(list + used, sizeof list - used, "%s%s", gap, thetis_backend_name(k));
        used += n > 0 ? (size_t)n : 0;
    }
    return list;
}

static void add_build(void)
{
    add("build", "version", "%s", thetis_version());
    add("build", "headers", "%s", THETIS_VERSION_STRING);
    add("build", "word_bits", "%d", THETIS_CAP_WORD_BITS);
    add("build", "word_rmw", "%s", THETIS_CAP_WORD_RMW ? "instructions" : "absent");
    add("build", "wide_cas", "%s", THETIS_CAP_WIDE_CAS ? "instructions" : "absent");
    add("build", "byte_order", "%s", THETIS_CAP_LITTLE_ENDIAN ? "little" : "big");
    add("build", "cache_line", "%d", THETIS_CACHE_LINE);
    add("build", "assert_level", "%d", THETIS_ASSERT_LEVEL);
    add("build", "backends", "%s", backend_list());
}

static void add_machine(void)
{
    struct utsname system;
    struct rlimit files;
    if (uname(&system) == 0) {
        add("machine", "system", "%s %s", system.sysname, system.release);
        add("machine", "cpu", "%s", system.machine);
    }
    add("machine", "cpus", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        add("machine", "descriptors", "%" PRIuMAX, (uintmax_t)files.rlim_cur);
        add("machine", "descriptors_max", "%" PRIuMAX, (uintmax_t)files.rlim_max);
    }
}

static void add_sizes(void)
{
    const thetis_loop_cfg few = {.max_handles = 1024}, more = {.max_handles = 2048};
    size_t slots = thetis_loop_size(&more) - thetis_loop_size(&few);
    add("bytes", "loop_default", "%zu", thetis_loop_size(NULL));
    add("bytes", "slot", "%zu", slots / 1024);
    add("bytes", "tcp", "%zu", sizeof(thetis_tcp));
    add("bytes", "tcp_and_slot", "%zu", sizeof(thetis_tcp) + slots / 1024);
    add("bytes", "udp", "%zu", sizeof(thetis_udp));
    add("bytes", "unix", "%zu", sizeof(thetis_unix));
    add("bytes", "listener", "%zu", sizeof(thetis_listener));
    add("bytes", "send", "%zu", sizeof(thetis_send));
    add("bytes", "timer", "%zu", sizeof(thetis_timer));
    add("bytes", "histogram", "%zu", sizeof(thetis_hist));
}

static void add_capability(const thetis_loop *loop, thetis_cap cap)
{
    static const char *const level[] = {"UNKNOWN", "ABSENT", "EMULATED", "NATIVE"};
    thetis_cap_info info = thetis_loop_cap(loop, cap);
    if (info.number)
        add("capability", thetis_cap_name(cap), "%s %" PRIu64, level[info.level], info.number);
    else
        add("capability", thetis_cap_name(cap), "%s", level[info.level]);
}

/* A default configuration can only be invalid by the backend that was wished for. */
static void add_failure(const char *wish, thetis_status status)
{
    if (wish && status == THETIS_EINVAL)
        add("loop", "backend", "none: no backend '%s'; this build has: %s", wish, backend_list());
    else
        add("loop", "backend", "none: %s", thetis_status_text(status));
}

/* Opens and closes a datagram socket: some capabilities are known only then. */
static void try_udp(thetis_loop *loop)
{
    static thetis_udp udp;
    thetis_addr at;
    if (thetis_addr_parse(&at, "127.0.0.1:0") != THETIS_OK) return;
    if (thetis_udp_open(loop, &udp, &at, NULL) != THETIS_OK) return;
    thetis_udp_close(&udp, NULL);
    (void)!thetis_loop_run(loop);
}

/* Whether io_uring can be had, and if not, why. */
static void add_uring(void)
{
    const thetis_loop_cfg cfg = {.backend = "uring", .buffers = 1, .max_handles = 1};
    thetis_loop_stat stat;
    thetis_loop *loop;
    thetis_status status = thetis_loop_create(&cfg, &loop);
    if (status != THETIS_OK) {
        add("loop", "uring", "none: %s", thetis_status_text(status));
        return;
    }
    thetis_loop_stat_read(loop, &stat);
    if (stat.refused == 0) add("loop", "uring", "works; THETIS_BACKEND=uring chooses it");
    else add("loop", "uring", "none, epoll takes over: %s", strerror(stat.refused));
    (void)!thetis_loop_destroy(loop);
}

static thetis_status add_loop(void)
{
    const thetis_loop_cfg cfg = {.buffers = 1, .buffer_size = THETIS_UDP_TRAIN_MAX};
    thetis_loop *loop;
    const char *wish = getenv("THETIS_BACKEND");
    int wished = wish && *wish;
    thetis_status status = thetis_loop_create(&cfg, &loop);
    add("loop", "why", "%s%s", wished ? "THETIS_BACKEND=" : "the best of this build",
        wished ? wish : "");
    if (status != THETIS_OK) {
        add_failure(wish, status);
        return status;
    }
    add("loop", "backend", "%s", thetis_loop_backend(loop));
    add_uring();
    try_udp(loop);
    for (int cap = 0; cap < THETIS_CAP_COUNT_; cap++) add_capability(loop, (thetis_cap)cap);
    return thetis_loop_destroy(loop);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_text(void)
{
    const char *section = "";
    for (const fact *f = facts; f < facts + fact_count; f++) {
        if (strcmp(section, f->section) != 0) printf("%s%s\n", *section ? "\n" : "", f->section);
        section = f->section;
        printf("  %-18s %s\n", f->name, f->value);
    }
}

/* A number as it is, anything else as a string. */
static void print_value(const char *text)
{
    size_t length = strlen(text);
    if (length > 0 && strspn(text, "0123456789") == length) {
        printf("%s", text);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if ((unsigned char)*text >= ' ') putchar(*text);
    }
    putchar('"');
}

static void print_json(void)
{
    const char *section = "";
    for (const fact *f = facts; f < facts + fact_count; f++) {
        int fresh = strcmp(section, f->section) != 0;
        if (fresh) printf("%s\"%s\": {", *section ? "}, " : "{", f->section);
        printf("%s\"%s\": ", fresh ? "" : ", ", f->name);
        print_value(f->value);
        section = f->section;
    }
    puts("}}");
}

int main(int argc, char **argv)
{
    thetis_status status;
    int json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        fprintf(stderr, "thetis-doctor: unknown argument '%s'; use: thetis-doctor [--json]\n",
                strcmp(argv[1], "--json") == 0 ? argv[2] : argv[1]);
        return 2;
    }
    add_build();
    add_machine();
    add_sizes();
    status = add_loop();
    if (json) print_json();
    else print_text();
    return status == THETIS_OK ? 0 : 1;
}
