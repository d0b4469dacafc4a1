/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as MediaWiki's answers to braid-outbox: changes and revisions are read or refused, and
 * an event that is made of them is whole. */
#include <assert.h>

#include "coord/fill.h"
#include "proto/err.h"

enum {
    BLOCK_BYTES = 64 * 1024,
    ARENA_BYTES_MAX = 16 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct arena *a, const struct fill_answer *answer, enum change_kind kind)
{
    const struct fill_wiki wiki = {
        .wiki_id = SLICE_LIT("w"), .domain = SLICE_LIT("d"), .stream = SLICE_LIT("s")};
    const struct change change = {
        .kind = kind,
        .rev_id = 4,
        .parent_id = 3,
        .title = SLICE_LIT("Talk:A b"),
        .timestamp = SLICE_LIT("2026-01-02T03:04:05Z"),
    };
    const struct fill_source source = {
        .wiki = &wiki, .change = &change, .answer = answer, .about = "rev:4"};
    struct fill_event event;

    if (fill_event(a, &source, &event) != 0)
        return;
    assert(event.json.len > 2);
    assert(event.json.ptr[0] == '{');
    assert(event.json.ptr[event.json.len - 1] == '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_of(data, size);
    struct fill_answer answer;
    struct change_page page;
    struct changes changes;
    struct slice code;
    struct arena a;

    arena_init(&a, BLOCK_BYTES, ARENA_BYTES_MAX);
    for (enum change_list list = CHANGE_LIST_RECENT; list <= CHANGE_LIST_DELETIONS; list++) {
        if (change_decode(&a, list, body, &changes, &code) != 0)
            continue;
        for (size_t i = 0; i < changes.count; i++) {
            char about[CHANGE_ABOUT_BYTES_MAX];

            change_about(&changes.items[i], about);
            assert(about[3] == ':');
        }
    }
    if (change_page_decode(&a, body, &page, &code) == 0)
        assert(page.rev_id >= 0);
    const struct change moved = {.title = SLICE_LIT("Weft"),
                                 .timestamp = SLICE_LIT("2026-11-24T11:43:15Z")};
    if (change_move_decode(&a, &moved, body, &page, &code) == 0)
        assert(page.rev_id >= 0);
    if (fill_decode(&a, body, &answer, &code) == 0) {
        fill(&a, &answer, CHANGE_EDIT);
        fill(&a, &answer, CHANGE_MOVE);
        fill(&a, &answer, CHANGE_VISIBILITY);
    }
    arena_deinit(&a);
    return 0;
}
