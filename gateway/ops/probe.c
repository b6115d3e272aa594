#include "gateway/ops/probe.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/net/timer.h"
#include "gateway/ops/probe_call.h"

/* One target: its name is resolved, then its addresses are called. */
struct host {
    struct probe *probe;
    const struct probe_target *target;
    struct resolve_query *query;
    struct timer *timer;
    uint64_t begun_us;
    struct sockaddr_storage addresses[RESOLVE_MAX];
    size_t address_count;
    struct probe_call *calls[RESOLVE_MAX];
    struct probe_result *results[RESOLVE_MAX]; /* 1 at least */
    size_t result_count;
};

struct probe {
    const struct probe_settings *settings;
    struct loop *loop;
    struct resolver *resolver;
    struct host *hosts;
    size_t host_count;
    size_t waiting; /* look-ups and calls that are not over; the loop ends with the last */
    bool no_memory;
    const struct probe_result **all;
    size_t all_count;
};

static void
one_is_over(void *context)
{
    struct probe *p = context;
    must(p->waiting > 0);
    if (--p->waiting == 0)
        loop_stop(p->loop);
}

static struct probe_result *
add_result(struct host *h)
{
    struct probe_result *r = mem_new(sizeof *r);
    if (r == NULL) {
        h->probe->no_memory = true;
        return NULL;
    }
    slice_copy_text(r->server, sizeof r->server, slice_str(h->target->host));
    r->port = h->target->port;
    h->results[h->result_count++] = r;
    return r;
}

/* ---- Names ---- */

/* Ends the look-up. */
static void
name_failed(struct host *h, const char *why)
{
    struct probe_result *r = add_result(h);
    struct smtp_outcome outcome = {.stage = SMTP_STAGE_CONNECT};
    if (r != NULL) {
        outcome.reply = reply_make(451, "4.4.3", "%s", why);
        outcome.reply.local = true;
        r->us = clock_us() - h->begun_us;
        probe_note(r, PROBE_RESOLVE, r->us, &outcome, "");
    }
    one_is_over(h->probe);
}

static void
on_name_timer(void *context)
{
    struct host *h = context;
    if (h->query == NULL)
        return;
    resolve_cancel(&h->query);
    name_failed(h, "no answer of the name servers");
}

static void
keep_addresses(struct host *h, const struct sockaddr_storage *list, size_t count)
{
    int family = h->probe->settings->family;
    for (size_t i = 0; i < count; i++)
        if (family == AF_UNSPEC || list[i].ss_family == family)
            h->addresses[h->address_count++] = list[i];
}

static void
call(struct host *h, const struct sockaddr_storage *addresses, size_t count)
{
    struct probe *p = h->probe;
    struct probe_result *r = add_result(h);
    if (r == NULL)
        return;
    uint64_t us = clock_us() - h->begun_us;
    struct probe_step *step = probe_begin_step(r, PROBE_RESOLVE, us);
    snprintf(step->text, sizeof step->text, "%zu address%s", count, count == 1 ? "" : "es");
    size_t i = h->result_count - 1;
    h->calls[i] =
        probe_call_new(p->loop, p->settings, addresses, count, h->begun_us, r, one_is_over, p);
    p->no_memory = p->no_memory || h->calls[i] == NULL;
    p->waiting += h->calls[i] != NULL;
}

static void
on_addresses(void *context, const struct sockaddr_storage *list, size_t count,
             const struct err *err_or_null)
{
    struct host *h = context;
    h->query = NULL;
    timer_set(h->timer, UINT64_MAX);
    keep_addresses(h, list, count);
    if (h->address_count == 0) {
        name_failed(h, err_or_null != NULL ? err_or_null->text : "no address of this family");
        return;
    }
    if (!h->probe->settings->every_address)
        call(h, h->addresses, h->address_count);
    else
        for (size_t i = 0; i < h->address_count; i++)
            call(h, &h->addresses[i], 1);
    one_is_over(h->probe); /* the look-up */
}

/* ---- The whole ---- */

static bool
begin_host(struct probe *p, struct host *h, const struct probe_target *target, struct err *err)
{
    h->probe = p;
    h->target = target;
    h->begun_us = clock_us();
    h->timer = timer_new(p->loop, on_name_timer, h);
    if (h->timer == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    timer_set(h->timer, h->begun_us / 1000 + p->settings->timeout_ms);
    p->waiting++;
    if (resolve_start(p->resolver, target->host, target->port, on_addresses, h, &h->query, err))
        return true;
    if (err->kind == ERR_NOMEM)
        return false;
    name_failed(h, err->text);
    return true;
}

static bool
begin(struct probe *p, const struct probe_target *targets, size_t target_count, struct err *err)
{
    static const struct config system_names = {.dns_server_count = 0};
    const struct config *names = p->settings->names;
    TRY(loop_new(&p->loop, err));
    TRY(resolver_new(p->loop, names != NULL ? names : &system_names, &p->resolver, err));
    p->hosts = mem_new(target_count * sizeof *p->hosts);
    if (p->hosts == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    p->host_count = target_count;
    for (size_t i = 0; i < target_count; i++)
        TRY(begin_host(p, &p->hosts[i], &targets[i], err));
    return true;
}

static bool
gather(struct probe *p, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < p->host_count; i++)
        count += p->hosts[i].result_count;
    p->all = mem_new(count * sizeof *p->all);
    if (p->no_memory || p->all == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < p->host_count; i++)
        for (size_t k = 0; k < p->hosts[i].result_count; k++)
            p->all[p->all_count++] = p->hosts[i].results[k];
    return true;
}

bool
probe_run(const struct probe_settings *settings, const struct probe_target *targets,
          size_t target_count, struct probe **out, struct err *err)
{
    struct probe *p = mem_new(sizeof *p);
    if (p == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    p->settings = settings;
    p->waiting = 1; /* we: nothing is over while it begins */
    bool ok = begin(p, targets, target_count, err);
    p->waiting--;
    while (ok && p->waiting > 0)
        loop_run(p->loop);
    ok = ok && gather(p, err);
    if (!ok) {
        probe_free(&p);
        return false;
    }
    *out = p;
    return true;
}

static void
fini_host(struct host *h)
{
    resolve_cancel(&h->query);
    timer_free(&h->timer);
    for (size_t i = 0; i < h->result_count; i++) {
        probe_call_free(&h->calls[i]);
        mem_free(&h->results[i]);
    }
}

void
probe_free(struct probe **probe)
{
    struct probe *p = *probe;
    *probe = NULL;
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->host_count; i++)
        fini_host(&p->hosts[i]);
    resolver_free(&p->resolver);
    loop_free(&p->loop);
    mem_free(&p->hosts);
    mem_free(&p->all);
    mem_free(&p);
}

size_t
probe_count(const struct probe *p)
{
    return p->all_count;
}

const struct probe_result *const *
probe_results(const struct probe *p)
{
    return p->all;
}
