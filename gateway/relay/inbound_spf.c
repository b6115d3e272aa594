#include "gateway/relay/inbound_private.h"

#include "gateway/base/mem.h"
#include "gateway/net/spf.h"
#include "gateway/route/spf_policy.h"

/* Checks at once. A check has one question under way, and leaves up to three behind that nobody
 * answers and libunbound still repeats: of the 512 that it may have (net/resolve_setup.c), enough
 * stay for the names of our own servers. */
enum { CHECKS_MAX = 100 };

/* What was found about the sender of a transaction. */
struct spf_finding {
    enum spf_result result;
    bool of_hello;
    char why[SPF_WHY_TEXT];
};

const char *
inbound_spf_name(const struct spf_finding *f)
{
    return f != NULL ? spf_result_name(f->result) : NULL;
}

struct reply
inbound_spf_reply(const struct inbound *s, const struct spf_finding *f)
{
    if (f == NULL)
        return reply_make(452, "4.3.1", "Insufficient system resources");
    return spf_reply(s->connector, f->result, f->why);
}

void
inbound_put_spf(const struct inbound *s, struct buf *out)
{
    const struct spf_finding *f = s->transaction.spf;
    if (f == NULL)
        return;
    const struct spf_fields fields = {
        .result = f->result,
        .why = slice_str(f->why),
        .of_hello = f->of_hello,
        .sender = s->transaction.parcel->envelope.from,
        .hello = smtp_server_hello(s->engine),
        .client = slice_str(inbound_client(s)),
        .hostname = slice_str(s->runtime->config->hostname),
    };
    spf_fields_put(out, &fields);
}

static void
log_checked(const struct inbound *s, const struct spf_identity *id, const struct spf_answer *a)
{
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_spf_checked, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", s->connector->name);
    log_str(&line, "identity", id->of_hello ? "helo" : "mailfrom");
    log_slice(&line, "domain", id->domain);
    log_str(&line, "result", spf_result_name(a->result));
    log_str(&line, "why", a->why);
    log_num(&line, "took_ms", loop_now_ms(s->worker->loop) - s->spf_since_ms);
    log_end(&line);
    counter_add(metrics_series(s->worker->shop->metrics, METRIC_spf_results_total,
                               s->connector->name, spf_result_name(a->result)),
                1);
}

static void
conclude(struct inbound *s, const struct smtp_mail *mail, const struct spf_identity *id,
         const struct spf_answer *a)
{
    log_checked(s, id, a);
    struct spf_finding *f = mem_new(sizeof *f);
    if (f != NULL) {
        f->result = a->result;
        f->of_hello = id->of_hello;
        memcpy(f->why, a->why, sizeof f->why);
    }
    inbound_sender_checked(s, mail, f);
}

static void on_checked(void *context, const struct spf_answer *a);

static bool
start(struct inbound *s, const struct spf_identity *id)
{
    const struct spf_question_of of = {conn_peer(s->conn), smtp_server_hello(s->engine),
                                       id->local, id->domain};
    if (!spf_start(s->worker->loop, s->worker->resolver, &of, on_checked, s, &s->spf_query))
        return false;
    s->worker->sender_checks++;
    return true;
}

static bool
is_full(const struct inbound *s)
{
    return s->worker->sender_checks >= CHECKS_MAX;
}

bool
inbound_check_must_wait(const struct inbound *s)
{
    return s->connector->spf == SPF_ENFORCE && is_full(s) &&
           spf_is_asked(s->connector, conn_peer(s->conn));
}

/* The question is still the same: the client is not read meanwhile. */
static void
on_checked(void *context, const struct spf_answer *a)
{
    struct inbound *s = context;
    const struct smtp_mail *mail = &smtp_server_question(s->engine)->mail;
    struct spf_identity id;
    s->spf_query = NULL;
    s->worker->sender_checks--;
    must(spf_identity_of(&mail->from, smtp_server_hello(s->engine), &id));
    /* A new configuration came into force, and a new resolver with it. */
    if (a->is_closed && start(s, &id))
        return;
    conclude(s, mail, &id, a);
    inbound_go_on(s);
}

bool
inbound_check_sender(struct inbound *s, const struct smtp_mail *mail)
{
    struct spf_identity id;
    struct spf_answer none = {.result = SPF_NONE,
                              .why = "the name that was given can have no SPF record"};
    struct spf_answer failed = {.result = SPF_TEMPERROR, .why = "no memory for the check"};
    struct spf_answer full = {.result = SPF_TEMPERROR,
                              .why = "too many other senders are being checked"};
    if (!spf_is_asked(s->connector, conn_peer(s->conn)))
        return false;
    s->spf_since_ms = loop_now_ms(s->worker->loop);
    if (!spf_identity_of(&mail->from, smtp_server_hello(s->engine), &id))
        conclude(s, mail, &id, &none);
    else if (is_full(s))
        conclude(s, mail, &id, &full);
    else if (!start(s, &id))
        conclude(s, mail, &id, &failed);
    return true;
}

void
inbound_forget_check(struct inbound *s)
{
    if (s->spf_query != NULL)
        s->worker->sender_checks--;
    spf_cancel(&s->spf_query);
}
