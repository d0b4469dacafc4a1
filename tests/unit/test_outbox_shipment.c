/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no row of the outbox is marked before it, and every row before it, has arrived; and keys
 *       are exactly what consumers expect.
 * Method: answers in any order, random ones among them, against the definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/outbox/shipment.h"

static void rows_that_are_not_answered_may_not_be_marked(void **state)
{
    static struct shipment s;

    shipment_begin(&s, 3);
    assert_false(shipment_is_settled(&s));
    assert_int_equal(shipment_markable(&s), 0);
    shipment_answer(&s, 1, true);
    shipment_answer(&s, 2, true);
    assert_int_equal(shipment_markable(&s), 0);
    assert_false(shipment_is_settled(&s));
    shipment_answer(&s, 0, true);
    assert_int_equal(shipment_markable(&s), 3);
    assert_true(shipment_is_settled(&s));
}

static void what_follows_a_row_that_failed_may_not_be_marked(void **state)
{
    static struct shipment s;

    shipment_begin(&s, 4);
    shipment_answer(&s, 0, true);
    shipment_answer(&s, 1, false);
    shipment_answer(&s, 2, true);
    shipment_answer(&s, 3, true);
    assert_true(shipment_is_settled(&s));
    assert_int_equal(shipment_markable(&s), 1);
}

static void a_second_answer_changes_nothing(void **state)
{
    static struct shipment s;

    shipment_begin(&s, 2);
    shipment_answer(&s, 0, false);
    shipment_answer(&s, 0, true);
    assert_int_equal(shipment_markable(&s), 0);
    assert_false(shipment_is_settled(&s));
    shipment_answer(&s, 1, true);
    assert_true(shipment_is_settled(&s));
}

static void an_empty_batch_is_settled(void **state)
{
    static struct shipment s;

    shipment_begin(&s, 0);
    assert_true(shipment_is_settled(&s));
    assert_int_equal(shipment_markable(&s), 0);
}

static void a_new_batch_knows_nothing_of_the_last(void **state)
{
    static struct shipment s;

    shipment_begin(&s, 2);
    shipment_answer(&s, 0, true);
    shipment_begin(&s, 2);
    assert_int_equal(shipment_markable(&s), 0);
    assert_ptr_equal(s.places[1].shipment, &s);
    assert_int_equal(s.places[1].index, 1);
}

static void any_order_of_answers_keeps_the_promise(void **state)
{
    static struct shipment s;
    bool acked[16];

    srandom(1);
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + ((size_t)random() & 15);
        size_t expected;

        for (size_t i = 0; i < count; i++)
            acked[i] = false;
        shipment_begin(&s, count);
        while (!shipment_is_settled(&s)) {
            size_t index = (size_t)random() % (count == 0 ? 1 : count);
            bool is_first = s.states[index] == SHIPMENT_WAITING;
            bool is_acked = random() % 8 != 0;

            shipment_answer(&s, index, is_acked);
            if (is_first)
                acked[index] = is_acked;
            for (expected = 0; expected < count && acked[expected];)
                expected++;
            assert_int_equal(shipment_markable(&s), expected);
        }
    }
}

static void a_key_is_exactly_the_wiki_and_the_page(void **state)
{
    static const char EXPECTED[] = "{\"wiki_id\":\"testwiki\",\"page_id\":42}";
    uint8_t bytes[SHIPMENT_KEY_BYTES_MAX];
    struct slice key = shipment_key(SLICE_LIT("testwiki"), 42, bytes);

    assert_int_equal(key.len, sizeof(EXPECTED) - 1);
    assert_memory_equal(key.ptr, EXPECTED, key.len);
}

static void a_key_is_json_whatever_the_wiki_is_called(void **state)
{
    static const char EXPECTED[] =
        "{\"wiki_id\":\"a\\\"b\\\\c\\u0001\",\"page_id\":9007199254740991}";
    uint8_t bytes[SHIPMENT_KEY_BYTES_MAX];
    struct slice key = shipment_key(SLICE_LIT("a\"b\\c\001"), 9007199254740991, bytes);

    assert_int_equal(key.len, sizeof(EXPECTED) - 1);
    assert_memory_equal(key.ptr, EXPECTED, key.len);
}

static void a_name_that_does_not_fit_gives_no_key(void **state)
{
    uint8_t bytes[SHIPMENT_KEY_BYTES_MAX];
    uint8_t name[SHIPMENT_KEY_BYTES_MAX];

    memset(name, 'w', sizeof(name));
    assert_null(shipment_key(slice_of(name, sizeof(name)), 1, bytes).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_are_not_answered_may_not_be_marked),
        cmocka_unit_test(what_follows_a_row_that_failed_may_not_be_marked),
        cmocka_unit_test(a_second_answer_changes_nothing),
        cmocka_unit_test(an_empty_batch_is_settled),
        cmocka_unit_test(a_new_batch_knows_nothing_of_the_last),
        cmocka_unit_test(any_order_of_answers_keeps_the_promise),
        cmocka_unit_test(a_key_is_exactly_the_wiki_and_the_page),
        cmocka_unit_test(a_key_is_json_whatever_the_wiki_is_called),
        cmocka_unit_test(a_name_that_does_not_fit_gives_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
