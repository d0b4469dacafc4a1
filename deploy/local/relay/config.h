/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - where the relay listens and where each link leads.
 *
 * Promise: read the relay's file and a CONNECT request.
 * Pure:    yes.
 * Not here: what happens on the links (faults.h), the sockets (io_conn.h).
 *
 * A line of the file is one of these; "#" begins a remark:
 *   link NAME FROM TO LISTEN TARGET [kafka]   LISTEN is where clients of site FROM come in
 *   proxy SITE LISTEN                         an HTTP proxy (CONNECT) for the programs of SITE
 *   route TO ASKED TARGET                     ASKED through any proxy is TARGET at site TO
 * The proxy is for programs that all know a server by one address, as etcd's members do: only so
 * the relay learns from which site a connection comes. Addresses are IPv4:PORT.
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_CONFIG_H
#define BRAID_DEPLOY_LOCAL_RELAY_CONFIG_H

#include "deploy/local/relay/faults.h"
#include "proto/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RELAY_LINKS_MAX = 64,
    RELAY_ROUTES_MAX = 32,
    RELAY_CONNECT_MAX = 1024, /* bytes of a CONNECT request */
};

struct relay_address {
    char host[FAULTS_NAME_MAX];
    uint16_t port;
};

struct relay_link {
    char name[FAULTS_NAME_MAX]; /* of a proxy: "proxy-" and the site */
    int from_site;
    int to_site; /* of a proxy: -1, the route decides */
    struct relay_address listen;
    struct relay_address target; /* not of a proxy */
    bool is_kafka;
};

struct relay_route {
    int to_site;
    struct relay_address asked;
    struct relay_address target;
};

struct relay_config {
    struct relay_link links[RELAY_LINKS_MAX];
    uint32_t link_count;
    struct relay_route routes[RELAY_ROUTES_MAX];
    uint32_t route_count;
};

/* Reads the file's text; names the sites to `f`. 0, or ERR_CONFIG with the first wrong line's
 * number in *out_line; `out` and `f` are then not to be used. */
int relay_config_read(struct slice text, struct faults *f, struct relay_config *out,
                      uint32_t *out_line);

/* Reads a CONNECT request. 0 and the address asked for and the request's length; ERR_BUSY if more
 * bytes are needed; ERR_MALFORMED. */
int connect_read(struct slice in, struct relay_address *out, size_t *out_len);

/* The route to an address, or NULL. Borrowed from `c`. */
const struct relay_route *relay_route_find(const struct relay_config *c,
                                           const struct relay_address *asked);

#endif
