/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever HTML a wiki gives, it is read within its limits, and what comes out is UTF-8. */
#include <assert.h>
#include <stdlib.h>

#include "proto/html.h"
#include "proto/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct html_references refs;
    struct slice href;
    struct slice title;
    struct slice fragment;
    uint8_t *html = malloc(size + 1); /* of its exact size, so that reading past its end is seen */

    assert(html != NULL);
    memcpy(html, data, size);
    arena_init(&a, 1 << 16, 1 << 26);
    const bool is_text = utf8_prefix(slice_of(html, size)) == size;
    if (is_text && html_references(slice_of(html, size), &a, &refs) == 0) {
        for (size_t i = 0; i < refs.count; i++) {
            assert(utf8_prefix(refs.items[i]->text) == refs.items[i]->text.len);
            assert(utf8_prefix(refs.items[i]->id) == refs.items[i]->id.len);
            for (size_t k = 0; k < refs.items[i]->url_count; k++)
                assert(utf8_prefix(refs.items[i]->urls[k]) == refs.items[i]->urls[k].len);
        }
    }
    if (is_text && html_redirect(slice_of(html, size), &a, &href) == 0 && href.len > 0 &&
        html_title_of(href, &a, &title, &fragment))
        assert(utf8_prefix(title) == title.len && title.len > 0);
    arena_deinit(&a);
    free(html);
    return 0;
}
