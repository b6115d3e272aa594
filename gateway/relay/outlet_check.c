#include "gateway/base/clock.h"
#include "gateway/relay/outbound.h"
#include "gateway/relay/outlet_private.h"

static bool
is_suspended(const struct outlet *o)
{
    return o->suspended_until_ms > loop_now_ms(o->worker->loop);
}

bool
outlet_may_log_on(const struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    return !is_suspended(o) && o->check.logon_refused_until_ms <= now &&
           o->check.logon_doubted_until_ms <= now;
}

static bool
is_fresh(const struct outlet *o)
{
    struct evidence list[LANES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < o->lane_count; i++)
        if (o->lanes[i].current)
            list[count++] = o->lanes[i].evidence;
    /* Whether it may send is another question: this one is about its servers. */
    const struct connector_evidence e = {
        .names_failed_ms = o->names_failed_ms,
        .servers = list,
        .server_count = count,
    };
    return evidence_of_connector(&e, loop_now_ms(o->worker->loop),
                                 o->runtime->config->monitor_evidence_ms) != BELIEF_UNKNOWN;
}

static bool
failed_last(const struct lane *lane)
{
    const struct evidence *e = &lane->evidence;
    return lane->limits.failures > 0 || lane->logon_refused_until_ms != 0 ||
           (e->failed_ms > 0 && e->failed_ms >= e->delivered_ms && e->failed_ms >= e->ready_ms);
}

/* In the order of the configuration; a server that has failed only when no other is left. */
static struct lane *
next_lane(struct outlet *o)
{
    struct lane *best = NULL;
    for (size_t i = 0; i < o->lane_count; i++) {
        struct lane *lane = &o->lanes[i];
        if (!lane->current || o->check.tried & UINT64_C(1) << i ||
            lane->limits.open >= lane->limits.max)
            continue;
        bool failed = failed_last(lane);
        bool best_failed = best != NULL && failed_last(best);
        if (best == NULL || failed < best_failed ||
            (failed == best_failed && lane->server < best->server))
            best = lane;
    }
    return best;
}

void
outlet_check_go(struct outlet *o)
{
    _Static_assert(LANES_MAX <= 64, "a bit for each lane");
    struct outlet_check *check = &o->check;
    while (check->wanted && check->connection == NULL) {
        struct lane *lane = next_lane(o);
        if (lane == NULL && o->look_ups > 0)
            return; /* an address may still come */
        if (lane == NULL) {
            outlet_check_stop(o);
            return;
        }
        check->tried |= UINT64_C(1) << (lane - o->lanes);
        if (!outbound_open_quiet(o, lane))
            outlet_check_stop(o); /* without memory nobody can look */
    }
}

void
outlet_check(struct outlet *o)
{
    if (o->retiring || o->check.wanted || is_fresh(o))
        return;
    outlet_heed_credential(o);
    o->check.wanted = true;
    o->check.tried = 0;
    if (outlet_lanes_known(o) == 0 && o->look_ups == 0)
        o->addresses_at_ms = 0; /* the names are the question then */
    outlet_find_servers(o);
    outlet_notice(o);
    outlet_check_go(o);
}

void
outlet_check_stop(struct outlet *o)
{
    if (!o->check.wanted)
        return;
    o->check.wanted = false;
    outlet_notice(o);
}

static void
log_checked(struct outlet *o, const struct outbound *by, bool ready)
{
    struct outbound_facts facts = outbound_facts(by);
    struct log_line line;
    log_begin(&line, o->worker->shop->log, EV_server_checked, 0);
    log_str(&line, "connector", o->name);
    log_str(&line, "server", facts.server);
    log_str(&line, "result", ready ? "ready" : "failed");
    log_str(&line, "tls", facts.tls);
    log_str(&line, "verified", facts.verified);
    if (!ready)
        log_str(&line, "why", o->last_error);
    log_end(&line);
}

/* A refused logon is not tried again by looks: directories lock accounts after a few. One that
 * was answered late, not at all or with a 4xx may have counted there as well: it is tried again
 * some time later. A mistake that we found ourselves sent no password. */
static void
note_failed_logon(struct outlet *o, const struct smtp_outcome *why)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    if (why->stage != SMTP_STAGE_AUTH || (why->reply.local && reply_is_permanent(&why->reply)))
        return;
    if (verdict_of(why).consequence == CONSEQUENCE_SUSPEND)
        outlet_heed_credential(o);
    else
        o->check.logon_doubted_until_ms = now + LOGON_AGAIN_MS;
    if (!outlet_may_log_on(o))
        outlet_check_stop(o); /* else another server may take it */
}

void
outlet_checked(struct outlet *o, struct outbound *by, const struct smtp_outcome *why)
{
    struct lane *lane = outbound_lane(by);
    if (why != NULL) {
        counter_add(o->count.checked_down, 1);
        outlet_look_failed(o, lane, by, why);
        log_checked(o, by, false);
        note_failed_logon(o, why);
        return;
    }
    counter_add(o->count.checked_up, 1);
    log_checked(o, by, true);
    o->check.wanted = false;
    if (outbound_may_log_on(by) && outlet_may_log_on(o))
        outlet_server_works(o, lane, by);
    else
        outlet_look_worked(o, lane, by);
}
