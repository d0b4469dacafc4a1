/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/random_json.h"

#include <assert.h>
#include <stdio.h>

uint32_t random_json_below(struct random_json *r, uint32_t n)
{
    r->seed = r->seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((r->seed >> 33) % n);
}

void random_json_put(struct random_json *r, const char *text)
{
    const size_t len = strlen(text);

    assert(r->len + len <= sizeof r->text);
    memcpy(r->text + r->len, text, len);
    r->len += len;
}

void random_json_space(struct random_json *r)
{
    static const char *const SPACES[] = {"", "", "", " ", "\n", "\t  ", "\r\n"};

    random_json_put(r, SPACES[random_json_below(r, 7)]);
}

void random_json_string(struct random_json *r)
{
    static const char *const PIECES[] = {
        "a",
        "content_body",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "\\u0041",
        "\xc3\xa4",
        "\\ud83d\\ude00",
        "\xf0\x9f\x98\x80",
        "}",
        "{",
        "]",
        "[",
        ",",
        ":",
        "\\u0000",
        "\\b\\f\\r\\t",
        "\\\\\\\"",
        " ",
        "\\\\",
    };
    const uint32_t count = random_json_below(r, 6);

    random_json_put(r, "\"");
    for (uint32_t i = 0; i < count; i++)
        random_json_put(r, PIECES[random_json_below(r, sizeof PIECES / sizeof PIECES[0])]);
    random_json_put(r, "\"");
}

static void put_array(struct random_json *r, unsigned depth)
{
    const uint32_t count = random_json_below(r, 4);

    random_json_put(r, "[");
    random_json_space(r);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            random_json_put(r, ",");
        random_json_space(r);
        random_json_value(r, depth);
        random_json_space(r);
    }
    random_json_put(r, "]");
}

void random_json_value(struct random_json *r, unsigned depth)
{
    static const char *const SCALARS[] = {"true",
                                          "false",
                                          "null",
                                          "0",
                                          "-1",
                                          "1e5",
                                          "0.25",
                                          "12",
                                          "-0.1E-07",
                                          "9007199254740993",
                                          "99999999999999999999999999999"};
    const uint32_t kind = random_json_below(r, depth == 0 || r->len > RANDOM_JSON_MAX / 3 ? 2 : 4);

    if (kind == 0)
        random_json_put(r, SCALARS[random_json_below(r, sizeof SCALARS / sizeof SCALARS[0])]);
    else if (kind == 1)
        random_json_string(r);
    else if (kind == 2)
        put_array(r, depth - 1);
    else
        random_json_object(r, depth - 1);
}

void random_json_object(struct random_json *r, unsigned depth)
{
    const uint32_t count = random_json_below(r, 5);
    char key[16];

    random_json_put(r, "{");
    random_json_space(r);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            random_json_put(r, ",");
        random_json_space(r);
        (void)snprintf(key, sizeof key, random_json_below(r, 4) == 0 ? "\"\\u006b%u\"" : "\"k%u\"",
                       i);
        random_json_put(r, key);
        random_json_space(r);
        random_json_put(r, ":");
        random_json_space(r);
        random_json_value(r, depth);
        random_json_space(r);
    }
    random_json_put(r, "}");
}
