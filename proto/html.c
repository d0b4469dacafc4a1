/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/html.h"

#include <assert.h>
#include <limits.h>

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

#include "proto/err.h"
#include "proto/utf8.h"

static const char REDIRECT[] = "mw:PageProp/redirect";

/* What the parser's calls work on. An element is known by its depth: 0 is "not inside". */
struct reader {
    struct arena *a;
    htmlParserCtxtPtr parser; /* to be stopped */
    bool wants_redirect;
    int rc;
    unsigned depth;
    unsigned list_depth; /* of the list of references */
    unsigned item_depth; /* of a reference in it */
    unsigned text_depth; /* of its text */
    struct html_reference *item;
    struct html_references refs;
    struct slice redirect;
    size_t text_len;
    uint8_t text[HTML_TEXT_MAX];
};

/* ---- elements -------------------------------------------------------------------------------- */

static struct slice attribute(const xmlChar **attributes, const char *name)
{
    for (size_t i = 0; attributes != NULL && attributes[i] != NULL; i += 2) {
        if (strcmp((const char *)attributes[i], name) == 0 && attributes[i + 1] != NULL)
            return slice_str((const char *)attributes[i + 1]);
    }
    return (struct slice){0};
}

/* Whether a list with blanks between its words has this one. */
static bool has_word(struct slice list, const char *word)
{
    const struct slice wanted = slice_str(word);
    size_t from = 0;

    for (size_t i = 0; list.len > 0 && i <= list.len; i++) {
        if (i < list.len && list.ptr[i] != ' ' && list.ptr[i] != '\n' && list.ptr[i] != '\t')
            continue;
        if (slice_equal(slice_sub(list, from, i), wanted))
            return true;
        from = i + 1;
    }
    return false;
}

static void stop(struct reader *r, int rc)
{
    if (r->rc == 0)
        r->rc = rc;
    xmlStopParser(r->parser);
}

static struct slice keep(struct reader *r, struct slice bytes)
{
    const struct slice copy = arena_copy(r->a, bytes);

    if (copy.ptr == NULL && bytes.len > 0)
        stop(r, ERR_NO_MEMORY);
    return copy;
}

static void open_item(struct reader *r, struct slice id)
{
    if (r->refs.count == HTML_REFERENCES_MAX) {
        r->refs.is_truncated = true;
        return;
    }
    if (r->refs.items == NULL)
        r->refs.items = arena_calloc(r->a, HTML_REFERENCES_MAX, sizeof(struct html_reference *));
    struct html_reference *item = arena_calloc(r->a, 1, sizeof(*item));
    if (r->refs.items == NULL || item == NULL) {
        stop(r, ERR_NO_MEMORY);
        return;
    }
    item->id = keep(r, id);
    r->item = item;
    r->item_depth = r->depth;
    r->text_len = 0;
    r->refs.items[r->refs.count++] = item;
}

static void close_item(struct reader *r)
{
    const size_t whole = utf8_prefix(slice_of(r->text, r->text_len));

    r->item->text = keep(r, slice_of(r->text, whole));
    r->item = NULL;
    r->item_depth = r->text_depth = 0;
}

static void add_url(struct reader *r, struct slice href)
{
    if (href.len == 0)
        return;
    if (href.len > HTML_HREF_MAX || r->item->url_count == HTML_URLS_MAX)
        r->refs.is_truncated = true;
    else
        r->item->urls[r->item->url_count++] = keep(r, href);
}

static void look_at(struct reader *r, const char *name, const xmlChar **attributes)
{
    if (r->list_depth == 0) {
        if (strcmp(name, "ol") == 0 && has_word(attribute(attributes, "class"), "mw-references"))
            r->list_depth = r->depth;
    } else if (r->item == NULL) {
        if (strcmp(name, "li") == 0 && attribute(attributes, "id").len > 0)
            open_item(r, attribute(attributes, "id"));
    } else if (r->text_depth == 0) {
        if (has_word(attribute(attributes, "class"), "mw-reference-text"))
            r->text_depth = r->depth;
    } else if (strcmp(name, "a") == 0 && has_word(attribute(attributes, "rel"), "mw:ExtLink")) {
        add_url(r, attribute(attributes, "href"));
    }
}

static void look_for_redirect(struct reader *r, const char *name, const xmlChar **attributes)
{
    if (strcmp(name, "link") != 0 || !has_word(attribute(attributes, "rel"), REDIRECT))
        return;
    if (attribute(attributes, "href").len <= HTML_HREF_MAX)
        r->redirect = keep(r, attribute(attributes, "href"));
    stop(r, r->rc);
}

static void on_start(void *data, const xmlChar *name, const xmlChar **attributes)
{
    struct reader *r = data;

    r->depth++;
    if (r->rc != 0)
        return;
    if (r->wants_redirect)
        look_for_redirect(r, (const char *)name, attributes);
    else
        look_at(r, (const char *)name, attributes);
}

static void on_end(void *data, const xmlChar *name)
{
    struct reader *r = data;

    (void)name;
    if (r->item != NULL && r->depth == r->text_depth)
        r->text_depth = UINT_MAX; /* of one reference, one text */
    if (r->item != NULL && r->depth <= r->item_depth)
        close_item(r);
    if (r->depth <= r->list_depth)
        r->list_depth = 0;
    if (r->depth > 0)
        r->depth--;
}

static void on_text(void *data, const xmlChar *text, int len)
{
    struct reader *r = data;
    const bool is_inside = r->item != NULL && r->text_depth > 0 && r->text_depth != UINT_MAX;

    if (!is_inside || len <= 0 || r->rc != 0)
        return;
    size_t room = HTML_TEXT_MAX - r->text_len;
    if ((size_t)len > room)
        r->refs.is_truncated = true;
    else
        room = (size_t)len;
    memcpy(r->text + r->text_len, text, room);
    r->text_len += room;
}

static int run(struct reader *r, struct slice html)
{
    const htmlSAXHandler calls = {.startElement = on_start,
                                  .endElement = on_end,
                                  .characters = on_text,
                                  .ignorableWhitespace = on_text};

    if (html.len == 0)
        return 0;
    if (html.len > INT_MAX)
        return ERR_TOO_LARGE;
    r->parser = htmlCreateMemoryParserCtxt((const char *)html.ptr, (int)html.len);
    if (r->parser == NULL)
        return ERR_NO_MEMORY;
    (void)htmlCtxtUseOptions(r->parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR |
                                            HTML_PARSE_NOWARNING | HTML_PARSE_IGNORE_ENC);
    *r->parser->sax = calls;
    r->parser->userData = r;
    (void)xmlSwitchEncoding(r->parser, XML_CHAR_ENCODING_UTF8);
    (void)htmlParseDocument(r->parser); /* HTML may be as odd as it likes */
    if (r->rc == 0 && r->parser->errNo == XML_ERR_NO_MEMORY)
        r->rc = ERR_NO_MEMORY;
    if (r->parser->myDoc != NULL)
        xmlFreeDoc(r->parser->myDoc);
    htmlFreeParserCtxt(r->parser);
    return r->rc;
}

int html_references(struct slice html, struct arena *a, struct html_references *out)
{
    struct reader *r = arena_calloc(a, 1, sizeof(*r));

    if (r == NULL)
        return ERR_NO_MEMORY;
    r->a = a;
    const int rc = run(r, html);
    if (rc != 0)
        return rc;
    if (r->item != NULL)
        close_item(r);
    *out = r->refs;
    return r->rc;
}

int html_redirect(struct slice html, struct arena *a, struct slice *out)
{
    /* Of most pages this says all, and they need not be parsed. */
    if (html.len == 0 || memmem(html.ptr, html.len, REDIRECT, sizeof REDIRECT - 1) == NULL) {
        *out = (struct slice){0};
        return 0;
    }
    struct reader *r = arena_calloc(a, 1, sizeof(*r));
    if (r == NULL)
        return ERR_NO_MEMORY;
    r->a = a;
    r->wants_redirect = true;
    const int rc = run(r, html);
    if (rc == 0)
        *out = r->redirect;
    return rc;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3986, 2.1. What then is no UTF-8 is left as it was written. */
static struct slice decode(struct slice text, struct arena *a)
{
    uint8_t *bytes = arena_alloc(a, text.len + 1);
    size_t len = 0;

    if (bytes == NULL)
        return (struct slice){0};
    for (size_t i = 0; i < text.len; i++) {
        const bool is_escape = text.ptr[i] == '%' && text.len - i > 2 &&
                               hex(text.ptr[i + 1]) >= 0 && hex(text.ptr[i + 2]) >= 0;
        bytes[len++] =
            is_escape ? (uint8_t)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2])) : text.ptr[i];
        i += is_escape ? 2 : 0;
    }
    const struct slice decoded = slice_of(bytes, len);
    return utf8_prefix(decoded) == len && memchr(bytes, 0, len) == NULL ? decoded : text;
}

bool html_title_of(struct slice href, struct arena *a, struct slice *out_title,
                   struct slice *out_fragment)
{
    struct slice path = href;

    if (!slice_starts_with(href, SLICE_LIT("./")))
        return false;
    const uint8_t *hash = memchr(href.ptr, '#', href.len);
    *out_fragment = (struct slice){0};
    if (hash != NULL) {
        const size_t at = (size_t)(hash - href.ptr);
        path = slice_sub(href, 0, at);
        *out_fragment = decode(slice_sub(href, at + 1, href.len), a);
    }
    *out_title = decode(slice_sub(path, 2, path.len), a);
    return out_title->len > 0;
}
