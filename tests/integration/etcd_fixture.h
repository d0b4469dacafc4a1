/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_fixture.h - what the tests against a real etcd share: the cluster, a loop, a client, calls
 *                  that wait for their end, and a mirror of a watched prefix.
 */
#ifndef BRAID_TESTS_INTEGRATION_ETCD_FIXTURE_H
#define BRAID_TESTS_INTEGRATION_ETCD_FIXTURE_H

#include "coord/io_etcd.h"
#include "coord/io_etcd_watch.h"
#include "tests/integration/etcd_cluster.h"
#include "tests/integration/tcp_proxy.h"

enum {
    PROXY_PORT = 40
}; /* above the cluster's port base */

/* Each program says where its ports begin, above BRAID_TEST_PORT (24000), so that they may run side by
 * side. */
extern const int FIXTURE_PORT_OFFSET;

struct fixture {
    struct etcd_cluster cluster;
    uv_loop_t loop;
    struct etcd *e;
    struct tcp_proxy proxy; /* in front of member 0, see fixture_connect_proxy */
    bool has_proxy;
    void (*cleanup)(void *arg); /* of a test, should it fail before it does it itself */
    void *cleanup_arg;
    struct arena arena; /* of the last answer */
    struct etcd_answer answer;
    bool is_done;
};

/* Once for all tests of a program: *state is a struct fixture. */
int fixture_set_up_all(void **state);
int fixture_tear_down_all(void **state);
/* Before and after each test: a healthy, empty cluster and a client of all members; everything
 * closed. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Replaces the client by one of these endpoints. */
void fixture_connect(struct fixture *f, const char *endpoints);
/* The same, members by index, ended by -1. */
void fixture_connect_members(struct fixture *f, const int *members);

/* Through a proxy to member 0, and then directly to `others`, by index, ended by -1. */
void fixture_connect_proxy(struct fixture *f, const int *others);

/* Runs the loop until *flag or the time is over; returns *flag. */
bool run_until(struct fixture *f, const bool *flag, uint64_t ms);
void run_for(struct fixture *f, uint64_t ms);

/* Calls that wait for their end; the answer is in f->answer. */
struct etcd_done done(struct fixture *f);
int finish(struct fixture *f, int rc);
int put(struct fixture *f, const char *key, const char *value);
/* Sets *out_version, 0 if there is no such key. */
int get_version(struct fixture *f, const char *key, int64_t *out_version);
int count_prefix(struct fixture *f, const char *prefix, int64_t *out_count);

/* What a watch has told, as a set of keys. */
enum {
    MIRROR_KEYS = 2048,
    MIRROR_TEXT = 64
};
struct mirror {
    struct {
        char key[MIRROR_TEXT];
        int64_t mod_revision;
    } keys[MIRROR_KEYS];
    size_t count;
    int snapshots;
    int changes;
    int64_t revision;
    bool went_back;
};
void mirror_tell(void *arg, const struct etcd_watch_event *event);
/* Is it exactly what etcd has? Waits for it up to `ms`. */
bool mirror_becomes_true(struct fixture *f, struct mirror *m, const char *prefix, uint64_t ms);

#endif
