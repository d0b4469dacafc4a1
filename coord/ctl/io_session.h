/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_session.h - what every command needs: its arguments, where things are, etcd when asked for.
 *
 * Promise: nothing is connected before a command needs it. Options come before the environment,
 *          the environment before the file.
 * Shell:   reads the environment, the file and the clock.
 */
#ifndef BRAID_COORD_CTL_IO_SESSION_H
#define BRAID_COORD_CTL_IO_SESSION_H

#include "coord/ctl/command.h"
#include "coord/ctl/config.h"
#include "coord/ctl/io_output.h"
#include "coord/io_etcd_sync.h"
#include "proto/arena.h"

enum {
    SESSION_ARENA_BYTES_MAX = 512 << 20
};

/* ops/lock, as far as it is ours (io_lock.h). */
struct session_lock {
    struct slice key;        /* owned by the arena */
    int64_t lease;           /* 0: none */
    int64_t create_revision; /* 0: not held */
    int64_t renewed_ms;
};

struct session {
    struct arena arena; /* of the whole run */
    struct output output;
    struct args args;
    struct config config;
    struct slice cluster;
    struct etcd_sync *etcd; /* owned; NULL until session_etcd */
    const char *who;        /* owned by the arena: "user@host" */
    struct session_lock lock;
};

/* Fills in the rest from environment and file once args are read. 0 or EXIT_CONFIG, said. */
int session_configure(struct session *s);
void session_close(struct session *s);

/* Opens etcd once. 0 or an exit code, said. */
int session_etcd(struct session *s);

/* Says why a call to etcd failed and which exit code that is: ERR_UNKNOWN is EXIT_UNKNOWN, all
 * else EXIT_REFUSED. */
int session_etcd_failed(struct session *s, int rc, const char *doing);

/* An option's value, NULL if it was not given. */
const char *session_option(const struct session *s, enum option_id id);
bool session_given(const struct session *s, enum option_id id);

/* An option as a number, a duration in ms, or a time ("2026-...", or "1h" ago); `fallback` if it was
 * not given. False if it is none: said. */
bool session_number(struct session *s, enum option_id id, int64_t fallback, int64_t *out);
bool session_duration(struct session *s, enum option_id id, int64_t fallback, int64_t *out);
bool session_time(struct session *s, enum option_id id, int64_t fallback, int64_t *out);

struct slice session_operand(const struct session *s, unsigned index);

/* Wall clock, ms since 1970. */
int64_t session_now_ms(void);

/* The whole of a file, "-" for standard input, in the arena. 0 or an exit code, said. */
int session_read_file(struct session *s, const char *path, struct slice *out);

/* $<prefix><DC>, with the DC in upper case and '-' as '_'; NULL if it is not set. */
const char *session_env(struct session *s, const char *prefix, struct slice dc);

#endif
