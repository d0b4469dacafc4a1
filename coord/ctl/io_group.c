/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_group.h"

#include "coord/ctl/io_kafka.h"

struct group {
    struct session *session; /* borrowed */
    const char *bootstrap;   /* borrowed */
    const char *name;        /* borrowed */
    rd_kafka_t *rk;          /* owned; never subscribes, so it is no member */
};

static int failed(struct group *g, const char *doing, rd_kafka_resp_err_t err)
{
    output_error(&g->session->output, "%s of group '%s' at %s: %s", doing, g->name, g->bootstrap,
                 rd_kafka_err2str(err));
    return EXIT_REFUSED;
}

int group_open(struct session *s, const char *bootstrap, const char *name, struct group **out)
{
    struct group *g = arena_calloc(&s->arena, 1, sizeof(*g));
    rd_kafka_conf_t *conf = g == NULL ? NULL : kafka_conf(s, bootstrap);
    char why[256] = "";

    if (conf == NULL)
        return EXIT_CONFIG;
    *g = (struct group){.session = s, .bootstrap = bootstrap, .name = name};
    if (rd_kafka_conf_set(conf, "group.id", name, why, sizeof(why)) == RD_KAFKA_CONF_OK &&
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why)) ==
            RD_KAFKA_CONF_OK) {
        g->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    }
    if (g->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        output_error(&s->output, "cannot use group '%s' at %s: %s", name, bootstrap, why);
        return EXIT_CONFIG;
    }
    *out = g;
    return 0;
}

void group_close(struct group *g)
{
    if (g != NULL)
        rd_kafka_destroy_flags(g->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

int group_members(struct group *g)
{
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t err = rd_kafka_list_groups(g->rk, g->name, &list, KAFKA_TIMEOUT_MS);
    int count = 0;

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)failed(g, "cannot ask for the members", err);
        return -1;
    }
    for (int i = 0; i < list->group_cnt; i++)
        count += list->groups[i].member_cnt;
    rd_kafka_group_list_destroy(list);
    return count;
}

bool group_place(struct group *g, const char *topic, int64_t *out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, 0);
    rd_kafka_resp_err_t err = rd_kafka_committed(g->rk, list, KAFKA_TIMEOUT_MS);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = p->err;
    *out = p->offset >= 0 ? p->offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)failed(g, "cannot ask for the place", err);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

int group_set_place(struct group *g, const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, 0);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    p->offset = offset;
    err = rd_kafka_commit(g->rk, list, 0);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = p->err;
    rd_kafka_topic_partition_list_destroy(list);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    (void)failed(g, "cannot set the place", err);
    if (err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
        err == RD_KAFKA_RESP_ERR__TRANSPORT) {
        output_error(&g->session->output,
                     "whether it took effect is not known: do it again, it does no harm");
        return EXIT_UNKNOWN;
    }
    return EXIT_REFUSED;
}
