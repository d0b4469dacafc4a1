/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_cluster.h - three real etcd members on loopback, TLS between all, for tests.
 *
 * Promise: everything lies in one folder that is removed at the end; members are ended by their
 *          process ids. Member i listens on port base + 10 * i + 1 for clients, + 2 for peers.
 * Not here: the links (tcp_proxy.h).
 */
#ifndef BRAID_TESTS_INTEGRATION_ETCD_CLUSTER_H
#define BRAID_TESTS_INTEGRATION_ETCD_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    MEMBERS = 3
};

struct etcd_cluster {
    char folder[256];
    char ca_file[300];
    char cert_file[300];
    char key_file[300];
    int port_base;
    pid_t pids[MEMBERS]; /* 0: not running */
};

/* Makes certificates and a new, empty cluster, and waits until it answers. */
void cluster_open(struct etcd_cluster *c, int port_base);
/* Kills what runs and removes the folder. */
void cluster_close(struct etcd_cluster *c);

void cluster_start(struct etcd_cluster *c, int member);
/* SIGKILL, and waits for the end. */
void cluster_kill(struct etcd_cluster *c, int member);
/* SIGTERM; cluster_reap waits for the end. */
void cluster_terminate(struct etcd_cluster *c, int member);
void cluster_reap(struct etcd_cluster *c, int member);
void cluster_pause(struct etcd_cluster *c, int member);
void cluster_resume(struct etcd_cluster *c, int member);
/* Kills all and removes what they stored. */
void cluster_wipe(struct etcd_cluster *c);
/* Starts what does not run, resumes what is paused, waits until all answer. */
void cluster_heal(struct etcd_cluster *c);

int cluster_client_port(const struct etcd_cluster *c, int member);
/* "https://127.0.0.1:24001,..." of the members named by index, ended by -1. */
void cluster_endpoints(const struct etcd_cluster *c, const int *members, char *out, size_t size);
/* etcd's own client, against one member; returns its exit status. */
int cluster_etcdctl(const struct etcd_cluster *c, int member, const char *arguments);

#endif
