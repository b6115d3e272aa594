#include "gateway/ops/preflight.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/ops/control_client.h"
#include "gateway/ops/status.h"
#include "gateway/relay/runtime.h"

enum { WARNING_DAYS = 30, CONTROL_MS = 10 * 1000 };

struct run {
    const struct config *config;
    const struct preflight_wish *wish;
    struct preflight *p;
    struct preflight_plan plan;
    struct preflight_answer *answers;
    struct doctor **doctors; /* as answers: theirs, to be freed */
    size_t answer_count;
    struct preflight_door *doors; /* as config->listeners */
    struct look *looks;           /* as doors */
    struct preflight_daemon daemon;
    uint64_t begun_ms;
};

/* ---- Servers ---- */

static const char *
name_of(const struct send_connector *c, const struct server *server)
{
    return c->tls_server_name != NULL ? c->tls_server_name : server->host;
}

static struct doctor_settings
settings_of(const struct run *run, const struct preflight_answer *a)
{
    const struct send_connector *c = a->call->send;
    const struct tls_client_settings trust = runtime_send_trust(c);
    return (struct doctor_settings){
        .wish =
            {
                .server = a->server->host,
                .name = name_of(c, a->server),
                .connector = c->name,
                .trust = trust.trust,
                .pins = trust.pins,
                .pin_count = trust.pin_count,
                .tls_required = c->tls_require,
                .has_profile = true,
                .profile = trust.profile,
                .needs_credential = c->auth_user != NULL,
                .has_credential = a->logs_on,
                .has_envelope = true,
                .message_size = run->config->limit_message_size,
                .warning_days = WARNING_DAYS,
            },
        .target = {a->server->host, a->server->port},
        .look =
            {
                .hello = run->config->hostname,
                .names = run->config,
                .timeout_ms = run->wish->timeout_ms,
            },
        .ca_file = trust.ca_file,
        .user = a->logs_on ? c->auth_user : NULL,
        .password = a->logs_on ? c->auth_password : NULL,
        .mails = a->call->mails,
        .mail_count = a->call->mail_count,
    };
}

/* Directories take no notice of the case of a name. */
static bool
is_same_credential(const struct send_connector *a, const struct send_connector *b)
{
    return a->auth_user != NULL && b->auth_user != NULL &&
           ascii_same(slice_str(a->auth_user), slice_str(b->auth_user)) &&
           strcmp(a->auth_password, b->auth_password) == 0;
}

/* The server that refused what this one would be told; NULL: none so far. */
static const struct server *
refuser_of(const struct run *run, const struct send_connector *send)
{
    for (size_t i = 0; i < run->answer_count; i++) {
        const struct preflight_answer *a = &run->answers[i];
        if (is_same_credential(a->call->send, send) && preflight_is_refused(a->session))
            return a->server;
    }
    return NULL;
}

static void
take_findings(struct run *run, const struct doctor *d, struct preflight_answer *a)
{
    a->checks = &d->checks;
    a->session = d->session != NULL ? probe_results(d->session)[0] : NULL;
    run->p->connections += d->connections;
    run->p->logons += d->logons;
}

static bool
ask_server(struct run *run, const struct preflight_call *call, const struct server *server,
           struct err *err)
{
    struct preflight_answer a = {.call = call, .server = server};
    struct doctor **doctor = &run->doctors[run->answer_count];
    a.refused_by = run->wish->no_auth ? NULL : refuser_of(run, call->send);
    a.logs_on = call->send->auth_user != NULL && !run->wish->no_auth && a.refused_by == NULL;
    if (clock_ms() - run->begun_ms < run->wish->run_ms) {
        const struct doctor_settings settings = settings_of(run, &a);
        if (!doctor_run(&settings, doctor, err))
            return err_within(err, "send connector %.60s", call->send->name);
        take_findings(run, *doctor, &a);
    } else {
        a.why_not = "the time for the whole run was over before it was this server's turn";
    }
    run->answers[run->answer_count++] = a;
    return true;
}

static bool
ask_servers(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->plan.call_count; i++) {
        const struct preflight_call *call = &run->plan.calls[i];
        for (size_t k = 0; k < call->send->server_count; k++)
            TRY(ask_server(run, call, &call->send->servers[k], err));
    }
    return true;
}

/* ---- Our own doors ---- */

/* Where a client of this host reaches a listener, also one of every address. */
static struct sockaddr_storage
inside_of(const struct endpoint *e)
{
    struct sockaddr_storage at = e->addr;
    struct sockaddr_in *in = (struct sockaddr_in *)&at;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;
    if (at.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (at.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
    return at;
}

static struct probe_target
target_of(const struct sockaddr_storage *at, char host[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)at;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)at;
    bool is_six = at->ss_family == AF_INET6;
    inet_ntop(at->ss_family, is_six ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr,
              host, INET6_ADDRSTRLEN);
    return (struct probe_target){host, ntohs(is_six ? in6->sin6_port : in->sin_port)};
}

/* On one host a connection comes from the address that it goes to. */
static bool
wants_proxy_header(const struct listener *l, const struct sockaddr_storage *at)
{
    for (size_t i = 0; i < l->proxy_network_count; i++)
        if (network_holds(&l->proxy_networks[i], (const struct sockaddr *)at))
            return true;
    return false;
}

static bool
look_at_door(struct run *run, size_t i, struct err *err)
{
    struct preflight_door *door = &run->doors[i];
    const struct listener *l = door->listener;
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_storage at = inside_of(&l->address);
    const struct probe_target target = target_of(&at, host);
    const struct probe_settings settings = {
        .hello = run->config->hostname,
        .server_name = run->config->hostname,
        .proxy_header = wants_proxy_header(l, &at),
        .names = run->config,
        .timeout_ms = run->wish->timeout_ms,
        .limits = {.warning_days = PROBE_NEVER, .critical_days = PROBE_NEVER},
    };
    TRY(look_run(&settings, &target, &run->looks[i], err));
    door->seen = look_session(&run->looks[i], &door->profile);
    if (door->seen == NULL)
        door->seen = probe_results(run->looks[i].modern)[0];
    return true;
}

static bool
look_at_doors(struct run *run, struct err *err)
{
    struct tls_roots *roots = NULL;
    bool ok = tls_roots_new(&roots, err);
    for (size_t i = 0; ok && i < run->config->listener_count; i++) {
        struct preflight_door *door = &run->doors[i];
        struct err why;
        door->listener = &run->config->listeners[i];
        door->has_chain = tls_chain_of_file(door->listener->certificate->certificate_file,
                                            run->config->hostname, roots, &door->chain, &why);
        if (!door->has_chain)
            slice_copy_text(door->chain_error, sizeof door->chain_error, slice_str(why.text));
        ok = look_at_door(run, i, err);
    }
    tls_roots_free(&roots);
    return ok;
}

/* ---- The running gateway ---- */

static void
read_daemon(struct preflight_daemon *d, const struct config *config, struct slice answer)
{
    char source[STATUS_SOURCE];
    json_t *status = json_loadb(answer.ptr, answer.len, 0, NULL);
    const json_t *c = json_object_get(status, "configuration");
    const char *theirs = json_string_value(json_object_get(c, "source"));
    const char *refused = json_string_value(json_object_get(c, "refused_why"));
    d->knows_source = theirs != NULL;
    if (!d->knows_source)
        slice_copy_text(d->why, sizeof d->why,
                        slice_str("the running gateway does not say which text of the file is in "
                                  "force: it is an older one"));
    status_source(config, source);
    d->same_source = theirs != NULL && strcmp(theirs, source) == 0;
    d->draining = json_is_true(json_object_get(status, "draining"));
    slice_copy_text(d->refused_why, sizeof d->refused_why, slice_str(refused));
    json_decref(status);
}

static void
ask_daemon(struct preflight_daemon *d, const struct config *config)
{
    struct buf answer;
    struct err err;
    int status;
    if (config->control_path == NULL) {
        slice_copy_text(d->why, sizeof d->why,
                        slice_str("the file names no control socket (control)"));
        return;
    }
    buf_init(&answer, CONTROL_ANSWER_MAX + CONTROL_HINT_MAX);
    d->answered = control_ask(config->control_path, slice_str("status --json"), CONTROL_MS,
                              &status, &answer, &err);
    if (d->answered)
        read_daemon(d, config, buf_slice(&answer));
    else if (err.kind == ERR_CLOSED)
        slice_copy_text(d->why, sizeof d->why, slice_str("it does not run"));
    else
        slice_copy_text(d->why, sizeof d->why, slice_str(err.text));
    buf_fini(&answer);
}

/* ---- The whole ---- */

static size_t
servers_of(const struct preflight_plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->call_count; i++)
        n += plan->calls[i].send->server_count;
    return n;
}

static bool
prepare(struct run *run, struct err *err)
{
    struct arena *memory = &run->p->memory;
    TRY(preflight_plan_make(run->config, run->wish, memory, &run->plan, err));
    size_t servers = servers_of(&run->plan) + 1;
    run->answers = arena_new(memory, servers * sizeof *run->answers);
    run->doctors = arena_new(memory, servers * sizeof *run->doctors);
    run->doors = arena_new(memory, run->config->listener_count * sizeof *run->doors);
    run->looks = arena_new(memory, run->config->listener_count * sizeof *run->looks);
    return (run->answers != NULL && run->doctors != NULL && run->doors != NULL &&
            run->looks != NULL) ||
           err_set(err, ERR_NOMEM, "out of memory");
}

static void
judge(struct run *run)
{
    struct preflight *p = run->p;
    for (size_t i = 0; i < run->plan.forest_count; i++) {
        struct preflight_section *s = preflight_add_section(p, run->plan.forests[i]);
        preflight_judge_servers(p, s, run->config->file, run->answers, run->answer_count);
        preflight_judge_doors(p, s, run->config, run->doors, &run->daemon,
                              clock_unix_ms() / 1000);
    }
    preflight_judge_daemon(p, preflight_add_section(p, NULL), run->config, &run->daemon);
    preflight_conclude(p);
}

/* What the doctors know is copied by now. */
static void
release(struct run *run)
{
    for (size_t i = 0; run->doctors != NULL && i < servers_of(&run->plan); i++)
        doctor_free(&run->doctors[i]);
    for (size_t i = 0; run->looks != NULL && i < run->config->listener_count; i++)
        look_fini(&run->looks[i]);
}

bool
preflight_run(const struct config *config, const struct preflight_wish *wish,
              struct preflight *out, struct err *err)
{
    struct run run = {.config = config, .wish = wish, .p = out, .begun_ms = clock_ms()};
    preflight_init(out);
    bool ok = prepare(&run, err) && ask_servers(&run, err) && look_at_doors(&run, err);
    if (ok) {
        ask_daemon(&run.daemon, config);
        judge(&run);
    }
    release(&run);
    if (ok && out->no_memory)
        return err_set(err, ERR_NOMEM, "out of memory");
    return ok;
}
