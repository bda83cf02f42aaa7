/* SPDX-License-Identifier: MIT
 *
 * command.c: finds the command of a request, checks it, runs it.
 */
#define _DEFAULT_SOURCE /* clock_gettime */
#include "cmd.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_ = 32, SHOWN = 128 }; /* bytes of a name; of what a client sent, in an error */

const kv_command kv_commands[] = {
#define KV_COMMAND(name, arity, flags, run, arg, progress)                                      \
    {name, arity, flags, kv_cmd_##run, arg, progress},
#include "cmd.def"
#undef KV_COMMAND
};

const size_t kv_commands_count = sizeof kv_commands / sizeof kv_commands[0];

static int by_name(const void *name, const void *command)
{
    return strcmp(name, ((const kv_command *)command)->name);
}

const kv_command *kv_command_find(const kv_command *group, kv_text name)
{
    char text[2 * NAME_MAX_];
    size_t n = group ? strlen(group->name) : 0;
    if (name.len >= NAME_MAX_ || memchr(name.at, '|', name.len)) return NULL;
    if (group) {
        memcpy(text, group->name, n);
        text[n++] = '|';
    }
    for (size_t k = 0; k < name.len; k++) text[n++] = (char)tolower((unsigned char)name.at[k]);
    text[n] = '\0';
    return bsearch(text, kv_commands, kv_commands_count, sizeof kv_commands[0], by_name);
}

bool kv_arg_number(kv_conn *c, size_t k, int64_t *out)
{
    bool ok = kv_integer(kv_arg(c, k), out);
    if (!ok) kv_error(&c->out, "ERR value is not an integer or out of range");
    return ok;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* As many characters as are shown of a text, which ends with its first 0. */
static int shown(kv_text text, size_t most)
{
    const char *end = memchr(text.at, '\0', text.len);
    size_t len = end ? (size_t)(end - text.at) : text.len;
    return (int)(len < most ? len : most);
}

static void unknown(kv_conn *c)
{
    char args[2 * SHOWN];
    size_t n = 0;
    for (size_t k = 1; k < c->in.argc && n < SHOWN; k++) {
        kv_text a = kv_arg(c, k);
        n += (size_t)snprintf(args + n, sizeof args - n, "'%.*s' ", shown(a, SHOWN - n), a.at);
    }
    args[n] = '\0';
    kv_text name = kv_arg(c, 0);
    kv_error(&c->out, "ERR unknown command '%.*s', with args beginning with: %s",
             shown(name, SHOWN), name.at, args);
}

static void unknown_in(kv_conn *c, const kv_command *group)
{
    char name[NAME_MAX_];
    size_t n = 0;
    for (; group->name[n]; n++) name[n] = (char)toupper((unsigned char)group->name[n]);
    name[n] = '\0';
    kv_text given = kv_arg(c, 1);
    kv_error(&c->out, "ERR unknown subcommand '%.*s'. Try %s HELP.", shown(given, SHOWN), given.at,
             name);
}

static const kv_command *find(kv_conn *c)
{
    const kv_command *cmd = kv_command_find(NULL, kv_arg(c, 0));
    if (!cmd) {
        unknown(c);
    } else if (cmd->flags & KV_GROUP && c->in.argc > 1) {
        const kv_command *group = cmd;
        cmd = kv_command_find(group, kv_arg(c, 1));
        if (!cmd) unknown_in(c, group);
    }
    return cmd;
}

/* Is the request one that may run now? Else an error is the reply. */
static bool may_run(kv_conn *c, const kv_command *cmd)
{
    size_t least = (size_t)abs(cmd->arity);
    if (c->in.argc < least || (cmd->arity > 0 && c->in.argc > least)) {
        kv_error(&c->out, "ERR wrong number of arguments for '%s' command", cmd->name);
        return false;
    }
    if (c->channels + c->patterns > 0 && c->out.version == 2 && !(cmd->flags & KV_SUBSCRIBED)) {
        kv_error(&c->out, "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                 "QUIT / RESET are allowed in this context", cmd->name);
        return false;
    }
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void kv_execute(kv_conn *c)
{
    kv_loop *l = c->loop;
    size_t mark = c->out.len;
    uint64_t since = ns();
    l->time = l->server->cfg.now();
    c->command = find(c);
    if (c->command && may_run(c, c->command)) c->command->run(c);
    if (c->out.full) {
        c->out.len = mark;
        c->out.full = false;
        kv_error(&c->out, "ERR the reply is too long");
    }
    thetis_hist_record(&l->latency, ns() - since);
}
