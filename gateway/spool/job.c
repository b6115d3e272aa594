#include "gateway/spool/job.h"

#include "gateway/base/mem.h"
#include "gateway/spool/body_private.h"

struct job *
job_new(enum job_kind kind)
{
    struct job *job = mem_new(sizeof *job);
    if (job == NULL)
        return NULL;
    job->kind = kind;
    arena_init(&job->memory, ENVELOPE_RECORD_MAX);
    buf_init(&job->arrival.record, ENVELOPE_RECORD_MAX);
    return job;
}

bool
job_take_rows(struct job *job, const struct recipient_change *rows, size_t count)
{
    struct recipient_change *copy = arena_new(&job->memory, count * sizeof *copy);
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        copy[i] = rows[i];
        copy[i].connector = arena_copy(&job->memory, rows[i].connector);
        copy[i].last_error =
            arena_copy(&job->memory, slice_head(rows[i].last_error, ENVELOPE_ERROR_MAX));
        if (copy[i].connector.ptr == NULL || copy[i].last_error.ptr == NULL)
            return false;
    }
    job->rows = copy;
    job->row_count = count;
    return true;
}

uint64_t
job_octets(const struct job *job)
{
    const struct arrival *a = &job->arrival;
    uint64_t body = a->body != NULL && !a->is_in_file ? body_size(a->body) : 0;
    return body + a->record.len + job->memory.used;
}

void
job_settle(struct job *job, const struct err *why)
{
    if (job->is_settled)
        return;
    job->is_settled = true;
    if (why != NULL)
        job->err = *why;
}

void
job_drop_load(struct job *job)
{
    body_unref(&job->arrival.body);
    buf_fini(&job->arrival.record);
    arena_fini(&job->memory);
    job->rows = NULL;
    job->row_count = 0;
}

void
job_free(struct job **job)
{
    if (*job == NULL)
        return;
    job_drop_load(*job);
    mem_free(job);
}

void
job_list_add(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
    list->octets += job_octets(job);
}

struct job *
job_list_take(struct job_list *list)
{
    struct job *job = list->first;
    if (job == NULL)
        return NULL;
    list->first = job->next;
    if (list->first == NULL)
        list->last = NULL;
    job->next = NULL;
    list->count--;
    list->octets -= job_octets(job);
    return job;
}
