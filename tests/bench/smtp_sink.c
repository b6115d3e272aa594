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
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/smtp_server.h"
#include "tests/bench/content_hash.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"

enum { RECIPIENTS_MAX = 64 * 1024, STALL_LEAST_MS = 100, STALL_MORE_MS = 400, EVENTS = 256 };

/* Where in a transaction something can happen. */
enum point { AT_NOTHING, AT_RCPT, AT_DATA, AT_BODY, AT_MESSAGE, AT_ANSWER };
enum trouble { NO_TROUBLE, REFUSE, DROP, STALL };

struct options {
    const char *listen;
    const char *certificate;
    const char *key;
    const char *user;
    const char *password;
    const char *hash_log;
    const char *unknown; /* recipients that begin so get 550; NULL: none */
    bool tls_required;
    uint64_t expect; /* end after so many messages; 0 = never */
    uint64_t refuse_percent;
    uint64_t drop_percent;
    uint64_t stall_percent;
    uint64_t seed;
};

struct session {
    struct wire wire;
    struct sink *sink;
    struct session *next;
    struct smtp_server *engine;
    enum trouble trouble; /* what will happen to this transaction ... */
    enum point point;     /* ... and where */
    uint64_t wake_ms;     /* stalled until then; 0 = not stalled */
    size_t used;          /* of wire.in; a BODY question points into it, so it stays a while */
    bool in_transaction;  /* MAIL was taken, and no end of it is known */
    bool in_body;
    bool is_gone; /* by our own doing */
    uint64_t number;
    int64_t opened_unix_ms;
    struct content_hash hash;
    struct buf recipients;
    uint64_t recipient_count;
};

struct sink {
    struct options options;
    struct smtp_server_settings settings;
    struct tls_context *tls; /* NULL: no STARTTLS */
    struct session *sessions;
    int epoll;
    int listener;
    int signals;
    int hash_log; /* -1: none */
    uint64_t random;
    bool is_over;

    uint64_t connections, resumed, messages, octets, recipients;
    uint64_t refused, dropped, unanswered, stalled;
    int64_t first_unix_ms, last_unix_ms;
};

static void
sink_seed(struct sink *s, uint64_t seed)
{
    s->random = seed * 2654435769u + 88172645463325252u;
}

/* xorshift64*: the same seed, the same troubles. */
static uint64_t
random_below(struct sink *s, uint64_t n)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return (s->random * 2685821657736338717u >> 11) % n;
}

static void
choose_trouble(struct session *c)
{
    struct sink *s = c->sink;
    uint64_t dice = random_below(s, 100);
    c->trouble = NO_TROUBLE;
    if (dice < s->options.refuse_percent)
        c->trouble = REFUSE;
    else if ((dice -= s->options.refuse_percent) < s->options.drop_percent)
        c->trouble = DROP;
    else if ((dice -= s->options.drop_percent) < s->options.stall_percent)
        c->trouble = STALL;

    static const enum point refuse_at[] = {AT_RCPT, AT_DATA, AT_MESSAGE};
    uint64_t any = random_below(s, AT_ANSWER) + 1;
    c->point = c->trouble == REFUSE ? refuse_at[random_below(s, 3)] : (enum point)any;
    if (c->trouble == STALL && c->point == AT_ANSWER)
        c->point = AT_MESSAGE;
}

/* Is it now? Then it happens once. */
static enum trouble
trouble_at(struct session *c, enum point point)
{
    enum trouble trouble = c->point == point ? c->trouble : NO_TROUBLE;
    struct sink *s = c->sink;
    if (trouble == NO_TROUBLE)
        return trouble;
    c->trouble = NO_TROUBLE;
    s->refused += trouble == REFUSE;
    s->dropped += trouble == DROP;
    s->stalled += trouble == STALL;
    if (trouble == DROP)
        c->is_gone = true;
    if (trouble == STALL)
        c->wake_ms = clock_ms() + STALL_LEAST_MS + random_below(s, STALL_MORE_MS);
    return trouble;
}

static void
sink_end_trouble(struct sink *s)
{
    s->options.refuse_percent = s->options.drop_percent = s->options.stall_percent = 0;
    for (struct session *c = s->sessions; c; c = c->next)
        c->trouble = NO_TROUBLE;
}

static void
sink_answer(struct session *c, int code, const char *enhanced, const char *text)
{
    struct reply reply = reply_make(code, enhanced, "%s", text);
    smtp_server_answer(c->engine, &reply, clock_ms());
}

static void
sink_write_hash_line(struct session *c, const char *how, bool is_whole)
{
    char hex[CONTENT_HASH_TEXT] = "-";
    struct buf line;
    if (c->sink->hash_log < 0)
        return;
    if (is_whole)
        content_hash_end(&c->hash, hex);
    buf_init(&line, RECIPIENTS_MAX + 512);
    buf_printf(&line, "%s %s %s %s %lu %ld %ld\n", hex, c->in_body ? c->hash.mark : "-",
               c->recipients.len > 0 ? buf_text(&c->recipients) : "-", how, c->number,
               c->opened_unix_ms, clock_unix_ms());
    program_log(c->sink->hash_log, &line);
    buf_fini(&line);
}

static void
take_message(struct session *c)
{
    struct sink *s = c->sink;
    bool is_dropped = trouble_at(c, AT_ANSWER) == DROP;
    sink_write_hash_line(c, is_dropped ? "unanswered" : "answered", true);
    c->in_transaction = c->in_body = false;
    s->last_unix_ms = clock_unix_ms();
    s->messages++;
    s->recipients += c->recipient_count;
    s->unanswered += is_dropped;
    if (s->options.expect > 0 && s->messages - s->unanswered >= s->options.expect)
        s->is_over = true;
    if (!is_dropped)
        sink_answer(c, 250, "2.6.0", "taken");
}

static void
sink_got_mail(struct session *c)
{
    choose_trouble(c);
    buf_clear(&c->recipients);
    c->recipient_count = 0;
    c->in_transaction = true;
    c->in_body = false;
    sink_answer(c, 250, "2.1.0", "sender ok");
}

static void
sink_got_rcpt(struct session *c, const struct smtp_rcpt *rcpt)
{
    enum trouble trouble = trouble_at(c, AT_RCPT);
    if (trouble == STALL || trouble == DROP)
        return;
    if (trouble == REFUSE) {
        sink_answer(c, 450, "4.2.1", "mailbox busy, as told");
        return;
    }
    const char *unknown = c->sink->options.unknown;
    if (unknown != NULL && ascii_starts(rcpt->to.text, unknown)) {
        sink_answer(c, 550, "5.1.1", "User unknown");
        return;
    }
    if (c->recipients.len > 0)
        buf_put_char(&c->recipients, ',');
    buf_put(&c->recipients, rcpt->to.text);
    c->recipient_count++;
    sink_answer(c, 250, "2.1.5", "recipient ok");
}

static void
got_auth(struct session *c, struct slice name, struct slice password)
{
    const struct options *o = &c->sink->options;
    if (o->user != NULL && ascii_is(name, o->user) && slice_is(password, o->password))
        sink_answer(c, 235, "2.7.0", "Authentication successful");
    else
        sink_answer(c, 535, "5.7.3", "Authentication unsuccessful");
}

static void
sink_got_body(struct session *c, struct slice octets)
{
    if (!c->in_body) {
        c->in_body = true;
        content_hash_begin(&c->hash);
    }
    enum trouble trouble = trouble_at(c, AT_BODY);
    if (trouble == DROP || trouble == STALL)
        return;
    if (c->sink->hash_log >= 0)
        content_hash_add(&c->hash, octets);
    c->sink->octets += octets.len;
    smtp_server_took_body(c->engine);
}

static void
sink_got_data_or_message(struct session *c, bool is_message)
{
    enum trouble trouble = trouble_at(c, is_message ? AT_MESSAGE : AT_DATA);
    if (trouble == DROP || trouble == STALL)
        return;
    if (trouble == REFUSE) {
        c->in_transaction = false;
        sink_answer(c, 451, "4.3.2", "not now, as told");
    } else if (is_message)
        take_message(c);
    else
        sink_answer(c, 354, NULL, "go on");
}

/* 220 leaves in clear, all that came behind STARTTLS is nothing, then octets are TLS. */
static void
got_starttls(struct session *c)
{
    if (c->wire.tls == NULL) {
        buf_clear(&c->wire.in);
        c->used = 0;
        c->wire.tls = tls_filter_new_server(c->sink->tls, &c->wire.out);
        must(c->wire.tls != NULL);
    } else if (tls_filter_is_open(c->wire.tls)) {
        c->sink->resumed += tls_filter_is_resumed(c->wire.tls);
        smtp_server_tls_done(c->engine, clock_ms());
    }
}

/* Deal with the open question. False: it stays open (or there is none). */
static bool
got_question(struct session *c)
{
    const struct smtp_question *q = smtp_server_question(c->engine);
    enum smtp_ask ask = q->ask;
    switch (ask) {
    case SMTP_ASK_NOTHING:
        return false;
    case SMTP_ASK_STARTTLS:
        got_starttls(c);
        return smtp_server_question(c->engine)->ask != SMTP_ASK_STARTTLS;
    case SMTP_ASK_AUTH:
        got_auth(c, q->auth.name, q->auth.password);
        break;
    case SMTP_ASK_MAIL:
        sink_got_mail(c);
        break;
    case SMTP_ASK_RCPT:
        sink_got_rcpt(c, &q->rcpt);
        break;
    case SMTP_ASK_DATA:
        sink_got_data_or_message(c, false);
        break;
    case SMTP_ASK_BODY:
        sink_got_body(c, q->body);
        break;
    case SMTP_ASK_MESSAGE:
        sink_got_data_or_message(c, true);
        break;
    case SMTP_ASK_RESET:
        c->in_transaction = false;
        smtp_server_did_reset(c->engine);
        break;
    case SMTP_ASK_CLOSE:
        c->is_gone = true;
        return false;
    }
    return !c->is_gone && c->wake_ms == 0;
}

static void
move_output(struct session *c)
{
    struct slice out = smtp_server_output(c->engine);
    if (out.len == 0)
        return;
    wire_put(&c->wire, out);
    smtp_server_sent(c->engine, out.len);
}

/* As far as input and answers go. */
static void
run(struct session *c)
{
    for (bool moved = true; moved && !c->is_gone && c->wake_ms == 0;) {
        struct slice in = slice_from(buf_slice(&c->wire.in), c->used);
        size_t offered = in.len;
        if (smtp_server_question(c->engine)->ask == SMTP_ASK_NOTHING && in.len > 0)
            smtp_server_feed(c->engine, &in, clock_ms());
        c->used += offered - in.len;
        move_output(c);
        moved = got_question(c) || offered > in.len;
        move_output(c);
    }
    if (c->wake_ms == 0) {
        buf_drop(&c->wire.in, c->used);
        c->used = 0;
    }
}

static void
sink_end_session(struct session *c)
{
    struct sink *s = c->sink;
    if (c->in_transaction && !c->is_gone && !s->is_over)
        sink_write_hash_line(c, "cut", false);
    for (struct session **at = &s->sessions; *at; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    smtp_server_free(&c->engine);
    wire_fini(&c->wire);
    content_hash_fini(&c->hash);
    buf_fini(&c->recipients);
    mem_free(&c);
}

static void
sink_go_on(struct session *c)
{
    run(c);
    bool is_fine = wire_flush(&c->wire, c->wake_ms == 0);
    if (!is_fine || c->is_gone || (c->wire.ended && c->wake_ms == 0))
        sink_end_session(c);
}

static void
sink_begin_session(struct sink *s, int fd)
{
    struct session *c = mem_new(sizeof *c);
    must(c != NULL);
    c->sink = s;
    c->next = s->sessions;
    s->sessions = c;
    c->number = ++s->connections;
    c->opened_unix_ms = clock_unix_ms();
    if (s->first_unix_ms == 0)
        s->first_unix_ms = c->opened_unix_ms;
    wire_init(&c->wire, fd, s->epoll, c);
    content_hash_init(&c->hash);
    buf_init(&c->recipients, RECIPIENTS_MAX);
    c->engine = smtp_server_new(&s->settings, clock_ms());
    must(c->engine != NULL);
    sink_go_on(c);
}

static void
on_connection(struct sink *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        sink_begin_session(s, fd);
}

static void
sink_on_event(struct session *c, uint32_t events)
{
    struct err err;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && c->wake_ms == 0 &&
        !wire_read(&c->wire, &err)) {
        wire_flush(&c->wire, false); /* an alert, perhaps */
        sink_end_session(c);
        return;
    }
    sink_go_on(c);
}

/* Wake who has stalled long enough; how long until the next one? */
static int
sink_wake_stalled(struct sink *s)
{
    uint64_t now = clock_ms();
    uint64_t wait = 1000;
    for (struct session *c = s->sessions, *next; c; c = next) {
        next = c->next;
        if (c->wake_ms == 0)
            continue;
        if (c->wake_ms <= now) {
            c->wake_ms = 0;
            sink_go_on(c);
        } else if (c->wake_ms - now < wait) {
            wait = c->wake_ms - now;
        }
    }
    return (int)wait;
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

static void
help(void)
{
    puts("smtp-sink --listen ADDRESS:PORT [options]: takes mail and throws it away\n"
         "  --certificate PEM --key PEM   offer STARTTLS\n"
         "  --tls-required                refuse mail in clear\n"
         "  --user NAME --password WORD   require AUTH LOGIN\n"
         "  --hash-log FILE               a line for each message: sha256 mark recipients how "
         "...\n"
         "  --unknown WORD                550 for recipients that begin so\n"
         "  --expect N                    end after N answered messages\n"
         "  --refuse-percent P --drop-percent P --stall-percent P --seed N\n"
         "                                trouble for so many of 100 transactions\n"
         "SIGUSR1 ends the trouble. Counts are printed as JSON at the end (SIGTERM).");
    exit(0);
}

static void
sink_read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"listen", 1, NULL, 'l'},
        {"certificate", 1, NULL, 'c'},
        {"key", 1, NULL, 'k'},
        {"tls-required", 0, NULL, 't'},
        {"user", 1, NULL, 'u'},
        {"password", 1, NULL, 'p'},
        {"hash-log", 1, NULL, 'h'},
        {"unknown", 1, NULL, 'U'},
        {"expect", 1, NULL, 'e'},
        {"refuse-percent", 1, NULL, 'r'},
        {"drop-percent", 1, NULL, 'd'},
        {"stall-percent", 1, NULL, 's'},
        {"seed", 1, NULL, 'S'},
        {"help", 0, NULL, 'H'},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){.listen = "127.0.0.1:0", .password = "", .seed = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        /* clang-format off */
        switch (c) {
        case 'l': o->listen = optarg; break;
        case 'c': o->certificate = optarg; break;
        case 'k': o->key = optarg; break;
        case 't': o->tls_required = true; break;
        case 'u': o->user = optarg; break;
        case 'p': o->password = optarg; break;
        case 'h': o->hash_log = optarg; break;
        case 'U': o->unknown = optarg; break;
        case 'e': o->expect = program_number(optarg); break;
        case 'r': o->refuse_percent = program_number(optarg); break;
        case 'd': o->drop_percent = program_number(optarg); break;
        case 's': o->stall_percent = program_number(optarg); break;
        case 'S': o->seed = program_number(optarg); break;
        case 'H': help(); break;
        default: exit(2);
        }
        /* clang-format on */
    }
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
