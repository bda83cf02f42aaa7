/* SPDX-License-Identifier: MIT
 *
 * poll_fd.c: a descriptor that is not the library's, here the output of another program.
 *
 *     $ ./poll_fd
 *     the program said: hello from a pipe
 *     the program has ended
 */
#define _POSIX_C_SOURCE 200809L /* popen, fileno */

#include <thetis/loop.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int failed;

/* Readiness is a hint: the read tells. It does not block, so a wrong hint is EAGAIN. */
static void on_ready(thetis_poll_fd *poll, unsigned ready)
{
    FILE *program = thetis_handle_user(thetis_poll_fd_handle(poll));
    char text[256];
    ssize_t n = read(fileno(program), text, sizeof text);
    (void)ready;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        printf("the program said: %.*s", (int)n, text);
        return;
    }
    failed = n < 0;
    thetis_poll_fd_close(poll, NULL);
    printf("the program has ended\n");
}

static thetis_status run(thetis_loop *loop, FILE *program)
{
    static thetis_poll_fd poll;
    thetis_status s = thetis_poll_fd_open(loop, &poll, fileno(program), on_ready);
    if (s != THETIS_OK) return s;
    thetis_handle_set_user(thetis_poll_fd_handle(&poll), program);
    s = thetis_poll_fd_start(&poll, THETIS_POLL_IN);
    if (s == THETIS_OK) s = thetis_loop_run(loop);
    return s;
}

int main(void)
{
    thetis_loop *loop;
    FILE *program = popen("echo hello from a pipe", "r");
    if (!program || fcntl(fileno(program), F_SETFL, O_NONBLOCK) != 0) return 1;
    thetis_status s = thetis_loop_create(NULL, &loop);
    if (s == THETIS_OK) s = run(loop, program);
    if (s == THETIS_OK) s = thetis_loop_destroy(loop);
    if (s != THETIS_OK) fprintf(stderr, "poll_fd: %s\n", thetis_status_text(s));
    return s != THETIS_OK || failed || pclose(program) != 0;
}
