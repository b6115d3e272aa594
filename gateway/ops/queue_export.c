/*
 * queue export: each message as ID.eml, which begins with its envelope as the replay files of
 * Exchange 2007 do (X-Sender, X-Receiver; from its documentation, never tried on one), and as
 * ID.json, from which queue import makes the same message again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_text.h"
#include "gateway/ops/queue_wire.h"

enum { PIECE = 64 * 1024 };

struct exporting {
    struct queue_desk *d;
    uint64_t count;
};

static void
put_replay_header(struct buf *out, const struct envelope *e)
{
    buf_printf(out, "X-Sender: <%.*s>\r\n", SLICE_ARG(e->from));
    for (size_t i = 0; i < e->recipient_count; i++)
        if (envelope_is_open(&e->recipients[i]))
            buf_printf(out, "X-Receiver: <%.*s>\r\n", SLICE_ARG(e->recipients[i].address));
    buf_put_str(out, "X-CreatedBy: forestgate\r\nX-EndOfInjectedXHeaders: 0\r\n");
}

static bool
put_body(struct queue_desk *d, const struct envelope *e, struct err *err)
{
    struct body *body = NULL;
    char scratch[PIECE];
    struct slice piece = {.len = 1};
    TRY(spool_body(d->spool, e->id, &body, err));
    bool ok = true;
    for (uint64_t at = 0; ok && piece.len > 0 && !d->out->is_broken; at += piece.len) {
        ok = body_read(body, at, scratch, sizeof scratch, &piece, err);
        if (ok)
            buf_put(&d->out->text, piece);
        stream_on(d->out);
    }
    body_unref(&body);
    return ok;
}

/* The envelope, with the place in the .eml where the message itself begins. */
static void
put_json(struct buf *out, const struct envelope *e, size_t content_from)
{
    json_t *json = queue_message_json(e);
    control_json_set(json, "content_from", json_integer((json_int_t)content_from));
    control_put_json(out, json);
}

static bool
on_message(void *context, const struct envelope *e)
{
    struct exporting *x = context;
    struct buf header, json;
    struct err err;
    char id[ID_TEXT], name[QUEUE_NAME_MAX];
    buf_init(&header, QUEUE_JSON_MAX);
    buf_init(&json, QUEUE_JSON_MAX);
    id_text(e->id, id);
    put_replay_header(&header, e);
    put_json(&json, e, header.len);
    struct stream *out = x->d->out;
    snprintf(name, sizeof name, "%s.json", id);
    queue_wire_put_file(&out->text, name, json.len);
    buf_put(&out->text, buf_slice(&json));
    snprintf(name, sizeof name, "%s.eml", id);
    queue_wire_put_file(&out->text, name, header.len + e->size);
    buf_put(&out->text, buf_slice(&header));
    bool ok = buf_ok(&header) && buf_ok(&json) && put_body(x->d, e, &err);
    out->is_broken = out->is_broken || !ok; /* in the middle of a file nothing can be said */
    buf_fini(&header);
    buf_fini(&json);
    x->count++;
    return stream_on(out);
}

int
queue_export(struct queue_desk *d, const struct queue_selector *s)
{
    struct exporting x = {.d = d};
    if (queue_select_is_empty(s)) {
        buf_put_str(&d->out->text, "queue export takes a queue, queue ids, selectors, or --all, "
                                   "and --to FOLDER.\n");
        return 2;
    }
    (void)queue_desk_walk(d, s, on_message, &x);
    buf_printf(&d->out->text, "%" PRIu64 " %s exported; in the queue they stay as they are.\n",
               x.count, x.count == 1 ? "message is" : "messages are");
    return x.count > 0 ? 0 : 1;
}
