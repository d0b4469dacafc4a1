/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_proxy.h - a relay on the test's own loop that can lose what a server answers.
 *
 * Thread:  the loop's.
 */
#ifndef BRAID_TESTS_INTEGRATION_TCP_PROXY_H
#define BRAID_TESTS_INTEGRATION_TCP_PROXY_H

#include <stdbool.h>
#include <uv.h>

struct tcp_proxy {
    uv_tcp_t listener;
    uv_loop_t *loop;
    int target_port;
    bool drops_answers;     /* answers are read and thrown away */
    bool drops_all;         /* so are requests: a black hole */
    unsigned int accepted;  /* connections so far */
    struct tcp_link *links; /* open ones */
};

void tcp_proxy_open(struct tcp_proxy *p, uv_loop_t *loop, int port, int target_port);
/* Cuts all connections, as if the server had died. */
void tcp_proxy_cut(struct tcp_proxy *p);
/* Cuts and stops listening; the loop must run for it. */
void tcp_proxy_close(struct tcp_proxy *p);

#endif
