/* A connection and the credential that it logs on with, which others may use too. */
#include "gateway/base/clock.h"
#include "gateway/relay/outbound_private.h"

enum {
    ASK_MS = 100,             /* only while others log on with it */
    LOGON_TURN_MS = 90 * 1000 /* servers wait longer than this for a command */
};

static struct credentials *
table(const struct outbound *b)
{
    return b->outlet->worker->shop->credentials;
}

void
outbound_plan_logon(struct outbound *b)
{
    b->credential = b->outlet->credential;
    b->may_log_on = !b->is_quiet || outlet_may_log_on(b->outlet);
}

static bool
gives_up(const struct outbound *b, uint64_t now)
{
    const struct credential_state state = credential_state(table(b), &b->credential);
    return b->is_quiet || now >= b->logon_by_ms ||
           credential_refused_until(&state, b->lane->name) > now;
}

enum outbound_turn
outbound_turn_to_log_on(struct outbound *b)
{
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    if (b->had_turn || smtp_client_task(b->engine) != SMTP_TASK_WAIT ||
        smtp_client_stage(b->engine) != SMTP_STAGE_AUTH)
        return TURN_GO;
    if (b->waits_for != WAITS_FOR_LOGON)
        b->logon_by_ms = now + LOGON_TURN_MS;
    if (credential_begin(table(b), &b->credential, b->lane->name, now, &b->lease)) {
        b->had_turn = true;
        b->waits_for = WAITS_FOR_SERVER;
        return TURN_GO;
    }
    if (gives_up(b, now))
        return TURN_NEVER;
    outbound_wait_for(b, WAITS_FOR_LOGON, ASK_MS);
    return TURN_LATER;
}

void
outbound_logon_worked(struct outbound *b)
{
    if (b->lease == 0)
        return;
    credential_worked(table(b), &b->credential, b->lane->name, b->lease,
                      loop_now_ms(b->outlet->worker->loop), clock_unix_ms() / 1000);
    b->lease = 0;
}

void
outbound_logon_refused(struct outbound *b)
{
    credential_refused(table(b), &b->credential, b->lane->name, b->lease, b->outlet->name,
                       loop_now_ms(b->outlet->worker->loop));
    b->lease = 0;
    counter_add(b->outlet->count.logons_refused, 1);
}

void
outbound_logon_over(struct outbound *b)
{
    credential_dropped(table(b), &b->credential, b->lease);
    b->lease = 0;
}
