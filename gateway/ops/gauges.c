#include "gateway/ops/gauges.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/ops/control_text.h"
#include "gateway/relay/pressure_watch.h"

enum { QUEUES_MAX = 256 };

static void
set(struct metrics *m, enum metric family, const char *value1, const char *value2, uint64_t n)
{
    counter_set(metrics_series(m, family, value1, value2), n);
}

static uint64_t
unix_s(int64_t unix_ms)
{
    return unix_ms > 0 ? (uint64_t)unix_ms / 1000 : 0;
}

/* ---- Queues ---- */

static void
hide_queues(struct metrics *m)
{
    metrics_hide(m, METRIC_queue_messages);
    metrics_hide(m, METRIC_queue_bytes);
    metrics_hide(m, METRIC_queue_oldest_seconds);
}

static void
show_queue(struct metrics *m, const char *name, const struct spool_queue_stats *q, int64_t now)
{
    int64_t age = q->messages > 0 ? (now - q->oldest_unix_ms) / 1000 : 0;
    set(m, METRIC_queue_messages, name, NULL, q->messages);
    set(m, METRIC_queue_bytes, name, NULL, q->octets);
    set(m, METRIC_queue_oldest_seconds, name, NULL, age > 0 ? (uint64_t)age : 0);
}

/* A connector without mail is 0 and not absent: an alert needs something to compare. */
static void
show_queues(struct workshop *shop, const struct config *c)
{
    struct metrics *m = shop->metrics;
    const struct spool_queue_stats empty = {.messages = 0};
    struct spool_queue_stats *queues = mem_new(QUEUES_MAX * sizeof *queues);
    size_t n = queues != NULL ? spool_stats(shop->spool, queues, QUEUES_MAX) : 0;
    int64_t now = clock_unix_ms();
    hide_queues(m);
    for (size_t i = 0; i < c->send_count; i++)
        show_queue(m, c->send[i].name, &empty, now);
    show_queue(m, CONTROL_UNREACHABLE, &empty, now);
    show_queue(m, QUEUE_HELD, &empty, now);
    show_queue(m, QUEUE_POISON, &empty, now);
    for (size_t i = 0; i < n; i++)
        show_queue(m, control_queue_name(queues[i].connector), &queues[i], now);
    mem_free(&queues);
}

/* ---- Send connectors ---- */

/* The first to expire of the addresses of one host. */
static void
show_peer_certificates(struct metrics *m, const struct board_connector *c)
{
    for (size_t i = 0; i < c->server_count; i++) {
        int64_t first = c->servers[i].peer_expires_unix_s;
        for (size_t k = 0; k < c->server_count; k++) {
            int64_t other = c->servers[k].peer_expires_unix_s;
            if (strcmp(c->servers[i].host, c->servers[k].host) == 0 && other > 0 && other < first)
                first = other;
        }
        if (first > 0)
            set(m, METRIC_peer_certificate_expiry_timestamp_seconds, c->name, c->servers[i].host,
                (uint64_t)first);
    }
}

static uint64_t
refusing_logon(const struct board_connector *c, uint64_t now)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->server_count; i++)
        n += c->servers[i].logon_refused_until_ms > now;
    return n;
}

static bool
show_connector(struct workshop *shop, const char *name)
{
    struct metrics *m = shop->metrics;
    struct board_connector c;
    uint64_t now = clock_ms();
    if (!board_read(shop->board, slice_str(name), &c))
        return false;
    bool up = board_is_up(&c, now);
    set(m, METRIC_connector_up, name, NULL, up);
    set(m, METRIC_connector_suspended, name, NULL,
        board_is_suspended(&c, now) || c.logon_refused_until_ms > now);
    set(m, METRIC_servers_refusing_logon, name, NULL, refusing_logon(&c, now));
    set(m, METRIC_deliveries_in_flight, name, NULL, c.in_flight);
    if (c.last_delivery_ms > 0)
        set(m, METRIC_last_delivery_timestamp_seconds, name, NULL,
            unix_s(clock_unix_ms() - (int64_t)(now - c.last_delivery_ms)));
    show_peer_certificates(m, &c);
    board_connector_fini(&c);
    return up;
}

static void
show_connectors(struct workshop *shop, const struct config *c)
{
    struct metrics *m = shop->metrics;
    metrics_hide(m, METRIC_connector_up);
    metrics_hide(m, METRIC_connector_suspended);
    metrics_hide(m, METRIC_servers_refusing_logon);
    metrics_hide(m, METRIC_deliveries_in_flight);
    metrics_hide(m, METRIC_last_delivery_timestamp_seconds);
    metrics_hide(m, METRIC_peer_certificate_expiry_timestamp_seconds);
    metrics_hide(m, METRIC_route_up);
    for (size_t i = 0; i < c->send_count; i++) {
        bool up = show_connector(shop, c->send[i].name);
        for (size_t f = 0; f < c->forest_count; f++)
            if (c->forests[f].deliver_count > 0 && c->forests[f].deliver[0] == &c->send[i])
                set(m, METRIC_route_up, c->forests[f].name, c->send[i].name, up);
    }
}

/* ---- The process ---- */

static void
show_certificates(struct metrics *m, const struct runtime *r)
{
    metrics_hide(m, METRIC_certificate_expiry_timestamp_seconds);
    for (size_t i = 0; i < r->config->certificate_count; i++) {
        int64_t end = r->identities[i].not_after_unix_s;
        set(m, METRIC_certificate_expiry_timestamp_seconds, r->config->certificates[i].name, NULL,
            end > 0 ? (uint64_t)end : 0);
    }
}

static void
show_process(struct workshop *shop)
{
    struct metrics *m = shop->metrics;
    struct board_process p = board_process(shop->board);
    struct spool_counters c;
    spool_counters(shop->spool, &c);
    set(m, METRIC_start_time_seconds, NULL, NULL, unix_s(p.started_unix_ms));
    set(m, METRIC_workers, NULL, NULL, shop->worker_count);
    set(m, METRIC_draining, NULL, NULL, p.draining);
    set(m, METRIC_reload_last_successful, NULL, NULL, p.loaded_unix_ms >= p.refused_unix_ms);
    set(m, METRIC_reload_last_success_timestamp_seconds, NULL, NULL, unix_s(p.loaded_unix_ms));
    set(m, METRIC_spool_messages, NULL, NULL, c.messages);
    set(m, METRIC_spool_has_room, NULL, NULL, spool_has_room(shop->spool));
    set(m, METRIC_spool_free_bytes, NULL, NULL, spool_free_octets(shop->spool));
}

static void
show_pressure(struct workshop *shop)
{
    struct metrics *m = shop->metrics;
    const struct pressure p = pressure_watch_read(shop->pressure);
    for (enum pressure_resource r = 0; r < PRESSURE_RESOURCES; r++) {
        const char *name = pressure_resource_text(r);
        set(m, METRIC_pressure_level, name, NULL, p.of[r].level);
        set(m, METRIC_pressure_reading, name, NULL, p.of[r].reading);
    }
    set(m, METRIC_pressure_delivery_paused, NULL, NULL, pressure_pauses_delivery(&p));
}

void
gauges_refresh(struct workshop *shop, const struct runtime *runtime)
{
    show_process(shop);
    show_pressure(shop);
    show_certificates(shop->metrics, runtime);
    show_queues(shop, runtime->config);
    show_connectors(shop, runtime->config);
}
