/* SPDX-License-Identifier: MIT
 *
 * fair_asio.cpp: asio, async_read_some and write_some, no locks.
 */
#include <asio.hpp>
#include <memory>
#include <vector>

#include "fair_socket.h"

#define SUBJECT_VARIANT "asio " BENCH_STR(ASIO_VERSION) ", async_read_some + write_some, no locks"

using asio::ip::tcp;

static asio::io_context loop(ASIO_CONCURRENCY_HINT_UNSAFE);
static std::unique_ptr<tcp::acceptor> acceptor;

class session
{
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)), data_(65536)
    {
        socket_.non_blocking(true);
        read();
    }

private:
    void read()
    {
        socket_.async_read_some(asio::buffer(data_), [this](asio::error_code e, std::size_t n) {
            if (e) return;
            if (data_[0] == 'p' && socket_.write_some(asio::buffer(data_.data(), n)) != n)
                bench_die("write");
            read();
        });
    }

    tcp::socket socket_;
    std::vector<char> data_;
};

static std::vector<std::unique_ptr<session>> sessions;

static void accept()
{
    acceptor->async_accept([](asio::error_code e, tcp::socket socket) {
        if (e) bench_die("accept");
        sessions.push_back(std::make_unique<session>(std::move(socket)));
        accept();
    });
}

static unsigned subject_listen()
{
    unsigned port;
    acceptor = std::make_unique<tcp::acceptor>(loop, tcp::v4(), fair_listen(&port));
    accept();
    return port;
}

static void subject_turn()
{
    loop.poll();
}

#include "../fair.h"
