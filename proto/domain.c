/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/domain.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool label_is_valid(struct slice label)
{
    if (label.len == 0 || label.len > DOMAIN_LABEL_MAX)
        return false;
    if (!is_alnum(label.ptr[0]) || !is_alnum(label.ptr[label.len - 1]))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alnum(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    }
    return true;
}

/* An all-digit last label would make an IPv4 address of it. */
static bool label_is_number(struct slice label)
{
    for (size_t i = 0; i < label.len; i++) {
        if (label.ptr[i] < '0' || label.ptr[i] > '9')
            return false;
    }
    return true;
}

bool domain_is_hostname(struct slice name)
{
    size_t from = 0;

    if (name.len == 0 || name.len > DOMAIN_LEN_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '.')
            continue;
        if (!label_is_valid(slice_sub(name, from, i)))
            return false;
        from = i + 1;
    }
    const struct slice last = slice_sub(name, from, name.len);
    return label_is_valid(last) && !label_is_number(last);
}

static bool equal_fold(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

static bool pattern_matches(struct slice pattern, struct slice name)
{
    if (!slice_starts_with(pattern, SLICE_LIT("*.")))
        return equal_fold(pattern, name);
    const struct slice tail = slice_sub(pattern, 1, pattern.len); /* ".wikipedia.org" */
    if (name.len <= tail.len)
        return false;
    return equal_fold(slice_sub(name, name.len - tail.len, name.len), tail);
}

bool domain_is_allowed(const struct domain_list *list, struct slice name)
{
    if (!domain_is_hostname(name))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (pattern_matches(list->patterns[i], name))
            return true;
    }
    return false;
}

bool domain_pattern_is_valid(struct slice pattern)
{
    if (slice_starts_with(pattern, SLICE_LIT("*.")))
        pattern = slice_sub(pattern, 2, pattern.len);
    return domain_is_hostname(pattern);
}
