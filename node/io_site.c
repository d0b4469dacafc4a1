/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_site.h"

#include <stdlib.h>
#include <string.h>

#include "proto/err.h"

void io_sites_init(struct io_sites *s, uv_loop_t *loop, struct io_log *log, uint64_t write_bytes)
{
    *s = (struct io_sites){.loop = loop, .log = log, .write_bytes = write_bytes};
}

static void site_free(struct io_site *site)
{
    io_reader_close(site->reader);
    io_writer_close(site->writer);
    io_writer_close(site->single);
    io_kafka_ask_close(site->ask);
    /* Its texts are borrowed by instances that are still being destroyed on the pool. */
}

static int site_open(struct io_sites *s, struct slice bootstrap, struct slice name, bool is_far,
                     struct io_site **out)
{
    struct io_site *site = calloc(1, sizeof(*site));

    if (site == NULL)
        return ERR_NO_MEMORY;
    site->bootstrap = strndup((const char *)bootstrap.ptr, bootstrap.len);
    site->name = strndup((const char *)name.ptr, name.len);
    if (site->bootstrap == NULL || site->name == NULL) {
        free(site->bootstrap);
        free(site->name);
        free(site);
        return ERR_NO_MEMORY;
    }
    site->cluster = (struct io_kafka_cluster){.loop = s->loop,
                                              .log = s->log,
                                              .bootstrap = site->bootstrap,
                                              .name = site->name,
                                              .is_far = is_far};
    int rc = io_kafka_ask_open(&site->cluster, &site->ask);
    if (rc == 0)
        rc = io_reader_open(&site->cluster, site->ask, &site->reader);
    if (rc == 0)
        rc = io_writer_open(&site->cluster, s->write_bytes, false, &site->writer);
    if (rc == 0) /* for topics that take little; seldom one */
        rc = io_writer_open(&site->cluster, s->write_bytes, true, &site->single);
    if (rc != 0) {
        site_free(site);
        return rc; /* NOLINT(clang-analyzer-unix.Malloc): see site_free */
    }
    io_log(s->log, LOG_INFO, "using a Kafka cluster", "name=%s brokers=\"%s\"", site->name,
           site->bootstrap);
    *out = site;
    return 0;
}

int io_site_of(struct io_sites *s, struct slice bootstrap, struct slice name, bool is_far,
               struct io_site **out)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal(slice_str(s->list[i]->bootstrap), bootstrap)) {
            *out = s->list[i];
            return 0;
        }
    if (s->count == IO_SITES_MAX)
        return ERR_BUSY;
    const int rc = site_open(s, bootstrap, name, is_far, out);
    if (rc == 0)
        s->list[s->count++] = *out;
    return rc;
}

void io_sites_close(struct io_sites *s)
{
    for (size_t i = 0; i < s->count; i++)
        site_free(s->list[i]);
    s->count = 0;
}
