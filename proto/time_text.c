/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/time_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/err.h"

/* Days since 1970 to a date: Howard Hinnant's civil_from_days, for years 0 to 9999. */
void time_text(int64_t ms, char out[TIME_TEXT_LEN])
{
    const int64_t MS_MIN = -62167219200000; /* 0000-01-01 */
    const int64_t MS_MAX = 253402300799999; /* 9999-12-31T23:59:59.999 */
    char text[TIME_TEXT_LEN + 1];

    ms = ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
    const uint64_t since = (uint64_t)(ms - MS_MIN); /* since 0000-01-01 */
    const unsigned in_day = (unsigned)(since % 86400000U);
    /* March-based years: day 0 is 0000-03-01, which is day 60 since 0000-01-01 */
    const int64_t day = (int64_t)(since / 86400000U) - 60 + 146097;
    const unsigned era_day = (unsigned)(day % 146097);
    const unsigned era = (unsigned)(day / 146097);
    const unsigned year_of_era =
        (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    const unsigned day_of_year =
        era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    const unsigned year = year_of_era + era * 400 - 400 + (month <= 2 ? 1 : 0);
    const int len = snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000,
                             month, day_of_year - (153 * shifted + 2) / 5 + 1, in_day / 3600000,
                             in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
    assert(len == TIME_TEXT_LEN);
    memcpy(out, text, TIME_TEXT_LEN);
}

/* ---- the reverse ------------------------------------------------------------------------------ */

/* Takes `digits` digits at *at; false if they are not there or out of range. */
static bool take(struct slice text, size_t *at, size_t digits, int64_t max, int64_t *out)
{
    int64_t number = 0;

    if (text.len - *at < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        const uint8_t c = text.ptr[*at + i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *at += digits;
    *out = number;
    return number <= max;
}

static bool take_char(struct slice text, size_t *at, char wanted)
{
    if (*at == text.len || text.ptr[*at] != (uint8_t)wanted)
        return false;
    (*at)++;
    return true;
}

/* Howard Hinnant's days_from_civil, for years 0 to 9999. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t in_era = y - era * 400;
    const int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/* "." and digits, three of which count. */
static bool take_fraction(struct slice text, size_t *at, int64_t *out_ms)
{
    int64_t ms = 0;
    size_t count = 0;

    *out_ms = 0;
    if (!take_char(text, at, '.'))
        return true;
    for (; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; (*at)++, count++)
        ms = count < 3 ? ms * 10 + (text.ptr[*at] - '0') : ms;
    for (size_t i = count; i < 3; i++)
        ms *= 10;
    *out_ms = ms;
    return count > 0;
}

static bool take_zone(struct slice text, size_t *at, int64_t *out_minutes)
{
    int64_t hours = 0;
    int64_t minutes = 0;

    *out_minutes = 0;
    if (take_char(text, at, 'Z'))
        return true;
    const bool is_east = take_char(text, at, '+');
    if (!is_east && !take_char(text, at, '-'))
        return false;
    if (!take(text, at, 2, 23, &hours) || !take_char(text, at, ':') ||
        !take(text, at, 2, 59, &minutes))
        return false;
    *out_minutes = (is_east ? 1 : -1) * (hours * 60 + minutes);
    return true;
}

int time_parse(struct slice text, int64_t *out_ms)
{
    static const int64_t DAYS[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    int64_t clock[3] = {0};
    int64_t ms = 0;
    int64_t zone = 0;
    size_t at = 0;

    const bool is_date = take(text, &at, 4, 9999, &year) && take_char(text, &at, '-') &&
                         take(text, &at, 2, 12, &month) && take_char(text, &at, '-') &&
                         take(text, &at, 2, 31, &day) && month > 0 && day > 0 &&
                         day <= DAYS[month - 1];
    const bool is_time = is_date && take_char(text, &at, 'T') &&
                         take(text, &at, 2, 23, &clock[0]) && take_char(text, &at, ':') &&
                         take(text, &at, 2, 59, &clock[1]) && take_char(text, &at, ':') &&
                         take(text, &at, 2, 60, &clock[2]);
    if (!is_time || !take_fraction(text, &at, &ms) || !take_zone(text, &at, &zone) ||
        at != text.len)
        return ERR_MALFORMED;
    *out_ms = ((days_of(year, month, day) * 24 + clock[0]) * 60 + clock[1] - zone) * 60000 +
              clock[2] * 1000 + ms;
    return 0;
}
