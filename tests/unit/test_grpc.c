/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a server says in headers and trailers means one thing each. Method: lines as
 * libcurl hands them over; the statuses that etcd's servers were seen to give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "coord/grpc.h"
#include "proto/err.h"

static void a_message_is_there_when_its_last_byte_is(void **state)
{
    const uint8_t bytes[] = {0, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 0};
    struct slice message;
    size_t used;

    (void)state;
    for (size_t len = 0; len < 7; len++) {
        assert_int_equal(grpc_message_next(slice_of(bytes, len), 100, &message, &used), 0);
        assert_int_equal(used, 0);
        assert_null(message.ptr);
    }
    assert_int_equal(grpc_message_next(slice_of(bytes, 12), 100, &message, &used), 0);
    assert_int_equal(used, 7);
    assert_true(slice_equal(message, SLICE_LIT("hi")));
    assert_int_equal(grpc_message_next(slice_of(bytes + 7, 5), 100, &message, &used), 0);
    assert_int_equal(used, 5);
    assert_int_equal(message.len, 0);
}

static void compressed_and_oversized_messages_are_refused_at_their_head(void **state)
{
    const uint8_t compressed[] = {1, 0, 0, 0, 0};
    const uint8_t large[] = {0, 0, 0, 0, 101};
    const uint8_t huge[] = {0, 0xff, 0xff, 0xff, 0xff};
    struct slice message;
    size_t used;

    (void)state;
    assert_int_equal(grpc_message_next(slice_of(compressed, 1), 100, &message, &used),
                     ERR_MALFORMED);
    assert_int_equal(grpc_message_next(slice_of(large, 5), 100, &message, &used), ERR_TOO_LARGE);
    assert_int_equal(grpc_message_next(slice_of(huge, 5), 100, &message, &used), ERR_TOO_LARGE);
}

static void headers_and_trailers_are_read_in_any_case_and_percent_encoding(void **state)
{
    struct grpc_trailer t;

    (void)state;
    grpc_trailer_init(&t);
    assert_int_equal(t.status, GRPC_STATUS_NONE);
    grpc_trailer_line(&t, SLICE_LIT("HTTP/2 200 \r\n"));
    grpc_trailer_line(&t, SLICE_LIT("content-type: application/grpc\r\n"));
    grpc_trailer_line(&t, SLICE_LIT("Grpc-Status:14\r\n"));
    grpc_trailer_line(&t, SLICE_LIT("grpc-message: etcdserver%3A no%20leader%0a%\r\n"));
    grpc_trailer_line(&t, SLICE_LIT("\r\n"));
    assert_int_equal(t.http_status, 200);
    assert_int_equal(t.status, 14);
    assert_string_equal(t.text, "etcdserver: no leader?%");
}

static void nonsense_in_a_status_is_an_unknown_error_not_success(void **state)
{
    static const char *const LINES[] = {"grpc-status: ", "grpc-status: x", "grpc-status: -0",
                                        "grpc-status: 1234"};

    (void)state;
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct grpc_trailer t;
        grpc_trailer_init(&t);
        grpc_trailer_line(&t, slice_str(LINES[i]));
        assert_int_equal(t.status, 2);
    }
}

static void a_status_says_whether_a_write_may_have_happened(void **state)
{
    static const struct {
        int status;
        const char *text;
        int read_rc;
        int write_rc;
    } ROWS[] = {
        {0, "", 0, 0},
        {GRPC_STATUS_NONE, "", ERR_UNAVAILABLE, ERR_UNKNOWN},
        {1, "context canceled", ERR_UNAVAILABLE, ERR_UNKNOWN},
        {2, "", ERR_UNAVAILABLE, ERR_UNKNOWN},
        {3, "etcdserver: request is too large", ERR_TOO_LARGE, ERR_TOO_LARGE},
        {3, "etcdserver: duplicate key given in txn request", ERR_REFUSED, ERR_REFUSED},
        {4, "context deadline exceeded", ERR_TIMEOUT, ERR_UNKNOWN},
        {5, "etcdserver: requested lease not found", ERR_NOT_FOUND, ERR_NOT_FOUND},
        {8, "etcdserver: mvcc: database space exceeded", ERR_BUSY, ERR_BUSY},
        {8, "grpc: received message larger than max", ERR_TOO_LARGE, ERR_TOO_LARGE},
        {11, "etcdserver: mvcc: required revision has been compacted", ERR_COMPACTED,
         ERR_COMPACTED},
        {11, "etcdserver: mvcc: required revision is a future revision", ERR_REFUSED, ERR_REFUSED},
        {12, "unknown method", ERR_REFUSED, ERR_REFUSED},
        {14, "etcdserver: no leader", ERR_UNAVAILABLE, ERR_UNAVAILABLE},
        {14, "etcdserver: leader changed", ERR_UNAVAILABLE, ERR_UNKNOWN},
        {14, "etcdserver: request timed out", ERR_UNAVAILABLE, ERR_UNKNOWN},
        {16, "etcdserver: invalid auth token", ERR_REFUSED, ERR_REFUSED},
        {99, "", ERR_UNAVAILABLE, ERR_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(grpc_status_rc(ROWS[i].status, ROWS[i].text, false), ROWS[i].read_rc);
        assert_int_equal(grpc_status_rc(ROWS[i].status, ROWS[i].text, true), ROWS[i].write_rc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_there_when_its_last_byte_is),
        cmocka_unit_test(compressed_and_oversized_messages_are_refused_at_their_head),
        cmocka_unit_test(headers_and_trailers_are_read_in_any_case_and_percent_encoding),
        cmocka_unit_test(nonsense_in_a_status_is_an_unknown_error_not_success),
        cmocka_unit_test(a_status_says_whether_a_write_may_have_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
