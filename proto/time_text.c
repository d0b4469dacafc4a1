/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/time_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
