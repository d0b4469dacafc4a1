/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/keys.h"

#include "proto/err.h"

#include <inttypes.h>
#include <string.h>

/* A unit's name and how many of the smallest it is; largest first. */
struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit DURATION_TABLE[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit BYTES_TABLE[] = {
    {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024}, {"B", 1}, {"", 1},
};

enum {
    DURATION_UNITS = 5,
    BYTES_UNITS = 5
};

const struct key *keys_find(const struct key_table *table, struct slice path)
{
    for (size_t i = 0; i < table->count; i++) {
        if (slice_equal(slice_str(table->rows[i].path), path))
            return &table->rows[i];
    }
    return NULL;
}

/* ---- scalars ---------------------------------------------------------------------------------- */

/* Leading digits of s as a number; false if there are none or too many. */
static bool take_digits(struct slice *s, int64_t *out)
{
    int64_t value = 0;
    size_t len = 0;

    while (len < s->len && s->ptr[len] >= '0' && s->ptr[len] <= '9') {
        if (len >= 18)
            return false;
        value = value * 10 + (s->ptr[len] - '0');
        len++;
    }
    if (len == 0)
        return false;
    *s = slice_sub(*s, len, s->len);
    *out = value;
    return true;
}

int keys_parse_number(struct slice scalar, int64_t *out)
{
    bool is_negative = scalar.len > 0 && scalar.ptr[0] == '-';
    int64_t value = 0;

    if (is_negative)
        scalar = slice_sub(scalar, 1, scalar.len);
    if (!take_digits(&scalar, &value) || scalar.len != 0)
        return ERR_MALFORMED;
    *out = is_negative ? -value : value;
    return 0;
}

static int parse_units(struct slice scalar, const struct unit *units, size_t count, int64_t *out)
{
    int64_t value = 0;

    if (!take_digits(&scalar, &value))
        return ERR_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(scalar, slice_str(units[i].name)))
            continue;
        if (value > INT64_MAX / units[i].factor)
            return ERR_MALFORMED;
        *out = value * units[i].factor;
        return 0;
    }
    return ERR_MALFORMED;
}

int keys_parse_duration(struct slice scalar, int64_t *out_ms)
{
    return parse_units(scalar, DURATION_TABLE, DURATION_UNITS, out_ms);
}

int keys_parse_bytes(struct slice scalar, int64_t *out_bytes)
{
    return parse_units(scalar, BYTES_TABLE, BYTES_UNITS, out_bytes);
}

static int parse_percent(struct slice scalar, int64_t *out)
{
    if (scalar.len == 0 || scalar.ptr[scalar.len - 1] != '%')
        return ERR_MALFORMED;
    return keys_parse_number(slice_sub(scalar, 0, scalar.len - 1), out);
}

/* ---- times ------------------------------------------------------------------------------------ */

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant's
 * days_from_civil, years 0 to 9999 here). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* `width` digits, then the character `after` unless it is 0. */
static bool take_field(struct slice *s, size_t width, char after, int64_t *out)
{
    struct slice digits = *s;

    if (s->len < width + (after == 0 ? 0 : 1))
        return false;
    digits.len = width;
    if (!take_digits(&digits, out) || digits.len != 0)
        return false;
    if (after != 0 && s->ptr[width] != (uint8_t)after)
        return false;
    *s = slice_sub(*s, width + (after == 0 ? 0 : 1), s->len);
    return true;
}

static bool take_clock(struct slice *s, int64_t *out_ms)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t milli = 0;

    if (!take_field(s, 2, ':', &hour) || !take_field(s, 2, ':', &minute) ||
        !take_field(s, 2, 0, &second) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    if (s->len > 0 && s->ptr[0] == '.') {
        *s = slice_sub(*s, 1, s->len);
        if (!take_field(s, 3, 0, &milli))
            return false;
    }
    if (s->len != 1 || s->ptr[0] != 'Z')
        return false;
    *s = slice_sub(*s, 1, 1);
    *out_ms = ((hour * 60 + minute) * 60 + second) * 1000 + milli;
    return true;
}

int keys_parse_time(struct slice scalar, int64_t *out_ms)
{
    static const int64_t MONTH_DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    int64_t clock_ms = 0;

    if (!take_field(&scalar, 4, '-', &year) || !take_field(&scalar, 2, '-', &month) ||
        !take_field(&scalar, 2, 0, &day) || month < 1 || month > 12 || day < 1 ||
        day > MONTH_DAYS[month - 1]) {
        return ERR_MALFORMED;
    }
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return ERR_MALFORMED;
    if (scalar.len > 0) {
        if (scalar.ptr[0] != 'T')
            return ERR_MALFORMED;
        scalar = slice_sub(scalar, 1, scalar.len);
        if (!take_clock(&scalar, &clock_ms))
            return ERR_MALFORMED;
    }
    *out_ms = days_of(year, month, day) * 86400000 + clock_ms;
    return 0;
}

void keys_print_time(int64_t ms, struct text *out)
{
    int64_t days = ms / 86400000 - (ms % 86400000 < 0 ? 1 : 0);
    int64_t rest = ms - days * 86400000;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t day = doy - (153 * mp + 2) / 5 + 1;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);

    text_addf(out,
              "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64,
              year, month, day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60);
    if (rest % 1000 != 0)
        text_addf(out, ".%03" PRId64, rest % 1000);
    text_adds(out, "Z");
}

/* ---- what a row takes ------------------------------------------------------------------------- */

static void print_units(int64_t value, const struct unit *units, size_t count, struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        if (value % units[i].factor != 0 || (value == 0 && units[i].factor != 1))
            continue;
        text_addf(out, "%" PRId64 "%s", value / units[i].factor, units[i].name);
        return;
    }
}

void keys_print_value(const struct key *row, int64_t value, struct text *out)
{
    switch (row->type) {
    case KEY_DURATION:
        print_units(value, DURATION_TABLE, DURATION_UNITS, out);
        return;
    case KEY_BYTES:
        print_units(value, BYTES_TABLE, BYTES_UNITS, out);
        return;
    case KEY_PERCENT:
        text_addf(out, "%" PRId64 "%%", value);
        return;
    case KEY_BOOL:
        text_adds(out, value != 0 ? "true" : "false");
        return;
    case KEY_TEXT:
    case KEY_NUMBER:
    case KEY_CHOICE:
    case KEY_TEXTS:
    case KEY_NUMBERS:
    case KEY_PAIRS:
        text_addf(out, "%" PRId64, value);
        return;
    }
}

static void expect_range(const char *noun, const struct key *row, struct text *out)
{
    text_adds(out, noun);
    text_adds(out, ", ");
    keys_print_value(row, row->min, out);
    text_adds(out, " to ");
    keys_print_value(row, row->max, out);
}

static void expect_choices(const char *choices, struct text *out)
{
    for (const char *c = choices; *c != '\0'; c++) {
        if (*c == '|') {
            text_adds(out, strchr(c + 1, '|') == NULL ? " or " : ", ");
        } else {
            text_add(out, slice_of(c, 1));
        }
    }
}

static void expect_items(const char *noun, const struct key *row, struct text *out)
{
    text_addf(out, "a list of %s", noun);
    if (row->choices != NULL) {
        text_adds(out, " (");
        expect_choices(row->choices, out);
        text_adds(out, ")");
    }
    text_addf(out, ", %" PRId64 " to %" PRId64 " of them", row->min, row->max);
}

/* A key that the maps of a list may have. */
static void expect_in_item(const struct key *row, struct text *out)
{
    if (row->choices != NULL)
        expect_choices(row->choices, out);
    else
        text_adds(out, "one line of text");
}

void keys_expect(const struct key *row, struct text *out)
{
    switch (row->type) {
    case KEY_TEXT:
        text_addf(out, "one line of text, at most %" PRId64 " bytes", row->max);
        return;
    case KEY_NUMBER:
        expect_range("a whole number", row, out);
        return;
    case KEY_PERCENT:
        expect_range("a share such as 5%", row, out);
        return;
    case KEY_DURATION:
        expect_range("a duration", row, out);
        return;
    case KEY_BYTES:
        expect_range("a size", row, out);
        return;
    case KEY_BOOL:
        text_adds(out, "true or false");
        return;
    case KEY_CHOICE:
        expect_choices(row->choices, out);
        return;
    case KEY_TEXTS:
        if (strstr(row->path, "[].") != NULL && !row->is_required)
            expect_in_item(row, out);
        else
            expect_items("texts", row, out);
        return;
    case KEY_NUMBERS:
        expect_items("whole numbers", row, out);
        return;
    case KEY_PAIRS:
        text_addf(out, "names with a text each, %" PRId64 " to %" PRId64 " of them", row->min,
                  row->max);
        return;
    }
}

/* ---- one scalar into one field ---------------------------------------------------------------- */

/* Index of a word in "a|b|c", or -1. */
static int choice_index(const char *choices, struct slice word)
{
    const char *start = choices;

    for (int index = 0; start != NULL; index++) {
        const char *end = strchr(start, '|');
        size_t len = end == NULL ? strlen(start) : (size_t)(end - start);

        if (slice_equal(word, slice_of(start, len)))
            return index;
        start = end == NULL ? NULL : end + 1;
    }
    return -1;
}

/* Text is one line without control characters. */
static bool text_is_plain(struct slice scalar)
{
    for (size_t i = 0; i < scalar.len; i++) {
        if (scalar.ptr[i] < 0x20 || scalar.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

static int parse_text(const struct key *row, struct slice scalar, struct slice *field)
{
    bool is_item = row->type == KEY_TEXTS || row->type == KEY_PAIRS;
    size_t max = is_item ? 1024 : (size_t)row->max;

    if (scalar.len > max || (!is_item && scalar.len < (size_t)row->min))
        return ERR_CONFIG;
    if (!text_is_plain(scalar) || (row->type == KEY_TEXTS && scalar.len == 0))
        return ERR_CONFIG;
    if (row->choices != NULL && choice_index(row->choices, scalar) < 0)
        return ERR_CONFIG;
    *field = scalar;
    return 0;
}

static int parse_bool(struct slice scalar, bool *field)
{
    bool is_true = slice_equal(scalar, SLICE_LIT("true"));

    if (!is_true && !slice_equal(scalar, SLICE_LIT("false")))
        return ERR_CONFIG;
    *field = is_true;
    return 0;
}

static int parse_choice(const struct key *row, struct slice scalar, int *field)
{
    int index = choice_index(row->choices, scalar);

    if (index < 0)
        return ERR_CONFIG;
    *field = index;
    return 0;
}

static int parse_int(const struct key *row, struct slice scalar, int64_t *field)
{
    int64_t value = 0;
    int rc = ERR_CONFIG;

    if (row->type == KEY_DURATION) {
        rc = keys_parse_duration(scalar, &value);
    } else if (row->type == KEY_BYTES) {
        rc = keys_parse_bytes(scalar, &value);
    } else if (row->type == KEY_PERCENT) {
        rc = parse_percent(scalar, &value);
    } else {
        rc = keys_parse_number(scalar, &value);
    }
    if (rc != 0)
        return ERR_CONFIG;
    if (row->type != KEY_NUMBERS && (value < row->min || value > row->max))
        return ERR_CONFIG;
    *field = value;
    return 0;
}

int keys_parse(const struct key *row, struct slice scalar, void *field, struct text *out_why)
{
    int rc = ERR_CONFIG;

    switch (row->type) {
    case KEY_TEXT:
    case KEY_TEXTS:
    case KEY_PAIRS:
        rc = parse_text(row, scalar, field);
        break;
    case KEY_BOOL:
        rc = parse_bool(scalar, field);
        break;
    case KEY_CHOICE:
        rc = parse_choice(row, scalar, field);
        break;
    case KEY_NUMBER:
    case KEY_PERCENT:
    case KEY_DURATION:
    case KEY_BYTES:
    case KEY_NUMBERS:
        rc = parse_int(row, scalar, field);
        break;
    }
    if (rc != 0 && out_why != NULL)
        keys_expect(row, out_why);
    return rc;
}
