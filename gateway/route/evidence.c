#include "gateway/route/evidence.h"

#include <inttypes.h>

static uint64_t
success_of(const struct evidence *e)
{
    return e->delivered_ms > e->ready_ms ? e->delivered_ms : e->ready_ms;
}

static bool
is_fresh(uint64_t at_ms, uint64_t now_ms, uint64_t fresh_ms)
{
    return at_ms > 0 && now_ms < at_ms + fresh_ms;
}

enum belief
evidence_belief(const struct evidence *e, uint64_t now_ms, uint64_t fresh_ms)
{
    uint64_t success = success_of(e);
    if (e->failed_ms > 0 && e->failed_ms >= success)
        return is_fresh(e->failed_ms, now_ms, fresh_ms) ? BELIEF_DOWN : BELIEF_UNKNOWN;
    return is_fresh(success, now_ms, fresh_ms) ? BELIEF_UP : BELIEF_UNKNOWN;
}

enum belief
evidence_of_connector(const struct connector_evidence *c, uint64_t now_ms, uint64_t fresh_ms)
{
    if (c->is_suspended || c->logon_refused)
        return BELIEF_DOWN;
    if (c->server_count == 0)
        return is_fresh(c->names_failed_ms, now_ms, fresh_ms) ? BELIEF_DOWN : BELIEF_UNKNOWN;
    enum belief sum = BELIEF_DOWN;
    for (size_t i = 0; i < c->server_count; i++) {
        enum belief b = evidence_belief(&c->servers[i], now_ms, fresh_ms);
        if (b == BELIEF_UP)
            return BELIEF_UP;
        if (b == BELIEF_UNKNOWN)
            sum = BELIEF_UNKNOWN;
    }
    return sum;
}

static void
put_ago(struct buf *out, const char *what, uint64_t at_ms, uint64_t now_ms)
{
    uint64_t s = now_ms > at_ms ? (now_ms - at_ms) / 1000 : 0;
    buf_put_str(out, what);
    if (s < 120)
        buf_printf(out, " %" PRIu64 " s ago", s);
    else if (s < 2 * 3600)
        buf_printf(out, " %" PRIu64 " min ago", s / 60);
    else
        buf_printf(out, " %" PRIu64 " h ago", s / 3600);
}

void
evidence_put(struct buf *out, const struct evidence *e, uint64_t now_ms)
{
    uint64_t success = success_of(e);
    if (e->failed_ms > 0 && e->failed_ms >= success)
        put_ago(out, "failed", e->failed_ms, now_ms);
    else if (success == 0)
        buf_put_str(out, "nothing known");
    else if (e->delivered_ms == success)
        put_ago(out, "delivered", success, now_ms);
    else
        put_ago(out, "EHLO ok", success, now_ms);
}

const char *
belief_text(enum belief b)
{
    switch (b) {
    case BELIEF_UP:
        return "up";
    case BELIEF_DOWN:
        return "down";
    case BELIEF_UNKNOWN:
        return "unknown";
    }
    never("belief has three values");
}
