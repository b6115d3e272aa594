#include "gateway/relay/inbound_private.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/spf_fields.h"
#include "gateway/relay/giveup.h"
#include "gateway/relay/track.h"

/* A message whose commit is under way. It outlives the session: what is durable is delivered,
 * whether the client waits for its 250 or not. */
struct custody {
    struct inbound *session; /* NULL: it ended meanwhile */
    struct worker *worker;
    struct parcel *parcel;
    uint64_t session_id;
    uint32_t *looped; /* recipients that go no further: a report, not a delivery */
    size_t looped_count;
    char connector[64];
    const char *spf; /* what the check of the sender found, NULL: none was made */
    char tls[16];
    char cipher[64];
};

/* ---- DATA and the content ---- */

void
inbound_ask_data(struct inbound *s)
{
    const struct tls_filter *tls = conn_tls(s->conn);
    const struct envelope *e = &s->transaction.parcel->envelope;
    struct trace trace = {
        .hello = smtp_server_hello(s->engine),
        .client_address = slice_str(inbound_client(s)),
        .hostname = slice_str(s->runtime->config->hostname),
        .esmtp = smtp_server_is_esmtp(s->engine),
        .utf8 = e->utf8,
        .authenticated = s->account != NULL,
        .recipient = e->recipient_count == 1 ? e->recipients[0].address : slice(NULL, 0),
        .received_unix_ms = clock_unix_ms(),
    };
    if (tls != NULL) {
        trace.tls_version = slice_str(tls_filter_version(tls));
        trace.tls_cipher = slice_str(tls_filter_cipher(tls));
        trace.tls_bits = (unsigned)tls_filter_bits(tls);
    }
    struct reply refusal;
    struct buf found;
    buf_init(&found, SPF_FIELDS_MAX);
    inbound_put_spf(s, &found);
    if (smtp_server_refused_some(s->engine))
        inbound_spoil_exch50(s);
    s->transaction.intake =
        intake_begin(s->worker->shop->spool, &trace, buf_slice(&found),
                     s->runtime->config->limit_hops, s->connector->rights, &refusal);
    buf_fini(&found);
    if (s->transaction.intake == NULL) {
        inbound_answer(s, &refusal);
        return;
    }
    struct reply go = reply_make(354, NULL, "Start mail input; end with <CRLF>.<CRLF>");
    inbound_answer(s, &go);
}

static void
log_message_refused(const struct inbound *s, const struct reply *r, const char *why)
{
    const struct transaction *t = &s->transaction;
    struct slice from = t->parcel->envelope.from;
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_message_refused, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", s->connector->name);
    log_slice(&line, "from", from.len > 0 ? from : slice_str("<>"));
    log_slice(&line, "message_id", intake_message_id(t->intake));
    log_num(&line, "size", intake_size(t->intake));
    char room[REPLY_TEXT + 32];
    struct buf reply = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    reply_put(&reply, r);
    log_slice(&line, "reply", buf_slice(&reply));
    log_str(&line, "why", why);
    log_end(&line);
    counter_add(metrics_series(s->worker->shop->metrics, METRIC_messages_refused_total,
                               s->connector->name, NULL),
                1);
}

void
inbound_ask_body(struct inbound *s, struct slice octets)
{
    struct reply refusal;
    s->transaction.octets += octets.len;
    if (!inbound_takes_size(s, s->transaction.octets, &refusal) ||
        !intake_take(s->transaction.intake, octets, &refusal)) {
        log_message_refused(s, &refusal, NULL);
        smtp_server_refuse_content(s->engine, &refusal);
    }
    smtp_server_took_body(s->engine);
}

/* ---- Custody ---- */

static void
custody_free(struct custody **ref)
{
    parcel_unref(&(*ref)->parcel);
    mem_free(&(*ref)->looped);
    mem_free(ref);
}

/* Is the group of recipients that share recipient i's connector a loop? Its hash is looked for
 * among the traces of earlier passes. */
static bool
group_is_loop(const struct inbound *s, struct slice connector, struct slice *group)
{
    const struct envelope *e = &s->transaction.parcel->envelope;
    unsigned char hash[LOOP_TRACE_HASH];
    size_t count = 0;
    for (size_t i = 0; i < e->recipient_count; i++)
        if (slice_equal(e->recipients[i].connector, connector))
            group[count++] = e->recipients[i].address;
    return loop_trace_hash(&s->worker->shop->trace_key, connector, group, count, hash) &&
           intake_has_trace(s->transaction.intake, hash);
}

/* Each connector is looked at once, however its recipients are mixed. */
enum { KNOWN_GROUPS = 64 };
struct known_group {
    struct slice connector;
    bool is_loop;
};

/* Find the recipients whose transaction would be a loop (design.md 10, trace field) and take
 * their connector away. False: out of memory. */
static bool
find_loops(struct inbound *s, struct custody *c)
{
    struct envelope *e = &s->transaction.parcel->envelope;
    if (!intake_has_traces(s->transaction.intake))
        return true;
    struct slice *group = mem_new(e->recipient_count * sizeof *group);
    c->looped = mem_new(e->recipient_count * sizeof *c->looped);
    if (group == NULL || c->looped == NULL) {
        mem_free(&group);
        return false;
    }
    struct known_group known[KNOWN_GROUPS];
    size_t known_count = 0;
    for (size_t i = 0; i < e->recipient_count; i++) {
        struct slice connector = e->recipients[i].connector;
        size_t k = 0;
        while (k < known_count && !slice_equal(known[k].connector, connector))
            k++;
        if (k == known_count) {
            k = known_count < KNOWN_GROUPS ? known_count++ : KNOWN_GROUPS - 1;
            known[k] = (struct known_group){connector, group_is_loop(s, connector, group)};
        }
        if (known[k].is_loop)
            c->looped[c->looped_count++] = (uint32_t)i;
    }
    mem_free(&group);
    return true;
}

static void
log_loop(const struct inbound *s, const struct custody *c)
{
    const struct envelope *e = &s->transaction.parcel->envelope;
    const struct envelope_recipient *r = &e->recipients[c->looped[0]];
    char both[160];
    snprintf(both, sizeof both, "%s -> %.*s", s->connector->name, SLICE_ARG(r->connector));
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_loop_found, intake_id(s->transaction.intake));
    log_slice(&line, "from", e->from);
    log_slice(&line, "to", r->address);
    log_str(&line, "connectors", both);
    log_end(&line);
}

static struct reply
loop_reply(const struct inbound *s, struct slice connector)
{
    return reply_make(554, "5.4.6",
                      "Mail loop: this message already passed from %s through %.*s once",
                      s->connector->name, SLICE_ARG(connector));
}

/* By the connector of their route: one look-up for each run of the same. */
static void
count_recipients(struct metrics *m, const struct envelope *e)
{
    for (size_t i = 0, n; i < e->recipient_count; i += n) {
        char name[64];
        struct slice connector = e->recipients[i].connector;
        for (n = 1; i + n < e->recipient_count; n++)
            if (!slice_equal(e->recipients[i + n].connector, connector))
                break;
        slice_copy_text(name, sizeof name, connector);
        counter_add(metrics_series(m, METRIC_recipients_accepted_total, name, NULL), n);
    }
}

static void
log_received(const struct custody *c)
{
    const struct envelope *e = &c->parcel->envelope;
    struct log_line line;
    log_begin(&line, c->worker->shop->log, EV_received, e->id);
    log_slice(&line, "client", e->client);
    log_slice(&line, "connector", e->receive_connector);
    if (e->account.len > 0)
        log_slice(&line, "account", e->account);
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_num(&line, "recipients", e->recipient_count);
    log_num(&line, "size", e->size);
    log_slice(&line, "message_id", e->message_id);
    log_str(&line, "tls", c->tls[0] ? c->tls : "none");
    if (c->cipher[0])
        log_str(&line, "cipher", c->cipher);
    log_str(&line, "spf", c->spf);
    log_end(&line);
    counter_add(metrics_series(c->worker->shop->metrics, METRIC_messages_received_total,
                               c->connector, NULL),
                1);
    count_recipients(c->worker->shop->metrics, e);
}

static void
bounce_loops(struct custody *c)
{
    struct reply why = reply_make(554, "5.4.6",
                                  "Mail loop: these recipients were already passed "
                                  "through this gateway once");
    why.local = true;
    if (c->looped_count > 0)
        (void)give_up(c->worker, c->parcel, c->looped, c->looped_count, false, &why);
}

/* "250 2.6.0 <id@host> [InternalId=0B5...] Queued mail for delivery", as Exchange says it. */
static struct reply
accepted_reply(const struct envelope *e)
{
    char id[ID_TEXT];
    id_text(e->id, id);
    return reply_make(250, "2.6.0", "%.*s%s[InternalId=%s] Queued mail for delivery",
                      SLICE_ARG(e->message_id), e->message_id.len > 0 ? " " : "", id);
}

static struct reply
not_accepted_reply(const struct err *err)
{
    if (err->kind == ERR_FULL)
        return reply_make(452, "4.3.1", "Insufficient system resources");
    return reply_make(451, "4.3.0", "The message could not be stored, try again");
}

static void
on_committed(void *context, const struct spool_answer *a)
{
    struct custody *c = context;
    struct inbound *s = c->session;
    if (a->ok) {
        log_received(c);
        track_received(c->worker, &c->parcel->envelope, c->session_id);
        worker_offer(c->worker, c->parcel);
        bounce_loops(c);
    }
    if (s != NULL) {
        struct reply r =
            a->ok ? accepted_reply(&c->parcel->envelope) : not_accepted_reply(&a->err);
        s->custody = NULL;
        s->message_count += a->ok;
        inbound_answer(s, &r);
    }
    struct worker *w = c->worker;
    custody_free(&c);
    if (s != NULL)
        inbound_go_on(s);
    else if (w->draining)
        worker_look_idle(w);
}

static struct custody *
custody_new(struct inbound *s)
{
    struct custody *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    const struct tls_filter *tls = conn_tls(s->conn);
    c->session = s;
    c->worker = s->worker;
    c->session_id = s->id;
    c->spf = inbound_spf_name(s->transaction.spf);
    slice_copy_text(c->connector, sizeof c->connector, slice_str(s->connector->name));
    if (tls != NULL) {
        slice_copy_text(c->tls, sizeof c->tls, slice_str(tls_filter_version(tls)));
        slice_copy_text(c->cipher, sizeof c->cipher, slice_str(tls_filter_cipher(tls)));
    }
    return c;
}

/* What it is, not what MAIL called it, decides how it goes on (decision 0008). */
static void
describe_content(struct envelope *e, const struct content_scan *content)
{
    e->has_bare = content->has_bare;
    e->is_unended = content_scan_is_unended(content);
    e->body_type = content->has_bare   ? SMTP_BODY_BINARYMIME
                   : content->has_8bit ? SMTP_BODY_8BITMIME
                                       : SMTP_BODY_7BIT;
}

static bool
finish_envelope(struct transaction *t)
{
    struct envelope *e = &t->parcel->envelope;
    describe_content(e, intake_content(t->intake));
    e->keeps_reserved = intake_keeps_reserved(t->intake);
    e->id = intake_id(t->intake);
    e->size = intake_size(t->intake);
    e->received_unix_ms = clock_unix_ms();
    e->message_id = arena_copy(&t->parcel->arena, intake_message_id(t->intake));
    for (size_t i = 0; i < e->recipient_count; i++)
        e->recipients[i].due_unix_ms = e->received_unix_ms;
    return e->message_id.ptr != NULL;
}

static void
refuse_message(struct inbound *s, struct custody **c, const struct reply *r, const char *why)
{
    log_message_refused(s, r, why);
    if (*c != NULL)
        custody_free(c);
    inbound_drop_transaction(s);
    inbound_answer(s, r);
}

/* The content turned out to be binary, and every way on is known to be closed to it. */
static bool
has_no_way(const struct inbound *s)
{
    const struct envelope *e = &s->transaction.parcel->envelope;
    uint64_t now = loop_now_ms(s->worker->loop);
    if (!intake_content(s->transaction.intake)->has_bare)
        return false;
    for (size_t i = 0; i < e->recipient_count; i++) {
        struct hop_offers hop =
            board_offers(s->worker->shop->board, e->recipients[i].connector, HOP_ANY, now);
        if (!hop_lacks_binary(&hop))
            return false;
    }
    return true;
}

void
inbound_ask_message(struct inbound *s)
{
    struct transaction *t = &s->transaction;
    struct custody *c = NULL;
    struct reply refusal;
    if (!intake_end(t->intake, &refusal)) {
        refuse_message(s, &c, &refusal, NULL);
        return;
    }
    if (has_no_way(s)) {
        refusal = hop_no_binary();
        refuse_message(s, &c, &refusal, "by its last EHLO, no next server takes BINARYMIME");
        return;
    }
    uint64_t token = 0;
    struct reply busy = reply_make(452, "4.3.1", "Insufficient system resources");
    if ((c = custody_new(s)) == NULL || !finish_envelope(t) || !find_loops(s, c) ||
        (token = answers_expect(s->worker->answers, on_committed, c)) == 0) {
        refuse_message(s, &c, &busy, "out of memory");
        return;
    }
    struct envelope *e = &t->parcel->envelope;
    if (c->looped_count > 0)
        log_loop(s, c);
    if (c->looped_count == e->recipient_count) {
        answers_forget(s->worker->answers, token);
        struct reply loop = loop_reply(s, e->recipients[0].connector);
        refuse_message(s, &c, &loop, "mail loop");
        return;
    }
    for (size_t i = 0; i < c->looped_count; i++)
        e->recipients[c->looped[i]].connector = slice(NULL, 0);
    struct spool_draft *draft = intake_take_draft(t->intake);
    c->parcel = parcel_ref(t->parcel);
    s->custody = c;
    spool_commit(s->worker->spool_client, &draft, e, token, &c->parcel->body);
    inbound_drop_transaction(s);
}

void
inbound_forget_custody(struct inbound *s)
{
    if (s->custody != NULL)
        s->custody->session = NULL;
    s->custody = NULL;
}

void
inbound_drop_transaction(struct inbound *s)
{
    intake_free(&s->transaction.intake);
    mem_free(&s->transaction.spf);
    parcel_unref(&s->transaction.parcel);
    s->transaction = (struct transaction){0};
}
