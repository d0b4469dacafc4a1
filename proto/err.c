/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/err.h"

#include <stddef.h>

struct err_row {
    int code;
    enum err_class class;
    const char *name;
    const char *text;
};

static const struct err_row ROWS[] = {{0, ERR_CLASS_NONE, "OK", "done"},
#define X(code, number, class, sentence) {(number), ERR_CLASS_##class, #code, (sentence)},
                                      ERR_MAP(X)
#undef X
};

static const struct err_row UNLISTED = {0, ERR_CLASS_FATAL, "ERR_UNLISTED", "unlisted error code"};

static const struct err_row *err_row(int code)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (ROWS[i].code == code)
            return &ROWS[i];
    }
    return &UNLISTED;
}

enum err_class err_class(int code)
{
    return err_row(code)->class;
}

const char *err_name(int code)
{
    return err_row(code)->name;
}

const char *err_text(int code)
{
    return err_row(code)->text;
}
