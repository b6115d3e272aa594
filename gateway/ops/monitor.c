#include "gateway/ops/monitor.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/net/timer.h"
#include "gateway/net/watch.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/gauges.h"
#include "gateway/ops/readiness.h"
#include "gateway/ops/status.h"
#include "gateway/relay/pressure_watch.h"

enum {
    CONNECTIONS_MAX = 64,
    CONNECTION_S = 5,
    HEARTBEAT_MS = 250, /* driven by its own timeout alone, the library stops accepting for good
                           once its connection limit was reached (dependencies.md 10) */
    PAGE_MAX = 4 * 1024 * 1024,
    LOOK_MS = 5 * 1000, /* how long an answer waits for a look */
    LOOK_AGAIN_MS = 20, /* how often it is looked whether that has come */
    WAITING_MAX = 16,   /* answers that wait; the other connections stay for who needs no look */
    NOT_READY_TEXT = PRESSURE_WHY + 32,
};

/* A request that waits until it is known whether there is a way to its forest. */
struct waiting {
    struct waiting *next;
    struct MHD_Connection *connection;
    uint64_t deadline_ms;
    char forest[64];
};

struct monitor {
    struct crew *crew;
    struct worker *worker; /* its first: on whose loop the socket lives */
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer *heartbeat;
    struct waiting *waiting; /* their connections are suspended */
    size_t waiting_count;
};

static int announced; /* its address marks a request whose head has come */

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, const char *type, struct slice text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text.len, (void *)(uintptr_t)text.ptr, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* {"ready":false,"why":"draining"} */
static enum MHD_Result
answer_state(struct MHD_Connection *connection, const char *key, const char *why_not)
{
    char text[NOT_READY_TEXT + 256];
    json_t *json =
        why_not ? json_pack("{s:b, s:s}", key, 0, "why", why_not) : json_pack("{s:b}", key, 1);
    size_t n = json ? json_dumpb(json, text, sizeof text, JSON_COMPACT) : 0;
    json_decref(json);
    return answer(connection, why_not ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                  "application/json", slice(text, n < sizeof text ? n : 0));
}

/* room is for a reason that has numbers. */
static const char *
why_not_ready(const struct worker *w, char room[NOT_READY_TEXT])
{
    char why[PRESSURE_WHY];
    if (w->draining)
        return "draining: no new mail is taken";
    if (!spool_has_room(w->shop->spool))
        return "the spool has no room: disk, quota or map";
    if (pressure_watch_level(w->shop->pressure) == PRESSURE_HIGH) {
        pressure_watch_why(w->shop->pressure, why);
        snprintf(room, NOT_READY_TEXT, "back pressure: %s", why);
        return room;
    }
    return NULL;
}

static enum MHD_Result
answer_ready(const struct monitor *m, struct MHD_Connection *connection)
{
    char room[NOT_READY_TEXT];
    return answer_state(connection, "ready", why_not_ready(m->worker, room));
}

static enum MHD_Result
answer_metrics(struct worker *w, struct MHD_Connection *connection)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    gauges_refresh(w->shop, w->runtime);
    metrics_put(w->shop->metrics, &page);
    enum MHD_Result result = answer(connection, MHD_HTTP_OK,
                                    "text/plain; version=0.0.4; charset=utf-8", buf_slice(&page));
    buf_fini(&page);
    return result;
}

/* ---- /readyz?forest=F ---- */

static enum MHD_Result
answer_json(struct MHD_Connection *connection, unsigned status, json_t *take_json)
{
    struct buf text;
    buf_init(&text, PAGE_MAX);
    control_put_json(&text, take_json);
    enum MHD_Result result = answer(connection, status, "application/json", buf_slice(&text));
    buf_fini(&text);
    return result;
}

static struct config *
config_of(const struct monitor *m)
{
    return m->worker->runtime->config;
}

/* It can be answered now: known, or nobody will find out any more. */
static bool
is_settled(const struct monitor *m, const char *name)
{
    const struct forest *f = config_forest(config_of(m), slice_str(name));
    return f == NULL || m->worker->draining ||
           readiness_belief(m->worker->shop, config_of(m), f) != BELIEF_UNKNOWN;
}

/* Let the request wait, and have somebody look. False: too many wait already. */
static bool
wait_for_look(struct monitor *m, struct MHD_Connection *connection, const struct forest *f,
              void **state)
{
    struct waiting *w = m->waiting_count < WAITING_MAX ? mem_new(sizeof *w) : NULL;
    if (w == NULL)
        return false;
    w->connection = connection;
    w->deadline_ms = loop_now_ms(m->worker->loop) + LOOK_MS;
    slice_copy_text(w->forest, sizeof w->forest, slice_str(f->name));
    w->next = m->waiting;
    m->waiting = w;
    m->waiting_count++;
    *state = w;
    MHD_suspend_connection(connection);
    timer_set(m->heartbeat, loop_now_ms(m->worker->loop));
    return true;
}

static enum MHD_Result
answer_forest(struct monitor *m, struct MHD_Connection *connection, const char *name,
              void **state)
{
    const struct config *config = config_of(m);
    const struct forest *f = config_forest(config, slice_str(name));
    bool is_first = *state == &announced; /* else it has waited */
    if (f == NULL)
        return answer_json(connection, MHD_HTTP_NOT_FOUND, readiness_unknown_json(config));
    if (m->worker->draining)
        return answer_ready(m, connection);
    if (is_first && readiness_belief(m->worker->shop, config, f) != BELIEF_UP) {
        /* Also of a suspended connector, which is down whatever its servers say: status shows
         * whether they are there. */
        readiness_ask(m->crew, f);
        if (!is_settled(m, name) && wait_for_look(m, connection, f, state))
            return MHD_YES;
    }
    bool ready = readiness_belief(m->worker->shop, config, f) == BELIEF_UP;
    return answer_json(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                       readiness_json(m->worker->shop, config, f));
}

/* Those whose answer is known, or whose time is over, go on. all: every one, the end has come. */
static void
resume_waiting(struct monitor *m, bool all)
{
    uint64_t now = loop_now_ms(m->worker->loop);
    struct waiting **at = &m->waiting;
    while (*at != NULL) {
        struct waiting *w = *at;
        if (!all && now < w->deadline_ms && !is_settled(m, w->forest)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        m->waiting_count--;
        MHD_resume_connection(w->connection);
    }
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **state,
             enum MHD_RequestTerminationCode how)
{
    (void)context, (void)connection, (void)how;
    if (*state != NULL && *state != &announced)
        mem_release(*state);
    *state = NULL;
}

/* ---- Requests ---- */

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct monitor *m = context;
    (void)version, (void)upload;
    if (*state == NULL) { /* the first call only announces the request */
        *state = &announced;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                      slice_str("GET only\n"));
    if (strcmp(url, "/livez") == 0)
        return answer_state(connection, "live", NULL);
    const char *forest = NULL;
    bool asks_forest = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "forest",
                                                     strlen("forest"), &forest, NULL) == MHD_YES;
    /* Also "?forest" without a name: a mistyped address must not look ready. */
    if (strcmp(url, "/readyz") == 0 && asks_forest)
        return answer_forest(m, connection, forest ? forest : "", state);
    if (strcmp(url, "/readyz") == 0)
        return answer_ready(m, connection);
    if (strcmp(url, "/status") == 0)
        return answer_json(connection, MHD_HTTP_OK,
                           status_json(m->worker->shop, m->crew, m->worker->runtime));
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(m->worker, connection);
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain",
                  slice_str("/livez /readyz /readyz?forest=NAME /status /metrics\n"));
}

/* Its descriptors report an edge once: what it has read already, a second request in the same
 * packet or the rest of a long head, is for it to remember and for us to ask about. */
static uint64_t
next_turn_ms(const struct monitor *m)
{
    MHD_UNSIGNED_LONG_LONG wait;
    uint64_t ms = m->waiting != NULL ? LOOK_AGAIN_MS : HEARTBEAT_MS;
    if (MHD_get_timeout(m->daemon, &wait) == MHD_YES && wait < ms)
        ms = wait > 0 ? wait : 1; /* the loop has other guests */
    return ms;
}

static void
turn(void *context)
{
    struct monitor *m = context;
    resume_waiting(m, false);
    MHD_run(m->daemon);
    timer_set(m->heartbeat, loop_now_ms(m->worker->loop) + next_turn_ms(m));
}

static bool
start(struct monitor *m, const struct endpoint *endpoint, struct err *err)
{
    m->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
                             (endpoint->addr.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0),
                         0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR,
                         (const struct sockaddr *)&endpoint->addr, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)CONNECTION_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, m,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    if (m->daemon == NULL)
        return err_sys(err, ERR_IO, "monitor %s", endpoint->text);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    m->heartbeat = timer_new(m->worker->loop, turn, m);
    m->watch = watch_new(m->worker->loop, info->epoll_fd, turn, m);
    if (m->heartbeat == NULL || m->watch == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    timer_set(m->heartbeat, loop_now_ms(m->worker->loop) + HEARTBEAT_MS);
    return true;
}

bool
monitor_new(const struct endpoint *endpoint, struct crew *crew, struct monitor **out,
            struct err *err)
{
    *out = NULL;
    if (endpoint == NULL)
        return true;
    struct monitor *m = mem_new(sizeof *m);
    if (m == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    m->crew = crew;
    m->worker = crew_first(crew);
    if (!start(m, endpoint, err)) {
        monitor_free(&m);
        return false;
    }
    struct log_line line;
    log_begin(&line, m->worker->shop->log, EV_monitor_listening, 0);
    log_str(&line, "address", endpoint->text);
    log_end(&line);
    *out = m;
    return true;
}

void
monitor_free(struct monitor **ref)
{
    struct monitor *m = *ref;
    if (m == NULL)
        return;
    watch_free(&m->watch);
    timer_free(&m->heartbeat);
    if (m->daemon != NULL) {
        resume_waiting(m, true); /* the library wants none suspended at its end */
        MHD_run(m->daemon);
        MHD_stop_daemon(m->daemon);
    }
    mem_free(ref);
}
