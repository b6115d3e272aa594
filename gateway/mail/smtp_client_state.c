#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/mail/smtp_client_private.h"

#define TO(state) (1U << CLIENT_##state)

/*
 * What holds in each state: the caller's task, the stage that a reply or an end is of, how long
 * we wait, and where it may go; FAILED may come from all but the two ends. In FLIGHT the stage
 * and with it the wait go with the command that is to be answered.
 */
/* clang-format off */
static const struct {
    enum smtp_task task;
    enum smtp_stage stage;
    uint64_t wait_ms; /* 0: as long as the caller likes */
    unsigned next;
} facts[CLIENT_STATES] = {
    [CLIENT_BANNER]    = {SMTP_TASK_WAIT,     SMTP_STAGE_BANNER,   COMMAND_WAIT_MS, TO(EHLO)},
    [CLIENT_EHLO]      = {SMTP_TASK_WAIT,     SMTP_STAGE_EHLO,     COMMAND_WAIT_MS,
                          TO(HELO) | TO(STARTTLS) | TO(LOGIN) | TO(SECRET) | TO(READY)},
    [CLIENT_HELO]      = {SMTP_TASK_WAIT,     SMTP_STAGE_EHLO,     COMMAND_WAIT_MS, TO(READY)},
    [CLIENT_STARTTLS]  = {SMTP_TASK_WAIT,     SMTP_STAGE_STARTTLS, COMMAND_WAIT_MS,
                          TO(HANDSHAKE) | TO(LOGIN) | TO(SECRET) | TO(READY)},
    [CLIENT_HANDSHAKE] = {SMTP_TASK_STARTTLS, SMTP_STAGE_TLS,      COMMAND_WAIT_MS, TO(EHLO)},
    [CLIENT_LOGIN]     = {SMTP_TASK_WAIT,     SMTP_STAGE_AUTH,     COMMAND_WAIT_MS, TO(NAME)},
    [CLIENT_NAME]      = {SMTP_TASK_WAIT,     SMTP_STAGE_AUTH,     COMMAND_WAIT_MS, TO(SECRET)},
    [CLIENT_SECRET]    = {SMTP_TASK_WAIT,     SMTP_STAGE_AUTH,     COMMAND_WAIT_MS,
                          TO(READY) | TO(CANCEL)},
    [CLIENT_CANCEL]    = {SMTP_TASK_WAIT,     SMTP_STAGE_AUTH,     COMMAND_WAIT_MS, 0},
    [CLIENT_READY]     = {SMTP_TASK_READY,    SMTP_STAGE_IDLE,     0, TO(FLIGHT) | TO(QUIT)},
    [CLIENT_FLIGHT]    = {SMTP_TASK_WAIT,     SMTP_STAGE_MAIL,     COMMAND_WAIT_MS,
                          TO(BODY) | TO(DOT) | TO(DONE) | TO(EXCH50)},
    [CLIENT_EXCH50]    = {SMTP_TASK_WAIT,     SMTP_STAGE_DATA,     COMMAND_WAIT_MS,
                          TO(BLOB) | TO(FLIGHT)},
    [CLIENT_BLOB]      = {SMTP_TASK_WAIT,     SMTP_STAGE_DATA,     BLOCK_WAIT_MS,   TO(FLIGHT)},
    [CLIENT_BODY]      = {SMTP_TASK_BODY,     SMTP_STAGE_DATA,     BLOCK_WAIT_MS,   TO(DOT) | TO(LEAD)},
    [CLIENT_LEAD]      = {SMTP_TASK_WAIT,     SMTP_STAGE_DATA,     BLOCK_WAIT_MS,   TO(BODY) | TO(DONE)},
    [CLIENT_DOT]       = {SMTP_TASK_WAIT,     SMTP_STAGE_CONTENT,  CONTENT_WAIT_MS, TO(DONE)},
    [CLIENT_DONE]      = {SMTP_TASK_DONE,     SMTP_STAGE_IDLE,     0,               TO(READY)},
    [CLIENT_QUIT]      = {SMTP_TASK_WAIT,     SMTP_STAGE_IDLE,     QUIT_WAIT_MS,    TO(CLOSED)},
    [CLIENT_CLOSED]    = {SMTP_TASK_CLOSED,   SMTP_STAGE_IDLE,     0,               0},
    [CLIENT_FAILED]    = {SMTP_TASK_FAILED,   SMTP_STAGE_IDLE,     0,               0},
};
/* clang-format on */
#undef TO

enum smtp_task
smtp_client_task(const struct smtp_client *c)
{
    return facts[c->state].task;
}

enum smtp_stage
smtp_client_stage(const struct smtp_client *c)
{
    if (c->state == CLIENT_FLIGHT)
        return client_flight_stage(c);
    return c->state == CLIENT_FAILED ? c->failure.stage : facts[c->state].stage;
}

static uint64_t
wait_ms(const struct smtp_client *c)
{
    bool for_data = c->state == CLIENT_FLIGHT && client_flight_stage(c) == SMTP_STAGE_DATA;
    return for_data ? DATA_WAIT_MS : facts[c->state].wait_ms;
}

void
client_wait_anew(struct smtp_client *c)
{
    uint64_t wait = wait_ms(c);
    c->deadline_ms = wait == 0 ? UINT64_MAX : c->now_ms + wait;
    c->moved = false;
}

bool
client_is_over(const struct smtp_client *c)
{
    return c->state == CLIENT_CLOSED || c->state == CLIENT_FAILED;
}

void
client_move(struct smtp_client *c, enum client_state to)
{
    bool legal = to == CLIENT_FAILED ? !client_is_over(c) : facts[c->state].next >> to & 1U;
    must(legal);
    c->state = to;
    client_wait_anew(c);
}

void
client_look_at_clock(struct smtp_client *c)
{
    if (c->now_ms < c->deadline_ms)
        return;
    if (c->moved && c->out.len > 0) {
        client_wait_anew(c); /* slow, but it takes what we say */
        return;
    }
    struct reply why = reply_make(451, "4.4.1", "No answer to %s for %u seconds",
                                  client_awaited_text(c), (unsigned)(wait_ms(c) / 1000));
    smtp_client_lost(c, &why);
}

const char *
client_awaited_text(const struct smtp_client *c)
{
    static const char *const texts[] = {
        [SMTP_STAGE_CONNECT] = "connecting",
        [SMTP_STAGE_BANNER] = "the connection", /* nothing was said that the banner answers */
        [SMTP_STAGE_EHLO] = "EHLO",
        [SMTP_STAGE_STARTTLS] = "STARTTLS",
        [SMTP_STAGE_TLS] = "the TLS handshake",
        [SMTP_STAGE_AUTH] = "AUTH",
        [SMTP_STAGE_MAIL] = "MAIL",
        [SMTP_STAGE_RCPT] = "RCPT",
        [SMTP_STAGE_DATA] = "DATA",
        [SMTP_STAGE_CONTENT] = "the end of the message",
        [SMTP_STAGE_IDLE] = "nothing",
    };
    if (c->state == CLIENT_FLIGHT && client_flight_awaits_rset(c))
        return "RSET";
    if (c->state == CLIENT_LEAD)
        return "BDAT";
    if (c->state == CLIENT_EXCH50 || c->state == CLIENT_BLOB)
        return c->state == CLIENT_BLOB ? "what XEXCH50 carries" : "XEXCH50";
    if (c->state == CLIENT_BODY && c->flight.by_chunk)
        return "BDAT";
    return texts[smtp_client_stage(c)];
}

void
client_say(struct smtp_client *c, const char *command, struct slice argument)
{
    buf_put_str(&c->out, command);
    buf_put(&c->out, argument);
    buf_put_str(&c->out, "\r\n");
}

/* A password lies in the memory of out, until it is overwritten. */
void
client_clear_output(struct smtp_client *c)
{
    if (c->secret_said && c->out.data != NULL)
        mem_wipe(c->out.data, c->out.cap);
    c->secret_said = false;
    buf_clear(&c->out);
}

void
client_check_output(struct smtp_client *c)
{
    if (!buf_ok(&c->out))
        client_fail_local(c, "4.3.1", "Out of memory");
}

/* What we know only about ourselves is not the whole truth while a message is in doubt. */
static struct reply
honest(const struct smtp_client *c, const struct reply *why)
{
    if (!why->local || !smtp_client_is_in_doubt(c))
        return *why;
    struct reply doubt =
        reply_make(451, "4.4.2", "In doubt, the message may arrive twice: %s", why->text);
    doubt.local = true;
    return doubt;
}

static void
end_at(struct smtp_client *c, enum smtp_stage stage, const struct reply *why)
{
    if (client_is_over(c))
        return;
    if (c->state == CLIENT_QUIT) {
        client_move(c, CLIENT_CLOSED);
        return;
    }
    c->failure = (struct smtp_outcome){.reply = honest(c, why), .stage = stage};
    bool in_transaction = c->state >= CLIENT_FLIGHT && c->state <= CLIENT_DOT;
    if (in_transaction)
        client_settle(c, &c->failure.reply, stage);
    client_clear_output(c);
    if (c->state == CLIENT_DONE)
        c->doomed = true;
    else
        client_move(c, CLIENT_FAILED);
}

void
client_fail(struct smtp_client *c, const struct reply *why)
{
    end_at(c, smtp_client_stage(c), why);
}

void
client_fail_local(struct smtp_client *c, const char *enhanced, const char *fmt, ...)
{
    char text[REPLY_TEXT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct reply why = reply_make(451, enhanced, "%s", text);
    why.local = true;
    client_fail(c, &why);
}

void
client_give_up(struct smtp_client *c, enum smtp_stage at, const struct reply *why)
{
    end_at(c, at, why);
    client_say(c, "QUIT", slice("", 0));
}

void
client_fail_unexpected(struct smtp_client *c)
{
    const struct reply *r = &c->replies.reply;
    client_fail_local(c, "4.5.0", "Unexpected reply to %s: %d %s", client_awaited_text(c),
                      r->code, r->text);
}
