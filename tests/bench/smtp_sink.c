/*
 * smtp_sink.c - a mail server that counts and throws away: the far end of bench and crash tests.
 *
 * Takes    connections on 127.0.0.1, STARTTLS and AUTH LOGIN as told.
 * Gives    counts as JSON at the end (SIGTERM, or --expect messages); with --hash-log one line
 * for each transaction that had an end of note: body hash, X-Mark, recipients, how, number of the
 * connection, and when that was opened and the line written (ms since 1970). How is "answered";
 * "unanswered": it was taken and the connection dropped before the 250, so that whoever sent it
 * has to send it again; "cut": the client went away in the middle. Refuses, drops and stalls at
 * random when told to, from a seed (SIGUSR1: no more of it from now on).
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/program.h"
#include "tests/bench/sink.h"

enum { EVENTS = 256 };

static void
on_connection(struct sink *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        sink_begin_session(s, fd);
}

/* SIGUSR1: behave from now on, also in transactions that have begun. SIGTERM: the end. */
static void
on_signal(struct sink *s)
{
    int signal = program_signal(s->signals);
    if (signal == 0)
        return;
    if (signal != SIGUSR1) {
        s->is_over = true;
        return;
    }
    sink_end_trouble(s);
}

static void
loop(struct sink *s)
{
    struct epoll_event events[EVENTS];
    while (!s->is_over) {
        int wait = sink_wake_stalled(s);
        int n = epoll_wait(s->epoll, events, EVENTS, wait);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &s->listener)
                on_connection(s);
            else if (events[i].data.ptr == &s->signals)
                on_signal(s);
            else
                sink_on_event(events[i].data.ptr, events[i].events);
        }
    }
}

static void
print_counts(const struct sink *s)
{
    printf("{\"messages\":%lu,\"recipients\":%lu,\"octets\":%lu,\"connections\":%lu,"
           "\"resumed\":%lu,"
           "\"refused\":%lu,\"dropped\":%lu,\"unanswered\":%lu,\"stalled\":%lu,"
           "\"first_unix_ms\":%ld,\"last_unix_ms\":%ld}\n",
           s->messages, s->recipients, s->octets, s->connections, s->resumed, s->refused,
           s->dropped, s->unanswered, s->stalled, s->first_unix_ms, s->last_unix_ms);
    fflush(stdout);
}

/* Listens; with port 0 the system chooses. Says where, on standard error. */
static void
open_listener(struct sink *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    uint16_t port;
    int on = 1;
    if (!wire_parse_endpoint(s->options.listen, &at.sin_addr.s_addr, &port))
        program_die("--listen wants ADDRESS:PORT", NULL);
    at.sin_port = htons(port);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s->listener, 1024) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0)
        program_die(s->options.listen, strerror(errno));
    fprintf(stderr, "smtp-sink: listening on port %u\n", ntohs(at.sin_port));
    program_watch(s->epoll, s->listener, &s->listener);
}

static void
sink_open(struct sink *s)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, 0};
    const struct options *o = &s->options;
    struct err err;
    sink_seed(s, o->seed);
    s->hash_log = program_open_log(o->hash_log);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (o->certificate != NULL) {
        const struct tls_key_pair pair = {o->certificate, o->key ? o->key : o->certificate};
        if (!tls_context_new_server(TLS_MODERN, &pair, 1, &s->tls, &err))
            program_die(err.text, NULL);
    }
    s->settings = (struct smtp_server_settings){
        .hostname = slice_str("sink.bench.example"),
        .client_text = slice_str("127.0.0.1"),
        .tls_offered = s->tls != NULL,
        .tls_required = o->tls_required,
        .tls_clear_reply = 530,
        .auth_offered = o->user != NULL,
        .auth_required = o->user != NULL,
        .size_max = 64u << 20,
        .recipients_max = 5000,
        .idle_ms = 600000,
        .greet_ms = 600000,
    };
    s->signals = program_open_signals(signals);
    program_watch(s->epoll, s->signals, &s->signals);
    open_listener(s);
}

static void
sink_close(struct sink *s)
{
    while (s->sessions != NULL)
        sink_end_session(s->sessions);
    tls_context_unref(&s->tls);
    close(s->listener);
    close(s->signals);
    close(s->epoll);
    if (s->hash_log >= 0)
        close(s->hash_log);
}

int
main(int argc, char **argv)
{
    struct sink s = {0};
    sink_read_options(argc, argv, &s.options);
    sink_open(&s);
    loop(&s);
    print_counts(&s);
    sink_close(&s);
    return 0;
}
