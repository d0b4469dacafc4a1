/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - every way to fail, and what to do about it.
 *
 * Promise: a function that can fail returns 0 or one negative code of this list. Callers branch
 *          on the class, operators read the code.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_ERR_H
#define BRAID_PROTO_ERR_H

/* What the caller does next. */
enum err_class {
    ERR_CLASS_NONE,   /* not an error */
    ERR_CLASS_REJECT, /* this input is unusable; say so and go on with the next */
    ERR_CLASS_RETRY,  /* may work later, unchanged */
    ERR_CLASS_ABORT,  /* end this run of the task and start again from what the log holds */
    ERR_CLASS_FATAL,  /* stop until an operator acts */
};

/* X(code, number, class, sentence) */
#define ERR_MAP(X)                                                                                 \
    X(ERR_MALFORMED, -1, REJECT, "input does not follow its format")                               \
    X(ERR_TOO_LARGE, -2, REJECT, "input is larger than its limit")                                 \
    X(ERR_UNSUPPORTED, -3, REJECT, "input asks for something this version does not know")          \
    X(ERR_NOT_FOUND, -4, REJECT, "no such thing")                                                  \
    X(ERR_EXISTS, -5, REJECT, "it is there already")                                               \
    X(ERR_CONFIG, -6, FATAL, "configuration is wrong")                                             \
    X(ERR_TIMEOUT, -10, RETRY, "no answer in time")                                                \
    X(ERR_UNAVAILABLE, -11, RETRY, "peer cannot be reached")                                       \
    X(ERR_BUSY, -12, RETRY, "a queue or limit is full")                                            \
    X(ERR_REFUSED, -13, REJECT, "peer refused the request")                                        \
    X(ERR_UNKNOWN, -14, RETRY, "outcome unknown: the request may or may not have taken effect")    \
    X(ERR_COMPACTED, -15, RETRY, "history asked for is gone; read the present state again")        \
    X(ERR_CONFLICT, -16, RETRY, "state moved under the request")                                   \
    X(ERR_NO_MEMORY, -20, ABORT, "out of memory")                                                  \
    X(ERR_DELIVERY, -21, ABORT, "a record could not be delivered")                                 \
    X(ERR_TXN, -22, ABORT, "transaction did not commit cleanly")                                   \
    X(ERR_FENCED, -23, ABORT, "another owner has taken over")                                      \
    X(ERR_HOLE, -24, ABORT, "a record is missing in the log")                                      \
    X(ERR_DATA_LOSS, -30, FATAL, "a log holds less than was reported from it")                     \
    X(ERR_DIVERGED, -31, FATAL, "copies that must be equal differ")                                \
    X(ERR_IO, -32, ABORT, "the operating system reported an error")                                \
    X(ERR_RESTORED, -33, FATAL, "etcd is older than what was made in it")

enum err {
#define X(code, number, class, sentence) code = (number),
    ERR_MAP(X)
#undef X
};

/* The class of a code; ERR_CLASS_NONE for 0, ERR_CLASS_FATAL for a number not in the list. */
enum err_class err_class(int code);

/* The code's name ("ERR_TIMEOUT"), "OK" for 0. Static storage. */
const char *err_name(int code);

/* The code's sentence, for people. Static storage. */
const char *err_text(int code);

#endif
