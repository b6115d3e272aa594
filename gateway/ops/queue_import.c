/*
 * queue import: what queue export wrote becomes messages of this queue: times, attempts and
 * states of recipients as they were, a queue id of its own. A recipient whose send connector this
 * gateway does not have is routed anew.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/base64.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/mail/address.h"
#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_text.h"
#include "gateway/ops/queue_wire.h"
#include "gateway/route/queued.h"

enum { RECIPIENTS_MAX = 100000, TEXT_MAX = 4096, EXCH50_MAX = 1 << 20 };

/* ---- JSON to envelope ---- */

struct reading {
    struct queue_desk *d;
    struct envelope *e;
    bool bad; /* sticky */
};

static struct slice
take_text(struct reading *r, const json_t *from, const char *key, size_t max)
{
    const json_t *value = json_object_get(from, key);
    struct slice text = slice(json_string_value(value), json_string_length(value));
    r->bad = r->bad || !json_is_string(value) || text.len > max;
    struct slice copy = arena_copy(&r->d->arena, r->bad ? slice(NULL, 0) : text);
    r->bad = r->bad || copy.ptr == NULL;
    return copy;
}

static int64_t
take_number(struct reading *r, const json_t *from, const char *key, int64_t max)
{
    const json_t *value = json_object_get(from, key);
    int64_t n = json_integer_value(value);
    r->bad = r->bad || !json_is_integer(value) || n < 0 || n > max;
    return r->bad ? 0 : n;
}

static bool
take_bool(struct reading *r, const json_t *from, const char *key)
{
    const json_t *value = json_object_get(from, key);
    r->bad = r->bad || !json_is_boolean(value);
    return json_is_true(value);
}

static enum recipient_state
take_state(struct reading *r, const json_t *from)
{
    const char *text = json_string_value(json_object_get(from, "state"));
    for (int i = 0; text != NULL && i <= RECIPIENT_REMOVED; i++)
        if (strcmp(text, queue_recipient_state_text((enum recipient_state)i)) == 0)
            return (enum recipient_state)i;
    r->bad = true;
    return RECIPIENT_WAITING;
}

/* The connector of that name if this gateway has it, else by its own routes; "" = unreachable. */
static struct slice
connector_here(const struct reading *r, struct slice name, struct slice address)
{
    if (name.len > 0 && config_send(r->d->config, name) != NULL)
        return name;
    const struct send_connector *found =
        route_queued(r->d->config, r->e->receive_connector, address, NULL, 0);
    return slice_str(found != NULL ? found->name : "");
}

static void
read_recipient(struct reading *r, const json_t *from, struct envelope_recipient *to)
{
    struct address address;
    to->address = take_text(r, from, "address", ADDRESS_MAX);
    to->state = take_state(r, from);
    to->attempts = (uint32_t)take_number(r, from, "attempts", UINT32_MAX);
    to->due_unix_ms = take_number(r, from, "due_unix_ms", INT64_MAX);
    to->tried_unix_ms = take_number(r, from, "tried_unix_ms", INT64_MAX);
    to->last_error = take_text(r, from, "last_error", ENVELOPE_ERROR_MAX);
    to->notify = (unsigned)take_number(r, from, "notify", 15);
    to->orcpt = take_text(r, from, "orcpt", DSN_ORCPT_MAX);
    struct slice name = take_text(r, from, "connector", ENVELOPE_CONNECTOR_MAX);
    to->connector = name;
    r->bad = r->bad || !address_parse_utf8(to->address, &address);
    if (r->bad || !envelope_is_open(to))
        return; /* where it was delivered is history */
    to->connector = connector_here(r, name, to->address);
    if (to->state == RECIPIENT_HELD && to->connector.len > 0)
        to->state = RECIPIENT_WAITING;
    if (!slice_equal(name, to->connector))
        to->moved_from = name;
}

static void
read_recipients(struct reading *r, const json_t *from)
{
    const json_t *list = json_object_get(from, "recipients");
    size_t count = json_array_size(list);
    struct envelope_recipient *to =
        count <= RECIPIENTS_MAX ? arena_new(&r->d->arena, (count + 1) * sizeof *to) : NULL;
    r->bad = r->bad || to == NULL;
    for (size_t i = 0; i < count && !r->bad; i++)
        read_recipient(r, json_array_get(list, i), &to[i]);
    r->e->recipients = to;
    r->e->recipient_count = count;
    r->bad = r->bad || envelope_open_count(r->e) == 0;
}

static void
read_exch50(struct reading *r, const json_t *from)
{
    struct slice text = take_text(r, from, "exch50", 2 * EXCH50_MAX);
    struct buf octets;
    buf_init(&octets, EXCH50_MAX);
    r->bad = r->bad || !base64_decode(&octets, text);
    r->e->exch50 = arena_copy(&r->d->arena, buf_slice(&octets));
    r->bad = r->bad || r->e->exch50.ptr == NULL;
    r->e->exch50_number = (uint32_t)take_number(r, from, "exch50_number", UINT32_MAX);
    buf_fini(&octets);
}

static void
read_envelope(struct reading *r, const json_t *from)
{
    struct envelope *e = r->e;
    e->received_unix_ms = take_number(r, from, "received_unix_ms", INT64_MAX);
    e->from = take_text(r, from, "from", ADDRESS_MAX);
    e->message_id = take_text(r, from, "message_id", TEXT_MAX);
    e->client = take_text(r, from, "client", TEXT_MAX);
    e->account = take_text(r, from, "account", TEXT_MAX);
    e->receive_connector = take_text(r, from, "receive_connector", ENVELOPE_CONNECTOR_MAX);
    e->is_report = take_bool(r, from, "is_report");
    e->delay_noticed = take_bool(r, from, "delay_noticed");
    e->crashes = (uint8_t)take_number(r, from, "crashes", UINT8_MAX);
    e->auth = (enum envelope_auth)take_number(r, from, "auth", ENVELOPE_AUTH_NAMED);
    e->auth_name = take_text(r, from, "auth_name", TEXT_MAX);
    e->dsn_return = (enum dsn_return)take_number(r, from, "ret", DSN_RETURN_HEADERS);
    e->envid = take_text(r, from, "envid", TEXT_MAX);
    e->body_type = (enum smtp_body_type)take_number(r, from, "body_type", SMTP_BODY_BINARYMIME);
    e->has_bare = take_bool(r, from, "has_bare");
    e->is_unended = take_bool(r, from, "is_unended");
    e->utf8 = take_bool(r, from, "utf8");
    e->keeps_reserved = take_bool(r, from, "keeps_reserved");
    read_exch50(r, from);
    read_recipients(r, from);
}

/* *content_from: where in the .eml the message begins. */
static bool
envelope_of_json(struct queue_desk *d, struct slice text, struct envelope *e,
                 uint64_t *content_from, struct err *err)
{
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    struct reading r = {.d = d, .e = e};
    *e = (struct envelope){0};
    if (json != NULL)
        read_envelope(&r, json);
    *content_from = json != NULL ? (uint64_t)take_number(&r, json, "content_from", INT64_MAX) : 0;
    bool ok = json != NULL && !r.bad;
    json_decref(json);
    return ok || err_set(err, ERR_SYNTAX, "its .json is not as queue export writes it");
}

/* ---- Files ---- */

/* `size` octets of the wire into out, or nowhere. */
static bool
take_file(struct queue_wire *w, uint64_t size, struct buf *out, struct err *err)
{
    struct slice piece;
    for (; size > 0; size -= piece.len) {
        TRY(queue_wire_piece(w, size < SIZE_MAX ? (size_t)size : SIZE_MAX, &piece, err));
        if (out != NULL)
            buf_put(out, piece);
    }
    return true;
}

/* The message itself goes to the draft as it comes. What the draft cannot take is still read, so
 * that the next file is found: then why says why. False: the wire is of no use any more. */
static bool
take_content(struct queue_wire *w, uint64_t size, uint64_t skip, struct spool_draft *draft,
             struct err *why, struct err *err)
{
    struct slice piece;
    for (; size > 0; size -= piece.len) {
        TRY(queue_wire_piece(w, size < SIZE_MAX ? (size_t)size : SIZE_MAX, &piece, err));
        size_t before = skip < piece.len ? (size_t)skip : piece.len;
        struct slice content = slice_from(piece, before);
        skip -= before;
        if (why->kind == ERR_NONE && content.len > 0)
            (void)!spool_append(draft, content, why);
    }
    return true;
}

static bool
next_file(struct queue_wire *w, struct buf *line, const char *ending, char name[QUEUE_NAME_MAX],
          uint64_t *size, struct err *err)
{
    TRY(queue_wire_line(w, line, err));
    if (!queue_wire_file(buf_slice(line), name, size) || strstr(name, ending) == NULL)
        return err_set(err, ERR_SYNTAX, "%s was expected", ending);
    return true;
}

static void
log_import(const struct queue_desk *d, uint64_t id, const char *name, const struct envelope *e)
{
    struct log_line line;
    log_begin(&line, d->log, EV_imported, id);
    log_str(&line, "was", name);
    log_slice(&line, "from", queue_sender(e));
    log_num(&line, "recipients", envelope_open_count(e));
    log_num(&line, "uid", d->uid);
    log_end(&line);
}

/* Behind the .json. False: the wire is of no use any more. why gets a kind when the message was
 * refused. */
static bool
take_message(struct queue_desk *d, struct queue_wire *w, struct envelope *e, uint64_t skip,
             uint64_t size, uint64_t *id, struct err *why, struct err *err)
{
    struct spool_draft *draft = NULL;
    if (why->kind == ERR_NONE)
        (void)!spool_begin(d->spool, &draft, why);
    bool ok = take_content(w, size, skip, draft, why, err);
    if (ok && why->kind == ERR_NONE)
        (void)!clerk_commit(d->clerk, &draft, e, id, why);
    spool_drop(&draft);
    return ok;
}

static bool
import_one(struct queue_desk *d, struct queue_wire *w, struct buf *line, struct buf *json,
           uint64_t *count, struct err *err)
{
    char name[QUEUE_NAME_MAX], id[ID_TEXT];
    uint64_t size, skip = 0, new_id = 0;
    struct envelope e;
    struct err why = {.kind = ERR_NONE};
    if (!queue_wire_file(buf_slice(line), name, &size) || size > QUEUE_JSON_MAX)
        return err_set(err, ERR_SYNTAX, "a .json was expected");
    arena_reset(&d->arena);
    buf_clear(json);
    TRY(take_file(w, size, json, err));
    (void)!envelope_of_json(d, buf_slice(json), &e, &skip, &why);
    TRY(next_file(w, line, ".eml", name, &size, err));
    if (!take_message(d, w, &e, skip, size, &new_id, &why, err))
        return false;
    if (new_id != 0) {
        id_text(new_id, id);
        log_import(d, new_id, name, &e);
        buf_printf(&d->out->text, "+ %s\n", id);
        ++*count;
    } else {
        buf_printf(&d->out->text, "- %s\n", why.text);
    }
    return stream_flush(d->out) || err_set(err, ERR_CLOSED, "nobody reads the answer");
}

int
queue_import(struct queue_desk *d, const struct queue_selector *s)
{
    struct queue_wire *w = mem_new(sizeof *w);
    struct buf line, json;
    struct err err = {.kind = ERR_NONE};
    uint64_t count = 0;
    size_t ignored;
    (void)s; /* everything that comes is meant */
    if (w == NULL)
        return queue_desk_trouble(d, &(struct err){.text = "Out of memory."});
    buf_init(&line, QUEUE_LINE_MAX);
    buf_init(&json, QUEUE_JSON_MAX);
    queue_wire_init(w, d->in, d->head);
    bool ok;
    do
        ok = queue_wire_line(w, &line, &err) &&
             (slice_is(buf_slice(&line), "E") || import_one(d, w, &line, &json, &count, &err));
    while (ok && !slice_is(buf_slice(&line), "E"));
    if (count > 0 && d->heed != NULL)
        (void)d->heed(d->context, NULL, 0, &ignored);
    buf_fini(&json);
    buf_fini(&line);
    mem_free(&w);
    if (!ok)
        return queue_desk_trouble(d, &err);
    buf_printf(&d->out->text, "%" PRIu64 " %s imported.\n", count,
               count == 1 ? "message is" : "messages are");
    return count > 0 ? 0 : 1;
}
