/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the relay's file and CONNECT requests are read as written, and wrong ones refused.
 * Method: small TEXTS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "deploy/local/relay/config.h"
#include "proto/err.h"

static int read_text(const char *text, struct relay_config *out, uint32_t *line)
{
    struct faults f = {.site_count = 0};

    return relay_config_read(slice_str(text), &f, out, line);
}

static void links_proxies_and_routes_are_read(void **state)
{
    struct relay_config c;
    uint32_t line = 0;

    assert_int_equal(read_text("# a remark\n"
                               "\n"
                               "link k eqiad codfw 127.0.0.1:10 127.0.0.1:11 kafka\n"
                               "link e eqiad witness 127.0.0.1:12 127.0.0.1:13  # no Kafka\n"
                               "proxy codfw 127.0.0.1:14\n"
                               "route codfw 192.0.2.12:2380 127.0.0.1:15",
                               &c, &line),
                     0);
    assert_int_equal(c.link_count, 3);
    assert_string_equal(c.links[0].name, "k");
    assert_true(c.links[0].is_kafka);
    assert_int_equal(c.links[0].target.port, 11);
    assert_false(c.links[1].is_kafka);
    assert_string_equal(c.links[2].name, "proxy-codfw");
    assert_int_equal(c.links[2].from_site, 1);
    assert_int_equal(c.links[2].to_site, -1);
    assert_int_equal(c.route_count, 1);
    assert_int_equal(c.routes[0].target.port, 15);
}

static void a_wrong_line_is_named_by_its_number(void **state)
{
    static const char *const LINES[] = {
        "lnk k a b 127.0.0.1:1 127.0.0.1:2",
        "link k a b 127.0.0.1:1",
        "link k a b 127.0.0.1:1 127.0.0.1:2 http",
        "link k a b 127.0.0.1:1 127.0.0.1:2 kafka more",
        "link k a b 127.0.0.1:0 127.0.0.1:2",
        "link k a b 127.0.0.1:65536 127.0.0.1:2",
        "link k a b 127.0.0.1 127.0.0.1:2",
        "link k a b :1 127.0.0.1:2",
        "link k a b 127.0.0.1:1x 127.0.0.1:2",
        "proxy a",
        "route a 127.0.0.1:1",
    };

    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        char text[128];
        struct relay_config c;
        uint32_t line = 0;

        (void)snprintf(text, sizeof text, "# first\n%s", LINES[i]);
        assert_int_equal(read_text(text, &c, &line), ERR_CONFIG);
        assert_int_equal(line, 2);
    }
}

static void too_many_links_are_refused(void **state)
{
    static const char LINE[] = "link k a b 127.0.0.1:1 127.0.0.1:2\n";
    static char text[(RELAY_LINKS_MAX + 1) * sizeof LINE];
    struct relay_config c;
    uint32_t line = 0;

    for (size_t i = 0; i <= RELAY_LINKS_MAX; i++)
        memcpy(text + i * (sizeof LINE - 1), LINE, sizeof LINE - 1);
    assert_int_equal(read_text(text, &c, &line), ERR_CONFIG);
    assert_int_equal(line, RELAY_LINKS_MAX + 1);
}

static void a_route_is_found_by_the_address_asked_for(void **state)
{
    struct relay_config c;
    uint32_t line;
    struct relay_address asked = {.host = "192.0.2.12", .port = 2380};

    assert_int_equal(read_text("route a 192.0.2.11:2380 127.0.0.1:1\n"
                               "route b 192.0.2.12:2380 127.0.0.1:2\n",
                               &c, &line),
                     0);
    assert_ptr_equal(relay_route_find(&c, &asked), &c.routes[1]);
    asked.port = 2381;
    assert_null(relay_route_find(&c, &asked));
}

static void a_connect_request_is_read_when_it_is_whole(void **state)
{
    static const char TEXT[] = "CONNECT 192.0.2.12:2380 HTTP/1.1\r\nHost: x\r\n\r\nrest";
    const size_t whole = sizeof TEXT - 1 - 4;
    struct relay_address asked;
    size_t len = 0;

    for (size_t cut = 0; cut < whole; cut++)
        assert_int_equal(connect_read(slice_of(TEXT, cut), &asked, &len), ERR_BUSY);
    assert_int_equal(connect_read(slice_of(TEXT, sizeof TEXT - 1), &asked, &len), 0);
    assert_int_equal(len, whole);
    assert_string_equal(asked.host, "192.0.2.12");
    assert_int_equal(asked.port, 2380);
}

static void what_is_no_connect_request_is_refused(void **state)
{
    static const char *const TEXTS[] = {
        "GET / HTTP/1.1\r\n\r\n",           "CONNECT 192.0.2.12 HTTP/1.1\r\n\r\n",
        "CONNECT 192.0.2.12:1\r\n\r\n",     "\r\n\r\n",
        "CONNECT :1 HTTP/1.1\r\n\r\n",      "CONNECT a:1 HTTP/1.1 b\r\n\r\n",
        "CONNECT a:99999 HTTP/1.1\r\n\r\n",
    };
    static char endless[RELAY_CONNECT_MAX];
    struct relay_address asked;
    size_t len;

    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        assert_int_equal(connect_read(slice_str(TEXTS[i]), &asked, &len), ERR_MALFORMED);
    memset(endless, 'a', sizeof endless);
    assert_int_equal(connect_read(slice_of(endless, sizeof endless), &asked, &len), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_proxies_and_routes_are_read),
        cmocka_unit_test(a_wrong_line_is_named_by_its_number),
        cmocka_unit_test(too_many_links_are_refused),
        cmocka_unit_test(a_route_is_found_by_the_address_asked_for),
        cmocka_unit_test(a_connect_request_is_read_when_it_is_whole),
        cmocka_unit_test(what_is_no_connect_request_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
