/* A connection and the credential that it logs on with, which others may use too. */
#include "gateway/base/clock.h"
#include "gateway/relay/outbound_private.h"

enum {
    ASK_MS = 100,             /* only while a credential is new, or has just become wrong */
    LOGON_TURN_MS = 60 * 1000 /* servers wait longer than this for EHLO */
};

static struct credentials *
table(const struct outbound *b)
{
    return b->outlet->worker->shop->credentials;
}

bool
outbound_begin_logon(struct outbound *b)
{
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    b->credential = b->outlet->credential;
    b->may_log_on = (!b->is_quiet || outlet_may_log_on(b->outlet)) &&
                    credential_begin(table(b), &b->credential, now, &b->lease);
    if (b->may_log_on || b->is_quiet)
        return true;
    if (b->waits_for != WAITS_FOR_LOGON)
        b->logon_by_ms = now + LOGON_TURN_MS;
    outbound_wait_for(b, WAITS_FOR_LOGON, ASK_MS);
    return false;
}

bool
outbound_gives_up_logon(const struct outbound *b)
{
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    return now >= b->logon_by_ms ||
           credential_state(table(b), &b->credential).refused_until_ms > now;
}

void
outbound_logon_worked(struct outbound *b)
{
    if (b->lease == 0)
        return;
    credential_worked(table(b), &b->credential, b->lease, clock_unix_ms() / 1000);
    b->lease = 0;
}

void
outbound_logon_refused(struct outbound *b)
{
    credential_refused(table(b), &b->credential, b->lease, b->outlet->name,
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
