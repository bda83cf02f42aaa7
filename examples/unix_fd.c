/* SPDX-License-Identifier: MIT
 *
 * unix_fd.c: one end of a unix stream hands a file to the other, which reads it.
 *
 * As a program of two processes it would look the same: only the name of the socket is shared.
 */
#define _DEFAULT_SOURCE /* fileno, pread */
#include <thetis/unix.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static thetis_listener listener;
static thetis_unix giver, taker;
static FILE *file;
static int ends; /* streams that are closed */

static void check(thetis_status status)
{
    if (status != THETIS_OK) {
        fprintf(stderr, "unix_fd: %s\n", thetis_status_text(status));
        exit(1);
    }
}

static void on_closed(thetis_handle *handle)
{
    (void)handle;
    ends++;
}

/* The bytes say what comes; the descriptor comes with the first of them. */
static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    char text[64];
    int fd;
    if (r->status == THETIS_OK && thetis_unix_recv_fd(&taker, &fd) == THETIS_OK) {
        ssize_t n = pread(fd, text, sizeof text, 0);
        printf("%.*s: \"%.*s\"\n", (int)r->len, (char *)r->data, n > 0 ? (int)n : 0, text);
        close(fd); /* it is ours: a copy of the giver's */
    }
    if (r->status != THETIS_OK) thetis_tcp_close(tcp, on_closed);
}

static void on_accept(thetis_listener *from, thetis_accepted *accepted)
{
    if (accepted->status != THETIS_OK) return;
    check(thetis_unix_accept(accepted, &taker));
    check(thetis_tcp_recv_start(thetis_unix_stream(&taker), on_recv));
    thetis_listener_close(from, NULL);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    check(send->status);
    fclose(file); /* the taker has its own */
    thetis_tcp_close(tcp, on_closed);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    static thetis_unix_send send;
    static int fd;
    (void)tcp;
    (void)os;
    check(status);
    fd = fileno(file);
    check(thetis_unix_send_fds(&giver, &send, "a file", 6, &fd, 1, on_sent));
}

int main(void)
{
    char name[64];
    thetis_addr at;
    thetis_loop *loop;
    snprintf(name, sizeof name, "unix:/tmp/thetis-unix-fd-%ld", (long)getpid());
    file = tmpfile();
    if (!file || fputs("hello", file) < 0 || fflush(file)) return 1;
    check(thetis_addr_parse(&at, name));
    check(thetis_loop_create(NULL, &loop));
    check(thetis_unix_listen(loop, &listener, &at, NULL, on_accept));
    check(thetis_unix_connect(loop, &giver, &at, on_connect));
    check(thetis_loop_run(loop));
    check(thetis_loop_destroy(loop));
    unlink(at.u.path);
    return ends != 2;
}
