/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_host.h"

#include <stdio.h>

#include "coord/keyspace.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

static int own_site(struct io_host *h, bool is_source, struct io_site **out)
{
    char name[DC_NAME_MAX + 16];

    (void)snprintf(name, sizeof(name), "braid-%.*s-%.*s", SLICE_ARG(h->config.dc),
                   SLICE_ARG(h->config.node));
    return io_site_of(&h->sites, is_source ? h->config.source_bootstrap : h->config.braid_bootstrap,
                      slice_str(name), false, out);
}

/* What a node of another DC says about its Kafka. */
static int remote_site(struct io_host *h, struct slice dc, bool is_source, struct slice info,
                       struct io_site **out)
{
    char name[2 * DC_NAME_MAX + 32];
    Braid__NodeInfo *said = braid__node_info__unpack(NULL, info.len, info.ptr);

    if (said == NULL)
        return ERR_MALFORMED;
    const char *brokers = is_source ? said->source_kafka_remote : said->braid_kafka_remote;
    int rc = ERR_NOT_FOUND;
    (void)snprintf(name, sizeof(name), "braid-%.*s-to-%.*s", SLICE_ARG(h->config.dc),
                   SLICE_ARG(dc));
    if (brokers[0] != '\0')
        rc = io_site_of(&h->sites, slice_str(brokers), slice_str(name), true, out);
    braid__node_info__free_unpacked(said, NULL);
    return rc;
}

int io_host_site(struct io_host *h, struct slice dc, bool is_source, struct io_site **out)
{
    const struct node_view *view = node_view(h->node);
    struct keyspace_key key;
    int rc = ERR_NOT_FOUND;

    if (slice_equal(dc, h->config.dc))
        return own_site(h, is_source, out);
    for (size_t i = 0; i < view->node_count; i++)
        if (keyspace_parse(view->nodes[i].key, &key) == 0 && slice_equal(key.dc, dc)) {
            rc = remote_site(h, dc, is_source, view->nodes[i].value, out);
            if (rc == 0)
                return 0;
        }
    return rc;
}
