#include "gateway/ops/monitor.h"

#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/net/timer.h"
#include "gateway/net/watch.h"

enum {
    CONNECTIONS_MAX = 64,
    CONNECTION_S = 5,
    HEARTBEAT_MS = 250, /* driven by its own timeout alone, the library stops accepting for good
                           once its connection limit was reached (dependencies.md 10) */
    PAGE_MAX = 4 * 1024 * 1024,
    QUEUES_MAX = 256,
};

struct monitor {
    struct worker *worker;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer *heartbeat;
};

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
    char text[256];
    json_t *json =
        why_not ? json_pack("{s:b, s:s}", key, 0, "why", why_not) : json_pack("{s:b}", key, 1);
    size_t n = json ? json_dumpb(json, text, sizeof text, JSON_COMPACT) : 0;
    json_decref(json);
    return answer(connection, why_not ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                  "application/json", slice(text, n < sizeof text ? n : 0));
}

static const char *
why_not_ready(const struct worker *w)
{
    if (w->draining)
        return "draining: no new mail is taken";
    if (!spool_has_room(w->shop->spool))
        return "the spool has no room: disk, quota or map";
    return NULL;
}

/* Gauges that are cheaper to read when somebody looks than to keep. */
static void
refresh_gauges(struct worker *w)
{
    struct metrics *m = w->shop->metrics;
    struct spool_queue_stats *queues = mem_new(QUEUES_MAX * sizeof *queues);
    struct spool_counters c;
    spool_counters(w->shop->spool, &c);
    counter_set(metrics_series(m, METRIC_spool_messages, NULL, NULL), c.messages);
    size_t n = queues != NULL ? spool_stats(w->shop->spool, queues, QUEUES_MAX) : 0;
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < n; i++) {
        const char *name = queues[i].connector[0] ? queues[i].connector : "none";
        int64_t age = queues[i].messages > 0 ? (now - queues[i].oldest_unix_ms) / 1000 : 0;
        counter_set(metrics_series(m, METRIC_queue_messages, name, NULL), queues[i].messages);
        counter_set(metrics_series(m, METRIC_queue_octets, name, NULL), queues[i].octets);
        counter_set(metrics_series(m, METRIC_queue_oldest_seconds, name, NULL),
                    age > 0 ? (uint64_t)age : 0);
    }
    mem_free(&queues);
}

static enum MHD_Result
answer_metrics(struct worker *w, struct MHD_Connection *connection)
{
    struct buf page;
    buf_init(&page, PAGE_MAX);
    refresh_gauges(w);
    metrics_put(w->shop->metrics, &page);
    enum MHD_Result result = answer(connection, MHD_HTTP_OK,
                                    "text/plain; version=0.0.4; charset=utf-8", buf_slice(&page));
    buf_fini(&page);
    return result;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_size, void **state)
{
    static int announced;
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
    /* A balancer must not take "ready" for an answer about a forest, which is not asked here. */
    if (MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "forest") != NULL)
        return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain",
                      slice_str("readiness by forest is not available\n"));
    if (strcmp(url, "/readyz") == 0)
        return answer_state(connection, "ready", why_not_ready(m->worker));
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(m->worker, connection);
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain",
                  slice_str("/livez /readyz /metrics\n"));
}

static void
turn(void *context)
{
    struct monitor *m = context;
    MHD_run(m->daemon);
    timer_set(m->heartbeat, loop_now_ms(m->worker->loop) + HEARTBEAT_MS);
}

static bool
start(struct monitor *m, const struct endpoint *endpoint, struct err *err)
{
    m->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | (endpoint->addr.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0), 0, NULL, NULL,
        on_request, m, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&endpoint->addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)CONNECTION_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,
        MHD_OPTION_END);
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
monitor_new(const struct endpoint *endpoint, struct worker *worker, struct monitor **out,
            struct err *err)
{
    *out = NULL;
    if (endpoint == NULL)
        return true;
    struct monitor *m = mem_new(sizeof *m);
    if (m == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    m->worker = worker;
    if (!start(m, endpoint, err)) {
        monitor_free(&m);
        return false;
    }
    struct log_line line;
    log_begin(&line, worker->shop->log, EV_monitor_listening, 0);
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
    if (m->daemon != NULL)
        MHD_stop_daemon(m->daemon);
    mem_free(ref);
}
