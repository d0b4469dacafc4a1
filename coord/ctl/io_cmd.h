/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd.h - the commands: each does its work and returns an exit code.
 *
 * Promise: results through the session's output, as one view; errors said on standard error.
 * Shell:   all of them.
 */
#ifndef BRAID_COORD_CTL_IO_CMD_H
#define BRAID_COORD_CTL_IO_CMD_H

#include "coord/ctl/io_session.h"

int cmd_accept_incarnation(struct session *s);
int cmd_apply(struct session *s);
int cmd_backfill(struct session *s);
int cmd_reconcile(struct session *s);
int cmd_cuts(struct session *s);
int cmd_declare_lost(struct session *s);
int cmd_delete(struct session *s);
int cmd_depool(struct session *s);
int cmd_doctor(struct session *s);
int cmd_drain(struct session *s);
int cmd_drill(struct session *s);
int cmd_errors(struct session *s);
int cmd_example(struct session *s);
int cmd_explain(struct session *s);
int cmd_get(struct session *s);
int cmd_history(struct session *s);
int cmd_nodes(struct session *s);
int cmd_pause(struct session *s);
int cmd_pool(struct session *s);
int cmd_recover_chain(struct session *s);
int cmd_resume(struct session *s);
int cmd_rollback(struct session *s);
int cmd_status(struct session *s);
int cmd_streamconfig(struct session *s);
int cmd_streams(struct session *s);
int cmd_tap(struct session *s);
int cmd_tasks(struct session *s);
int cmd_test(struct session *s);
int cmd_translate(struct session *s);
int cmd_undrain(struct session *s);
int cmd_verify(struct session *s);

#endif
