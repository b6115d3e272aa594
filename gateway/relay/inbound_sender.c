#include "gateway/relay/inbound_private.h"

#include "gateway/base/mem.h"
#include "gateway/relay/pressure_watch.h"
#include "gateway/route/rights.h"

static void
log_sender_refused(const struct inbound *s, struct slice from, const struct reply *r,
                   const char *why, const char *spf)
{
    struct log_line line;
    inbound_log(s, &line, EV_sender_refused);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", inbound_connector_name(s));
    log_slice(&line, "from", from.len > 0 ? from : slice_str("<>"));
    log_slice(&line, "reply", slice(r->text, r->len));
    log_str(&line, "why", why);
    log_str(&line, "spf", spf);
    log_end(&line);
}

/* True: finding is the transaction's. */
static bool
begin_transaction(struct inbound *s, const struct smtp_mail *mail,
                  const struct sender_decision *decision, struct spf_finding *finding)
{
    struct parcel *p = parcel_new();
    if (p == NULL)
        return false;
    struct envelope *e = &p->envelope;
    e->utf8 = mail->utf8;
    e->dsn_return = mail->dsn_return;
    e->envid = arena_copy(&p->arena, mail->envid);
    e->from = arena_copy(&p->arena, mail->from.text);
    e->receive_connector = arena_copy(&p->arena, slice_str(s->connector->name));
    e->account = arena_copy(&p->arena, slice_str(s->account ? s->account->name : ""));
    e->client = arena_copy(&p->arena, slice_str(inbound_client(s)));
    if (decision->auth_anonymous) {
        e->auth = ENVELOPE_AUTH_ANONYMOUS;
    } else if (decision->auth_named) {
        e->auth = ENVELOPE_AUTH_NAMED;
        e->auth_name = arena_copy(&p->arena, mail->auth);
    }
    s->transaction = (struct transaction){.parcel = p, .body = mail->body, .size = mail->size};
    if (e->from.ptr != NULL && e->client.ptr != NULL && e->envid.ptr != NULL) {
        s->transaction.spf = finding;
        return true;
    }
    inbound_drop_transaction(s);
    return false;
}

bool
inbound_takes_size(const struct inbound *s, uint64_t octets, struct reply *refusal)
{
    if (octets <= rights_message_size(s->runtime->config, s->connector))
        return true;
    *refusal = rights_too_large();
    return false;
}

/* May this sender, SPF aside? */
static void
judge(struct inbound *s, const struct smtp_mail *mail, struct sender_decision *decision)
{
    struct reply refusal;
    accept_sender(s->runtime->config, s->connector, mail, decision);
    if (reply_is_success(&decision->d.reply) && mail->size_given &&
        !inbound_takes_size(s, mail->size, &refusal))
        decision_set(&decision->d, refusal, s->connector->where,
                     "SIZE= says more than the message_size of %s", s->connector->name);
}

static void
refuse(struct inbound *s, const struct smtp_mail *mail, const struct reply *r, const char *why,
       const char *spf)
{
    log_sender_refused(s, mail->from.text, r, why, spf);
    inbound_answer(s, r);
}

static void
take(struct inbound *s, const struct smtp_mail *mail, const struct sender_decision *decision,
     struct spf_finding *finding)
{
    struct reply full = reply_make(452, "4.3.1", "Insufficient system resources");
    if (begin_transaction(s, mail, decision, finding)) {
        inbound_answer(s, &decision->d.reply);
        return;
    }
    mem_free(&finding);
    refuse(s, mail, &full, NULL, NULL);
}

static void
count_pressure(const struct inbound *s, const char *action)
{
    counter_add(
        metrics_series(s->worker->shop->metrics, METRIC_pressure_mails_total, action, NULL), 1);
}

/* Each MAIL waits once, on the session's own timer: who brings much is slowed for each message,
 * and nobody else waits for him. */
bool
inbound_must_slow(struct inbound *s)
{
    uint64_t now = loop_now_ms(s->worker->loop);
    uint64_t delay = s->runtime->config->pressure_delay_ms;
    if (s->mail_due_ms > now && !s->draining)
        return true;
    bool has_waited = s->mail_due_ms > 0;
    s->mail_due_ms = 0;
    if (has_waited || s->draining || delay == 0 || s->no_mail != NULL ||
        pressure_watch_level(s->worker->shop->pressure) != PRESSURE_MEDIUM)
        return false;
    s->mail_due_ms = now + delay;
    count_pressure(s, "slowed");
    return true;
}

void
inbound_ask_mail(struct inbound *s, const struct smtp_mail *mail)
{
    struct sender_decision decision;
    if (s->no_mail != NULL) {
        struct reply none = reply_make(550, "5.7.1", "%s", s->no_mail);
        refuse(s, mail, &none, NULL, NULL);
        return;
    }
    if (s->connector == NULL) /* several candidates, none needs AUTH: the first one named */
        s->connector = s->candidates.list[0];
    if (!spool_has_room(s->worker->shop->spool) ||
        pressure_watch_level(s->worker->shop->pressure) == PRESSURE_HIGH) {
        count_pressure(s, "refused");
        struct reply full = reply_make(452, "4.3.1", "Insufficient system resources");
        inbound_answer(s, &full);
        return;
    }
    judge(s, mail, &decision);
    struct reply busy =
        reply_make(451, "4.3.2", "Too many senders are being checked, try again later");
    if (!reply_is_success(&decision.d.reply))
        refuse(s, mail, &decision.d.reply, decision.d.why, NULL);
    else if (inbound_check_must_wait(s))
        refuse(s, mail, &busy, NULL, NULL);
    else if (!inbound_check_sender(s, mail))
        take(s, mail, &decision, NULL);
}

void
inbound_sender_checked(struct inbound *s, const struct smtp_mail *mail,
                       struct spf_finding *finding)
{
    struct sender_decision decision;
    struct reply verdict = inbound_spf_reply(s, finding);
    judge(s, mail, &decision);
    if (reply_is_success(&verdict)) {
        take(s, mail, &decision, finding);
        return;
    }
    refuse(s, mail, &verdict, NULL, inbound_spf_name(finding));
    mem_free(&finding);
}
