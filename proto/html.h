/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - what Parsoid's HTML says of a page in so many words: where a redirect leads, and the
 *          references with their web addresses.
 *
 * Promise: any bytes give an answer or an error; libxml2's HTML parser reads them, and only
 *          elements, attributes and text that Parsoid's specification names are looked at
 *          (mediawiki.org/wiki/Specs/HTML). Bounded by the limits below, which the answer tells of.
 * Pure:    yes, but for libxml2's own heap, all of which is given back before these return.
 * Not here: what becomes of it (enrichment_html.c, enrichment_redirect.c).
 */
#ifndef BRAID_PROTO_HTML_H
#define BRAID_PROTO_HTML_H

#include "proto/arena.h"
#include "proto/slice.h"

enum {
    HTML_REFERENCES_MAX = 4096, /* of a page; the rest is said to be left out */
    HTML_URLS_MAX = 64,         /* of a reference */
    HTML_TEXT_MAX = 4096,       /* bytes of a reference's text */
    HTML_HREF_MAX = 8192,       /* bytes of an address; longer ones are left out */
};

struct html_reference {
    struct slice id;   /* of the list's item: "cite_note-1" */
    struct slice text; /* without markup; cut at HTML_TEXT_MAX */
    struct slice urls[HTML_URLS_MAX];
    size_t url_count;
};

struct html_references {
    struct html_reference **items; /* in the arena; in the page's order */
    size_t count;
    bool is_truncated; /* some references, addresses or text were left out */
};

/* The references of a page. 0; ERR_MALFORMED: libxml2 gives up; ERR_NO_MEMORY. */
int html_references(struct slice html, struct arena *a, struct html_references *out);

/* Where the page leads if it is a redirect: the address as Parsoid has it ("./Target#Section"); with
 * length 0, it is none. Errors as above. */
int html_redirect(struct slice html, struct arena *a, struct slice *out);

/* "./A%20b#c_d" as a title and a fragment, both decoded, in the arena. False: it leads elsewhere than
 * to a page of the same wiki, or there is no memory. A fragment that is not there is absent. */
bool html_title_of(struct slice href, struct arena *a, struct slice *out_title,
                   struct slice *out_fragment);

#endif
