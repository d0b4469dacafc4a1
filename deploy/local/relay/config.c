/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/config.h"

#include "proto/err.h"

#include <stdio.h>

static bool address_read(struct slice word, struct relay_address *out)
{
    size_t colon = word.len;
    uint32_t port = 0;

    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == ':')
            colon = i;
    if (colon == word.len || word.len - colon > 6 || word.len - colon < 2)
        return false;
    for (size_t i = colon + 1; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(word.ptr[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX || !name_copy(slice_sub(word, 0, colon), out->host))
        return false;
    out->port = (uint16_t)port;
    return true;
}

static bool read_link(const struct slice *words, int count, struct faults *f,
                      struct relay_config *c)
{
    if (count < 6 || count > 7 || c->link_count == RELAY_LINKS_MAX)
        return false;
    if (count == 7 && !slice_equal(words[6], SLICE_LIT("kafka")))
        return false;
    struct relay_link *link = &c->links[c->link_count];

    *link = (struct relay_link){
        .from_site = faults_site(f, words[2]),
        .to_site = faults_site(f, words[3]),
        .is_kafka = count == 7,
    };
    if (link->from_site < 0 || link->to_site < 0 || !name_copy(words[1], link->name))
        return false;
    if (!address_read(words[4], &link->listen) || !address_read(words[5], &link->target))
        return false;
    c->link_count++;
    return true;
}

static bool read_proxy(const struct slice *words, int count, struct faults *f,
                       struct relay_config *c)
{
    if (count != 3 || c->link_count == RELAY_LINKS_MAX)
        return false;
    struct relay_link *link = &c->links[c->link_count];

    *link = (struct relay_link){.from_site = faults_site(f, words[1]), .to_site = -1};
    if (link->from_site < 0 || !address_read(words[2], &link->listen))
        return false;
    (void)snprintf(link->name, sizeof(link->name), "proxy-%.20s", f->sites[link->from_site]);
    c->link_count++;
    return true;
}

static bool read_route(const struct slice *words, int count, struct faults *f,
                       struct relay_config *c)
{
    if (count != 4 || c->route_count == RELAY_ROUTES_MAX)
        return false;
    struct relay_route *route = &c->routes[c->route_count];

    *route = (struct relay_route){.to_site = faults_site(f, words[1])};
    if (route->to_site < 0 || !address_read(words[2], &route->asked))
        return false;
    if (!address_read(words[3], &route->target))
        return false;
    c->route_count++;
    return true;
}

static bool read_line(struct slice line, struct faults *f, struct relay_config *c)
{
    struct slice words[FAULTS_WORDS_MAX];

    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '#')
            line.len = i;
    int count = words_split(line, words);

    if (count == 0)
        return true;
    if (count < 0)
        return false;
    if (slice_equal(words[0], SLICE_LIT("link")))
        return read_link(words, count, f, c);
    if (slice_equal(words[0], SLICE_LIT("proxy")))
        return read_proxy(words, count, f, c);
    if (slice_equal(words[0], SLICE_LIT("route")))
        return read_route(words, count, f, c);
    return false;
}

int relay_config_read(struct slice text, struct faults *f, struct relay_config *out,
                      uint32_t *out_line)
{
    size_t start = 0;
    uint32_t line_number = 0;

    *out = (struct relay_config){.link_count = 0};
    while (start < text.len) {
        size_t end = start;

        while (end < text.len && text.ptr[end] != '\n')
            end++;
        line_number++;
        if (!read_line(slice_sub(text, start, end), f, out)) {
            *out_line = line_number;
            return ERR_CONFIG;
        }
        start = end + 1;
    }
    return 0;
}

int connect_read(struct slice in, struct relay_address *out, size_t *out_len)
{
    struct slice words[FAULTS_WORDS_MAX];
    struct relay_address address;
    size_t first_line = 0;
    size_t len = 0;

    for (size_t i = 3; i < in.len && len == 0; i++)
        if (memcmp(in.ptr + i - 3, "\r\n\r\n", 4) == 0)
            len = i + 1;
    if (len == 0)
        return in.len < RELAY_CONNECT_MAX ? ERR_BUSY : ERR_MALFORMED;
    while (in.ptr[first_line] != '\r')
        first_line++;
    int count = words_split(slice_sub(in, 0, first_line), words);

    if (count != 3 || !slice_equal(words[0], SLICE_LIT("CONNECT")))
        return ERR_MALFORMED;
    if (!address_read(words[1], &address))
        return ERR_MALFORMED;
    *out = address;
    *out_len = len;
    return 0;
}

const struct relay_route *relay_route_find(const struct relay_config *c,
                                           const struct relay_address *asked)
{
    for (uint32_t i = 0; i < c->route_count; i++) {
        const struct relay_route *route = &c->routes[i];

        if (route->asked.port == asked->port && strcmp(route->asked.host, asked->host) == 0)
            return route;
    }
    return NULL;
}
