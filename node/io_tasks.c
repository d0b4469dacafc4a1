/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_tasks.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/err.h"

void io_tasks_init(struct io_tasks *t, struct io_host *host)
{
    *t = (struct io_tasks){.host = host};
}

static struct io_task *find(const struct io_tasks *t, struct slice name)
{
    for (struct io_task *task = t->first; task != NULL; task = task->next)
        if (slice_equal(slice_str(task->name), name))
            return task;
    return NULL;
}

static void remove_task(struct io_task *task)
{
    for (struct io_task **at = &task->tasks->first; *at != NULL; at = &(*at)->next)
        if (*at == task) {
            *at = task->next;
            break;
        }
    free(task);
}

static void finished(struct io_task *task, int rc)
{
    struct io_tasks *t = task->tasks;
    char name[TASK_NAME_MAX + 1];

    memcpy(name, task->name, sizeof(name));
    remove_task(task);
    if (rc != 0)
        t->runs_failed++;
    io_log(&t->host->log, LOG_DEBUG, "task has finished", "task=%s err=%s", name, err_name(rc));
    node_task_finished(t->host->node, slice_str(name), rc);
}

static void on_line_finished(void *data, struct io_line *l, int rc)
{
    struct io_task *task = data;
    struct io_line_status status;

    io_line_status(l, &status);
    for (int i = 0; i < STATUS_COUNT; i++)
        task->tasks->statuses[i] += status.statuses[i];
    io_line_free(l);
    finished(task, rc);
}

static void on_merge_finished(void *data, struct io_merge *m, int rc)
{
    io_merge_free(m);
    finished(data, rc);
}

void io_tasks_start(struct io_tasks *t, struct slice name, const struct task *what,
                    int64_t claim_revision)
{
    struct io_task *task = calloc(1, sizeof(*task));
    int rc = ERR_NO_MEMORY;

    assert(name.len <= TASK_NAME_MAX);
    assert(find(t, name) == NULL);
    if (task == NULL) {
        node_task_finished(t->host->node, name, ERR_NO_MEMORY);
        return;
    }
    task->tasks = t;
    memcpy(task->name, name.ptr, name.len);
    task->next = t->first;
    t->first = task;
    t->runs_started++;
    io_log(&t->host->log, LOG_INFO, "task starts", "task=%s", task->name);
    if (what->kind == TASK_MERGE)
        rc = io_merge_open(t->host, name, what, claim_revision, on_merge_finished, task,
                           &task->merge);
    else
        rc = io_line_open(t->host, name, what, on_line_finished, task, &task->line);
    if (rc != 0)
        finished(task, rc);
}

void io_tasks_stop(struct io_tasks *t, struct slice name)
{
    struct io_task *task = find(t, name);

    if (task == NULL)
        return;
    io_log(&t->host->log, LOG_INFO, "task is asked to finish", "task=%s", task->name);
    if (task->line != NULL)
        io_line_stop(task->line);
    else
        io_merge_stop(task->merge);
}

void io_tasks_claim(struct io_tasks *t, struct slice name, int64_t claim_revision)
{
    struct io_task *task = find(t, name);

    if (task != NULL && task->merge != NULL)
        io_merge_claim(task->merge, claim_revision);
}

void io_tasks_stream_changed(struct io_tasks *t, const struct io_stream *s)
{
    for (struct io_task *task = t->first; task != NULL; task = task->next) {
        if (task->line != NULL)
            io_line_stream_changed(task->line, s);
        else if (task->merge != NULL)
            io_merge_stream_changed(task->merge, s);
    }
}
