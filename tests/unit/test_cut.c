/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: cuts, reports and lines survive their encoding, and any other bytes are an error.
 * Method: round trips of full structs; then every truncation and many single-byte changes of
 *         valid bytes, under the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/cut.h"
#include "proto/err.h"

static struct arena arena; /* The one fixture. */

static int setup(void **state)
{
    arena_init(&arena, 4096, (size_t)1 << 22);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    return 0;
}

static struct strand_name name(const char *by, const char *origin, uint32_t partition)
{
    return (struct strand_name){
        .by = slice_str(by),
        .by_incarnation = 1,
        .from = {.dc = slice_str(origin), .topic = SLICE_LIT("t"), .partition = partition},
    };
}

static struct slice sample_cut(struct strand_name *names, struct strand_position *at)
{
    static const int64_t BASE[2] = {-1, 7};
    struct slice bytes = {0};

    names[0] = name("codfw", "eqiad", 0);
    names[1] = name("eqiad", "eqiad", 0);
    at[0] = (struct strand_position){.position = -1, .log_offset = -1, .start = -1};
    at[1] =
        (struct strand_position){.position = 12, .digest = 0xfeed, .log_offset = 40, .start = 5};
    const struct cut c = {
        .era = 1,
        .number = 42,
        .previous_hash = 99,
        .spec_version = 3,
        .time_ms = 1700000000000,
        .token = 5,
        .member_count = 2,
        .members = {{SLICE_LIT("codfw"), 0}, {SLICE_LIT("eqiad"), 2}},
        .layout = {.count = 2, .names = names},
        .strands = at,
        .base = {.era = 1, .number = 40, .next_seq = 11, .chain = 77},
        .base_positions = BASE,
        .params = {.dedup_window = 1000, .cap_records = 10, .failed_emit = true},
        .proposer = SLICE_LIT("eqiad/eqiad-1"),
        .reason = SLICE_LIT("took in codfw: it holds every strand"),
        .has_continues = true,
        .continues = {.number = 9},
    };
    assert_int_equal(cut_encode(&c, &arena, &bytes), 0);
    return bytes;
}

static void a_cut_survives_its_encoding(void **state)
{
    struct strand_name names[2];
    struct strand_position at[2];
    struct cut c;

    (void)state;
    const struct slice bytes = sample_cut(names, at);
    assert_int_equal(cut_decode(bytes, &arena, &c), 0);
    assert_int_equal(c.number, 42);
    assert_int_equal(c.member_count, 2);
    assert_int_equal(c.members[1].incarnation, 2);
    assert_int_equal(c.layout.count, 2);
    assert_int_equal(strand_name_compare(&c.layout.names[1], &names[1]), 0);
    assert_int_equal(c.strands[0].position, -1);
    assert_int_equal(c.strands[0].start, -1);
    assert_int_equal(c.strands[1].digest, 0xfeed);
    assert_int_equal(c.strands[1].start, 5);
    assert_int_equal(c.base.next_seq, 11);
    assert_int_equal(c.base_positions[1], 7);
    assert_true(c.params.failed_emit);
    assert_true(c.has_continues);
    assert_true(slice_equal(c.proposer, SLICE_LIT("eqiad/eqiad-1")));
}

static void a_layout_is_told_by_its_hash(void **state)
{
    struct strand_name names[2] = {name("codfw", "eqiad", 0), name("eqiad", "eqiad", 0)};
    struct layout l = {.count = 2, .names = names};

    (void)state;
    layout_hash(&l);
    const uint64_t before = l.hash;
    names[1].from.partition = 1;
    layout_hash(&l);
    assert_int_not_equal(l.hash, before);
    names[1].from.partition = 0;
    layout_hash(&l);
    assert_int_equal(l.hash, before);
}

static void strands_out_of_order_are_refused(void **state)
{
    struct strand_name names[2] = {name("eqiad", "eqiad", 0), name("codfw", "eqiad", 0)};
    struct strand_position at[2] = {{.position = -1}, {.position = -1}};
    const struct cut c = {.layout = {.count = 2, .names = names}, .strands = at};
    struct slice bytes;
    struct cut out;

    (void)state;
    assert_int_equal(cut_encode(&c, &arena, &bytes), 0);
    assert_int_equal(cut_decode(bytes, &arena, &out), ERR_MALFORMED);
    names[0] = names[1];
    assert_int_equal(cut_encode(&c, &arena, &bytes), 0);
    assert_int_equal(cut_decode(bytes, &arena, &out), ERR_MALFORMED);
}

static void positions_below_none_are_refused(void **state)
{
    struct strand_name names[1] = {name("eqiad", "eqiad", 0)};
    struct strand_position at[1] = {{.position = -2}};
    const struct cut c = {.layout = {.count = 1, .names = names}, .strands = at};
    struct slice bytes;
    struct cut out;

    (void)state;
    assert_int_equal(cut_encode(&c, &arena, &bytes), 0);
    assert_int_equal(cut_decode(bytes, &arena, &out), ERR_MALFORMED);
}

static void any_other_bytes_do_no_harm(void **state)
{
    struct strand_name names[2];
    struct strand_position at[2];
    uint8_t copy[1024];

    (void)state;
    const struct slice bytes = sample_cut(names, at);
    assert_true(bytes.len < sizeof copy);
    for (size_t len = 0; len < bytes.len; len++) {
        struct cut c;
        struct arena small;
        arena_init(&small, 4096, 65536);
        memcpy(copy, bytes.ptr, bytes.len);
        (void)cut_decode(slice_of(copy, len), &small, &c);
        copy[len] = (uint8_t)(copy[len] ^ 0xff);
        (void)cut_decode(slice_of(copy, bytes.len), &small, &c);
        arena_deinit(&small);
    }
    struct cut c;
    assert_int_equal(cut_decode(SLICE_LIT("\xff\xff\xff"), &arena, &c), ERR_MALFORMED);
}

static void a_report_survives_its_encoding(void **state)
{
    int64_t read_back[2] = {-1, 20};
    int64_t offer[2] = {-1, 19};
    const struct report r = {
        .dc = SLICE_LIT("eqiad"),
        .incarnation = 4,
        .number = 17,
        .clock_ms = 123,
        .layout_hash = 9,
        .count = 2,
        .read_back = read_back,
        .offer = offer,
        .emitted = {.number = 3, .next_seq = 8, .chain = 6},
        .logged_number = 5,
        .claim_revision = 77,
        .node = SLICE_LIT("eqiad/eqiad-2"),
        .caught_up = true,
    };
    struct slice bytes;
    struct report out;

    (void)state;
    assert_int_equal(report_encode(&r, &arena, &bytes), 0);
    assert_int_equal(report_decode(bytes, &arena, &out), 0);
    assert_int_equal(out.number, 17);
    assert_int_equal(out.read_back[1], 20);
    assert_int_equal(out.offer[1], 19);
    assert_int_equal(out.emitted.chain, 6);
    assert_int_equal(out.logged_number, 5);
    assert_int_equal(out.claim_revision, 77);
    assert_true(out.caught_up);
    assert_int_equal(out.alarm.len, 0);
}

static void lines_survive_their_encoding(void **state)
{
    struct slice ids[2] = {SLICE_LIT("a"), SLICE_LIT("")};
    struct place places[1] = {{.last = -1, .from = 0, .digest = 3}};
    const struct emitted_line l = {
        .emitted = {.number = 6, .next_seq = 12, .chain = 5},
        .first_seq = 10,
        .id_count = 2,
        .ids = ids,
        .window_offset = -1,
        .layout_hash = 1,
        .place_count = 1,
        .places = places,
    };
    struct slice bytes;
    struct slice cut_bytes;
    struct emitted_line out;
    bool is_cut = true;

    (void)state;
    assert_int_equal(line_encode_emitted(&l, &arena, &bytes), 0);
    assert_int_equal(line_decode(bytes, &arena, &is_cut, &cut_bytes, &out), 0);
    assert_false(is_cut);
    assert_int_equal(out.id_count, 2);
    assert_true(slice_equal(out.ids[0], SLICE_LIT("a")));
    assert_int_equal(out.ids[1].len, 0);
    assert_int_equal(out.window_offset, -1);
    assert_int_equal(out.places[0].digest, 3);
    assert_int_equal(line_encode_cut(SLICE_LIT("xyz"), &arena, &bytes), 0);
    assert_int_equal(line_decode(bytes, &arena, &is_cut, &cut_bytes, &out), 0);
    assert_true(is_cut);
    assert_true(slice_equal(cut_bytes, SLICE_LIT("xyz")));
}

static void a_line_whose_ids_do_not_fit_its_numbers_is_refused(void **state)
{
    const struct emitted_line l = {.emitted = {.next_seq = 12}, .first_seq = 10};
    struct slice bytes;
    struct slice cut_bytes;
    struct emitted_line out;
    bool is_cut;

    (void)state;
    assert_int_equal(line_encode_emitted(&l, &arena, &bytes), 0);
    assert_int_equal(line_decode(bytes, &arena, &is_cut, &cut_bytes, &out), ERR_MALFORMED);
    assert_int_equal(line_decode(SLICE_LIT(""), &arena, &is_cut, &cut_bytes, &out),
                     ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_survives_its_encoding),
        cmocka_unit_test(a_layout_is_told_by_its_hash),
        cmocka_unit_test(strands_out_of_order_are_refused),
        cmocka_unit_test(positions_below_none_are_refused),
        cmocka_unit_test(any_other_bytes_do_no_harm),
        cmocka_unit_test(a_report_survives_its_encoding),
        cmocka_unit_test(lines_survive_their_encoding),
        cmocka_unit_test(a_line_whose_ids_do_not_fit_its_numbers_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
