#include "gateway/net/resolve_records.h"

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "gateway/net/resolve_private.h"

struct records_query {
    struct resolver *resolver; /* NULL: it was freed */
    struct loop *loop;
    LIST_ENTRY(records_query) link;
    struct turn_task turn; /* queued: the answer goes out at the end of this turn */
    struct timer *deadline;
    enum record_type type;
    int id;
    bool is_asked; /* libunbound will call on_result */
    enum records_finding finding;
    struct buf octets;        /* of all records, one after the other */
    size_t ends[RECORDS_MAX]; /* where each ends there */
    size_t count;
    void (*on_done)(void *context, enum records_finding finding, const struct slice *list,
                    size_t count);
    void *context;
};

/* ---- Octets -------------------------------------------------------------------------------- */

/* The strings of a TXT record (RFC 1035 3.3.14), joined. */
static bool
put_strings(struct buf *out, struct slice rdata)
{
    while (rdata.len > 0) {
        size_t len = (unsigned char)rdata.ptr[0];
        slice_skip(&rdata, 1);
        if (len > rdata.len)
            return false;
        buf_put(out, slice_head(rdata, len));
        slice_skip(&rdata, len);
    }
    return true;
}

/* A dot or a blank within a label would make another name of it. */
static bool
is_plain_label(struct slice label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!ascii_is_print(label.ptr[i]) || slice_find(slice_str(" .\\"), label.ptr[i]) < 3)
            return false;
    return true;
}

/* A name as it is on the wire, without compression (libunbound has undone it). */
static bool
put_name(struct buf *out, struct slice rdata)
{
    bool is_first = true;

    while (rdata.len > 0 && rdata.ptr[0] != 0) {
        size_t len = (unsigned char)rdata.ptr[0];
        slice_skip(&rdata, 1);
        if (len > 63 || len > rdata.len || !is_plain_label(slice_head(rdata, len)))
            return false;
        if (!is_first)
            buf_put_char(out, '.');
        buf_put(out, slice_head(rdata, len));
        slice_skip(&rdata, len);
        is_first = false;
    }
    return rdata.len == 1 && !is_first;
}

bool
record_put(struct buf *out, enum record_type type, struct slice rdata)
{
    size_t before = out->len;
    bool ok = false;

    switch (type) {
    case RECORD_A:
    case RECORD_AAAA:
        ok = rdata.len == (type == RECORD_A ? 4 : 16);
        if (ok)
            buf_put(out, rdata);
        break;
    case RECORD_TXT:
        ok = put_strings(out, rdata);
        break;
    case RECORD_MX:
        ok = rdata.len > 2 && put_name(out, slice_from(rdata, 2));
        break;
    case RECORD_PTR:
        ok = put_name(out, rdata);
        break;
    }
    if (!ok || !buf_ok(out))
        buf_truncate(out, before);
    return ok && buf_ok(out);
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* From now on it has no resolver that could answer it. */
static void
leave_resolver(struct records_query *q)
{
    if (q->resolver == NULL)
        return;
    LIST_REMOVE(q, link);
    q->resolver = NULL;
    timer_free(&q->deadline);
    loop_count_out(q->loop);
}

static void
query_free(struct records_query *q)
{
    if (q->is_asked && q->resolver != NULL)
        ub_cancel(q->resolver->ub, q->id);
    leave_resolver(q);
    loop_forget_task(q->loop, &q->turn);
    buf_fini(&q->octets);
    mem_free(&q);
}

static void
on_turn(struct turn_task *task)
{
    struct records_query *q = CONTAINER(task, struct records_query, turn);
    struct slice list[RECORDS_MAX];
    size_t start = 0;
    for (size_t i = 0; i < q->count; i++) {
        list[i] = slice(q->octets.data + start, q->ends[i] - start);
        start = q->ends[i];
    }
    /* Its memory is needed until on_done returns, but on_done may not find it any more. */
    struct buf octets = q->octets;
    enum records_finding finding = q->finding;
    size_t count = q->count;
    void (*on_done)(void *, enum records_finding, const struct slice *, size_t) = q->on_done;
    void *context = q->context;
    q->octets = (struct buf){0};
    query_free(q);
    on_done(context, finding, list, count);
    buf_fini(&octets);
}

static void
on_deadline(void *context)
{
    struct records_query *q = context;
    loop_at_turn_end(q->loop, &q->turn);
}

static void
take_result(struct records_query *q, const struct ub_result *result)
{
    for (size_t i = 0; result->havedata && result->data[i] != NULL && q->count < RECORDS_MAX; i++)
        if (record_put(&q->octets, q->type, slice(result->data[i], (size_t)result->len[i])))
            q->ends[q->count++] = q->octets.len;
    if (!buf_ok(&q->octets))
        q->finding = RECORDS_FAILED;
    else if (q->count > 0)
        q->finding = RECORDS_FOUND;
    else if (result->nxdomain)
        q->finding = RECORDS_NO_NAME;
    else
        q->finding = result->rcode == DNS_NOERROR ? RECORDS_NONE : RECORDS_FAILED;
}

/* From ub_process(), which must not be disturbed: only notes what came. */
static void
on_result(void *context, int status, struct ub_result *result)
{
    struct records_query *q = context;
    q->is_asked = false;
    if (status == UB_NOERROR)
        take_result(q, result);
    else
        q->finding = status == UB_SYNTAX ? RECORDS_NO_NAME : RECORDS_FAILED;
    ub_resolve_free(result);
    loop_at_turn_end(q->loop, &q->turn);
}

void
resolve_close_records(struct resolver *r)
{
    for (struct records_query *q; (q = LIST_FIRST(&r->queries)) != NULL;) {
        q->finding = RECORDS_CLOSED; /* also what is answered: who gets it would ask on */
        leave_resolver(q);
        loop_at_turn_end(q->loop, &q->turn);
    }
}

/* ---- Questions ----------------------------------------------------------------------------- */

static struct records_query *
query_new(struct resolver *r)
{
    struct records_query *q = mem_new(sizeof *q);
    if (q == NULL)
        return NULL;
    q->deadline = timer_new(r->loop, on_deadline, q);
    if (q->deadline == NULL) {
        mem_free(&q);
        return NULL;
    }
    q->resolver = r;
    q->loop = r->loop;
    q->turn.fn = on_turn;
    q->finding = RECORDS_TIMEOUT;
    buf_init(&q->octets, RECORDS_ROOM);
    LIST_INSERT_HEAD(&r->queries, q, link);
    loop_count_in(r->loop);
    return q;
}

/* What cannot be asked at all is answered like the rest, from the loop. */
static void
ask(struct records_query *q, const char *name)
{
    size_t len = strlen(name);
    int status =
        len == 0 || len > DNS_NAME_LONGEST
            ? UB_SYNTAX
            : ub_resolve_async(q->resolver->ub, name, (int)q->type, DNS_IN, q, on_result, &q->id);
    if (status == UB_NOERROR) {
        q->is_asked = true;
        timer_set(q->deadline, loop_now_ms(q->loop) + q->resolver->answer_ms);
        return;
    }
    q->finding = status == UB_SYNTAX ? RECORDS_NO_NAME : RECORDS_FAILED;
    loop_at_turn_end(q->loop, &q->turn);
}

bool
records_start(struct resolver *r, const char *name, enum record_type type,
              void (*on_done)(void *context, enum records_finding finding,
                              const struct slice *list, size_t count),
              void *context, struct records_query **out)
{
    struct records_query *q = query_new(r);
    if (q == NULL)
        return false;
    q->type = type;
    q->on_done = on_done;
    q->context = context;
    *out = q;
    ask(q, name);
    return true;
}

void
records_hurry(struct records_query *q, uint64_t wait_ms)
{
    if (q->resolver != NULL)
        timer_set(q->deadline, loop_now_ms(q->loop) + wait_ms);
}

void
records_cancel(struct records_query **q)
{
    if (*q != NULL)
        query_free(*q);
    *q = NULL;
}
