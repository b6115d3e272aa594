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
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/smtp_client.h"
#include "tests/bench/content_hash.h"
#include "tests/bench/program.h"
#include "tests/bench/wire.h"

enum { PATTERN_MAX = 256, HEAD_MAX = 2048, EVENTS = 256, RETRY_MS = 50 };
enum { TO_MAX = 8, TO_TEXT = 1024 };
enum { CODE_LOST = 0, CODES = 600 };

struct options {
    const char *to_endpoint;
    uint64_t sessions, messages, size, per_connection, rate, timeout_s;
    const char *user;
    const char *password;
    const char *from;
    const char *to;
    const char *ledger;
    const char *mark;
    bool in_clear;
    bool retry;
};

struct session {
    struct wire wire; /* fd -1: not connected */
    struct load *load;
    struct smtp_client *engine;
    uint64_t dial_ms; /* not connected: when to try again */
    uint64_t sent;    /* messages on this connection */
    bool has_quit;

    /* The message under way. */
    bool is_busy;
    char from[PATTERN_MAX], to[TO_TEXT], mark[CONTENT_MARK_MAX + 1];
    char hash[CONTENT_HASH_TEXT];
    struct buf head;                 /* header and, with marks, the first line of the body */
    struct slice parts[2];           /* what is still to be given: head, filler */
    struct slice recipients[TO_MAX]; /* in to */
    size_t recipient_count;
    struct smtp_transaction transaction;
    struct smtp_outcome outcomes[TO_MAX];
    uint64_t dot_ns; /* 0: the content is not all given */
};

struct load {
    struct options options;
    struct smtp_client_settings settings;
    struct tls_context *tls;
    struct session *sessions;
    struct sockaddr_in address;
    char *filler; /* lines of text; a message ends with its last octets */
    size_t filler_len;
    int epoll;
    int ledger; /* -1: none */
    int signals;
    bool is_ending;

    uint64_t begun, under_way, accepted, failed, connections;
    uint64_t errors[CODES]; /* of messages and of connections; CODE_LOST: no reply at all */
    uint32_t *latencies_us; /* of accepted ones */
    uint64_t begin_ns, last_ns;
    int64_t begin_unix_ms, last_unix_ms;
};

/* The pattern with each '%' replaced by the number. */
static void
fill_pattern(char *out, size_t size, const char *pattern, uint64_t n)
{
    size_t used = 0;
    for (; *pattern && used + 24 < size; pattern++) {
        if (*pattern == '%')
            used += (size_t)snprintf(out + used, size - used, "%lu", n);
        else
            out[used++] = *pattern;
    }
    out[used] = '\0';
}

static bool
load_is_all_done(const struct load *l)
{
    if (l->is_ending)
        return l->under_way == 0;
    if (l->options.retry)
        return l->accepted >= l->options.messages;
    return l->accepted + l->failed >= l->options.messages;
}

static bool
load_may_begin(const struct load *l)
{
    uint64_t done = l->options.retry ? l->accepted : l->accepted + l->failed;
    if (l->is_ending || done + l->under_way >= l->options.messages)
        return false;
    if (l->options.rate == 0)
        return true;
    uint64_t allowed = (wire_now_ns() - l->begin_ns) / 1000 * l->options.rate / 1000000 + 1;
    return l->begun < allowed;
}

/* The recipients of the pattern, with commas between them. */
static void
make_recipients(struct session *c, uint64_t n)
{
    fill_pattern(c->to, sizeof c->to, c->load->options.to, n);
    struct slice rest = slice_str(c->to);
    for (c->recipient_count = 0; rest.len > 0 && c->recipient_count < TO_MAX;) {
        size_t end = slice_find(rest, ',');
        c->recipients[c->recipient_count++] = slice_head(rest, end);
        slice_skip(&rest, end < rest.len ? end + 1 : end);
    }
}

static void
make_head(struct session *c, uint64_t n)
{
    const struct options *o = &c->load->options;
    fill_pattern(c->from, sizeof c->from, o->from, n);
    make_recipients(c, n);
    buf_clear(&c->head);
    buf_printf(&c->head, "From: <%s>\r\nTo: <%.*s>", c->from, SLICE_ARG(c->recipients[0]));
    for (size_t i = 1; i < c->recipient_count; i++)
        buf_printf(&c->head, ",\r\n <%.*s>", SLICE_ARG(c->recipients[i]));
    buf_printf(&c->head, "\r\nSubject: message %lu\r\n", n);
    buf_printf(&c->head, "Message-ID: <%lu.%ld@load.bench.example>\r\n", n,
               c->load->begin_unix_ms);
    if (o->mark != NULL) {
        snprintf(c->mark, sizeof c->mark, "%s-%lu", o->mark, n);
        buf_printf(&c->head, "X-Mark: %s\r\n\r\nThis is %s.\r\n", c->mark, c->mark);
    } else {
        buf_put_str(&c->head, "\r\n");
    }
    must(buf_ok(&c->head));
}

/* The end of the filler, so that it ends with a line; not beginning inside a line's end. */
static struct slice
filler_of(const struct load *l, size_t wanted)
{
    if (wanted < 2)
        return (struct slice){0};
    struct slice s = slice_from(slice(l->filler, l->filler_len), l->filler_len - wanted);
    if (s.ptr[0] == '\n')
        slice_skip(&s, 1);
    return s;
}

static void
load_begin_message(struct session *c)
{
    struct load *l = c->load;
    make_head(c, l->begun++);
    size_t rest = l->options.size > c->head.len ? l->options.size - c->head.len : 0;
    c->parts[0] = buf_slice(&c->head);
    c->parts[1] = filler_of(l, rest);
    if (l->ledger >= 0) {
        struct content_hash hash;
        content_hash_init(&hash);
        content_hash_add(&hash, c->parts[0]);
        content_hash_add(&hash, c->parts[1]);
        content_hash_end(&hash, c->hash);
        content_hash_fini(&hash);
    }
    memset(c->outcomes, 0, sizeof c->outcomes);
    c->transaction = (struct smtp_transaction){
        .from = slice_str(c->from),
        .to = c->recipients,
        .to_count = c->recipient_count,
        .size = c->parts[0].len + c->parts[1].len,
        .body = SMTP_BODY_UNSAID,
        .outcomes = c->outcomes,
    };
    c->dot_ns = 0;
    c->is_busy = true;
    l->under_way++;
    smtp_client_send(c->engine, &c->transaction, clock_ms());
}

static void
write_ledger(const struct session *c)
{
    struct buf line;
    if (c->load->ledger < 0)
        return;
    buf_init(&line, TO_MAX * (TO_TEXT + 256));
    for (size_t i = 0; i < c->recipient_count; i++) {
        const struct reply *reply = &c->outcomes[i].reply;
        char code[16];
        snprintf(code, sizeof code, "%d", reply->code);
        const char *lost = c->dot_ns == 0 ? "cut" : "unanswered";
        buf_printf(&line, "%s %s %.*s %s %ld\n", c->mark, c->hash, SLICE_ARG(c->recipients[i]),
                   reply->local ? lost : code, clock_unix_ms());
    }
    program_log(c->load->ledger, &line);
    buf_fini(&line);
}

/* Count it; the first of each code is shown. */
static void
load_count_error(struct load *l, const struct reply *reply)
{
    bool is_said = !reply->local && reply->code > 0 && reply->code < CODES;
    int code = is_said ? reply->code : CODE_LOST;
    if (l->errors[code]++ == 0)
        fprintf(stderr, "smtp-load: first %s: %d %s\n", is_said ? "refusal of its kind" : "loss",
                reply->code, reply->text);
}

static void
load_end_message(struct session *c)
{
    struct load *l = c->load;
    const struct reply *reply = &c->outcomes[0].reply;
    for (size_t i = 1; i < c->recipient_count && reply_is_success(reply); i++)
        reply = &c->outcomes[i].reply;
    c->is_busy = false;
    c->sent++;
    l->under_way--;
    l->last_ns = wire_now_ns();
    l->last_unix_ms = clock_unix_ms();
    write_ledger(c);
    if (!reply_is_success(reply)) {
        l->failed++;
        load_count_error(l, reply);
        return;
    }
    if (l->accepted < l->options.messages)
        l->latencies_us[l->accepted] = (uint32_t)((l->last_ns - c->dot_ns) / 1000);
    l->accepted++;
}

/* The connection is over; a message under way is lost with it. */
static void
disconnect(struct session *c, const char *why)
{
    struct reply lost = reply_make(421, NULL, "%s", why);
    lost.local = true;
    smtp_client_lost(c->engine, &lost);
    if (c->is_busy)
        load_end_message(c);
    smtp_client_free(&c->engine);
    wire_fini(&c->wire);
    c->dial_ms = c->has_quit ? 0 : clock_ms() + RETRY_MS;
}

static void
load_dial(struct session *c)
{
    struct load *l = c->load;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0);
    if (connect(fd, (struct sockaddr *)&l->address, sizeof l->address) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        l->errors[CODE_LOST]++;
        c->dial_ms = clock_ms() + RETRY_MS;
        return;
    }
    wire_init(&c->wire, fd, l->epoll, c);
    c->engine = smtp_client_new(&l->settings, clock_ms());
    must(c->engine != NULL);
    c->sent = 0;
    c->has_quit = false;
    l->connections++;
}

static void
start_tls(struct session *c)
{
    if (c->wire.tls == NULL) {
        c->wire.tls =
            tls_filter_new_client(c->load->tls, "127.0.0.1", slice(NULL, 0), &c->wire.out);
        must(c->wire.tls != NULL);
    } else if (tls_filter_is_open(c->wire.tls)) {
        smtp_client_tls_done(c->engine, clock_ms());
    }
}

static void
give_body(struct session *c)
{
    for (size_t i = 0; i < COUNT_OF(c->parts); i++) {
        if (c->parts[i].len > 0)
            smtp_client_body(c->engine, &c->parts[i], clock_ms());
        if (c->parts[i].len > 0)
            return;
    }
    c->dot_ns = wire_now_ns();
    smtp_client_body_end(c->engine, clock_ms());
}

static void
move_output(struct session *c)
{
    struct slice out = slice_head(smtp_client_output(c->engine), wire_room(&c->wire));
    if (out.len == 0)
        return;
    wire_put(&c->wire, out);
    smtp_client_sent(c->engine, out.len);
}

static void
be_ready(struct session *c)
{
    uint64_t most = c->load->options.per_connection;
    if (most > 0 && c->sent >= most) {
        c->has_quit = true;
        smtp_client_quit(c->engine, clock_ms());
    } else if (load_may_begin(c->load)) {
        load_begin_message(c);
    }
}

/* Deal with the open task. False: the connection is over. */
static bool
do_task(struct session *c)
{
    switch (smtp_client_task(c->engine)) {
    case SMTP_TASK_WAIT:
        return true;
    case SMTP_TASK_STARTTLS:
        start_tls(c);
        return true;
    case SMTP_TASK_READY:
        be_ready(c);
        return true;
    case SMTP_TASK_BODY:
        if (c->dot_ns == 0)
            give_body(c);
        return true;
    case SMTP_TASK_DONE:
        load_end_message(c);
        smtp_client_next(c->engine);
        return true;
    case SMTP_TASK_FAILED:
        if (!c->is_busy)
            load_count_error(c->load, &smtp_client_failure(c->engine)->reply);
        return false;
    case SMTP_TASK_CLOSED:
        return false;
    }
    never("a task that is not in the list");
}

/* As far as input, room and tasks go. False: the connection is over. */
static bool
run(struct session *c)
{
    for (;;) {
        struct slice in = buf_slice(&c->wire.in);
        if (in.len > 0) {
            smtp_client_feed(c->engine, &in, clock_ms());
            buf_clear(&c->wire.in);
        }
        enum smtp_task before = smtp_client_task(c->engine);
        move_output(c);
        if (!do_task(c))
            return false;
        move_output(c);
        if (smtp_client_task(c->engine) == before && before != SMTP_TASK_DONE)
            return true;
    }
}

/* Is there something to put, and room for it? */
static bool
can_put_more(const struct session *c)
{
    bool has_body = smtp_client_task(c->engine) == SMTP_TASK_BODY && c->dot_ns == 0;
    return (has_body || smtp_client_output(c->engine).len > 0) && wire_room(&c->wire) > 0;
}

static void
load_go_on(struct session *c)
{
    bool is_fine;
    do
        is_fine = run(c) && wire_flush(&c->wire, true) && !c->wire.ended;
    while (is_fine && can_put_more(c));
    if (!is_fine)
        disconnect(c, "the connection ended");
}

static void
load_on_event(struct session *c, uint32_t events)
{
    struct err err;
    if (c->wire.fd < 0)
        return;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !wire_read(&c->wire, &err)) {
        if (!c->is_busy)
            c->load->errors[CODE_LOST]++;
        disconnect(c, err.text);
        return;
    }
    load_go_on(c);
}

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

/* QUIT where that is possible; nobody waits for the answer. */
static void
load_hang_up(struct session *c)
{
    if (c->wire.fd < 0)
        return;
    if (smtp_client_task(c->engine) == SMTP_TASK_READY) {
        smtp_client_quit(c->engine, clock_ms());
        move_output(c);
        if (c->wire.tls != NULL)
            tls_filter_close(c->wire.tls);
        wire_flush(&c->wire, false);
    }
    smtp_client_free(&c->engine);
    wire_fini(&c->wire);
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
load_make_filler(struct load *l)
{
    static const char line[] = "The quick brown fox jumps over the lazy dog, as every day and "
                               "also tonight..\r\n";
    size_t lines = l->options.size / (sizeof line - 1) + 2;
    l->filler_len = lines * (sizeof line - 1);
    l->filler = mem_new(l->filler_len);
    must(l->filler != NULL);
    for (size_t i = 0; i < lines; i++)
        memcpy(l->filler + i * (sizeof line - 1), line, sizeof line - 1);
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

static void
help(void)
{
    puts("smtp-load --connect ADDRESS:PORT [options]: sends mail and measures\n"
         "  --sessions N (50)  --messages N (20000)  --size OCTETS (4096)\n"
         "  --user NAME --password WORD   AUTH LOGIN\n"
         "  --clear                       without STARTTLS if it is not offered\n"
         "  --from A --to B[,B...]        addresses; each % becomes the message's number\n"
         "  --per-connection K            a new connection after K messages\n"
         "  --rate R                      at most R messages a second\n"
         "  --ledger FILE --mark WORD     a line for each recipient: mark sha256 address how ms\n"
         "  --retry                       go on until --messages were accepted\n"
         "  --timeout S (600)             then stop, with exit code 1\n"
         "The result is printed as JSON.");
    exit(0);
}

static void
load_read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"connect", 1, NULL, 'c'},        {"sessions", 1, NULL, 's'}, {"messages", 1, NULL, 'm'},
        {"size", 1, NULL, 'o'},           {"user", 1, NULL, 'u'},     {"password", 1, NULL, 'p'},
        {"clear", 0, NULL, 'C'},          {"from", 1, NULL, 'f'},     {"to", 1, NULL, 't'},
        {"per-connection", 1, NULL, 'k'}, {"rate", 1, NULL, 'r'},     {"ledger", 1, NULL, 'l'},
        {"mark", 1, NULL, 'M'},           {"retry", 0, NULL, 'R'},    {"timeout", 1, NULL, 'T'},
        {"help", 0, NULL, 'H'},           {NULL, 0, NULL, 0},
    };
    *o = (struct options){
        .to_endpoint = "",
        .sessions = 50,
        .messages = 20000,
        .size = 4096,
        .timeout_s = 600,
        .user = "",
        .password = "",
        .from = "sender@contoso.example",
        .to = "user%@fabrikam.example",
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        /* clang-format off */
        switch (c) {
        case 'c': o->to_endpoint = optarg; break;
        case 's': o->sessions = program_number(optarg); break;
        case 'm': o->messages = program_number(optarg); break;
        case 'o': o->size = program_number(optarg); break;
        case 'u': o->user = optarg; break;
        case 'p': o->password = optarg; break;
        case 'C': o->in_clear = true; break;
        case 'f': o->from = optarg; break;
        case 't': o->to = optarg; break;
        case 'k': o->per_connection = program_number(optarg); break;
        case 'r': o->rate = program_number(optarg); break;
        case 'l': o->ledger = optarg; break;
        case 'M': o->mark = optarg; break;
        case 'R': o->retry = true; break;
        case 'T': o->timeout_s = program_number(optarg); break;
        case 'H': help(); break;
        default: exit(2);
        }
        /* clang-format on */
    }
    if (o->ledger != NULL && o->mark == NULL)
        o->mark = "m";
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
