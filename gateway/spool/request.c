#include "gateway/spool/request.h"

#include "gateway/base/mem.h"
#include "gateway/spool/body_private.h"

struct request *
request_new(enum request_kind kind)
{
    struct request *request = mem_new(sizeof *request);
    if (request == NULL)
        return NULL;
    request->kind = kind;
    arena_init(&request->memory, ENVELOPE_RECORD_MAX);
    buf_init(&request->arrival.record, ENVELOPE_RECORD_MAX);
    return request;
}

bool
request_take_rows(struct request *request, const struct recipient_change *rows, size_t count)
{
    struct recipient_change *copy = arena_new(&request->memory, count * sizeof *copy);
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        copy[i] = rows[i];
        copy[i].connector = arena_copy(&request->memory, rows[i].connector);
        copy[i].last_error =
            arena_copy(&request->memory, slice_head(rows[i].last_error, ENVELOPE_ERROR_MAX));
        copy[i].moved_from = arena_copy(&request->memory, rows[i].moved_from);
        if (copy[i].connector.ptr == NULL || copy[i].last_error.ptr == NULL ||
            copy[i].moved_from.ptr == NULL)
            return false;
    }
    request->rows = copy;
    request->row_count = count;
    return true;
}

bool
request_take_edit(struct request *request, const struct spool_edit *edit)
{
    must(edit->count <= SPOOL_EDIT_MAX);
    uint64_t *ids = arena_new(&request->memory, edit->count * sizeof *ids);
    request->edit = *edit;
    if (edit->queue != NULL)
        request->edit.queue = arena_copy(&request->memory, slice_str(edit->queue)).ptr;
    if (ids == NULL || (edit->queue != NULL && request->edit.queue == NULL))
        return false;
    for (size_t i = 0; i < edit->count; i++)
        ids[i] = edit->ids[i];
    request->edit.ids = ids;
    return true;
}

uint64_t
request_octets(const struct request *request)
{
    const struct arrival *a = &request->arrival;
    uint64_t body = a->body != NULL && !a->is_in_file ? body_size(a->body) : 0;
    return body + a->record.len + request->memory.used;
}

void
request_settle(struct request *request, const struct err *why)
{
    if (request->is_settled)
        return;
    request->is_settled = true;
    if (why != NULL)
        request->err = *why;
}

void
request_drop_load(struct request *request)
{
    body_unref(&request->arrival.body);
    buf_fini(&request->arrival.record);
    arena_fini(&request->memory);
    request->rows = NULL;
    request->row_count = 0;
}

void
request_free(struct request **request)
{
    if (*request == NULL)
        return;
    request_drop_load(*request);
    mem_free(request);
}

void
request_list_add(struct request_list *list, struct request *request)
{
    request->next = NULL;
    if (list->last != NULL)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
    list->count++;
    list->octets += request_octets(request);
}

struct request *
request_list_take(struct request_list *list)
{
    struct request *request = list->first;
    if (request == NULL)
        return NULL;
    list->first = request->next;
    if (list->first == NULL)
        list->last = NULL;
    request->next = NULL;
    list->count--;
    list->octets -= request_octets(request);
    return request;
}
