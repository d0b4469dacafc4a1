/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/command.h"

#include <assert.h>
#include <string.h>

#include "coord/suggest.h"
#include "proto/err.h"

#define BIT(id) ((uint64_t)1 << OPTION_##id)

static_assert(OPTION_COUNT <= 64, "options of a command are bits of one word");

static const struct option_row OPTIONS[OPTION_COUNT] = {
#define X(id, name, letter, argument, sentence) {name, letter, argument, sentence},
    OPTION_MAP(X)
#undef X
};

static const uint64_t GLOBAL_OPTIONS =
    BIT(ETCD) | BIT(CLUSTER) | BIT(OUTPUT) | BIT(CONFIG) | BIT(QUIET) | BIT(HELP) | BIT(VERSION);
static const uint64_t CHANGE_OPTIONS =
    BIT(PLAN) | BIT(IF_REVISION) | BIT(YES) | BIT(MESSAGE) | BIT(TASK);

/* In the order of enum command_id, which is that of the alphabet. */
static const struct command COMMANDS[COMMAND_COUNT] = {
    {"accept-incarnation", "STREAM DC", 2, 2, 0, true,
     "let a DC's strands of a stream start anew behind what is cut",
     "For a DC whose own enriched topic of the stream was truncated by an unclean election, or was "
     "recreated: what it lost is gone, and what is left of it may differ from what others hold, so "
     "its strands stop. The next cut gives them a new incarnation, each from the position that it "
     "is "
     "cut at. What the old one had above that is void in every DC, and is enriched again. Nothing "
     "that was emitted changes, and nothing is lost by it. The plan lists the strands.",
     "braidctl accept-incarnation mediawiki.page_content_change.v1 codfw --plan"},
    {"apply", "", 0, 0, BIT(FILE) | BIT(REPLICATION), true,
     "create a stream, or change one, from its YAML file",
     "The file is checked whole: every error is shown with its line. For a new stream the topics "
     "that are missing are created in every DC, those that are there are checked, the start is "
     "resolved into positions, and the first spec and cut 0 are written at once. For a stream that "
     "is there the difference is shown; the new version is followed from a later cut on. The plan "
     "says what the stream costs, from what its sources carried lately, and which topics a mirror "
     "must leave out.",
     "braidctl apply -f page_content_change.yaml --plan"},
    {"backfill", "STREAM", 1, 1,
     BIT(SINCE) | BIT(UNTIL) | BIT(WIKI) | BIT(ALL_PAGES) | BIT(DC) | BIT(RATE), true,
     "write the events of changes that a stream lacks",
     "Asks each wiki that the stream has events of for its recent changes and its logs of moves "
     "and deletions since --since, and makes the events of those that are neither in the stream "
     "nor in the error topic. They go to "
     "<dc>.braid.backfill.<source>, one more source of the stream, and come behind what is there. "
     "Every run finds out anew what is missing, so that one that broke off is simply run again. "
     "A deletion's event names the last revision that the stream has of the page; deletions of "
     "pages that are back, and undeletions of pages that are gone, are counted only.",
     "braidctl backfill mediawiki.page_content_change.v1 --since 2h --plan"},
    {"cuts", "STREAM", 1, 1, BIT(RECORDS), false, "the newest cuts of a stream, and their strands",
     "A cut leaves etcd once every member has logged it; older ones are in the DCs' logs of cuts.",
     "braidctl cuts mediawiki.page_content_change.v1 -n 5"},
    {"declare-lost", "DC", 1, 1, 0, true,
     "say that a DC is lost for ever, and let its streams go on without it",
     "For a DC that was the only member of a stream and is gone with what it alone had emitted: "
     "the "
     "others wait, for what they emit instead will not be the same. The stream goes on in a new "
     "era, from the copy of the DC that has emitted most; records that only the lost DC had are "
     "emitted again, with other numbers, if it ever comes back with its sources. Then its global "
     "topic must be made anew and is copied, and the DC pooled. The plan lists, for each stream, "
     "the copy, the first number that differs, and how many are lost. Refuses while the DC may "
     "live, and if nothing that it alone had is missing anywhere.",
     "braidctl declare-lost codfw --plan"},
    {"delete", "STREAM", 1, 1, BIT(PURGE), true, "end a stream",
     "Its tasks stop and its spec goes. Its topics, its cuts and its place stay, so that readers "
     "finish; --purge takes those as well, in every DC, and cannot be taken back.",
     "braidctl delete test.v1 --purge --yes -m 'test is over'"},
    {"depool", "DC", 1, 1, BIT(WAIT) | BIT(FOR), true,
     "let a DC be no member until it is pooled again",
     "Its events go on being ordered as soon as the members hold them. Refused if no member that "
     "is "
     "heard of, or fewer than min_members, would be left. With --wait it ends when the DC is no "
     "member of any stream and all that it held is emitted by all that are left; exit 3 if that "
     "takes longer than --for.",
     "braidctl depool codfw --wait --yes -m 'rack move'"},
    {"doctor", "", 0, 0, 0, false, "ask every server whether it is as Braid needs it",
     "Names, TCP and TLS of every server, etcd's members, certificates, nodes, clocks, versions, "
     "each DC's API, and the topics of each stream with their settings, foreign records, and what "
     "these credentials may do with them. Each finding has its fix. Looks from this machine: run "
     "on a node's machine, with the node's credentials in braidctl.yaml, it sees what the node "
     "sees. Of every node its /readyz is asked. Exit 1 if anything is bad, 3 if something is a "
     "warning.",
     "braidctl doctor"},
    {"drain", "NODE", 1, 1, BIT(WAIT) | BIT(FOR), true,
     "move a node's tasks to the other nodes of its DC",
     "NODE is <dc>/<name> as braidctl nodes prints it. Refused if its DC has no other node to take "
     "them. With --wait it ends when the node has none.",
     "braidctl drain eqiad/n1 --wait --yes -m reboot"},
    {"drill", "", 0, 0,
     BIT(DRILL_DC) | BIT(MODE) | BIT(FOR) | BIT(STREAM) | BIT(BEGIN) | BIT(END) | BIT(GAP_MAX) |
         BIT(HTML),
     true, "rehearse the loss of a DC and report what readers saw",
     "Refused unless status is fine and says that the DC could be lost. Reads every copy of the "
     "stream while the failure lasts (--for, 60s if it says nothing) and until all is fine again; "
     "then audits what was read. Mode kill: the DC's nodes end as if they were killed, stay down "
     "and come back by themselves. Mode partition: nobody copies from the DC or to it; etcd is not "
     "cut. Mode drain: the DC is depooled, then pooled. With --begin and --end any other harm, for "
     "test clusters. Exit 0 only if nothing was lost, duplicated or reordered, all "
     "became fine again, and no gap was longer than --gap-max.",
     "braidctl drill --dc codfw --mode kill --for 30s --html drill.html --yes -m T123"},
    {"errors", "list|show|retry|drop STREAM [EVENT]", 2, 3,
     BIT(ALL) | BIT(SINCE) | BIT(RECORDS) | BIT(BODY), true,
     "the events of a stream that failed, and what becomes of them",
     "An event that could not be enriched stands in the error topic of each DC that tried. list "
     "shows those that the global stream lacks, or has as failed; with --all also those that "
     "failed in one DC only, whose retry was emitted, or that were dropped. show says all about "
     "one, and why. retry writes it once more, as a new source record that comes after later "
     "edits; drop takes it off the list. EVENT is a meta.id, or a position as list prints it; "
     "without it retry and drop take all that failed, at most -n of them. "
     "--since leaves out what is older, and shortens the search.",
     "braidctl errors retry test.v1 --since 1h --yes -m 'the API is back'"},
    {"example", "", 0, 0, 0, false, "print a stream's YAML file with every key explained", NULL,
     "braidctl example > stream.yaml"},
    {"explain", "STREAM [SEQ]", 1, 2, BIT(ID) | BIT(REV) | BIT(DC), false,
     "why a record of the global stream is what and where it is",
     "Shows its source record, the fetches, every DC's enrichment of it, and the cut that ordered "
     "it.",
     "braidctl explain mediawiki.page_content_change.v1 --rev testwiki:1042"},
    {"get", "STREAM", 1, 1, 0, false, "a stream's spec; with -o yaml as it was applied", NULL,
     "braidctl get mediawiki.page_content_change.v1 -o yaml"},
    {"history", "", 0, 0, BIT(RECORDS), false, "who did what, when, why and with what result", NULL,
     "braidctl history -n 20"},
    {"nodes", "", 0, 0, 0, false, "the live nodes of every DC", NULL, "braidctl nodes"},
    {"pause", "STREAM", 1, 1, BIT(FOR) | BIT(PARTITION), true, "stop the global stream for a time",
     "Enrichment goes on; what is held waits. With --partition only that partition of the sources "
     "stops: it is not enriched, and the rest of the stream goes on without it. A pause ends by "
     "itself, after 30m if --for says nothing.",
     "braidctl pause test.v1 --for 30m --yes -m T123"},
    {"pool", "DC", 1, 1, BIT(WAIT) | BIT(FOR), true, "let a DC be a member again",
     "It becomes one once it has been caught up for member_rejoin. With --wait it ends when the DC "
     "is a member of every stream that has it; exit 3 if that takes longer than --for.",
     "braidctl pool codfw --wait --yes -m done"},
    {"reconcile", "STREAM", 1, 1, BIT(SINCE) | BIT(UNTIL) | BIT(WIKI) | BIT(DC) | BIT(RATE), true,
     "compare a stream with all that MediaWiki has, and write what is missing",
     "As backfill --all-pages, since the stream was applied unless --since says otherwise.",
     "braidctl reconcile mediawiki.page_content_change.v1 --plan"},
    {"recover-chain", "[STREAM]", 0, 1, 0, true,
     "bring a stream's chain of cuts forward after etcd was restored from a backup",
     "The merges have seen that etcd is older than what was made in it, have stopped and paused "
     "the "
     "chain. The newest cut that any DC has logged becomes the head again, exactly as it was; what "
     "was emitted stays, and nothing is lost, doubled or different. Reports of the time of the "
     "backup are forgotten, and every DC becomes a member anew. Refuses while a merge may still "
     "run, "
     "while a DC's Kafka cannot be read, if the logs of cuts differ, and if the spec that the cut "
     "names is gone: apply it again first. Without STREAM: each stream whose chain is paused.",
     "braidctl recover-chain mediawiki.page_content_change.v1 --plan"},
    {"resume", "STREAM", 1, 1, BIT(PARTITION), true, "end a pause before its time", NULL,
     "braidctl resume test.v1 --yes -m ok"},
    {"rollback", "STREAM VERSION", 2, 2, 0, true,
     "apply an earlier version of a stream's spec again",
     "It becomes a new version; the difference is shown as apply shows it.",
     "braidctl rollback test.v1 3 --plan"},
    {"status", "", 0, 0, BIT(WATCH), false,
     "is it fine, and could each DC be lost now; then all the parts", "Exits 3 if it is not fine.",
     "braidctl status --watch"},
    {"streamconfig", "STREAM", 1, 1, 0, false, "the stream's entry for the stream catalogue",
     "With -o json the entry is as EventStreamConfig has it, under \"streams\". Also prints the "
     "pattern of topics that a mirror must leave out.",
     "braidctl streamconfig mediawiki.page_content_change.v1 -o json"},
    {"streams", "", 0, 0, 0, false, "the streams, how far they are and who is a member", NULL,
     "braidctl streams -o json"},
    {"tap", "STREAM", 1, 1,
     BIT(STAGE) | BIT(RECORDS) | BIT(FOLLOW) | BIT(FROM_SEQ) | BIT(JSON) | BIT(FORMAT) | BIT(BODY) |
         BIT(DC),
     false, "show the records of a stream as they come",
     "Starts at the end unless --from-seq says where, and goes on until interrupted. With -n it "
     "shows the last so many records of each partition, or from --from-seq on, and ends there; "
     "with -n and --follow the next so many. Values are cut to --body bytes. Reads as a group of "
     "nobody: it cannot disturb readers.",
     "braidctl tap mediawiki.page_content_change.v1 -n 10 --from-seq 0"},
    {"tasks", "", 0, 0, 0, false, "which node does what", NULL, "braidctl tasks"},
    {"test", "FILE", 1, 1, 0, false, "run a file of cases for a stream's spec, without any server",
     "Each case has an event, the wiki's answers and what must come of it: docs/spec-tests.md. "
     "Exits "
     "1 if one fails.",
     "braidctl test deploy/streams/tests/page_links.yaml"},
    {"translate", "", 0, 0,
     BIT(GROUP) | BIT(STREAM) | BIT(FROM) | BIT(TO) | BIT(SEQ) | BIT(OFFSET) | BIT(EXECUTE), true,
     "where the readers of one DC's copy go on in another's",
     "A reader that stops, is translated and starts again in the other DC sees every sequence "
     "number "
     "once. Refused while the group has members, and where the new copy does not have the place "
     "yet or any more. --seq says which number comes next where the old DC cannot answer. Without "
     "--group it prints the offset for --seq or --offset. Nothing is committed without --execute.",
     "braidctl translate --group g --stream test.v1 --from eqiad --to codfw --execute --yes -m "
     "move"},
    {"undrain", "NODE", 1, 1, 0, true, "let a node take tasks again", NULL,
     "braidctl undrain eqiad/n1 --yes -m back"},
    {"verify", "STREAM", 1, 1,
     BIT(FROM_SEQ) | BIT(SINCE) | BIT(MIN_OK) | BIT(CONTENT) | BIT(UNCOMMITTED) | BIT(WAIT_S),
     false, "audit a stream: every copy, against each other and against the sources",
     "Reads every DC's copy of the global stream and every source topic. Checks that sequence "
     "numbers are dense, the chain of hashes holds when computed anew, each origin partition keeps "
     "its order, cut numbers never go back, all copies are equal byte for byte, and every visible "
     "source record is there exactly once, in each copy, or accounted for. Also counts the records "
     "that show a "
     "page's revision after a later one (revisions_back), which is no fault. Exits 1 with a list "
     "if not, or if "
     "nothing was compared; 3 if too few of the records are ok, if a DC is behind or if sources "
     "had expired.",
     "braidctl verify mediawiki.page_content_change.v1 --content 100"},
};

const struct command *command_at(enum command_id id)
{
    assert(id < COMMAND_COUNT);
    return &COMMANDS[id];
}

const struct option_row *option_at(enum option_id id)
{
    assert(id < OPTION_COUNT);
    return &OPTIONS[id];
}

bool command_takes(const struct command *c, enum option_id id)
{
    uint64_t taken = c->options | (c->changes ? CHANGE_OPTIONS : 0);

    return ((taken >> id) & 1) != 0;
}

static bool is_global(unsigned id)
{
    return ((GLOBAL_OPTIONS >> id) & 1) != 0;
}

/* ---- reading a command line ------------------------------------------------------------------- */

struct reading {
    int argc;
    char *const *argv;
    int at;
    struct args *args;
    struct text *why;
    bool only_operands; /* after "--" */
};

/* True if the option may stand here: the command's own first, then those that all have. */
static bool may_stand(const struct reading *r, unsigned id, bool is_own)
{
    if (!is_own)
        return is_global(id);
    return r->args->has_command && command_takes(&COMMANDS[r->args->command], (enum option_id)id);
}

static int find_long(const struct reading *r, struct slice name)
{
    for (int own = 1; own >= 0; own--) {
        for (unsigned id = 0; id < OPTION_COUNT; id++) {
            if (may_stand(r, id, own == 1) && slice_equal(slice_str(OPTIONS[id].name), name))
                return (int)id;
        }
    }
    return -1;
}

static int find_letter(const struct reading *r, char letter)
{
    for (int own = 1; own >= 0; own--) {
        for (unsigned id = 0; id < OPTION_COUNT; id++) {
            if (may_stand(r, id, own == 1) && OPTIONS[id].letter == letter)
                return (int)id;
        }
    }
    return -1;
}

static int unknown_option(struct reading *r, struct slice name)
{
    struct suggest s = suggest_for(name);

    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (may_stand(r, id, true) || may_stand(r, id, false))
            suggest_closer(&s, slice_str(OPTIONS[id].name));
    }
    text_addf(r->why, "no such option%s%s: --%.*s", r->args->has_command ? " of " : "",
              r->args->has_command ? COMMANDS[r->args->command].name : "", SLICE_ARG(name));
    if (s.best.ptr != NULL) {
        text_addf(r->why, "; did you mean --%.*s?", SLICE_ARG(s.best));
    }
    return ERR_CONFIG;
}

/* Takes the option's argument: what follows in the word, else the next word. */
static int take_option(struct reading *r, int id, const char *attached)
{
    const struct option_row *row = &OPTIONS[id];

    if (row->argument == NULL && attached != NULL) {
        text_addf(r->why, "--%s takes no argument", row->name);
        return ERR_CONFIG;
    }
    if (row->argument != NULL && attached == NULL) {
        if (r->at + 1 >= r->argc) {
            text_addf(r->why, "--%s needs %s: %s", row->name, row->argument, row->sentence);
            return ERR_CONFIG;
        }
        r->at++;
        attached = r->argv[r->at];
    }
    r->args->given[id] = true;
    r->args->values[id] = attached;
    return 0;
}

static int read_long(struct reading *r, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);
    int id = find_long(r, slice_of(word, len));

    if (id < 0)
        return unknown_option(r, slice_of(word, len));
    return take_option(r, id, equals == NULL ? NULL : equals + 1);
}

/* "-qn5": letters without argument, then at most one with. */
static int read_letters(struct reading *r, const char *letters)
{
    for (const char *c = letters; *c != '\0'; c++) {
        int id = find_letter(r, *c);

        if (id < 0) {
            text_addf(r->why, "no such option%s%s: -%c", r->args->has_command ? " of " : "",
                      r->args->has_command ? COMMANDS[r->args->command].name : "", *c);
            return ERR_CONFIG;
        }
        if (OPTIONS[id].argument != NULL)
            return take_option(r, id, c[1] == '\0' ? NULL : c + 1);
        (void)take_option(r, id, NULL); /* cannot fail: it takes no argument */
    }
    return 0;
}

static int read_command(struct reading *r, const char *word)
{
    struct suggest s = suggest_for(slice_str(word));

    for (unsigned id = 0; id < COMMAND_COUNT; id++) {
        if (strcmp(COMMANDS[id].name, word) == 0) {
            r->args->command = (enum command_id)id;
            r->args->has_command = true;
            return 0;
        }
        suggest_closer(&s, slice_str(COMMANDS[id].name));
    }
    text_addf(r->why, "no such command: %s", word);
    if (s.best.ptr != NULL) {
        text_addf(r->why, "; did you mean '%.*s'?", SLICE_ARG(s.best));
    } else {
        text_adds(r->why, "; braidctl --help lists them");
    }
    return ERR_CONFIG;
}

static int read_word(struct reading *r, const char *word)
{
    if (!r->only_operands && strcmp(word, "--") == 0) {
        r->only_operands = true;
        return 0;
    }
    if (!r->only_operands && word[0] == '-' && word[1] == '-')
        return read_long(r, word + 2);
    if (!r->only_operands && word[0] == '-' && word[1] != '\0')
        return read_letters(r, word + 1);
    if (!r->args->has_command)
        return read_command(r, word);
    if (r->args->operand_count == OPERANDS_MAX) {
        text_addf(r->why, "too many operands: '%s'", word);
        return ERR_CONFIG;
    }
    r->args->operands[r->args->operand_count++] = word;
    return 0;
}

static int check_operands(const struct args *args, struct text *why)
{
    const struct command *c = &COMMANDS[args->command];

    if (args->operand_count < c->operands_min) {
        text_addf(why, "%s needs %s", c->name, c->operands);
        return ERR_CONFIG;
    }
    if (args->operand_count > c->operands_max) {
        text_addf(why, "%s does not take '%s'", c->name, args->operands[c->operands_max]);
        return ERR_CONFIG;
    }
    return 0;
}

static int read_format(struct args *args, struct text *why)
{
    static const char *const NAMES[] = {"table", "json", "yaml", "tsv"};
    struct suggest s = {0};

    if (!args->given[OPTION_OUTPUT])
        return 0;
    s = suggest_for(slice_str(args->values[OPTION_OUTPUT]));
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(NAMES[i], args->values[OPTION_OUTPUT]) == 0) {
            args->format = (enum view_format)i;
            return 0;
        }
        suggest_closer(&s, slice_str(NAMES[i]));
    }
    text_addf(why, "no such format: '%s'", args->values[OPTION_OUTPUT]);
    if (s.best.ptr != NULL) {
        text_addf(why, "; did you mean %.*s?", SLICE_ARG(s.best));
    } else {
        text_adds(why, "; there are table, json, yaml and tsv");
    }
    return ERR_CONFIG;
}

int args_parse(int argc, char *const *argv, struct args *out, struct text *why)
{
    struct args args = {0};
    struct reading r = {.argc = argc, .argv = argv, .at = 1, .args = &args, .why = why};
    int rc = 0;

    for (; r.at < argc && rc == 0; r.at++)
        rc = read_word(&r, argv[r.at]);
    if (rc == 0)
        rc = read_format(&args, why);
    if (rc == 0 && !args.given[OPTION_HELP] && !args.given[OPTION_VERSION]) {
        if (!args.has_command) {
            text_adds(why, "what shall it do? braidctl --help lists the commands");
            rc = ERR_CONFIG;
        } else {
            rc = check_operands(&args, why);
        }
    }
    if (rc == 0)
        *out = args;
    return rc;
}

/* ---- help ------------------------------------------------------------------------------------- */

/* Adds text in lines of at most 88 characters, each after `indent` blanks. */
static void add_wrapped(struct text *out, const char *words, size_t indent)
{
    size_t column = 0;

    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (column > 0 && column + 1 + len > 88 - indent) {
            text_adds(out, "\n");
            column = 0;
        }
        if (column == 0) {
            text_pad(out, ' ', indent);
        } else {
            text_adds(out, " ");
        }
        text_add(out, slice_of(words, len));
        column += len + (column == 0 ? 0 : 1);
        words += len;
        while (*words == ' ')
            words++;
    }
    text_adds(out, "\n");
}

static void print_option(unsigned id, struct text *out)
{
    const struct option_row *row = &OPTIONS[id];
    size_t start = out->len;

    text_adds(out, "  ");
    if (row->letter != 0) {
        text_addf(out, "-%c, ", row->letter);
    } else {
        text_adds(out, "    ");
    }
    text_addf(out, "--%s", row->name);
    if (row->argument != NULL)
        text_addf(out, " %s", row->argument);
    if (out->len - start < 30)
        text_pad(out, ' ', 30 - (out->len - start));
    text_addf(out, "  %s\n", row->sentence);
}

static void print_global_options(struct text *out)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (is_global(id))
            print_option(id, out);
    }
}

void command_print_help(struct text *out)
{
    text_adds(out, "braidctl - shows and steers Braid\n\n"
                   "usage: braidctl [-e ENDPOINTS] [-C CLUSTER] [-o FORMAT] COMMAND ...\n\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        text_addf(out, "  %-12s %-14s %s\n", COMMANDS[i].name, COMMANDS[i].operands,
                  COMMANDS[i].sentence);
    }
    text_adds(out, "\noptions of every command:\n");
    print_global_options(out);
    text_adds(out,
              "\nexit codes: 0 done, 1 refused, failed or check not passed, 2 usage, 3 degraded,\n"
              "4 outcome unknown, 5 locked by another operation, 78 bad configuration\n\n"
              "`braidctl COMMAND --help` says more; braidctl(1) says all.\n");
}

void command_print_help_one(enum command_id id, struct text *out)
{
    const struct command *c = &COMMANDS[id];
    bool has_title = false;

    text_addf(out, "usage: braidctl %s%s%s [options]\n\n", c->name,
              c->operands[0] == '\0' ? "" : " ", c->operands);
    text_addf(out, "%s: %s.\n", c->name, c->sentence);
    if (c->detail != NULL)
        add_wrapped(out, c->detail, 0);
    for (unsigned option = 0; option < OPTION_COUNT; option++) {
        if (!command_takes(c, (enum option_id)option))
            continue;
        if (!has_title)
            text_adds(out, "\noptions:\n");
        has_title = true;
        print_option(option, out);
    }
    text_adds(out, "\noptions of every command:\n");
    print_global_options(out);
    text_addf(out, "\nexample:\n  %s\n", c->example);
}

/* One sentence a line, as mdoc wants it; backslashes are shown. */
static void add_mdoc(struct text *out, const char *words)
{
    for (const char *c = words; *c != '\0'; c++) {
        if (*c == '\\') {
            text_adds(out, "\\e");
        } else if (c[0] == ' ' && c > words && c[-1] == '.') {
            text_adds(out, "\n");
        } else {
            text_add(out, slice_of(c, 1));
        }
    }
}

static void print_mdoc_option(unsigned id, struct text *out)
{
    const struct option_row *row = &OPTIONS[id];

    text_adds(out, ".It ");
    if (row->letter != 0)
        text_addf(out, "Fl %c , ", row->letter);
    text_addf(out, "Fl Fl %s", row->name);
    if (row->argument != NULL)
        text_addf(out, " Ar %s", row->argument);
    text_adds(out, "\n");
    add_mdoc(out, row->sentence);
    text_adds(out, ".\n");
}

void command_print_mdoc(struct text *out)
{
    text_adds(out, "The options of every command are:\n.Bl -tag -width Ds\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (is_global(id))
            print_mdoc_option(id, out);
    }
    text_adds(out, ".El\n.Pp\nThe commands are:\n.Bl -tag -width Ds\n");
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = &COMMANDS[i];
        bool has_list = false;

        text_addf(out, ".It Cm %s%s%s\n%s.\n", c->name, c->operands[0] == '\0' ? "" : " Ar ",
                  c->operands, c->sentence);
        if (c->detail != NULL) {
            add_mdoc(out, c->detail);
            text_adds(out, "\n");
        }
        for (unsigned id = 0; id < OPTION_COUNT; id++) {
            if (!command_takes(c, (enum option_id)id) || ((CHANGE_OPTIONS >> id) & 1) != 0)
                continue;
            if (!has_list)
                text_adds(out, ".Bl -tag -width Ds\n");
            has_list = true;
            print_mdoc_option(id, out);
        }
        if (has_list)
            text_adds(out, ".El\n");
        if (c->changes)
            text_adds(out, "This command changes something: see below.\n");
    }
    text_adds(out, ".El\n.Pp\nCommands that change something also take:\n.Bl -tag -width Ds\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (((CHANGE_OPTIONS >> id) & 1) != 0)
            print_mdoc_option(id, out);
    }
    text_adds(out, ".El\n");
}
