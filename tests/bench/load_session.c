#include "tests/bench/load.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum { RETRY_MS = 50 };

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

void
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

void
load_go_on(struct session *c)
{
    bool is_fine;
    do
        is_fine = run(c) && wire_flush(&c->wire, true) && !c->wire.ended;
    while (is_fine && can_put_more(c));
    if (!is_fine)
        disconnect(c, "the connection ended");
}

void
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

void
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
