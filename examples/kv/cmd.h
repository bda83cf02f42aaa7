/* SPDX-License-Identifier: MIT
 *
 * cmd.h: the table of commands, cmd.def, and what the functions in cmd_*.c share.
 */
#ifndef KV_CMD_H
#define KV_CMD_H

#include "kv.h"

enum {
    KV_CHANGES = 1,     /* keys */
    KV_READS = 2,
    KV_ONE_KEY = 4,     /* the first argument is one */
    KV_KEYS = 8,        /* all are */
    KV_PAIRS = 16,      /* each second one is */
    KV_GROUP = 32,      /* the first argument names the command of the group */
    KV_SUBSCRIBED = 64  /* may be called while subscribed, in RESP2 */
};

typedef struct kv_command {
    const char *name;
    int arity;
    unsigned flags;
    void (*run)(kv_conn *conn);
    int arg; /* for run() */
    const char *progress;
} kv_command;

#define KV_COMMAND(name, arity, flags, run, arg, progress) void kv_cmd_##run(kv_conn *conn);
#include "cmd.def"
#undef KV_COMMAND

extern const kv_command kv_commands[];
extern const size_t kv_commands_count;

/* NULL: there is no such command. `group` is NULL, or the one it belongs to. */
const kv_command *kv_command_find(const kv_command *group, kv_text name);

/* ---- times: cmd_expire.c --------------------------------------------------------------------- */

typedef enum kv_unit { KV_SECONDS, KV_MS, KV_SECONDS_1970, KV_MS_1970 } kv_unit; /* from now, or */

/* The time that argument k says, ms since 1970; else an error is the reply. */
bool kv_arg_time(kv_conn *conn, size_t k, kv_unit unit, int64_t *out);

#endif
