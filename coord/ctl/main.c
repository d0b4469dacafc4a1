/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - braidctl: reads the command line and runs one command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coord/ctl/command.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_session.h"

/* In the order of enum command_id. */
static int (*const COMMANDS_RUN[COMMAND_COUNT])(struct session *s) = {
    [COMMAND_ACCEPT_INCARNATION] = cmd_accept_incarnation,
    [COMMAND_APPLY] = cmd_apply,
    [COMMAND_BACKFILL] = cmd_backfill,
    [COMMAND_RECONCILE] = cmd_reconcile,
    [COMMAND_CUTS] = cmd_cuts,
    [COMMAND_DECLARE_LOST] = cmd_declare_lost,
    [COMMAND_DELETE] = cmd_delete,
    [COMMAND_DEPOOL] = cmd_depool,
    [COMMAND_DOCTOR] = cmd_doctor,
    [COMMAND_DRAIN] = cmd_drain,
    [COMMAND_DRILL] = cmd_drill,
    [COMMAND_ERRORS] = cmd_errors,
    [COMMAND_EXAMPLE] = cmd_example,
    [COMMAND_EXPLAIN] = cmd_explain,
    [COMMAND_GET] = cmd_get,
    [COMMAND_HISTORY] = cmd_history,
    [COMMAND_NODES] = cmd_nodes,
    [COMMAND_PAUSE] = cmd_pause,
    [COMMAND_POOL] = cmd_pool,
    [COMMAND_RECOVER_CHAIN] = cmd_recover_chain,
    [COMMAND_RESUME] = cmd_resume,
    [COMMAND_ROLLBACK] = cmd_rollback,
    [COMMAND_STATUS] = cmd_status,
    [COMMAND_STREAMCONFIG] = cmd_streamconfig,
    [COMMAND_STREAMS] = cmd_streams,
    [COMMAND_TAP] = cmd_tap,
    [COMMAND_TASKS] = cmd_tasks,
    [COMMAND_TEST] = cmd_test,
    [COMMAND_TRANSLATE] = cmd_translate,
    [COMMAND_UNDRAIN] = cmd_undrain,
    [COMMAND_VERIFY] = cmd_verify,
};

static int print_help(struct session *s)
{
    struct text help = text_in(&s->arena);

    if (s->args.has_command) {
        command_print_help_one(s->args.command, &help);
    } else {
        command_print_help(&help);
    }
    output_raw(&s->output, text_slice(&help));
    return EXIT_DONE;
}

static int run(struct session *s)
{
    int rc = 0;

    if (session_given(s, OPTION_VERSION)) {
        output_raw(&s->output, SLICE_LIT("braidctl " BRAID_VERSION "\n"));
        return EXIT_DONE;
    }
    if (session_given(s, OPTION_HELP))
        return print_help(s);
    rc = session_configure(s);
    return rc != 0 ? rc : COMMANDS_RUN[s->args.command](s);
}

int main(int argc, char *argv[])
{
    struct session *s = calloc(1, sizeof(*s)); /* large: not on the stack */
    struct text why;
    int rc = EXIT_USAGE;

    if (s == NULL)
        return EXIT_REFUSED;
    arena_init(&s->arena, 1 << 16, SESSION_ARENA_BYTES_MAX);
    s->output = (struct output){.out = stdout, .err = stderr};
    why = text_in(&s->arena);
    if (args_parse(argc, argv, &s->args, &why) != 0) {
        output_error(&s->output, "%s", text_string(&why));
    } else {
        rc = run(s);
    }
    if (!output_finish(&s->output) && rc == EXIT_DONE) {
        output_error(&s->output, "the result could not be written whole");
        rc = EXIT_REFUSED;
    }
    session_close(s);
    free(s);
    return rc;
}
