/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_mediawiki.h - questions to a wiki's API, one after the other.
 *
 * Promise: an answer has status 200 and at most CHANGE_ANSWER_BYTES_MAX bytes; what may pass is tried
 *          again, a few times.
 * Shell:   libcurl, waits.
 * Not here: the daemon's fetching (node/io_fetch.h).
 */
#ifndef BRAID_COORD_CTL_IO_MEDIAWIKI_H
#define BRAID_COORD_CTL_IO_MEDIAWIKI_H

#include "coord/change.h"
#include "coord/ctl/io_session.h"

struct mediawiki;

/* `api` is api.php's address. NULL: said. */
struct mediawiki *mediawiki_open(struct session *s, const char *api);
void mediawiki_close(struct mediawiki *w); /* accepts NULL */

/* Asks the wiki of this host name. The answer is good until the next call. 0 or an exit code, said. */
int mediawiki_ask(struct mediawiki *w, struct slice domain, struct slice query, struct slice *out);

#endif
