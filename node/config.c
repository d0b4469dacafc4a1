/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config.h"

#include <stddef.h>

#include "node/line.h"
#include "proto/asks.h"
#include "proto/domain.h"

#define KIB         ((int64_t)1 << 10)
#define MIB         ((int64_t)1 << 20)
#define ENTRIES_MIN 16384 /* the most that one cut decides (MERGE_ITEMS_MAX) */
#define AT(field)   offsetof(struct config, field)

/* The order is that of the reference and of the example file. */
static const struct key CONFIG_ROWS[] = {
    {"cluster", KEY_TEXT, true, NULL, 1, 64, NULL, AT(cluster), "main",
     "Name of the Braid cluster; its keys in etcd lie under /braid/<cluster>/"},
    {"dc", KEY_TEXT, true, NULL, 1, 32, NULL, AT(dc), "eqiad", "This node's data centre"},
    {"node", KEY_TEXT, true, NULL, 1, 64, NULL, AT(node), "n1", "Its name, unique in the DC"},
    {"etcd.endpoints", KEY_TEXTS, true, NULL, 1, 8, NULL, AT(etcd_endpoints),
     "[https://127.0.0.1:2379]", "Members of etcd, the nearest first"},
    {"etcd.ca", KEY_TEXT, false, "", 0, 1000, NULL, AT(etcd_ca), "/etc/braid/tls/ca.pem",
     "Certificate of who signed the certificates of etcd"},
    {"etcd.cert", KEY_TEXT, false, "", 0, 1000, NULL, AT(etcd_cert), "/etc/braid/tls/node.pem",
     "This node's certificate for etcd"},
    {"etcd.key", KEY_TEXT, false, "", 0, 1000, NULL, AT(etcd_key), "/etc/braid/tls/node.key",
     "The key of etcd.cert"},
    {"source_kafka.bootstrap", KEY_TEXT, true, NULL, 1, 1000, NULL, AT(source_bootstrap),
     "127.0.0.1:9092",
     "Brokers of the Kafka cluster with the source topics; only read, but for the intake"},
    {"source_kafka.remote", KEY_TEXT, false, "", 0, 1000, NULL, AT(source_remote), NULL,
     "The same brokers as nodes of other DCs reach them; empty: as source_kafka.bootstrap"},
    {"braid_kafka.bootstrap", KEY_TEXT, true, NULL, 1, 1000, NULL, AT(braid_bootstrap),
     "127.0.0.1:9092", "Brokers of the Kafka cluster that Braid writes to; may be the same"},
    {"braid_kafka.remote", KEY_TEXT, false, "", 0, 1000, NULL, AT(braid_remote), NULL,
     "The same brokers as nodes of other DCs reach them; empty: as braid_kafka.bootstrap"},
    {"api.base", KEY_TEXT, true, NULL, 1, 1000, NULL, AT(api_base),
     "http://127.0.0.1:8080/w/api.php",
     "Address of this DC's MediaWiki API; the wiki is named by the Host header"},
    {"api.user_agent", KEY_TEXT, true, NULL, 1, 400, NULL, AT(api_user_agent),
     "braid/0.1 (https://example.org/braid; mailto:ops@example.org)",
     "What the API is told about who asks; with a contact"},
    {"api.ca", KEY_TEXT, false, "", 0, 1000, NULL, AT(api_ca), NULL,
     "Certificate of who signed the API's certificate; empty: the system's"},
    {"api.domains", KEY_TEXTS, true, NULL, 1, DOMAIN_PATTERNS_MAX, NULL, AT(api_domains),
     "[\"*.wikipedia.org\"]", "Wikis that events may name; *.x stands for all names below x"},
    {"api.in_flight", KEY_NUMBER, false, "0", 0, 4096, NULL, AT(api_in_flight_max), NULL,
     "Requests under way at once of all streams of this node, divided by their limits.priority; 0: "
     "each has its own limits only"},
    {"services.origins", KEY_TEXTS, false, NULL, 0, 64, NULL, AT(service_origins), NULL,
     "Servers that the enrichments http and score may ask: https://api.example.org"},
    {"services.tokens.*", KEY_PAIRS, false, NULL, 0, 64, NULL, AT(service_tokens), NULL,
     "Files with the tokens that specs name, read when the node starts"},
    {"http", KEY_TEXT, false, "127.0.0.1:9301", 3, 200, NULL, AT(http), NULL,
     "Address and port of the status page, metrics and health"},
    {"intake.http", KEY_TEXT, false, "", 0, 200, NULL, AT(intake_http), "127.0.0.1:9401",
     "Address and port where events are posted as to EventGate; empty: none are taken"},
    {"intake.streams", KEY_TEXTS, false, NULL, 0, 256, NULL, AT(intake_streams), NULL,
     "Streams that it takes beside the sources of the streams that are applied"},
    {"intake.event_bytes", KEY_BYTES, false, "1MiB", 1024, 14 * MIB, NULL,
     AT(intake_event_bytes_max), NULL, "A larger event is invalid"},
    {"intake.body_bytes", KEY_BYTES, false, "4MiB", 1024, 16 * MIB, NULL, AT(intake_body_bytes_max),
     NULL, "A larger request is refused"},
    {"intake.timeout", KEY_DURATION, false, "8s", 1000, 300000, NULL, AT(intake_timeout_ms), NULL,
     "How long Kafka may take to confirm an event; less than the sender waits (EventBus: 10 s)"},
    {"state", KEY_TEXT, false, "/var/lib/braid", 1, 1000, NULL, AT(state), NULL,
     "A folder of the node's own"},
    {"weight", KEY_NUMBER, false, "100", 1, 10000, NULL, AT(weight), NULL,
     "Its share of the DC's tasks, relative to the other nodes"},
    {"log", KEY_CHOICE, false, "info", 0, 0, "error|warn|info|debug", AT(log_level), NULL,
     "Least level of what is logged"},
    {"limits.memory", KEY_BYTES, false, "20MiB", 4 * MIB, 65536 * MIB, NULL, AT(memory), NULL,
     "What waits in the node: a half for merges, a quarter for answers of the API, a quarter for "
     "records being written; divided among the streams"},
    {"limits.merge_entries", KEY_NUMBER, false, "65536", ENTRIES_MIN, 4194304, NULL,
     AT(merge_entries_max), NULL,
     "Records that merges know of and have not yet emitted, divided among the streams"},
    {"limits.copies_in_flight", KEY_NUMBER, false, "1000", 1, LINE_IN_FLIGHT_MAX, NULL,
     AT(copies_in_flight), NULL, "Records under way in one partition of a copy"},
    {"limits.pages_in_flight", KEY_NUMBER, false, "512", 1, LINE_IN_FLIGHT_MAX, NULL,
     AT(pages_in_flight), NULL, "Records under way in one enriched partition"},
    {"limits.drain", KEY_DURATION, false, "20s", 1000, 300000, NULL, AT(drain_ms), NULL,
     "On SIGTERM: tasks finish and claims are released within this time"},
};

const struct key_table CONFIG_TABLE = {
    .title = "a node",
    .rows = CONFIG_ROWS,
    .count = sizeof(CONFIG_ROWS) / sizeof(CONFIG_ROWS[0]),
};

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

struct config_share config_share(const struct config *c, uint32_t streams)
{
    const uint64_t count = streams > 0 ? streams : 1;
    const uint64_t memory = (uint64_t)c->memory;
    const uint64_t entries = (uint64_t)c->merge_entries_max / count;

    return (struct config_share){
        .merge_bytes = at_least(memory / 2 / count, MIB),
        .merge_entries = (uint32_t)at_least(entries, ENTRIES_MIN),
        .fetch_bytes = at_least(memory / 4 / count, MIB),
        .write_bytes = memory / 4,
    };
}

/* Letters, digits and '-': what a DC's or node's name may have in a topic or key. */
static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return name.len > 0;
}

static bool has_port(struct slice address)
{
    size_t at = address.len;

    while (at > 0 && address.ptr[at - 1] >= '0' && address.ptr[at - 1] <= '9')
        at--;
    return at < address.len && at > 1 && address.ptr[at - 1] == ':';
}

void config_check(struct config *c, struct yaml_file *file)
{
    if (c->source_remote.len == 0)
        c->source_remote = c->source_bootstrap;
    if (c->braid_remote.len == 0)
        c->braid_remote = c->braid_bootstrap;
    if (yaml_is_given(file, "cluster") && !is_name(c->cluster))
        yaml_report(file, "cluster", "letters, digits, '-' and '_'", "this cannot be a name");
    if (yaml_is_given(file, "dc") && (!is_name(c->dc) || slice_equal(c->dc, SLICE_LIT("global"))))
        yaml_report(file, "dc", "letters, digits, '-' and '_', but not 'global'",
                    "this cannot be the name of a DC");
    if (yaml_is_given(file, "node") && !is_name(c->node))
        yaml_report(file, "node", "letters, digits, '-' and '_'", "this cannot be a name");
    if ((c->etcd_cert.len > 0) != (c->etcd_key.len > 0))
        yaml_report(file, c->etcd_cert.len > 0 ? "etcd.cert" : "etcd.key", NULL,
                    "etcd.cert and etcd.key go together");
    if (!has_port(c->http))
        yaml_report(file, "http", "127.0.0.1:9301", "an address and a port are needed");
    if (c->intake_http.len > 0 && !has_port(c->intake_http))
        yaml_report(file, "intake.http", "127.0.0.1:9401", "an address and a port are needed");
    for (size_t i = 0; i < c->service_origins.count; i++) {
        const struct slice origin = c->service_origins.items[i];
        if (!asks_url_is_valid(origin) || !slice_equal(asks_origin(origin), origin))
            yaml_report(file, "services.origins", "https://api.example.org, without a path",
                        "this is no server");
    }
    for (size_t i = 0; i < c->api_domains.count; i++)
        if (!domain_pattern_is_valid(c->api_domains.items[i]))
            yaml_report(file, "api.domains", "a host name, or *. and a host name",
                        "this is no pattern of host names");
}
