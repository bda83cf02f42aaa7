/* SPDX-License-Identifier: MIT
 *
 * loop.c: the smallest loop, and what this machine's loop can do.
 *
 *     $ ./loop
 *     backend epoll
 *       TCP           native
 *       ...
 *     the loop ends by itself: nothing is open
 */
#include <thetis/loop.h>

#include <stdio.h>

static const char *level_text(thetis_cap_level level)
{
    static const char *const texts[] = {"unknown", "absent", "emulated", "native"};
    return texts[level];
}

static void print_caps(const thetis_loop *loop)
{
    for (int i = 0; thetis_cap_name((thetis_cap)i); i++) {
        thetis_cap_info info = thetis_loop_cap(loop, (thetis_cap)i);
        printf("  %-13s %s", thetis_cap_name((thetis_cap)i), level_text(info.level));
        if (info.number) printf(", %llu", (unsigned long long)info.number);
        printf("\n");
    }
}

/* THETIS_BACKEND in the environment may have named one that is not in this build. */
static int complain(thetis_status s)
{
    fprintf(stderr, "loop: %s; the backends of this build:", thetis_status_text(s));
    for (size_t k = 0; thetis_backend_name(k); k++) fprintf(stderr, " %s", thetis_backend_name(k));
    fputc('\n', stderr);
    return 1;
}

int main(void)
{
    thetis_loop *loop;
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s != THETIS_OK) return complain(s);
    printf("backend %s\n", thetis_loop_backend(loop));
    print_caps(loop);
    s = thetis_loop_run(loop);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    printf("the loop ends by itself: nothing is open\n");
    return s != THETIS_OK;
}
