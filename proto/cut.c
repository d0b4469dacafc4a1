/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cut.h"

#include "proto/braid.pb-c.h"
#include "proto/err.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define MESSAGE_BYTES_MAX ((size_t)1 << 20) /* below etcd's own limit of 1.5 MiB a request */

/* protobuf-c's allocator over an arena: frees with the arena's reset. */
static void *pb_alloc(void *data, size_t size)
{
    return arena_alloc(data, size);
}

static void pb_free(void *data, void *ptr)
{
    (void)data;
    (void)ptr;
}

static ProtobufCAllocator pb_allocator(struct arena *a)
{
    return (ProtobufCAllocator){.alloc = pb_alloc, .free = pb_free, .allocator_data = a};
}

/* A borrowed slice as protobuf-c wants a string: NUL-terminated, in the arena. */
static char *pb_string(struct arena *a, struct slice s)
{
    return arena_strdup(a, s);
}

static int pb_pack(const ProtobufCMessage *message, struct arena *a, struct slice *out)
{
    const size_t len = protobuf_c_message_get_packed_size(message);

    if (len > MESSAGE_BYTES_MAX)
        return ERR_TOO_LARGE;
    uint8_t *bytes = arena_alloc(a, len);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    (void)protobuf_c_message_pack(message, bytes);
    *out = slice_of(bytes, len);
    return 0;
}

static int name_copy(const char *text, size_t len_max, struct slice *out)
{
    struct slice s = slice_str(text);

    if (s.len == 0 || s.len > len_max)
        return ERR_MALFORMED;
    *out = s;
    return 0;
}

int strand_name_compare(const struct strand_name *a, const struct strand_name *b)
{
    int order = slice_compare(a->by, b->by);

    if (order == 0)
        order = (a->by_incarnation > b->by_incarnation) - (a->by_incarnation < b->by_incarnation);
    if (order == 0)
        order = origin_partition_compare(&a->from, &b->from);
    return order;
}

static void hash_slice(XXH3_state_t *state, struct slice s)
{
    const uint32_t len = (uint32_t)s.len;

    (void)XXH3_64bits_update(state, &len, sizeof len);
    if (s.len > 0)
        (void)XXH3_64bits_update(state, s.ptr, s.len);
}

void layout_hash(struct layout *l)
{
    XXH3_state_t state;

    (void)XXH3_64bits_reset(&state);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand_name *n = &l->names[i];
        const uint32_t numbers[3] = {n->by_incarnation, n->from.incarnation, n->from.partition};
        hash_slice(&state, n->by);
        hash_slice(&state, n->from.dc);
        hash_slice(&state, n->from.topic);
        (void)XXH3_64bits_update(&state, numbers, sizeof numbers);
    }
    l->hash = XXH3_64bits_digest(&state);
}

uint64_t cut_hash(struct slice bytes)
{
    return XXH3_64bits(bytes.ptr, bytes.len);
}

static void emitted_from_pb(const Braid__Emitted *pb, struct emitted *out)
{
    *out = (struct emitted){
        .era = pb->era, .number = pb->number, .next_seq = pb->next_seq, .chain = pb->chain};
}

static void emitted_to_pb(const struct emitted *e, Braid__Emitted *out)
{
    braid__emitted__init(out);
    out->era = e->era;
    out->number = e->number;
    out->next_seq = e->next_seq;
    out->chain = e->chain;
}

static int members_from_pb(const Braid__Cut *pb, struct cut *out)
{
    if (pb->n_members > DCS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < pb->n_members; i++) {
        struct member *m = &out->members[i];
        int rc = name_copy(pb->members[i]->dc, DC_NAME_MAX, &m->dc);
        if (rc != 0)
            return rc;
        m->incarnation = pb->members[i]->incarnation;
        if (i > 0 && slice_compare(out->members[i - 1].dc, m->dc) >= 0)
            return ERR_MALFORMED;
    }
    out->member_count = (uint32_t)pb->n_members;
    return 0;
}

static int strand_from_pb(const Braid__Strand *pb, struct strand_name *out_name,
                          struct strand_position *out_at)
{
    int rc = name_copy(pb->by, DC_NAME_MAX, &out_name->by);

    if (rc == 0)
        rc = name_copy(pb->origin, DC_NAME_MAX, &out_name->from.dc);
    if (rc == 0)
        rc = name_copy(pb->topic, TOPIC_NAME_MAX, &out_name->from.topic);
    if (rc != 0)
        return rc;
    if (pb->position < POSITION_NONE || pb->log_offset < -1 || pb->partition > INT32_MAX)
        return ERR_MALFORMED;
    out_name->by_incarnation = pb->by_incarnation;
    out_name->from.incarnation = pb->topic_incarnation;
    out_name->from.partition = pb->partition;
    *out_at = (struct strand_position){
        .position = pb->position, .digest = pb->digest, .log_offset = pb->log_offset};
    if (pb->by_incarnation == 0)
        return 0;
    if (pb->start < POSITION_NONE || pb->start > pb->position)
        return ERR_MALFORMED;
    out_at->start = pb->start;
    return 0;
}

static int strands_from_pb(const Braid__Cut *pb, struct arena *a, struct cut *out)
{
    if (pb->n_strands > STRANDS_MAX)
        return ERR_TOO_LARGE;
    out->layout.count = (uint32_t)pb->n_strands;
    out->layout.names = arena_calloc(a, pb->n_strands + 1, sizeof *out->layout.names);
    out->strands = arena_calloc(a, pb->n_strands + 1, sizeof *out->strands);
    if (out->layout.names == NULL || out->strands == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_strands; i++) {
        struct strand_name *name = &out->layout.names[i];
        int rc = strand_from_pb(pb->strands[i], name, &out->strands[i]);
        if (rc != 0)
            return rc;
        if (i > 0 && strand_name_compare(name - 1, name) >= 0)
            return ERR_MALFORMED;
    }
    layout_hash(&out->layout);
    return 0;
}

static int base_from_pb(const Braid__Base *pb, struct cut *out)
{
    if (pb == NULL)
        return 0;
    if (pb->emitted == NULL || pb->n_positions != out->layout.count)
        return ERR_MALFORMED;
    emitted_from_pb(pb->emitted, &out->base);
    out->base_positions = pb->positions; /* in the arena, too */
    return 0;
}

static void params_from_pb(const Braid__Cut *pb, struct merge_params *out)
{
    *out = (struct merge_params){
        .dedup_window = pb->dedup_window,
        .dedup_floor = pb->dedup_floor,
        .cap_records = pb->cap_records,
        .cap_bytes = pb->cap_bytes,
        .rules_version = pb->rules_version,
        .failed_emit = pb->failed_emit,
        .canaries_drop = pb->canaries_drop,
        .enrich_at_origin = pb->enrich_at_origin,
    };
}

int cut_decode(struct slice bytes, struct arena *a, struct cut *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    struct cut c = {0};

    if (bytes.len > MESSAGE_BYTES_MAX)
        return ERR_TOO_LARGE;
    const Braid__Cut *pb = braid__cut__unpack(&allocator, bytes.len, bytes.ptr);
    if (pb == NULL)
        return ERR_MALFORMED;
    c.era = pb->era;
    c.number = pb->number;
    c.previous_hash = pb->previous_hash;
    c.spec_version = pb->spec_version;
    c.time_ms = pb->time_ms;
    c.token = pb->token;
    c.proposer = slice_str(pb->proposer);
    c.reason = slice_str(pb->reason);
    params_from_pb(pb, &c.params);
    c.has_continues = pb->continues != NULL;
    if (c.has_continues)
        emitted_from_pb(pb->continues, &c.continues);
    int rc = members_from_pb(pb, &c);
    if (rc == 0)
        rc = strands_from_pb(pb, a, &c);
    if (rc == 0)
        rc = base_from_pb(pb->baseline, &c);
    if (rc == 0)
        *out = c;
    return rc;
}

static int strands_to_pb(const struct cut *c, struct arena *a, Braid__Cut *out)
{
    const uint32_t count = c->layout.count;
    Braid__Strand *list = arena_calloc(a, count + 1, sizeof *list);

    out->strands = arena_calloc(a, count + 1, sizeof *out->strands);
    if (list == NULL || out->strands == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct strand_name *name = &c->layout.names[i];
        Braid__Strand *pb = &list[i];
        braid__strand__init(pb);
        pb->by = pb_string(a, name->by);
        pb->origin = pb_string(a, name->from.dc);
        pb->topic = pb_string(a, name->from.topic);
        if (pb->by == NULL || pb->origin == NULL || pb->topic == NULL)
            return ERR_NO_MEMORY;
        pb->by_incarnation = name->by_incarnation;
        pb->topic_incarnation = name->from.incarnation;
        pb->partition = name->from.partition;
        pb->position = c->strands[i].position;
        pb->digest = c->strands[i].digest;
        pb->log_offset = c->strands[i].log_offset;
        if (name->by_incarnation > 0)
            pb->start = c->strands[i].start;
        out->strands[i] = pb;
    }
    out->n_strands = count;
    return 0;
}

static void params_to_pb(const struct merge_params *p, Braid__Cut *out)
{
    out->rules_version = p->rules_version;
    out->dedup_window = p->dedup_window;
    out->dedup_floor = p->dedup_floor;
    out->failed_emit = p->failed_emit;
    out->canaries_drop = p->canaries_drop;
    out->cap_records = p->cap_records;
    out->cap_bytes = p->cap_bytes;
    out->enrich_at_origin = p->enrich_at_origin;
}

int cut_encode(const struct cut *c, struct arena *a, struct slice *out)
{
    Braid__Cut pb;
    Braid__Emitted base_emitted;
    Braid__Emitted continues;
    Braid__Base base = BRAID__BASE__INIT;
    Braid__Member members[DCS_MAX];
    Braid__Member *member_list[DCS_MAX];

    braid__cut__init(&pb);
    pb.era = c->era;
    pb.number = c->number;
    pb.previous_hash = c->previous_hash;
    pb.spec_version = c->spec_version;
    pb.time_ms = c->time_ms;
    pb.token = c->token;
    pb.proposer = pb_string(a, c->proposer);
    pb.reason = pb_string(a, c->reason);
    if (pb.proposer == NULL || pb.reason == NULL)
        return ERR_NO_MEMORY;
    params_to_pb(&c->params, &pb);
    assert(c->member_count <= DCS_MAX);
    for (uint32_t i = 0; i < c->member_count; i++) {
        braid__member__init(&members[i]);
        members[i].dc = pb_string(a, c->members[i].dc);
        members[i].incarnation = c->members[i].incarnation;
        if (members[i].dc == NULL)
            return ERR_NO_MEMORY;
        member_list[i] = &members[i];
    }
    pb.members = member_list;
    pb.n_members = c->member_count;
    if (c->base_positions != NULL) {
        emitted_to_pb(&c->base, &base_emitted);
        base.emitted = &base_emitted;
        const size_t len = c->layout.count * sizeof *base.positions;
        base.positions = arena_alloc(a, len); /* protobuf-c wants it writable */
        if (base.positions == NULL)
            return ERR_NO_MEMORY;
        memcpy(base.positions, c->base_positions, len);
        base.n_positions = c->layout.count;
        pb.baseline = &base;
    }
    if (c->has_continues) {
        emitted_to_pb(&c->continues, &continues);
        pb.continues = &continues;
    }
    int rc = strands_to_pb(c, a, &pb);
    if (rc != 0)
        return rc;
    return pb_pack(&pb.base, a, out);
}

/* An epoch in bytes is one more than in memory, so that an absent one is -1. */
static int32_t epoch_from_pb(uint32_t pb)
{
    return pb > INT32_MAX ? -1 : (int32_t)pb - 1;
}

static uint32_t epoch_to_pb(int32_t epoch)
{
    return epoch < 0 ? 0 : (uint32_t)epoch + 1;
}

static int tails_from_pb(const Braid__Report *pb, struct arena *a, struct report *out)
{
    if (pb->n_tails > STRANDS_MAX)
        return ERR_TOO_LARGE;
    out->tails = arena_calloc(a, pb->n_tails + 1, sizeof *out->tails);
    if (out->tails == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_tails; i++) {
        const Braid__LogTail *tail = pb->tails[i];
        if (tail->log_offset < 0)
            return ERR_MALFORMED;
        out->tails[i] = (struct log_tail){.partition = tail->partition,
                                          .epoch = epoch_from_pb(tail->epoch),
                                          .log_offset = tail->log_offset};
    }
    out->tail_count = (uint32_t)pb->n_tails;
    return 0;
}

static int tails_to_pb(const struct report *r, struct arena *a, Braid__Report *out)
{
    Braid__LogTail *list = arena_calloc(a, (size_t)r->tail_count + 1, sizeof *list);

    out->tails = arena_calloc(a, (size_t)r->tail_count + 1, sizeof(Braid__LogTail *));
    if (list == NULL || out->tails == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < r->tail_count; i++) {
        braid__log_tail__init(&list[i]);
        list[i].partition = r->tails[i].partition;
        list[i].log_offset = r->tails[i].log_offset;
        list[i].epoch = epoch_to_pb(r->tails[i].epoch);
        out->tails[i] = &list[i];
    }
    out->n_tails = r->tail_count;
    return 0;
}

int report_decode(struct slice bytes, struct arena *a, struct report *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    struct report r = {0};

    if (bytes.len > MESSAGE_BYTES_MAX)
        return ERR_TOO_LARGE;
    const Braid__Report *pb = braid__report__unpack(&allocator, bytes.len, bytes.ptr);
    if (pb == NULL)
        return ERR_MALFORMED;
    if (pb->n_read_back != pb->n_offer || pb->n_offer > STRANDS_MAX || pb->emitted == NULL ||
        pb->logged == NULL)
        return ERR_MALFORMED;
    int rc = name_copy(pb->dc, DC_NAME_MAX, &r.dc);
    if (rc == 0)
        rc = tails_from_pb(pb, a, &r);
    if (rc != 0)
        return rc;
    r.incarnation = pb->incarnation;
    r.number = pb->number;
    r.clock_ms = pb->clock_ms;
    r.layout_hash = pb->layout;
    r.count = (uint32_t)pb->n_offer;
    r.read_back = pb->read_back;
    r.offer = pb->offer;
    emitted_from_pb(pb->emitted, &r.emitted);
    r.logged_era = pb->logged->era;
    r.logged_number = pb->logged->number;
    r.claim_revision = pb->claim_revision;
    r.node = slice_str(pb->node);
    r.rules_version_max = pb->rules_version_max;
    r.alarm = pb->n_alarms > 0 ? slice_str(pb->alarms[0]) : (struct slice){0};
    r.caught_up = pb->caught_up;
    *out = r;
    return 0;
}

int report_encode(const struct report *r, struct arena *a, struct slice *out)
{
    Braid__Report pb;
    Braid__Emitted emitted;
    Braid__Emitted logged;
    char *alarm;

    braid__report__init(&pb);
    pb.dc = pb_string(a, r->dc);
    pb.node = pb_string(a, r->node);
    alarm = pb_string(a, r->alarm);
    if (pb.dc == NULL || pb.node == NULL || alarm == NULL)
        return ERR_NO_MEMORY;
    pb.incarnation = r->incarnation;
    pb.number = r->number;
    pb.clock_ms = r->clock_ms;
    pb.layout = r->layout_hash;
    pb.n_read_back = r->count;
    pb.read_back = r->read_back;
    pb.n_offer = r->count;
    pb.offer = r->offer;
    emitted_to_pb(&r->emitted, &emitted);
    pb.emitted = &emitted;
    braid__emitted__init(&logged);
    logged.era = r->logged_era;
    logged.number = r->logged_number;
    pb.logged = &logged;
    pb.claim_revision = r->claim_revision;
    pb.rules_version_max = r->rules_version_max;
    pb.alarms = &alarm;
    pb.n_alarms = r->alarm.len > 0 ? 1 : 0;
    pb.caught_up = r->caught_up;
    int rc = tails_to_pb(r, a, &pb);
    if (rc != 0)
        return rc;
    return pb_pack(&pb.base, a, out);
}

static int places_from_pb(const Braid__EmittedLine *pb, struct arena *a, struct emitted_line *out)
{
    if (pb->n_places > STRANDS_MAX)
        return ERR_TOO_LARGE;
    out->places = arena_calloc(a, pb->n_places + 1, sizeof *out->places);
    if (out->places == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_places; i++) {
        const Braid__Place *place = pb->places[i];
        if (place->last < POSITION_NONE || place->from < PLACE_OF_CUT)
            return ERR_MALFORMED;
        out->places[i] = (struct place){.last = place->last,
                                        .from = place->from,
                                        .digest = place->digest,
                                        .epoch = epoch_from_pb(place->epoch)};
    }
    out->place_count = (uint32_t)pb->n_places;
    return 0;
}

static int emitted_line_from_pb(const Braid__EmittedLine *pb, struct arena *a,
                                struct emitted_line *out)
{
    struct emitted_line l = {0};

    if (pb == NULL || pb->emitted == NULL || pb->n_ids > UINT32_MAX)
        return ERR_MALFORMED;
    emitted_from_pb(pb->emitted, &l.emitted);
    l.first_seq = pb->first_seq;
    l.window_offset = pb->window_offset;
    l.layout_hash = pb->layout;
    if (l.first_seq > l.emitted.next_seq || l.emitted.next_seq - l.first_seq != pb->n_ids)
        return ERR_MALFORMED;
    l.ids = arena_calloc(a, pb->n_ids + 1, sizeof *l.ids);
    if (l.ids == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_ids; i++)
        l.ids[i] = slice_of(pb->ids[i].data, pb->ids[i].len);
    l.id_count = (uint32_t)pb->n_ids;
    int rc = places_from_pb(pb, a, &l);
    if (rc == 0)
        *out = l;
    return rc;
}

int line_decode(struct slice bytes, struct arena *a, bool *out_is_cut, struct slice *out_cut_bytes,
                struct emitted_line *out_emitted)
{
    ProtobufCAllocator allocator = pb_allocator(a);

    if (bytes.len > MESSAGE_BYTES_MAX)
        return ERR_TOO_LARGE;
    const Braid__LogLine *pb = braid__log_line__unpack(&allocator, bytes.len, bytes.ptr);
    if (pb == NULL)
        return ERR_MALFORMED;
    switch (pb->line_case) {
    case BRAID__LOG_LINE__LINE_CUT:
        *out_is_cut = true;
        *out_cut_bytes = slice_of(pb->cut.data, pb->cut.len);
        return 0;
    case BRAID__LOG_LINE__LINE_EMITTED: {
        int rc = emitted_line_from_pb(pb->emitted, a, out_emitted);
        if (rc == 0)
            *out_is_cut = false;
        return rc;
    }
    case BRAID__LOG_LINE__LINE__NOT_SET:
    case _BRAID__LOG_LINE__LINE__CASE_IS_INT_SIZE:
        break;
    }
    return ERR_UNSUPPORTED;
}

int line_encode_cut(struct slice cut_bytes, struct arena *a, struct slice *out)
{
    Braid__LogLine pb;

    braid__log_line__init(&pb);
    pb.line_case = BRAID__LOG_LINE__LINE_CUT;
    pb.cut.len = cut_bytes.len;
    pb.cut.data = arena_alloc(a, cut_bytes.len); /* protobuf-c wants it writable */
    if (pb.cut.data == NULL)
        return ERR_NO_MEMORY;
    memcpy(pb.cut.data, cut_bytes.ptr, cut_bytes.len);
    return pb_pack(&pb.base, a, out);
}

static int ids_to_pb(const struct emitted_line *l, struct arena *a, Braid__EmittedLine *out)
{
    out->ids = arena_calloc(a, (size_t)l->id_count + 1, sizeof *out->ids);
    if (out->ids == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < l->id_count; i++) {
        out->ids[i].len = l->ids[i].len;
        out->ids[i].data = arena_alloc(a, l->ids[i].len);
        if (out->ids[i].data == NULL)
            return ERR_NO_MEMORY;
        if (l->ids[i].len > 0)
            memcpy(out->ids[i].data, l->ids[i].ptr, l->ids[i].len);
    }
    out->n_ids = l->id_count;
    return 0;
}

static int places_to_pb(const struct emitted_line *l, struct arena *a, Braid__EmittedLine *out)
{
    Braid__Place *list = arena_calloc(a, (size_t)l->place_count + 1, sizeof *list);

    out->places = arena_calloc(a, (size_t)l->place_count + 1, sizeof *out->places);
    if (list == NULL || out->places == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < l->place_count; i++) {
        braid__place__init(&list[i]);
        list[i].last = l->places[i].last;
        list[i].from = l->places[i].from;
        list[i].digest = l->places[i].digest;
        list[i].epoch = epoch_to_pb(l->places[i].epoch);
        out->places[i] = &list[i];
    }
    out->n_places = l->place_count;
    return 0;
}

int line_encode_emitted(const struct emitted_line *l, struct arena *a, struct slice *out)
{
    Braid__LogLine pb;
    Braid__EmittedLine line;
    Braid__Emitted emitted;

    braid__log_line__init(&pb);
    braid__emitted_line__init(&line);
    emitted_to_pb(&l->emitted, &emitted);
    line.emitted = &emitted;
    line.first_seq = l->first_seq;
    line.window_offset = l->window_offset;
    line.layout = l->layout_hash;
    int rc = ids_to_pb(l, a, &line);
    if (rc == 0)
        rc = places_to_pb(l, a, &line);
    if (rc != 0)
        return rc;
    pb.line_case = BRAID__LOG_LINE__LINE_EMITTED;
    pb.emitted = &line;
    return pb_pack(&pb.base, a, out);
}
