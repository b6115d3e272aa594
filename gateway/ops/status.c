#include "gateway/ops/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/queue_changes.h"
#include "gateway/ops/readiness.h"
#include "gateway/relay/pressure_watch.h"
#include "tls/keyed_hash.h"

enum { QUEUES_MAX = 256, DAY_S = 24 * 3600, PROBLEM_MAX = BOARD_ERROR_MAX + 400 };

/* What everything below is made from. */
struct view {
    struct workshop *shop;
    const struct runtime *runtime;
    const struct config *config;
    int64_t now_unix_ms;
    struct spool_queue_stats *queues;
    size_t queue_count;
    json_t *problems;
};

static void PRINTF_LIKE(2, 3) problem(struct view *v, const char *fmt, ...)
{
    char text[PROBLEM_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_array_append_new(v->problems, control_json_slice(slice_str(text)));
}

static json_t *
time_json(int64_t unix_ms)
{
    char text[CLOCK_TEXT];
    if (unix_ms == 0)
        return json_null();
    clock_iso(unix_ms, text);
    return json_string(text);
}

static json_int_t
number(struct view *v, enum metric family, const char *value1, const char *value2)
{
    return (json_int_t)atomic_load(metrics_series(v->shop->metrics, family, value1, value2));
}

/* ---- Receiving ---- */

static json_t *
listeners_json(struct view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->config->listener_count; i++) {
        const struct listener *l = &v->config->listeners[i];
        json_t *certificates = json_array();
        json_array_append_new(certificates, json_string(l->certificate->name));
        for (size_t k = 0; k < l->more_certificates_count; k++)
            json_array_append_new(certificates, json_string(l->more_certificates[k]->name));
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "listener", l->name,
                                              "address", l->address.text, "sessions",
                                              number(v, METRIC_smtp_sessions_open, l->name, NULL),
                                              "certificates", certificates));
    }
    return list;
}

static json_t *
receive_json(struct view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->config->receive_count; i++) {
        const struct receive_connector *c = &v->config->receive[i];
        json_t *forests = json_array();
        for (size_t k = 0; k < c->speaks_for_count; k++)
            json_array_append_new(forests, json_string(c->speaks_for[k]->name));
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s, s:b, s:I, s:I, s:I, s:I}", "connector", c->name,
                            "speaks_for", forests, "tls_profile",
                            c->tls_profile == TLS_PROFILE_MODERN ? "modern" : "exchange2003",
                            "tls_required", c->tls_require, "accounts",
                            (json_int_t)c->account_count, "messages",
                            number(v, METRIC_messages_received_total, c->name, NULL), "logons",
                            number(v, METRIC_smtp_auth_total, c->name, "ok") +
                                number(v, METRIC_smtp_auth_total, c->name, "remembered"),
                            "logons_wrong", number(v, METRIC_smtp_auth_total, c->name, "wrong")));
    }
    return list;
}

/* ---- Sending ---- */

static const struct spool_queue_stats *
queue_of(const struct view *v, const char *connector)
{
    static const struct spool_queue_stats none = {.messages = 0};
    for (size_t i = 0; i < v->queue_count; i++)
        if (strcmp(v->queues[i].connector, connector) == 0)
            return &v->queues[i];
    return &none;
}

static json_t *
queue_json(const struct view *v, const struct spool_queue_stats *q)
{
    int64_t age = q->messages > 0 ? (v->now_unix_ms - q->oldest_unix_ms) / 1000 : 0;
    return json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)q->messages, "octets",
                     (json_int_t)q->octets, "oldest_s", (json_int_t)(age > 0 ? age : 0));
}

static void
judge_queue(struct view *v, const char *connector, const struct spool_queue_stats *q)
{
    int64_t notice = (int64_t)v->config->delay_notice_ms;
    if (q->messages == 0 || v->now_unix_ms - q->oldest_unix_ms < notice)
        return;
    char room[32];
    struct buf age = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    control_put_age(&age, v->now_unix_ms - q->oldest_unix_ms);
    problem(v, "mail for %s has waited for %s", connector, buf_text(&age));
}

static void
judge_certificate(struct view *v, const char *what, int64_t expires_unix_s)
{
    int64_t left = expires_unix_s - v->now_unix_ms / 1000;
    if (left < 0)
        problem(v, "%s has expired", what);
    else if (left < (int64_t)STATUS_CERTIFICATE_DAYS * DAY_S)
        problem(v, "%s expires in %lld days", what, (long long)(left / DAY_S));
}

static json_t *
certificate_dates(const struct view *v, json_t *take_json, int64_t expires_unix_s)
{
    int64_t left = expires_unix_s - v->now_unix_ms / 1000;
    json_object_set_new(take_json, "expires", time_json(expires_unix_s * 1000));
    json_object_set_new(take_json, "days_left",
                        json_integer((json_int_t)(left >= 0 ? left / DAY_S : -1)));
    return take_json;
}

static void
add_peer_certificates(struct view *v, const struct board_connector *c, json_t *list)
{
    for (size_t i = 0; i < c->server_count; i++) {
        const struct board_server *s = &c->servers[i];
        char what[400];
        if (s->peer_expires_unix_s == 0)
            continue;
        json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "connector", c->name, "server", s->host,
                                 "address", s->address, "verified", s->verified);
        json_array_append_new(list, certificate_dates(v, json, s->peer_expires_unix_s));
        snprintf(what, sizeof what, "the certificate of %.255s (send connector %s)", s->host,
                 c->name);
        judge_certificate(v, what, s->peer_expires_unix_s);
    }
}

static void
judge_connector(struct view *v, const struct board_connector *c)
{
    uint64_t now = clock_ms();
    const char *why = c->last_error[0] ? c->last_error : "no server takes mail";
    if (c->is_queue_suspended)
        problem(v, "send connector %s: an operator suspended its queue (queue resume %s)",
                c->name, c->name);
    if (board_is_suspended(c, now))
        problem(v, "send connector %s is suspended: %s", c->name, why);
    else if (!board_is_up(c, now))
        problem(v, "send connector %s is down: %s", c->name, why);
}

/* The mail takes another way meanwhile: nothing else would tell. */
static void
judge_logons(struct view *v, const struct board_connector *c)
{
    uint64_t now = clock_ms();
    for (size_t i = 0; board_is_up(c, now) && i < c->server_count; i++) {
        const struct board_server *s = &c->servers[i];
        if (s->logon_refused_until_ms > now)
            problem(v, "server %.255s:%u of send connector %s refuses its logon: %s", s->host,
                    s->port, c->name,
                    s->last_error[0] ? s->last_error : "another send connector was told so");
    }
}

static json_t *
send_json(struct view *v, json_t *peer_certificates)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->config->send_count; i++) {
        const char *name = v->config->send[i].name;
        const struct spool_queue_stats *queue = queue_of(v, name);
        struct board_connector notice;
        json_t *json = readiness_connector_json(v->shop, v->config, &v->config->send[i]);
        json_object_set_new(json, "queue", queue_json(v, queue));
        json_array_append_new(list, json);
        judge_queue(v, name, queue);
        if (!board_read(v->shop->board, slice_str(name), &notice))
            continue;
        judge_connector(v, &notice);
        judge_logons(v, &notice);
        add_peer_certificates(v, &notice, peer_certificates);
        board_connector_fini(&notice);
    }
    return list;
}

static json_t *
forests_json(struct view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->config->forest_count; i++) {
        const struct forest *f = &v->config->forests[i];
        enum belief belief = readiness_belief(v->shop, v->config, f);
        json_array_append_new(list, json_pack("{s:s, s:s?, s:s}", "forest", f->name, "route",
                                              f->deliver_count > 0 ? f->deliver[0]->name : NULL,
                                              "belief", belief_text(belief)));
    }
    return list;
}

/* A queue that no send connector has: mail in it waits for somebody. */
static json_t *
stranded_json(struct view *v, const char *queue, const char *why)
{
    const struct spool_queue_stats *q = queue_of(v, queue);
    if (q->messages > 0)
        problem(v, "%llu %s %s", (unsigned long long)q->messages,
                q->messages == 1 ? "message is" : "messages are", why);
    return queue_json(v, q);
}

/* ---- Certificates of ours ---- */

static bool
is_used(const struct listener *l, const struct certificate *c)
{
    for (size_t i = 0; i < l->more_certificates_count; i++)
        if (l->more_certificates[i] == c)
            return true;
    return l->certificate == c;
}

static json_t *
our_certificates_json(struct view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->config->certificate_count; i++) {
        const struct certificate *c = &v->config->certificates[i];
        const struct tls_identity *id = &v->runtime->identities[i];
        char what[128];
        json_t *listeners = json_array();
        for (size_t k = 0; k < v->config->listener_count; k++)
            if (is_used(&v->config->listeners[k], c))
                json_array_append_new(listeners, json_string(v->config->listeners[k].name));
        json_t *json =
            json_pack("{s:s, s:s, s:o, s:o, s:b, s:o}", "certificate", c->name, "file",
                      c->certificate_file, "subject", control_json_slice(slice_str(id->subject)),
                      "names", control_json_slice(slice_str(id->names)), "self_signed",
                      id->self_signed, "listeners", listeners);
        json_array_append_new(list, certificate_dates(v, json, id->not_after_unix_s));
        snprintf(what, sizeof what, "certificate %.80s", c->name);
        judge_certificate(v, what, id->not_after_unix_s);
    }
    return list;
}

/* ---- The process ---- */

static json_t *
spool_json(struct view *v)
{
    struct spool_counters c;
    uint64_t octets = 0;
    bool has_room = spool_has_room(v->shop->spool);
    spool_counters(v->shop->spool, &c);
    for (size_t i = 0; i < v->queue_count; i++)
        octets += v->queues[i].octets;
    if (!has_room)
        problem(v, "the spool has no room: new mail gets 452 until disk, quota or map has some");
    return json_pack("{s:s, s:I, s:I, s:I, s:b, s:I, s:I, s:I}", "path", v->config->spool_path,
                     "messages", (json_int_t)c.messages, "octets", (json_int_t)octets,
                     "free_octets", (json_int_t)spool_free_octets(v->shop->spool), "has_room",
                     has_room, "commits", (json_int_t)c.commits, "changes", (json_int_t)c.changes,
                     "commit_us_mean",
                     (json_int_t)(c.commits > 0 ? c.commit_us_total / c.commits : 0));
}

static json_t *
bound_json(uint64_t bound)
{
    return bound > 0 ? json_integer((json_int_t)bound) : json_null();
}

static json_t *
resource_json(struct view *v, const struct pressure *p, enum pressure_resource resource)
{
    const struct pressure_gauge *g = &p->of[resource];
    const char *level = pressure_level_text(g->level);
    char room[PRESSURE_WHY];
    struct buf why = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    pressure_put_why(&why, p, resource);
    if (g->level > PRESSURE_NORMAL)
        problem(v, "back pressure is %s: %s", level, buf_text(&why));
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:s}", "resource",
                     pressure_resource_text(resource), "level", level, "reading",
                     (json_int_t)g->reading, "medium", bound_json(g->bounds.medium), "high",
                     bound_json(g->bounds.high), "why", buf_text(&why));
}

static json_t *
pressure_json(struct view *v)
{
    const struct pressure p = pressure_watch_read(v->shop->pressure);
    json_t *resources = json_array();
    for (enum pressure_resource r = 0; r < PRESSURE_RESOURCES; r++)
        json_array_append_new(resources, resource_json(v, &p, r));
    return json_pack(
        "{s:s, s:b, s:I, s:I, s:o}", "level", pressure_level_text(pressure_worst(&p, NULL)),
        "delivery_paused", pressure_pauses_delivery(&p), "slowed",
        number(v, METRIC_pressure_mails_total, "slowed", NULL), "refused",
        number(v, METRIC_pressure_mails_total, "refused", NULL), "resources", resources);
}

void
status_source(const struct config *config, char text[STATUS_SOURCE])
{
    static const struct keyed_hash_key key = {"forestgate configuration"};
    unsigned char hash[KEYED_HASH_SIZE];
    keyed_hash(&key, &config->source, 1, hash);
    for (size_t i = 0; i < STATUS_SOURCE / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static json_t *
configuration_json(struct view *v, const struct board_process *p)
{
    char source[STATUS_SOURCE];
    bool refused_last = p->refused_unix_ms > p->loaded_unix_ms;
    status_source(v->config, source);
    if (refused_last)
        problem(v, "the last reload was refused: %s", p->refused_why);
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "file", v->config->file, "source", source,
                     "generation", (json_int_t)p->generation, "loaded",
                     time_json(p->loaded_unix_ms), "refused", time_json(p->refused_unix_ms),
                     "refused_why", control_json_slice(slice_str(p->refused_why)));
}

static json_t *
assemble(struct view *v, const struct crew *crew)
{
    const struct board_process p = board_process(v->shop->board);
    json_t *peers = json_array();
    json_t *send = send_json(v, peers);
    json_t *ours = our_certificates_json(v);
    json_t *unreachable =
        stranded_json(v, QUEUE_UNREACHABLE,
                      "unreachable: no route in the configuration leads to their recipients");
    json_t *held = stranded_json(v, QUEUE_HELD, "held: a report without a route back");
    json_t *poison = stranded_json(
        v, QUEUE_POISON, "poison: in flight when the gateway crashed, twice; suspended");
    json_t *spool = spool_json(v);
    json_t *pressure = pressure_json(v);
    json_t *configuration = configuration_json(v, &p);
    if (v->shop->changes != NULL)
        control_json_set(configuration, "changes", queue_changes_json(v->shop->changes));
    bool fine = json_array_size(v->problems) == 0;
    return json_pack(
        "{s:s, s:O, s:s, s:s, s:o, s:I, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:{s:o, s:o}, s:o, s:o}",
        "status", fine ? "fine" : "trouble", "problems", v->problems, "version", p.version,
        "hostname", v->config->hostname, "started", time_json(p.started_unix_ms), "uptime_s",
        (json_int_t)((v->now_unix_ms - p.started_unix_ms) / 1000), "draining", p.draining,
        "workers", (json_int_t)v->shop->worker_count, "sessions", (json_int_t)crew_sessions(crew),
        "configuration", configuration, "listeners", listeners_json(v), "receive",
        receive_json(v), "forests", forests_json(v), "send", send, "unreachable", unreachable,
        "held", held, "poison", poison, "certificates", "ours", ours, "peers", peers, "spool",
        spool, "pressure", pressure);
}

json_t *
status_json(struct workshop *shop, const struct crew *crew, const struct runtime *runtime)
{
    struct view v = {
        .shop = shop,
        .runtime = runtime,
        .config = runtime->config,
        .now_unix_ms = clock_unix_ms(),
        .queues = mem_new(QUEUES_MAX * sizeof *v.queues),
        .problems = json_array(),
    };
    if (v.queues != NULL)
        v.queue_count = spool_stats(shop->spool, v.queues, QUEUES_MAX);
    json_t *json = assemble(&v, crew);
    json_decref(v.problems);
    mem_free(&v.queues);
    return json;
}

int
control_status(const struct control_means *means, const struct slice *words, size_t count,
               struct buf *out)
{
    json_t *json = status_json(means->shop, means->crew, means->worker->runtime);
    if (json == NULL) {
        buf_put_str(out, "Out of memory.\n");
        return 2;
    }
    bool fine = json_array_size(json_object_get(json, "problems")) == 0;
    if (control_has_word(words, count, "--json")) {
        control_put_json(out, json);
    } else {
        status_put_text(out, json);
        json_decref(json);
    }
    return fine ? 0 : 1;
}
