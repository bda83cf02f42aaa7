/* SPDX-License-Identifier: MIT
 *
 * tcp_uring.c: the baseline on io_uring: an echo server written by hand with liburing, multishot
 * accept and receive, a ring of buffers, one send per message, one system call per round.
 *
 * A buffer is busy from its receive to the end of its send; there are as many as connections, so
 * none is lacking while each client waits for its answer. What a full send buffer would leave over
 * is lost; the clients of these benches never let that happen.
 */
#include <liburing.h>
#include <sys/mman.h>

#include "../server.h"

enum { BUFFERS = 16384, SIZE = 2048, QUEUE = 4096, ACCEPT = 0, RECV = 1, SEND = 2 };

static struct io_uring ring;
static struct io_uring_buf_ring *lent;
static char *memory;

static struct io_uring_sqe *entry(void)
{
    struct io_uring_sqe *e = io_uring_get_sqe(&ring);
    if (e) return e;
    io_uring_submit(&ring);
    return io_uring_get_sqe(&ring);
}

static void set_data(struct io_uring_sqe *e, unsigned what, unsigned number, int fd)
{
    io_uring_sqe_set_data64(e, (__u64)(unsigned)fd << 32 | number << 2 | what);
}

static void lend(unsigned number)
{
    io_uring_buf_ring_add(lent, memory + (size_t)number * SIZE, SIZE, (unsigned short)number,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(lent, 1);
}

static void receive(int fd)
{
    struct io_uring_sqe *e = entry();
    io_uring_prep_recv_multishot(e, fd, NULL, 0, 0);
    e->flags |= IOSQE_BUFFER_SELECT;
    set_data(e, RECV, 0, fd);
}

static void echo(int fd, const struct io_uring_cqe *c)
{
    if (c->res > 0) {
        unsigned number = c->flags >> IORING_CQE_BUFFER_SHIFT;
        struct io_uring_sqe *e = entry();
        io_uring_prep_send(e, fd, memory + (size_t)number * SIZE, (size_t)c->res, MSG_NOSIGNAL);
        set_data(e, SEND, number, fd);
        if (!(c->flags & IORING_CQE_F_MORE)) receive(fd);
    } else if (c->res == -ENOBUFS) {
        receive(fd);
    } else {
        close(fd);
    }
}

static void serve(const struct io_uring_cqe *c, int listener)
{
    int fd = (int)(c->user_data >> 32);
    if ((c->user_data & 3) == RECV) echo(fd, c);
    else if ((c->user_data & 3) == SEND) lend((unsigned)(c->user_data & 0xFFFFFFFF) >> 2);
    else if (c->res >= 0) receive(c->res);
    if ((c->user_data & 3) == ACCEPT && !(c->flags & IORING_CQE_F_MORE)) {
        struct io_uring_sqe *e = entry();
        io_uring_prep_multishot_accept(e, listener, NULL, NULL, SOCK_CLOEXEC);
        set_data(e, ACCEPT, 0, listener);
    }
}

static void open_ring(void)
{
    struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                                         IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
                                .cq_entries = 4 * BUFFERS};
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS};
    size_t bytes = BUFFERS * sizeof(struct io_uring_buf) + (size_t)BUFFERS * SIZE;
    lent = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lent == MAP_FAILED || io_uring_queue_init_params(QUEUE, &ring, &p)) bench_die("io_uring");
    memory = (char *)lent + BUFFERS * sizeof(struct io_uring_buf);
    reg.ring_addr = (__u64)(uintptr_t)lent;
    io_uring_buf_ring_init(lent);
    if (io_uring_register_buf_ring(&ring, &reg, 0)) bench_die("buffer ring");
    for (unsigned i = 0; i < BUFFERS; i++) lend(i);
}

int main(void)
{
    int listener = bench_listen("raw io_uring, multishot accept and recv, buffer ring, send");
    struct io_uring_cqe first = {0}, *some[256];
    open_ring();
    serve(&first, listener); /* as if an accept had ended */
    for (;;) {
        unsigned n;
        io_uring_submit_and_wait(&ring, 1);
        while ((n = io_uring_peek_batch_cqe(&ring, some, 256)) > 0) {
            for (unsigned i = 0; i < n; i++) serve(some[i], listener);
            io_uring_cq_advance(&ring, n);
        }
    }
}
