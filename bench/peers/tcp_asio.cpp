/* SPDX-License-Identifier: MIT
 *
 * tcp_asio.cpp: echo on asio: async_read_some with a small buffer per connection, then write_some
 * at once. No locks (concurrency hint UNSAFE). What a full send buffer would leave over is not
 * kept: the connection is closed then.
 */
#include <asio.hpp>
#include <memory>

#include "../server.h"

#define VARIANT "asio " BENCH_STR(ASIO_VERSION) ", async_read_some + write_some, no locks"

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session>
{
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket))
    {
        socket_.non_blocking(true);
    }

    void read()
    {
        auto self = shared_from_this();
        socket_.async_read_some(asio::buffer(data_), [self](asio::error_code e, std::size_t n) {
            if (!e && self->socket_.write_some(asio::buffer(self->data_, n), e) == n) self->read();
        });
    }

private:
    tcp::socket socket_;
    char data_[1024];
};

static void accept(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](asio::error_code e, tcp::socket socket) {
        if (!e) std::make_shared<session>(std::move(socket))->read();
        accept(acceptor);
    });
}

int main()
{
    asio::io_context loop(ASIO_CONCURRENCY_HINT_UNSAFE);
    tcp::acceptor acceptor(loop, tcp::v4(), bench_listen(VARIANT));
    accept(acceptor);
    loop.run();
    return 1;
}
