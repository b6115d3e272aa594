/*
 * smtp_load.c - the generator: many messages over some sessions, as an Exchange server would.
 *
 * Takes    where to, how many, how large, how fast.
 * Gives    as JSON: messages, seconds, messages per second, p50 and p99 of the final reply (from
 *          the last octet of the content to the 250), errors by code. With --mark each message
 * has an X-Mark of its own, and the ledger a line "mark sha256 recipient how ms" for each
 * recipient: how is the code of the reply that counts, or "cut" (the connection was lost before
 * the content was given away) or "unanswered" (behind that); ms since 1970. SIGTERM: nothing
 * new, an end to what is under way, the result.
 *
 * A message is never sent twice: with --retry another one with a new mark takes its place. So the
 * relay alone answers for duplicates.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "tests/bench/load.h"
#include "tests/bench/program.h"

enum { EVENTS = 256 };

/* Whoever is not connected dials; whoever was ready without work looks again. */
static void
look_after(struct load *l)
{
    uint64_t now = clock_ms();
    for (size_t i = 0; i < l->options.sessions; i++) {
        struct session *c = &l->sessions[i];
        if (c->wire.fd < 0 && c->dial_ms <= now)
            load_dial(c);
        else if (c->wire.fd >= 0 && smtp_client_task(c->engine) == SMTP_TASK_READY)
            load_go_on(c);
    }
}

static void
on_signal(struct load *l)
{
    if (program_signal(l->signals) != 0)
        l->is_ending = true;
}

static void
loop(struct load *l)
{
    struct epoll_event events[EVENTS];
    uint64_t deadline = clock_ms() + l->options.timeout_s * 1000;
    uint64_t looked_ms = 0;
    int tick = l->options.rate > 0 || l->options.per_connection > 0 ? 2 : 20;
    while (!load_is_all_done(l) && clock_ms() < deadline) {
        if (clock_ms() >= looked_ms + (uint64_t)tick) {
            look_after(l);
            looked_ms = clock_ms();
        }
        int n = epoll_wait(l->epoll, events, EVENTS, tick);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &l->signals)
                on_signal(l);
            else
                load_on_event(events[i].data.ptr, events[i].events);
        }
    }
}

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double
percentile_ms(const struct load *l, unsigned percent)
{
    uint64_t n = l->accepted < l->options.messages ? l->accepted : l->options.messages;
    return n == 0 ? 0 : l->latencies_us[(n - 1) * percent / 100] / 1000.0;
}

static void
print_result(struct load *l)
{
    double seconds = l->last_ns > 0 ? (double)(l->last_ns - l->begin_ns) / 1e9 : 0;
    uint64_t n = l->accepted < l->options.messages ? l->accepted : l->options.messages;
    qsort(l->latencies_us, n, sizeof *l->latencies_us, by_size);
    printf("{\"messages\":%lu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"connections\":%lu,\"began_unix_ms\":%ld,\"last_unix_ms\":%ld,"
           "\"errors\":{",
           l->accepted, seconds, seconds > 0 ? (double)l->accepted / seconds : 0,
           percentile_ms(l, 50), percentile_ms(l, 99), l->connections, l->begin_unix_ms,
           l->last_unix_ms);
    const char *comma = "";
    for (int code = 0; code < CODES; code++) {
        if (l->errors[code] == 0)
            continue;
        if (code == CODE_LOST)
            printf("\"lost\":%lu", l->errors[code]);
        else
            printf("%s\"%d\":%lu", comma, code, l->errors[code]);
        comma = ",";
    }
    puts("}}");
}

static void
load_open(struct load *l)
{
    static const int signals[] = {SIGTERM, 0};
    const struct options *o = &l->options;
    struct err err;
    uint16_t port;
    l->address.sin_family = AF_INET;
    if (!wire_parse_endpoint(o->to_endpoint, &l->address.sin_addr.s_addr, &port))
        program_die("--connect wants ADDRESS:PORT", o->to_endpoint);
    l->address.sin_port = htons(port);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->signals = program_open_signals(signals);
    program_watch(l->epoll, l->signals, &l->signals);
    l->ledger = program_open_log(o->ledger);
    const struct tls_client_settings tls = {.trust = TLS_TRUST_NONE};
    if (!tls_context_new_client(&tls, &l->tls, &err))
        program_die("TLS", err.text);
    l->settings = (struct smtp_client_settings){
        .hello = slice_str("load.bench.example"),
        .tls_required = !o->in_clear,
        .user = slice_str(o->user),
        .password = slice_str(o->password),
    };
    load_make_filler(l);
    l->latencies_us = mem_new(o->messages * sizeof *l->latencies_us);
    l->sessions = mem_new(o->sessions * sizeof *l->sessions);
    must(l->latencies_us != NULL && l->sessions != NULL);
    for (size_t i = 0; i < o->sessions; i++) {
        l->sessions[i].load = l;
        l->sessions[i].wire.fd = -1;
        buf_init(&l->sessions[i].head, HEAD_MAX);
    }
}

static void
load_close(struct load *l)
{
    tls_context_unref(&l->tls);
    for (size_t i = 0; i < l->options.sessions; i++)
        buf_fini(&l->sessions[i].head);
    mem_free(&l->filler);
    mem_free(&l->latencies_us);
    mem_free(&l->sessions);
    close(l->signals);
    close(l->epoll);
    if (l->ledger >= 0)
        close(l->ledger);
}

int
main(int argc, char **argv)
{
    struct load l = {0};
    load_read_options(argc, argv, &l.options);
    load_open(&l);
    l.begin_ns = wire_now_ns();
    l.begin_unix_ms = clock_unix_ms();
    loop(&l);
    print_result(&l);
    bool is_complete = load_is_all_done(&l);
    for (size_t i = 0; i < l.options.sessions; i++)
        load_hang_up(&l.sessions[i]);
    load_close(&l);
    return is_complete ? 0 : 1;
}
