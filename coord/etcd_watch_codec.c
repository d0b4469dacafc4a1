/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/etcd_watch_codec.h"

#include "coord/etcd_pb.h"
#include "proto/err.h"

#include <assert.h>

int etcd_encode_watch(struct slice prefix, int64_t revision, int64_t watch_id, struct arena *a,
                      struct slice *out)
{
    Etcdpb__WatchCreate create = ETCDPB__WATCH_CREATE__INIT;
    Etcdpb__WatchRequest request = ETCDPB__WATCH_REQUEST__INIT;
    const struct slice end = etcd_prefix_end(prefix, a);

    assert(revision > 0); /* 0 would mean "from whenever this arrives" */
    assert(watch_id > 0); /* 0 would let etcd choose */
    if (end.ptr == NULL)
        return ERR_NO_MEMORY;
    create.key = pb_bytes(prefix.len == 0 ? slice_of("", 1) : prefix);
    create.range_end = pb_bytes(end);
    create.start_revision = revision;
    create.watch_id = watch_id;
    create.fragment = true;
    request.request_case = ETCDPB__WATCH_REQUEST__REQUEST_CREATE;
    request.create = &create;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_watch_progress(struct arena *a, struct slice *out)
{
    Etcdpb__WatchProgress progress = ETCDPB__WATCH_PROGRESS__INIT;
    Etcdpb__WatchRequest request = ETCDPB__WATCH_REQUEST__INIT;

    request.request_case = ETCDPB__WATCH_REQUEST__REQUEST_PROGRESS;
    request.progress = &progress;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_decode_watch(struct slice bytes, struct arena *a, struct etcd_watch_message *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__WatchResponse *response =
        etcdpb__watch_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    struct etcd_change *changes = arena_calloc(a, response->n_events + 1, sizeof *changes);
    if (changes == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < response->n_events; i++) {
        const Etcdpb__Event *event = response->events[i];
        if (event->kv == NULL || event->type < 0 || event->type > 1)
            return ERR_MALFORMED;
        changes[i].is_delete = event->type == 1;
        changes[i].kv = etcd_kv_of(event->kv);
    }
    *out = (struct etcd_watch_message){
        .header = etcd_header_of(response->header),
        .watch_id = response->watch_id,
        .is_created = response->created,
        .is_canceled = response->canceled,
        .compact_revision = response->compact_revision,
        .cancel_reason = slice_str(response->cancel_reason),
        .is_fragment = response->fragment,
        .changes = changes,
        .change_count = response->n_events,
    };
    return 0;
}
