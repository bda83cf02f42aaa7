/* SPDX-License-Identifier: MIT
 *
 * cmd_admin.c: commands about the connection and the server.
 */
#include "cmd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <thetis/version.h>
#include <unistd.h>

void kv_cmd_none(kv_conn *c) /* its group asks for an argument more */
{
    (void)c;
}

void kv_cmd_later(kv_conn *c)
{
    kv_error(&c->out, "ERR %s", c->command->progress);
}

/* ---- connection ------------------------------------------------------------------------------ */

void kv_cmd_ping(kv_conn *c)
{
    kv_text text = c->in.argc > 1 ? kv_arg(c, 1) : kv_string("");
    if (c->in.argc > 2) {
        kv_error(&c->out, "ERR wrong number of arguments for 'ping' command");
    } else if (c->channels + c->patterns > 0 && c->out.version == 2) {
        kv_array(&c->out, 2);
        kv_bulk(&c->out, kv_string("pong"));
        kv_bulk(&c->out, text);
    } else if (c->in.argc > 1) {
        kv_bulk(&c->out, text);
    } else {
        kv_simple(&c->out, "PONG");
    }
}

void kv_cmd_echo(kv_conn *c)
{
    kv_bulk(&c->out, kv_arg(c, 1));
}

void kv_cmd_quit(kv_conn *c)
{
    kv_simple(&c->out, "OK");
    c->closing = true;
}

void kv_cmd_select(kv_conn *c)
{
    int64_t n;
    if (!kv_arg_number(c, 1, &n)) return;
    if (n == 0) kv_simple(&c->out, "OK");
    else kv_error(&c->out, "ERR DB index is out of range");
}

/* No spaces, no ends of lines: other clients see it. */
static bool set_name(kv_conn *c, kv_text name)
{
    bool ok = name.len <= KV_NAME_MAX;
    for (size_t k = 0; k < name.len; k++) ok &= name.at[k] >= '!' && name.at[k] <= '~';
    if (!ok) {
        kv_error(&c->out,
                 "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    memcpy(c->name, name.at, name.len);
    c->name_len = (uint8_t)name.len;
    return true;
}

void kv_cmd_client_setname(kv_conn *c)
{
    if (set_name(c, kv_arg(c, 2))) kv_simple(&c->out, "OK");
}

void kv_cmd_client_getname(kv_conn *c)
{
    if (c->name_len > 0) kv_bulk(&c->out, (kv_text){c->name, c->name_len});
    else kv_null(&c->out);
}

void kv_cmd_client_id(kv_conn *c)
{
    kv_number(&c->out, (int64_t)c->id);
}

typedef struct page {
    char *text;
    size_t room, len;
} page;

static void print(page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->text + p->len, p->room - p->len, format, args);
    va_end(args);
    if (n > 0) p->len += (size_t)n < p->room - p->len ? (size_t)n : p->room - p->len - 1;
}

void kv_cmd_client_info(kv_conn *c)
{
    page p = {.text = c->loop->scratch, .room = KV_SCRATCH};
    thetis_addr local, peer;
    char from[THETIS_ADDR_TEXT_MAX] = "?", to[THETIS_ADDR_TEXT_MAX] = "?";
    if (thetis_tcp_addr(&c->tcp, &local, &peer) == THETIS_OK) {
        (void)!thetis_addr_text(&peer, from, sizeof from);
        (void)!thetis_addr_text(&local, to, sizeof to);
    }
    print(&p, "id=%" PRIu64 " addr=%s laddr=%s name=%.*s db=0 sub=%u psub=%u qbuf=%zu loop=%u "
          "resp=%d cmd=client|info\n", c->id, from, to, (int)c->name_len, c->name, c->channels,
          c->patterns, c->in.len, c->loop->number, c->out.version);
    kv_verbatim(&c->out, (kv_text){p.text, p.len});
}

/* ---- HELLO ----------------------------------------------------------------------------------- */

/* AUTH user password, SETNAME name; there is one user, who needs no password. */
static bool hello_options(kv_conn *c)
{
    for (size_t k = 2; k < c->in.argc; k++) {
        kv_text word = kv_arg(c, k);
        size_t more = c->in.argc - k - 1;
        if (kv_word(word, "AUTH") && more >= 2) {
            if (!kv_word(kv_arg(c, k + 1), "default")) {
                kv_error(&c->out, "WRONGPASS invalid username-password pair or user is disabled.");
                return false;
            }
            k += 2;
        } else if (kv_word(word, "SETNAME") && more >= 1) {
            if (!set_name(c, kv_arg(c, ++k))) return false;
        } else {
            kv_error(&c->out, "ERR Syntax error in HELLO option '%.*s'", (int)word.len, word.at);
            return false;
        }
    }
    return true;
}

void kv_cmd_hello(kv_conn *c)
{
    static const char *const greeting[] = {"server", "thetis-kv", "version", THETIS_VERSION_STRING,
                                           "mode", "standalone", "role", "master"};
    int64_t version = c->out.version;
    if (c->in.argc > 1 && !kv_integer(kv_arg(c, 1), &version)) {
        kv_error(&c->out, "ERR Protocol version is not an integer or out of range");
        return;
    }
    if (version < 2 || version > 3) {
        kv_error(&c->out, "NOPROTO unsupported protocol version");
        return;
    }
    if (!hello_options(c)) return;
    c->out.version = (int)version;
    kv_map(&c->out, 7);
    for (size_t k = 0; k < sizeof greeting / sizeof greeting[0]; k++) {
        kv_bulk(&c->out, kv_string(greeting[k]));
    }
    kv_bulk(&c->out, kv_string("proto"));
    kv_number(&c->out, version);
    kv_bulk(&c->out, kv_string("id"));
    kv_number(&c->out, (int64_t)c->id);
    kv_bulk(&c->out, kv_string("modules"));
    kv_array(&c->out, 0);
}

/* ---- server ---------------------------------------------------------------------------------- */

void kv_cmd_time(kv_conn *c)
{
    int64_t ms = kv_now(c);
    kv_array(&c->out, 2);
    kv_bulk_number(&c->out, ms / 1000);
    kv_bulk_number(&c->out, ms % 1000 * 1000);
}

static void info_server(kv_conn *c, page *p)
{
    const kv_server *s = c->loop->server;
    print(p, "# Server\r\nredis_mode:standalone\r\nthetis_version:%s\r\nprocess_id:%ld\r\n"
          "tcp_port:%u\r\nuptime_in_seconds:%" PRId64 "\r\nloops:%u\r\nbackend:%s\r\nstore:%s\r\n",
          THETIS_VERSION_STRING, (long)getpid(), s->cfg.addr.port,
          (kv_now(c) - s->started) / 1000, s->cfg.loops, thetis_loop_backend(c->loop->loop),
          s->cfg.store->name);
}

static uintptr_t value_of(const thetis_atomic *count)
{
    return thetis_atomic_load_relaxed(count);
}

static void info_clients(kv_conn *c, page *p)
{
    const kv_server *s = c->loop->server;
    print(p, "# Clients\r\nconnected_clients:%zu\r\nmaxclients:%zu\r\n",
          (size_t)value_of(&s->count.clients), s->cfg.connections * s->cfg.loops);
}

static void info_stats(kv_conn *c, page *p)
{
    const kv_server *s = c->loop->server;
    const kv_counters *n = &s->count;
    uint64_t commands = 0;
    for (unsigned k = 0; k < s->cfg.loops; k++) commands += thetis_hist_count(&s->loops[k].latency);
    print(p, "# Stats\r\ntotal_connections_received:%zu\r\ntotal_commands_processed:%" PRIu64 "\r\n"
          "rejected_connections:%zu\r\nexpired_keys:%zu\r\n"
          "client_output_buffer_limit_disconnections:%zu\r\n",
          (size_t)value_of(&n->accepted), commands,
          (size_t)value_of(&n->refused), (size_t)value_of(&n->expired),
          (size_t)value_of(&n->overflows));
}

/* Of the loop that answers. */
static void info_loop(kv_conn *c, page *p)
{
    thetis_loop_stat t;
    thetis_loop_stat_read(c->loop->loop, &t);
    print(p, "# Loop\r\nloop:%u\r\nloop_turns:%" PRIu64 "\r\nloop_polls:%" PRIu64
          "\r\nloop_sleeps:%" PRIu64 "\r\nloop_events:%" PRIu64 "\r\nloop_wakes:%" PRIu64
          "\r\nloop_mail:%" PRIu64 "\r\nloop_handles:%u\r\n",
          c->loop->number, t.turns, t.polls, t.sleeps, t.events, t.wakes, t.mail, t.handles);
}

/* Of all loops: how long commands took, without what came before and after them. */
static void info_latency(kv_conn *c, page *p)
{
    static const double quantiles[] = {0.5, 0.99, 0.999, 1};
    const kv_server *s = c->loop->server;
    print(p, "# Latency\r\n");
    for (unsigned k = 0; k < s->cfg.loops; k++) {
        const thetis_hist *h = &s->loops[k].latency;
        print(p, "command_ns_loop%u:calls=%" PRIu64, k, thetis_hist_count(h));
        for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++) {
            print(p, ",p%g=%" PRIu64, 100 * quantiles[q], thetis_hist_quantile(h, quantiles[q]));
        }
        print(p, "\r\n");
    }
}

static void info_keyspace(kv_conn *c, page *p)
{
    const kv_server *s = c->loop->server;
    size_t n = s->cfg.store->count(s->store);
    print(p, "# Keyspace\r\n");
    if (n > 0) print(p, "db0:keys=%zu\r\n", n);
}

static const struct {
    const char *name;
    void (*print)(kv_conn *conn, page *page);
} sections[] = {
    {"server", info_server}, {"clients", info_clients}, {"stats", info_stats},
    {"loop", info_loop}, {"latency", info_latency}, {"keyspace", info_keyspace},
};

static bool asked(kv_conn *c, const char *section)
{
    for (size_t k = 1; k < c->in.argc; k++) {
        kv_text a = kv_arg(c, k);
        if (kv_word(a, section) || kv_word(a, "all") || kv_word(a, "default") ||
            kv_word(a, "everything")) return true;
    }
    return c->in.argc == 1;
}

void kv_cmd_info(kv_conn *c)
{
    page p = {.text = c->loop->scratch, .room = KV_SCRATCH};
    for (size_t k = 0; k < sizeof sections / sizeof sections[0]; k++) {
        if (!asked(c, sections[k].name)) continue;
        if (p.len > 0) print(&p, "\r\n");
        sections[k].print(c, &p);
    }
    kv_verbatim(&c->out, (kv_text){p.text, p.len});
}

/* A map of so many pairs out of what was written since `mark`. */
static void insert_map(kv_conn *c, size_t mark, size_t pairs)
{
    char text[32];
    kv_reply head = {.buffer = text, .room = sizeof text, .version = c->out.version};
    kv_map(&head, pairs);
    kv_insert(&c->out, mark, &head);
}

/* ---- CONFIG ---------------------------------------------------------------------------------- */

enum { HZ_MAX = 500 };

static bool matches_any(kv_conn *c, kv_text name)
{
    for (size_t k = 2; k < c->in.argc; k++) {
        if (kv_glob(kv_arg(c, k), name)) return true;
    }
    return false;
}

void kv_cmd_config_get(kv_conn *c)
{
    const kv_server *s = c->loop->server;
    const struct {
        const char *name, *text; /* NULL: the number */
        size_t number;
    } settings[] = {
        {"appendonly", "no", 0}, {"databases", "1", 0}, {"hz", NULL, value_of(&s->count.hz)},
        {"maxclients", NULL, s->cfg.connections * s->cfg.loops},
        {"maxmemory", NULL, s->cfg.table.memory}, {"maxmemory-policy", "noeviction", 0},
        {"port", NULL, s->cfg.addr.port}, {"proto-max-bulk-len", NULL, s->cfg.table.value_max},
        {"save", "", 0}, {"timeout", "0", 0},
    };
    size_t mark = c->out.len, n = 0;
    for (size_t k = 0; k < sizeof settings / sizeof settings[0]; k++) {
        kv_text name = kv_string(settings[k].name);
        if (!matches_any(c, name)) continue;
        kv_bulk(&c->out, name);
        if (settings[k].text) kv_bulk(&c->out, kv_string(settings[k].text));
        else kv_bulk_number(&c->out, (int64_t)settings[k].number);
        n++;
    }
    insert_map(c, mark, n);
}

/* hz, how often a second each loop looks for keys whose time is over, is what can be changed. */
void kv_cmd_config_set(kv_conn *c)
{
    kv_text name = kv_arg(c, 2);
    int64_t hz;
    if (c->in.argc != 4 || !kv_word(name, "hz")) {
        kv_error(&c->out, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                 (int)name.len, name.at);
    } else if (!kv_integer(kv_arg(c, 3), &hz) || hz < 1 || hz > HZ_MAX) {
        kv_error(&c->out, "ERR CONFIG SET failed (possibly related to argument 'hz') - argument "
                 "must be between 1 and %d inclusive", HZ_MAX);
    } else {
        thetis_atomic_store_relaxed(&c->loop->server->count.hz, (uintptr_t)hz);
        kv_simple(&c->out, "OK");
    }
}

/* ---- COMMAND --------------------------------------------------------------------------------- */

static void reply_command(kv_reply *r, const kv_command *cmd)
{
    unsigned f = cmd->flags;
    bool one = f & KV_ONE_KEY, some = f & (KV_KEYS | KV_PAIRS);
    kv_array(r, 6);
    kv_bulk(r, kv_string(cmd->name));
    kv_number(r, cmd->arity);
    kv_array(r, 1);
    kv_simple(r, f & KV_CHANGES ? "write" : f & KV_READS ? "readonly" : "fast");
    kv_number(r, one || some); /* the first key, the last (-1: argument), the distance of two */
    kv_number(r, some ? -1 : one);
    kv_number(r, f & KV_PAIRS ? 2 : one || some);
}

/* Subcommands are part of their groups. */
static bool is_top(const kv_command *cmd)
{
    return strchr(cmd->name, '|') == NULL;
}

static size_t top_count(void)
{
    size_t n = 0;
    for (size_t k = 0; k < kv_commands_count; k++) n += is_top(&kv_commands[k]);
    return n;
}

void kv_cmd_command_count(kv_conn *c)
{
    kv_number(&c->out, (int64_t)top_count());
}

void kv_cmd_command(kv_conn *c)
{
    kv_array(&c->out, top_count());
    for (size_t k = 0; k < kv_commands_count; k++) {
        if (is_top(&kv_commands[k])) reply_command(&c->out, &kv_commands[k]);
    }
}

static void reply_docs(kv_reply *r, const kv_command *cmd)
{
    kv_bulk(r, kv_string(cmd->name));
    kv_map(r, 2);
    kv_bulk(r, kv_string("summary"));
    kv_bulk(r, kv_string(cmd->progress));
    kv_bulk(r, kv_string("group"));
    kv_bulk(r, kv_string(cmd->flags & (KV_CHANGES | KV_READS) ? "generic" : "server"));
}

void kv_cmd_command_docs(kv_conn *c)
{
    size_t mark = c->out.len, n = 0;
    for (size_t k = 0; k < kv_commands_count; k++) {
        const kv_command *cmd = &kv_commands[k];
        bool wanted = c->in.argc == 2 && is_top(cmd);
        for (size_t a = 2; a < c->in.argc; a++) wanted |= kv_word(kv_arg(c, a), cmd->name);
        if (wanted) reply_docs(&c->out, cmd);
        n += wanted;
    }
    insert_map(c, mark, n);
}
