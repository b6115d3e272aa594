#include "gateway/ops/readiness.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/ops/control_text.h"

/* ---- One server, one connector ---- */

static json_t *
evidence_json(const struct evidence *e, uint64_t now)
{
    char room[64];
    struct buf text = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    evidence_put(&text, e, now);
    return control_json_slice(buf_slice(&text));
}

static json_t *
ago_json(uint64_t at_ms, uint64_t now)
{
    if (at_ms == 0)
        return json_null();
    return json_integer(now > at_ms ? (json_int_t)((now - at_ms) / 1000) : 0);
}

static json_t *
until_json(uint64_t at_ms, uint64_t now)
{
    return json_integer(at_ms > now ? (json_int_t)((at_ms - now + 999) / 1000) : 0);
}

static json_t *
expiry_json(int64_t unix_s)
{
    char text[CLOCK_TEXT];
    if (unix_s == 0)
        return json_null();
    clock_iso(unix_s * 1000, text);
    return json_string(text);
}

static json_t *
server_json(const struct board_server *s, uint64_t now, uint64_t fresh)
{
    char name[300];
    snprintf(name, sizeof name, "%s:%u", s->host, s->port);
    const char *state = s->logon_refused_until_ms > now ? "logon refused"
                        : s->failures > 0               ? "failed"
                                                        : "healthy";
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:o, s:s, s:s, s:s, s:s, s:o}",
                     "server", name, "address", s->address, "state", state, "belief",
                     belief_text(board_server_belief(s, now, fresh)), "evidence",
                     evidence_json(&s->evidence, now), "connections", (json_int_t)s->connections,
                     "failures", (json_int_t)s->failures, "next_try_s",
                     until_json(s->blocked_until_ms, now), "last_error", s->last_error, "tls",
                     s->tls, "cipher", s->cipher, "verified", s->verified, "certificate_expires",
                     expiry_json(s->peer_expires_unix_s));
}

/* The best of its servers speaks for the connector. */
static struct evidence
newest(const struct board_connector *c)
{
    struct evidence best = {0};
    for (size_t i = 0; i < c->server_count; i++) {
        const struct evidence *e = &c->servers[i].evidence;
        best.delivered_ms =
            e->delivered_ms > best.delivered_ms ? e->delivered_ms : best.delivered_ms;
        best.ready_ms = e->ready_ms > best.ready_ms ? e->ready_ms : best.ready_ms;
        best.failed_ms = e->failed_ms > best.failed_ms ? e->failed_ms : best.failed_ms;
    }
    /* That another server failed later says nothing against one that works. */
    for (size_t i = 0; i < c->server_count; i++) {
        const struct evidence *e = &c->servers[i].evidence;
        if (c->servers[i].failures == 0 && (e->delivered_ms > 0 || e->ready_ms > 0))
            best.failed_ms = 0;
    }
    return best;
}

static const char *
state_of(const struct board_connector *c, enum belief belief, uint64_t now)
{
    if (c->is_queue_suspended)
        return "suspended by an operator";
    if (board_is_suspended(c, now))
        return "suspended";
    if (c->logon_refused_until_ms > now)
        return "logon refused";
    if (belief != BELIEF_UNKNOWN)
        return belief_text(belief);
    return c->is_looking ? "being asked" : "unknown";
}

static json_t *
servers_json(const struct board_connector *c, uint64_t now, uint64_t fresh)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->server_count; i++)
        json_array_append_new(list, server_json(&c->servers[i], now, fresh));
    return list;
}

json_t *
readiness_connector_json(const struct workshop *shop, const struct config *config,
                         const struct send_connector *c)
{
    struct board_connector notice;
    uint64_t now = clock_ms(), fresh = config->monitor_evidence_ms;
    if (!board_read(shop->board, slice_str(c->name), &notice))
        return json_pack("{s:s, s:s}", "connector", c->name, "state", "not on the board");
    enum belief belief = board_belief(&notice, now, fresh);
    struct evidence evidence = newest(&notice);
    json_t *json = json_pack(
        "{s:s, s:s, s:b, s:s, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:o}", "connector", c->name,
        "state", state_of(&notice, belief, now), "up", board_is_up(&notice, now), "belief",
        belief_text(belief), "evidence", evidence_json(&evidence, now), "last_error",
        notice.last_error, "last_error_s",
        ago_json(notice.last_error[0] ? notice.last_error_ms : 0, now), "last_delivery_s",
        ago_json(notice.last_delivery_ms, now), "suspended_s",
        until_json(notice.suspended_until_ms, now), "connections", (json_int_t)notice.connections,
        "in_flight", (json_int_t)notice.in_flight, "servers", servers_json(&notice, now, fresh));
    board_connector_fini(&notice);
    return json;
}

/* ---- A forest ---- */

enum belief
readiness_belief(const struct workshop *shop, const struct config *config, const struct forest *f)
{
    struct board_connector notice;
    if (f->deliver_count == 0)
        return BELIEF_DOWN;
    if (!board_read(shop->board, slice_str(f->deliver[0]->name), &notice))
        return BELIEF_UNKNOWN;
    enum belief belief = board_belief(&notice, clock_ms(), config->monitor_evidence_ms);
    board_connector_fini(&notice);
    return belief;
}

void
readiness_ask(struct crew *crew, const struct forest *f)
{
    if (f->deliver_count > 0)
        crew_check(crew, slice_str(f->deliver[0]->name));
}

static const char *
why_not(const struct forest *f, enum belief belief)
{
    if (f->deliver_count == 0)
        return "no send connector is listed under deliver of this forest";
    if (belief == BELIEF_DOWN)
        return "no server of its send connector takes mail now: see last_error";
    return "its servers have not answered yet: ask again";
}

json_t *
readiness_json(const struct workshop *shop, const struct config *config, const struct forest *f)
{
    enum belief belief = readiness_belief(shop, config, f);
    json_t *list = json_array();
    for (size_t i = 0; i < f->deliver_count; i++) {
        json_t *c = readiness_connector_json(shop, config, f->deliver[i]);
        json_object_set_new(c, "role", json_string(i == 0 ? "route" : "alternative"));
        json_array_append_new(list, c);
    }
    json_t *json = json_pack("{s:s, s:b, s:o}", "forest", f->name, "ready", belief == BELIEF_UP,
                             "connectors", list);
    if (belief != BELIEF_UP)
        json_object_set_new(json, "why", json_string(why_not(f, belief)));
    return json;
}

json_t *
readiness_unknown_json(const struct config *config)
{
    json_t *names = json_array();
    for (size_t i = 0; i < config->forest_count; i++)
        json_array_append_new(names, json_string(config->forests[i].name));
    return json_pack("{s:s, s:o}", "why", "there is no such forest in the configuration",
                     "forests", names);
}
