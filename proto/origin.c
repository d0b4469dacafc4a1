/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/origin.h"

#include "proto/err.h"

#include <assert.h>

#define ORIGIN_PARTS      6
#define NUMBER_DIGITS_MAX 18 /* below 2^63 whatever the digits */

enum origin_part {
    PART_DC,
    PART_TOPIC,
    PART_INCARNATION,
    PART_PARTITION,
    PART_PREV,
    PART_OFFSET
};

/* Letters, digits, '-', '_' and '.': a table, as every record's origin is looked at. */
static const bool NAME_BYTES[256] = {
    ['-'] = true, ['.'] = true, ['_'] = true, ['0'] = true, ['1'] = true, ['2'] = true,
    ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true,
    ['9'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,
    ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,
    ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true,
    ['d'] = true, ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true,
    ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true,
    ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true,
};

static bool is_name(struct slice s, size_t len_max)
{
    if (s.len == 0 || s.len > len_max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!NAME_BYTES[s.ptr[i]])
            return false;
    }
    return true;
}

int number_parse(struct slice text, bool allow_minus_one, int64_t *out)
{
    if (allow_minus_one && slice_equal(text, SLICE_LIT("-1"))) {
        *out = -1;
        return 0;
    }
    if (text.len == 0 || text.len > NUMBER_DIGITS_MAX)
        return ERR_MALFORMED;
    if (text.len > 1 && text.ptr[0] == '0')
        return ERR_MALFORMED;
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return ERR_MALFORMED;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return 0;
}

/* Cuts `text` at its slashes; false unless there are exactly ORIGIN_PARTS parts. */
static bool split(struct slice text, struct slice parts[ORIGIN_PARTS])
{
    size_t count = 0;
    size_t from = 0;

    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != '/')
            continue;
        if (count == ORIGIN_PARTS)
            return false;
        parts[count] = slice_sub(text, from, i);
        count++;
        from = i + 1;
    }
    return count == ORIGIN_PARTS;
}

static int parse_u32(struct slice text, uint32_t max, uint32_t *out)
{
    int64_t value;
    int rc = number_parse(text, false, &value);

    if (rc != 0)
        return rc;
    if (value > max)
        return ERR_MALFORMED;
    *out = (uint32_t)value;
    return 0;
}

int origin_parse(struct slice text, struct origin *out)
{
    struct slice parts[ORIGIN_PARTS];
    struct origin o = {0};

    if (text.len > ORIGIN_TEXT_MAX || text.len == 0 || !split(text, parts))
        return ERR_MALFORMED;
    if (!is_name(parts[PART_DC], DC_NAME_MAX) || !is_name(parts[PART_TOPIC], TOPIC_NAME_MAX))
        return ERR_MALFORMED;
    o.from.dc = parts[PART_DC];
    o.from.topic = parts[PART_TOPIC];
    if (parse_u32(parts[PART_INCARNATION], UINT32_MAX, &o.from.incarnation) != 0 ||
        parse_u32(parts[PART_PARTITION], INT32_MAX, &o.from.partition) != 0 ||
        number_parse(parts[PART_PREV], true, &o.prev) != 0 ||
        number_parse(parts[PART_OFFSET], false, &o.offset) != 0)
        return ERR_MALFORMED;
    if (o.prev >= o.offset)
        return ERR_MALFORMED;
    *out = o;
    return 0;
}

static size_t put_bytes(char *buf, size_t at, struct slice s)
{
    memcpy(buf + at, s.ptr, s.len);
    return at + s.len;
}

size_t number_format(int64_t value, char *buf)
{
    char digits[NUMBER_TEXT_MAX];
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--first] = '-';
    memcpy(buf, digits + first, sizeof digits - first);
    return sizeof digits - first;
}

static size_t put_number(char *buf, size_t at, int64_t value)
{
    return at + number_format(value, buf + at);
}

size_t origin_format(const struct origin *o, char *buf)
{
    assert(o->from.dc.len <= DC_NAME_MAX);
    assert(o->from.topic.len <= TOPIC_NAME_MAX);
    assert(o->prev < o->offset);

    size_t at = put_bytes(buf, 0, o->from.dc);
    buf[at++] = '/';
    at = put_bytes(buf, at, o->from.topic);
    buf[at++] = '/';
    at = put_number(buf, at, o->from.incarnation);
    buf[at++] = '/';
    at = put_number(buf, at, o->from.partition);
    buf[at++] = '/';
    at = put_number(buf, at, o->prev);
    buf[at++] = '/';
    at = put_number(buf, at, o->offset);
    assert(at <= ORIGIN_TEXT_MAX);
    return at;
}

bool origin_partition_equal(const struct origin_partition *a, const struct origin_partition *b)
{
    return a->partition == b->partition && a->incarnation == b->incarnation &&
           slice_equal(a->dc, b->dc) && slice_equal(a->topic, b->topic);
}

int origin_partition_compare(const struct origin_partition *a, const struct origin_partition *b)
{
    int order = slice_compare(a->dc, b->dc);

    if (order == 0)
        order = slice_compare(a->topic, b->topic);
    if (order == 0)
        order = (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
    if (order == 0)
        order = (a->partition > b->partition) - (a->partition < b->partition);
    return order;
}
