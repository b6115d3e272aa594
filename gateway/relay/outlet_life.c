#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/outbound.h"
#include "gateway/relay/outlet_private.h"

static void
find_counters(struct outlet *o)
{
    struct metrics *m = o->worker->shop->metrics;
    o->count.delivered = metrics_series(m, METRIC_recipients_total, o->name, "delivered");
    o->count.deferred = metrics_series(m, METRIC_recipients_total, o->name, "deferred");
    o->count.bounced = metrics_series(m, METRIC_recipients_total, o->name, "bounced");
    o->count.expired = metrics_series(m, METRIC_recipients_total, o->name, "expired");
    o->count.connected = metrics_series(m, METRIC_server_connections_total, o->name, "ready");
    o->count.failed = metrics_series(m, METRIC_server_connections_total, o->name, "failed");
    o->count.open = metrics_series(m, METRIC_server_connections_open, o->name, NULL);
    static const char *const stages[DELIVERY_STAGES] = {"connect", "greeting", "tls",
                                                        "logon",   "envelope", "content"};
    for (size_t i = 0; i < DELIVERY_STAGES; i++)
        o->count.stages[i] =
            metrics_histogram(m, METRIC_delivery_stage_seconds, o->name, stages[i]);
    o->count.queue_seconds = metrics_histogram(m, METRIC_delivery_queue_seconds, o->name, NULL);
    o->count.seconds = metrics_histogram(m, METRIC_delivery_seconds, o->name, NULL);
    o->count.logons_refused = metrics_series(m, METRIC_logons_refused_total, o->name, NULL);
    o->count.checked_up = metrics_series(m, METRIC_server_checks_total, o->name, "ready");
    o->count.checked_down = metrics_series(m, METRIC_server_checks_total, o->name, "failed");
}

struct outlet *
outlet_new(struct worker *w, const struct send_connector *connector)
{
    struct outlet *o = mem_new(sizeof *o);
    if (o == NULL)
        return NULL;
    o->worker = w;
    o->timer = timer_new(w->loop, outlet_on_timer, o);
    if (o->timer == NULL) {
        mem_free(&o);
        return NULL;
    }
    o->runtime = runtime_ref(w->runtime);
    o->connector = connector;
    memcpy(o->name, connector->name, slice_head(slice_str(connector->name), 63).len);
    o->check.patience_ms = LOOK_MS;
    o->behind = true; /* the timer looks into the spool first thing */
    o->next_due_unix_ms = INT64_MAX;
    /* One of this name may have been here before, and have found any message that there is. */
    o->found_to = id_next(spool_ids(w->shop->spool), clock_unix_ms());
    o->is_queue_suspended = spool_queue_is_suspended(w->shop->spool, slice_str(o->name));
    find_counters(o);
    o->credential = credential_id_of(w->shop->credentials, w->runtime->config, connector);
    o->place = board_enter(w->shop->board, o->name);
    o->next = w->outlets;
    w->outlets = o;
    outlet_notice(o);
    timer_set(o->timer, loop_now_ms(w->loop));
    return o;
}

void
outlet_use(struct outlet *o, struct runtime *runtime, const struct send_connector *connector)
{
    struct runtime *before = o->runtime;
    o->runtime = runtime_ref(runtime);
    o->connector = connector;
    o->credential = credential_id_of(o->worker->shop->credentials, runtime->config, connector);
    outlet_stop_look_ups(o);
    outlet_check_stop(o);
    for (size_t i = 0; i < o->lane_count; i++) {
        o->lanes[i].current = false; /* server points into the old configuration */
        o->lanes[i].evidence = (struct evidence){0}; /* of the old one's TLS and logon */
        o->lanes[i].avoids = (struct lane_avoids){0};
        server_limits_unblock(&o->lanes[i].limits);
    }
    o->check.logon_refused_until_ms = o->check.logon_doubted_until_ms = 0;
    o->names_failed_ms = 0;
    o->addresses_at_ms = 0;
    o->suspended_until_ms = 0;
    o->on_probation = o->waits_for_credential = false;
    outlet_heed_credential(o);
    o->retiring = true; /* nothing is given to a connection that is about to retire */
    struct outbound *after;
    for (struct outbound *b = o->connections; b != NULL; b = after) {
        after = outbound_after(b);
        outbound_retire(b);
    }
    o->retiring = false;
    runtime_unref(&before);
    if (o->lane_count > 0)
        outlet_find_servers(o); /* what is known of them is to stay on the board */
    outlet_notice(o);
    o->behind = true;
    timer_set(o->timer, loop_now_ms(o->worker->loop));
}

void
outlet_retry(struct outlet *o)
{
    o->suspended_until_ms = 0;
    o->waits_for_credential = false;
    o->senders_refused = 0;
    o->addresses_at_ms = 0;
    o->names_failed_ms = 0;
    for (size_t i = 0; i < o->lane_count; i++) {
        server_limits_unblock(&o->lanes[i].limits);
        o->lanes[i].evidence = (struct evidence){0}; /* somebody repaired something: look anew */
    }
    o->check.logon_doubted_until_ms = 0;
    outlet_heed_credential(o);
    outlet_notice(o);
    outlet_look(o);
}

void
outlet_retire(struct outlet *o, bool cut)
{
    o->retiring = true;
    outlet_stop_look_ups(o);
    outlet_check_stop(o);
    timer_set(o->timer, UINT64_MAX);
    struct outbound *after;
    for (struct outbound *b = o->connections; b != NULL; b = after) {
        after = outbound_after(b);
        if (cut)
            outbound_cut(b);
        else
            outbound_retire(b);
    }
    outlet_drop_ready(o);
}

void
outlet_free(struct outlet **ref)
{
    struct outlet *o = *ref;
    outlet_drop_settlements(o);
    must(o->connections == NULL && o->in_flight == 0 && o->ready_count == 0);
    struct outlet **at = &o->worker->outlets;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    board_leave(o->worker->shop->board, &o->place);
    timer_free(&o->timer);
    runtime_unref(&o->runtime);
    mem_free(ref);
}
