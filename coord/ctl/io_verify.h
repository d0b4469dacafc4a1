/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_verify.h - the parts of `verify`: feeding an audit from Kafka, etcd and MediaWiki.
 *
 * Promise: reads only; every read has an end that was fixed before it began, so that a live stream
 *          is audited up to one cut.
 * Shell:   librdkafka, libcurl, etcd.
 * Not here: what it concludes (audit.h).
 */
#ifndef BRAID_COORD_CTL_IO_VERIFY_H
#define BRAID_COORD_CTL_IO_VERIFY_H

#include "coord/ctl/audit.h"
#include "coord/ctl/audit_pages.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

enum {
    VERIFY_ARENA_MAX = 1 << 30, /* bytes of one audit */
    VERIFY_STUCK_MS = 30000,    /* a read that brings nothing for so long has failed */
    VERIFY_POLL_MS = 100
};

struct verify_site {
    struct slice dc;
    const char *kafka;
    const char *source_kafka;
    struct kafka_reader *reader; /* of Braid's Kafka */
    bool is_behind;              /* had not emitted the last cut in time */
    int64_t seen_ms;             /* when a read last brought something */
};

struct verify {
    struct session *session;
    struct snapshot *snap;
    struct snapshot_stream stream; /* as it was when the range was fixed */
    struct verify_site sites[DCS_MAX];
    size_t site_count;
    struct arena arena; /* of the audit */
    struct audit *audit;
    struct audit_pages pages;            /* of the first copy */
    struct spec *specs[AUDIT_SPECS_MAX]; /* by age; 0 is the newest; NULL: not kept */
    const char *global;                  /* topic */
    int64_t asked_seq;                   /* 0: from the beginning */
    int64_t first_seq;                   /* what is there to begin with */
    bool has_start;                      /* cut 0 was found: the sources' range is known */
    uint64_t content_compared;
    uint64_t content_skipped; /* deleted or hidden since */
};

/*
 * The whole: begin, audit, and end in any case. `v` is all zeros before. The stream is the one named, or
 * (absent) the one that the first operand names. 0 or an exit code, said.
 */
int verify_begin(struct verify *v, struct session *s, struct snapshot *snap, struct slice output);
int verify_audit(struct verify *v, uint64_t content, struct audit_result *out);
void verify_end(struct verify *v);

/* Fixes the range: waits until every DC has emitted the newest cut, finds cut 0, adds all origin
 * partitions, finds the first sequence number that all copies have. 0 or an exit code, said. */
int verify_range(struct verify *v);

/* Reads all copies, each against the others. */
int verify_copies(struct verify *v);

/* Reads them once more as they are before a commit. */
int verify_uncommitted(struct verify *v);

/* Reads every source record, and for what is missing the enriched, error and global topics. */
int verify_sources(struct verify *v);

/* Fetches `count` revisions again and compares their contents. */
int verify_content(struct verify *v, uint64_t count);

/* Where to read. */
struct verify_log {
    struct kafka_reader *reader; /* borrowed */
    const char *topic;           /* borrowed */
    int32_t partition;
    int64_t from; /* offset */
};

/* Reads one partition to its end, or until `take` returns false. */
typedef bool verify_take(struct verify *v, void *arg, const struct kafka_record *r);
int verify_read(struct verify *v, struct verify_log log, verify_take *take, void *arg);

#endif
