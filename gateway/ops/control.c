#include "gateway/ops/control.h"

#include <fcntl.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/conn.h"
#include "gateway/net/listener.h"
#include "gateway/net/timer.h"
#include "gateway/ops/errands.h"

enum {
    CLIENTS_MAX = 16,
    REQUEST_MS = 10 * 1000, /* until the request is there */
    ANSWER_MS = 60 * 1000,  /* until more of the answer was taken: `| less` */
};

struct control {
    struct control_means means;
    struct port *port;
    struct errands *errands;
    struct client *clients; /* intrusive list */
    size_t client_count;
};

struct client {
    struct client *next;
    struct control *control;
    struct conn *conn;
    int fd; /* the conn's */
    struct timer *timer;
    struct ucred who;
    struct buf answer;
    size_t answered; /* octets of answer given to the conn */
    bool asked;
};

static int
reload(const struct control_means *means, const struct slice *words, size_t count,
       struct buf *out)
{
    (void)words, (void)count;
    if (!means->reload(means->app, out))
        return 1;
    buf_put_str(out, "The new configuration is in force.\n");
    return 0;
}

static int
drain(const struct control_means *means, const struct slice *words, size_t count, struct buf *out)
{
    (void)words, (void)count;
    means->drain(means->app);
    buf_put_str(out, "Draining: nothing new is taken, what is under way is finished.\n");
    return 0;
}

static const struct {
    const char *verb;
    const char *noun; /* NULL: the verb is one word */
    control_fn *run;
} commands[] = {
    {"round-trip", "start", control_roundtrip_start},
    {"round-trip", "look", control_roundtrip_look},
    {"log", "protocol", control_log_protocol},
    {"status", NULL, control_status},
    {"reload", NULL, reload},
    {"drain", NULL, drain},
};

static int
run(const struct control_means *means, const struct slice *words, size_t count, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        size_t named = commands[i].noun ? 2 : 1;
        if (count >= named && slice_is(words[0], commands[i].verb) &&
            (named == 1 || slice_is(words[1], commands[i].noun)))
            return commands[i].run(means, words + named, count - named, out);
    }
    buf_put_str(out, "This gateway does not know that command.\n");
    return 2;
}

static void
client_end(struct client *c, bool now)
{
    struct client **at = &c->control->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->control->client_count--;
    conn_close(&c->conn, now);
    timer_free(&c->timer);
    buf_fini(&c->answer);
    mem_free(&c);
}

static void
set_deadline(struct client *c, uint64_t ms)
{
    timer_set(c->timer, loop_now_ms(c->control->means.worker->loop) + ms);
}

/* May end c. */
static void
write_answer(struct client *c)
{
    struct slice rest = slice_from(buf_slice(&c->answer), c->answered);
    rest = slice_head(rest, conn_room(c->conn));
    if (rest.len > 0 && conn_write(c->conn, rest))
        c->answered += rest.len;
    if (c->answered == c->answer.len)
        client_end(c, false);
    else
        set_deadline(c, ANSWER_MS);
}

static void
log_command(const struct client *c, struct slice request, int status)
{
    struct log_line line;
    log_begin(&line, c->control->means.shop->log, EV_control, 0);
    log_num(&line, "uid", c->who.uid);
    log_slice(&line, "command", request);
    log_num(&line, "result", (uint64_t)status);
    log_end(&line);
}

static void
answer(struct client *c, struct slice request)
{
    char room[CONTROL_REQUEST_MAX];
    struct slice words[CONTROL_WORDS];
    size_t count = control_read_words(request, room, words);
    struct buf text;
    buf_init(&text, CONTROL_ANSWER_MAX - CONTROL_HINT_MAX);
    int status = run(&c->control->means, words, count, &text);
    if (!buf_ok(&text))
        status = 2;
    buf_put(&c->answer, buf_slice(&text));
    if (!buf_ok(&text))
        buf_put_str(&c->answer, "\nThe answer is too long, the rest is missing.\n");
    control_put_end(&c->answer, status);
    buf_fini(&text);
    log_command(c, request, status);
    c->asked = true;
}

/* The thread of the errand gets a descriptor of its own, and the client is no longer ours. */
static void
send_on_errand(struct client *c, struct slice request, struct slice head)
{
    int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0)
        (void)errands_start(c->control->errands, fd, c->who.uid, request, head);
    client_end(c, true);
}

static void
on_input(void *owner, struct slice *in)
{
    struct client *c = owner;
    size_t n = slice_find(*in, '\n');
    if (c->asked) {
        slice_skip(in, in->len);
        return;
    }
    if (n == in->len) {
        if (in->len > CONTROL_REQUEST_MAX)
            client_end(c, true);
        return; /* offered again with the rest */
    }
    struct slice request = slice_head(*in, n < CONTROL_REQUEST_MAX ? n : CONTROL_REQUEST_MAX);
    if (slice_starts(request, slice_str("queue "))) {
        send_on_errand(c, request, slice_from(*in, n + 1));
        return;
    }
    answer(c, request);
    slice_skip(in, in->len);
    write_answer(c);
}

static void
on_drained(void *owner)
{
    struct client *c = owner;
    if (c->asked)
        write_answer(c);
}

static void
on_tls(void *owner)
{
    (void)owner;
    never("the control socket has no TLS");
}

static void
on_end(void *owner, const struct err *why)
{
    struct client *c = owner;
    (void)why;
    c->conn = NULL;
    client_end(c, true);
}

static void
on_timer(void *context)
{
    client_end(context, true);
}

static void
on_fd(void *context, int fd)
{
    static const struct conn_events events = {on_input, on_drained, on_tls, on_end};
    struct control *control = context;
    struct loop *loop = control->means.worker->loop;
    struct err err;
    struct client *c = control->client_count < CLIENTS_MAX ? mem_new(sizeof *c) : NULL;
    if (c == NULL) {
        close(fd);
        return;
    }
    socklen_t len = sizeof c->who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->who, &len) != 0)
        c->who.uid = (uid_t)-1;
    c->control = control;
    c->fd = fd;
    buf_init(&c->answer, CONTROL_ANSWER_MAX);
    c->next = control->clients;
    control->clients = c;
    control->client_count++;
    c->timer = timer_new(loop, on_timer, c);
    c->conn = conn_of_fd(loop, fd, &events, c, &err);
    if (c->timer == NULL || c->conn == NULL) {
        client_end(c, true);
        return;
    }
    set_deadline(c, REQUEST_MS);
}

bool
control_new(const char *path, const struct control_means *means, struct control **out,
            struct err *err)
{
    *out = NULL;
    if (path == NULL)
        return true;
    struct control *c = mem_new(sizeof *c);
    if (c == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    c->means = *means;
    c->errands = errands_new(&c->means);
    if (c->errands == NULL) {
        mem_free(&c);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!port_open_unix(means->worker->loop, path, on_fd, c, &c->port, err)) {
        errands_free(&c->errands);
        mem_free(&c);
        return err_within(err, "control socket");
    }
    *out = c;
    return true;
}

void
control_free(struct control **ref)
{
    struct control *c = *ref;
    if (c == NULL)
        return;
    while (c->clients != NULL)
        client_end(c->clients, false);
    port_close(&c->port);
    errands_free(&c->errands);
    mem_free(ref);
}
