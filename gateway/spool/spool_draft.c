/*
 * spool_draft.c - the ways into the committer: a message that comes, what became of one, what
 * operators want.
 */
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/spool/body_private.h"
#include "gateway/spool/spool_private.h"

/* The first block of a body, header included: most mail fits, and it is a size malloc likes. */
enum { FIRST_BLOCK = 8192 };

/*
 * The octets gather in one block. As long as the body is small the block becomes the body; from
 * body_in_file on it is what is written to the file next, emptied each time it is full.
 */
struct spool_draft {
    struct spool *spool;
    struct request
        *request; /* made at the start, so that a commit cannot fail for want of memory */
    struct body *block;
    struct body *file; /* NULL: small so far */
    uint64_t size;
};

/* ---- A message comes ---------------------------------------------------------------------- */

static bool
begin(struct spool *s, struct spool_draft **out, struct err *err)
{
    if (committer_has_failed(s->committer))
        return err_set(err, ERR_IO, "the spool has failed");
    struct spool_draft *d = mem_new(sizeof *d);
    if (d == NULL)
        return err_set(err, ERR_NOMEM, "no memory for a message");
    d->spool = s;
    d->request = request_new(REQUEST_ACCEPT);
    d->block = body_new(FIRST_BLOCK - sizeof *d->block);
    *out = d;
    if (d->request == NULL || d->block == NULL) {
        spool_drop(out);
        return err_set(err, ERR_NOMEM, "no memory for a message");
    }
    d->request->arrival.id = id_next(&s->ids, clock_unix_ms());
    return true;
}

bool
spool_begin(struct spool *s, struct spool_draft **out, struct err *err)
{
    if (!room_is_left(s->room))
        return err_set(err, ERR_FULL, "no room for new mail");
    return begin(s, out, err);
}

bool
spool_begin_report(struct spool *s, struct spool_draft **out, struct err *err)
{
    return begin(s, out, err);
}

uint64_t
spool_draft_id(const struct spool_draft *d)
{
    return d->request->arrival.id;
}

uint64_t
spool_draft_size(const struct spool_draft *d)
{
    return d->size;
}

/* The body will be a file from now on. */
static bool
move_to_file(struct spool_draft *d, struct err *err)
{
    int fd;
    TRY(body_files_create(&d->spool->files, spool_draft_id(d), &fd, err));
    d->file = body_of_file(fd, 0);
    if (d->file != NULL)
        return true;
    close(fd);
    body_files_discard(&d->spool->files, spool_draft_id(d));
    return err_set(err, ERR_NOMEM, "no memory for a large message");
}

/* Write what has gathered in the block. */
static bool
flush(struct spool_draft *d, struct err *err)
{
    TRY(body_files_write(d->file->fd, body_octets(d->block), err));
    room_used(d->spool->room, d->block->size);
    d->block->size = 0;
    return true;
}

static bool
append_to_file(struct spool_draft *d, struct slice octets, struct err *err)
{
    if (octets.len > d->block->cap - (size_t)d->block->size)
        TRY(flush(d, err));
    if (octets.len > d->block->cap) {
        room_used(d->spool->room, octets.len);
        return body_files_write(d->file->fd, octets, err);
    }
    return body_append(&d->block, octets); /* it fits, so this needs no memory */
}

bool
spool_append(struct spool_draft *d, struct slice octets, struct err *err)
{
    if (d->file == NULL && d->size + octets.len >= d->spool->body_in_file)
        TRY(move_to_file(d, err));
    d->size += octets.len;
    if (d->file != NULL)
        return append_to_file(d, octets, err);
    return body_append(&d->block, octets) ||
           err_set(err, ERR_NOMEM, "no memory for a message of %llu octets",
                   (unsigned long long)d->size);
}

void
spool_drop(struct spool_draft **d)
{
    if (*d == NULL)
        return;
    if ((*d)->file != NULL)
        body_files_discard(&(*d)->spool->files, spool_draft_id(*d));
    body_unref(&(*d)->file);
    body_unref(&(*d)->block);
    request_free(&(*d)->request);
    mem_free(d);
}

/* The last of a draft: its body and envelope move into its request, the rest is freed. Trouble
 * settles the request, so that it comes back as the answer. */
static struct request *
finish(struct spool_draft **take, struct envelope *e)
{
    struct spool_draft *d = *take;
    struct request *request = d->request;
    struct err err;
    struct arrival *a = &request->arrival;
    e->id = a->id;
    e->size = d->size;
    must(envelope_open_count(e) > 0);
    envelope_encode(e, &a->record);
    if (!buf_ok(&a->record)) {
        err_set(&err, ERR_NOMEM, "no memory for an envelope");
        request_settle(request, &err);
    }
    a->is_in_file = d->file != NULL;
    if (a->is_in_file) {
        d->file->size = d->size;
        if (!request->is_settled && !flush(d, &err))
            request_settle(request, &err);
        body_unref(&d->block);
    }
    a->body = a->is_in_file ? d->file : d->block;
    room_used(d->spool->room, a->is_in_file ? 0 : d->size);
    mem_free(take);
    return request;
}

static void
hand_in(struct spool *s, struct spool_client *client, struct request *request, uint64_t token)
{
    request->client = spool_client_ref(client);
    request->token = token;
    if (request->arrival.is_in_file && !request->is_settled) {
        syncer_hand_in(s->syncer, request);
        return;
    }
    if (request->arrival.is_in_file)
        body_files_discard(&s->files, request->arrival.id);
    committer_hand_in(s->committer, request);
}

void
spool_commit(struct spool_client *client, struct spool_draft **take, struct envelope *e,
             uint64_t token, struct body **body_out)
{
    struct request *request = finish(take, e);
    request->id = request->arrival.id;
    if (body_out != NULL)
        *body_out = body_ref(request->arrival.body);
    hand_in(spool_client_spool(client), client, request, token);
}

/* ---- What became of it -------------------------------------------------------------------- */

/* A request without a draft. NULL: no memory even for that, and the spool has given up. */
static struct request *
bare_job(struct spool *s, enum request_kind kind)
{
    struct request *request = request_new(kind);
    if (request == NULL) {
        struct err err;
        err_set(&err, ERR_NOMEM, "no memory to record an outcome");
        committer_give_up(s->committer, &err);
    }
    return request;
}

void
spool_record(struct spool_client *client, struct spool_change *change, uint64_t token,
             struct body **report_body_out)
{
    struct spool *s = spool_client_spool(client);
    bool has_report = change->report != NULL;
    struct request *request = has_report ? finish(&change->report, change->report_envelope)
                                         : bare_job(s, REQUEST_RECORD);
    if (report_body_out != NULL)
        *report_body_out = has_report ? body_ref(request->arrival.body) : NULL;
    if (request == NULL)
        return;
    request->kind = REQUEST_RECORD;
    request->id = change->id;
    request->delay_noticed = change->delay_noticed;
    request->wants_all_open = change->wants_all_open;
    if (!request_take_rows(request, change->rows, change->row_count)) {
        struct err err;
        err_set(&err, ERR_NOMEM, "no memory for the outcomes of a message");
        request_settle(request, &err);
    }
    hand_in(s, client, request, token);
}

static void
settle_without_memory(struct request *request)
{
    struct err err;
    err_set(&err, ERR_NOMEM, "no memory to ask for a change");
    request_settle(request, &err);
}

void
spool_edit(struct spool_client *client, const struct spool_edit *edit, uint64_t token)
{
    struct spool *s = spool_client_spool(client);
    struct request *request = bare_job(s, REQUEST_EDIT);
    if (request == NULL)
        return;
    request->now_unix_ms = clock_unix_ms();
    if (!request_take_edit(request, edit))
        settle_without_memory(request);
    hand_in(s, client, request, token);
}

void
spool_suspend_queue(struct spool_client *client, struct slice connector, bool suspended,
                    uint64_t token)
{
    struct spool *s = spool_client_spool(client);
    struct request *request = bare_job(s, REQUEST_SUSPEND);
    if (request == NULL)
        return;
    must(connector.len <= ENVELOPE_CONNECTOR_MAX);
    request->suspended = suspended;
    request->connector = arena_copy(&request->memory, connector);
    if (request->connector.ptr == NULL)
        settle_without_memory(request);
    hand_in(s, client, request, token);
}
