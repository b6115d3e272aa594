#include "tests/bench/sink.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "tests/bench/program.h"

enum { STALL_LEAST_MS = 100, STALL_MORE_MS = 400 };

void
sink_seed(struct sink *s, uint64_t seed)
{
    s->random = seed * 2654435769u + 88172645463325252u;
}

/* xorshift64*: the same seed, the same troubles. */
static uint64_t
random_below(struct sink *s, uint64_t n)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return (s->random * 2685821657736338717u >> 11) % n;
}

static void
choose_trouble(struct session *c)
{
    struct sink *s = c->sink;
    uint64_t dice = random_below(s, 100);
    c->trouble = NO_TROUBLE;
    if (dice < s->options.refuse_percent)
        c->trouble = REFUSE;
    else if ((dice -= s->options.refuse_percent) < s->options.drop_percent)
        c->trouble = DROP;
    else if ((dice -= s->options.drop_percent) < s->options.stall_percent)
        c->trouble = STALL;

    static const enum point refuse_at[] = {AT_RCPT, AT_DATA, AT_MESSAGE};
    uint64_t any = random_below(s, AT_ANSWER) + 1;
    c->point = c->trouble == REFUSE ? refuse_at[random_below(s, 3)] : (enum point)any;
    if (c->trouble == STALL && c->point == AT_ANSWER)
        c->point = AT_MESSAGE;
}

/* Is it now? Then it happens once. */
static enum trouble
trouble_at(struct session *c, enum point point)
{
    enum trouble trouble = c->point == point ? c->trouble : NO_TROUBLE;
    struct sink *s = c->sink;
    if (trouble == NO_TROUBLE)
        return trouble;
    c->trouble = NO_TROUBLE;
    s->refused += trouble == REFUSE;
    s->dropped += trouble == DROP;
    s->stalled += trouble == STALL;
    if (trouble == DROP)
        c->is_gone = true;
    if (trouble == STALL)
        c->wake_ms = clock_ms() + STALL_LEAST_MS + random_below(s, STALL_MORE_MS);
    return trouble;
}

void
sink_end_trouble(struct sink *s)
{
    s->options.refuse_percent = s->options.drop_percent = s->options.stall_percent = 0;
    for (struct session *c = s->sessions; c; c = c->next)
        c->trouble = NO_TROUBLE;
}

void
sink_answer(struct session *c, int code, const char *enhanced, const char *text)
{
    struct reply reply = reply_make(code, enhanced, "%s", text);
    smtp_server_answer(c->engine, &reply, clock_ms());
}

void
sink_write_hash_line(struct session *c, const char *how, bool is_whole)
{
    char hex[CONTENT_HASH_TEXT] = "-";
    struct buf line;
    if (c->sink->hash_log < 0)
        return;
    if (is_whole)
        content_hash_end(&c->hash, hex);
    buf_init(&line, RECIPIENTS_MAX + 512);
    buf_printf(&line, "%s %s %s %s %lu %ld %ld\n", hex, c->in_body ? c->hash.mark : "-",
               c->recipients.len > 0 ? buf_text(&c->recipients) : "-", how, c->number,
               c->opened_unix_ms, clock_unix_ms());
    program_log(c->sink->hash_log, &line);
    buf_fini(&line);
}

static void
take_message(struct session *c)
{
    struct sink *s = c->sink;
    bool is_dropped = trouble_at(c, AT_ANSWER) == DROP;
    sink_write_hash_line(c, is_dropped ? "unanswered" : "answered", true);
    c->in_transaction = c->in_body = false;
    s->last_unix_ms = clock_unix_ms();
    s->messages++;
    s->recipients += c->recipient_count;
    s->unanswered += is_dropped;
    if (s->options.expect > 0 && s->messages - s->unanswered >= s->options.expect)
        s->is_over = true;
    if (!is_dropped)
        sink_answer(c, 250, "2.6.0", "taken");
}

void
sink_got_mail(struct session *c)
{
    choose_trouble(c);
    buf_clear(&c->recipients);
    c->recipient_count = 0;
    c->in_transaction = true;
    c->in_body = false;
    sink_answer(c, 250, "2.1.0", "sender ok");
}

void
sink_got_rcpt(struct session *c, const struct smtp_rcpt *rcpt)
{
    enum trouble trouble = trouble_at(c, AT_RCPT);
    if (trouble == STALL || trouble == DROP)
        return;
    if (trouble == REFUSE) {
        sink_answer(c, 450, "4.2.1", "mailbox busy, as told");
        return;
    }
    const char *unknown = c->sink->options.unknown;
    if (unknown != NULL && ascii_starts(rcpt->to.text, unknown)) {
        sink_answer(c, 550, "5.1.1", "User unknown");
        return;
    }
    if (c->recipients.len > 0)
        buf_put_char(&c->recipients, ',');
    buf_put(&c->recipients, rcpt->to.text);
    c->recipient_count++;
    sink_answer(c, 250, "2.1.5", "recipient ok");
}

void
sink_got_body(struct session *c, struct slice octets)
{
    if (!c->in_body) {
        c->in_body = true;
        content_hash_begin(&c->hash);
    }
    enum trouble trouble = trouble_at(c, AT_BODY);
    if (trouble == DROP || trouble == STALL)
        return;
    if (c->sink->hash_log >= 0)
        content_hash_add(&c->hash, octets);
    c->sink->octets += octets.len;
    smtp_server_took_body(c->engine);
}

void
sink_got_data_or_message(struct session *c, bool is_message)
{
    enum trouble trouble = trouble_at(c, is_message ? AT_MESSAGE : AT_DATA);
    if (trouble == DROP || trouble == STALL)
        return;
    if (trouble == REFUSE) {
        c->in_transaction = false;
        sink_answer(c, 451, "4.3.2", "not now, as told");
    } else if (is_message)
        take_message(c);
    else
        sink_answer(c, 354, NULL, "go on");
}
