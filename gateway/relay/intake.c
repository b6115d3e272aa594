#include "gateway/relay/intake.h"

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "gateway/mail/address.h"
#include "gateway/mail/header.h"
#include "gateway/route/firewall.h"
#include "gateway/route/header_rules.h"

enum {
    TRACES_MAX = 100, /* the largest limits.hops: more passes are refused */
    MESSAGE_ID_MAX = 250,
};

struct intake {
    struct spool_draft *draft;
    struct header_scanner scanner;
    struct content_scan content;
    bool in_body;
    struct hop_count hops;
    uint32_t hops_max;
    unsigned rights; /* of the receive connector */
    bool keeps_reserved;
    size_t trace_count;
    unsigned char traces[TRACES_MAX][LOOP_TRACE_HASH];
    char message_id[MESSAGE_ID_MAX];
    char hostname[DOMAIN_MAX + 1]; /* ours */
};

/* What the spool's refusal means for the client (RFC 5321 4.2.2). */
static struct reply
reply_of(const struct err *err)
{
    if (err->kind == ERR_FULL)
        return reply_make(452, "4.3.1", "Insufficient system resources");
    return reply_make(451, "4.3.0", "The message cannot be stored now, try again");
}

static bool
put(struct intake *t, struct slice octets, struct reply *refusal)
{
    struct err err;
    if (octets.len == 0 || spool_append(t->draft, octets, &err))
        return true;
    *refusal = reply_of(&err);
    return false;
}

/* What our own fields say of the client may be in UTF-8: they are content like its own. */
static bool
keep(struct intake *t, struct slice octets, struct reply *refusal)
{
    content_scan_take(&t->content, octets);
    return put(t, octets, refusal);
}

struct intake *
intake_begin(struct spool *spool, struct trace *trace, struct slice above, uint32_t hops_max,
             unsigned rights, struct reply *refusal)
{
    struct err err;
    struct intake *t = mem_new(sizeof *t);
    *refusal = reply_make(452, "4.3.1", "Insufficient system resources");
    if (t == NULL)
        return NULL;
    t->hops_max = hops_max;
    t->rights = rights;
    slice_copy_text(t->hostname, sizeof t->hostname, trace->hostname);
    header_scanner_init(&t->scanner);
    if (!spool_begin(spool, &t->draft, &err)) {
        *refusal = reply_of(&err);
        intake_free(&t);
        return NULL;
    }
    char id[ID_TEXT];
    id_text(spool_draft_id(t->draft), id);
    trace->id = slice(id, ID_TEXT - 1);

    struct buf field;
    buf_init(&field, TRACE_MAX);
    trace_put(&field, trace);
    trace->id = slice(NULL, 0);
    bool ok = buf_ok(&field) && keep(t, above, refusal) && keep(t, buf_slice(&field), refusal);
    buf_fini(&field);
    if (!ok)
        intake_free(&t);
    return t;
}

/* ---- The header section ---- */

static void
remember_trace(struct intake *t, const struct header_field *field)
{
    struct slice connector;
    if (t->trace_count < TRACES_MAX &&
        loop_trace_parse(ascii_trim(header_value(field)), &connector, t->traces[t->trace_count]))
        t->trace_count++;
}

static void
remember_message_id(struct intake *t, const struct header_field *field)
{
    struct buf value;
    buf_init(&value, MESSAGE_ID_MAX * 4);
    header_unfold(&value, field);
    slice_copy_text(t->message_id, sizeof t->message_id, buf_slice(&value));
    buf_fini(&value);
}

static bool
pass_field(struct intake *t, const struct header_field *field, struct reply *refusal)
{
    if (!hop_count_take(&t->hops, field->name, t->hops_max, refusal) ||
        !header_is_sound(field->raw, refusal))
        return false;
    if (ascii_is(field->name, LOOP_TRACE_NAME))
        remember_trace(t, field);
    else if (ascii_is(field->name, "Message-ID"))
        remember_message_id(t, field);
    if (!firewall_passes(field->name, t->rights) ||
        firewall_is_forged(field, slice_str(t->hostname)))
        return true;
    t->keeps_reserved = t->keeps_reserved || firewall_is_reserved(field->name);
    return keep(t, field->raw, refusal);
}

/* The rest of the header section when its end was reached: the blank line, or one of ours when
 * the body begins without it. */
static bool
end_header(struct intake *t, enum header_event event, const struct header_field *field,
           struct reply *refusal)
{
    t->in_body = true;
    if (event == HEADER_END_UNMARKED && !keep(t, slice_str("\r\n"), refusal))
        return false;
    if (event == HEADER_END && !header_is_sound(field->raw, refusal))
        return false;
    return keep(t, field->raw, refusal);
}

bool
intake_take(struct intake *t, struct slice octets, struct reply *refusal)
{
    struct header_field field;
    while (!t->in_body) {
        enum header_event event = header_scan(&t->scanner, &octets, &field);
        switch (event) {
        case HEADER_MORE:
            return true;
        case HEADER_FIELD:
            if (!pass_field(t, &field, refusal))
                return false;
            break;
        case HEADER_END:
        case HEADER_END_UNMARKED:
            if (!end_header(t, event, &field, refusal))
                return false;
            break;
        case HEADER_TOO_LONG:
            *refusal = header_too_long();
            return false;
        case HEADER_NOMEM:
            *refusal = reply_make(452, "4.3.1", "Insufficient system resources");
            return false;
        }
    }
    return keep(t, octets, refusal);
}

static bool
end_within_header(struct intake *t, struct reply *refusal)
{
    struct header_field field;
    enum header_event event;
    while ((event = header_scan_end(&t->scanner, &field)) == HEADER_FIELD)
        if (!pass_field(t, &field, refusal))
            return false;
    if (event == HEADER_NOMEM) {
        *refusal = reply_make(452, "4.3.1", "Insufficient system resources");
        return false;
    }
    return end_header(t, event, &field, refusal);
}

bool
intake_end(struct intake *t, struct reply *refusal)
{
    if (!t->in_body && !end_within_header(t, refusal))
        return false;
    content_scan_end(&t->content);
    return true;
}

/* ---- What was seen ---- */

const struct content_scan *
intake_content(const struct intake *t)
{
    return &t->content;
}

uint64_t
intake_id(const struct intake *t)
{
    return spool_draft_id(t->draft);
}

uint64_t
intake_size(const struct intake *t)
{
    return spool_draft_size(t->draft);
}

struct slice
intake_message_id(const struct intake *t)
{
    return slice_str(t->message_id);
}

bool
intake_keeps_reserved(const struct intake *t)
{
    return t->keeps_reserved;
}

bool
intake_has_traces(const struct intake *t)
{
    return t->trace_count > 0;
}

bool
intake_has_trace(const struct intake *t, const unsigned char hash[LOOP_TRACE_HASH])
{
    for (size_t i = 0; i < t->trace_count; i++)
        if (keyed_hash_same(t->traces[i], hash, LOOP_TRACE_HASH))
            return true;
    return false;
}

struct spool_draft *
intake_take_draft(struct intake *t)
{
    struct spool_draft *draft = t->draft;
    t->draft = NULL;
    return draft;
}

void
intake_free(struct intake **ref)
{
    struct intake *t = *ref;
    if (t == NULL)
        return;
    if (t->draft != NULL)
        spool_drop(&t->draft);
    header_scanner_fini(&t->scanner);
    mem_free(ref);
}
