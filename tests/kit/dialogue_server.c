#include "tests/kit/dialogue_server.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "tests/kit/server_driver.h"

struct stage {
    const struct dialogue *dialogue;
    const struct dialogue_step *step;
    struct dialogue_cut cut;
    struct smtp_server_settings settings;
    struct server_driver driver;
    bool begun;
    bool skip;         /* "S ..." came */
    size_t said_used;  /* of driver.said: matched */
    size_t asked_used; /* of driver.asked: found */
};

static void
begin(struct stage *g)
{
    if (!g->begun)
        server_driver_init(&g->driver, &g->settings);
    g->begun = true;
}

/* A complaint about the present step; false. */
#define wrong(g, err, fmt, ...)                                                                  \
    err_set(err, ERR_STATE, "%s:%d: " fmt, (g)->dialogue->path, (g)->step->line, __VA_ARGS__)

/* Cut the next word off the front. */
static struct slice
take_word(struct slice *text)
{
    size_t n = slice_find(*text, ' ');
    struct slice word = slice_head(*text, n);

    *text = slice_from(*text, n + 1);
    return word;
}

static bool
read_number(struct slice text, uint64_t *out)
{
    return ascii_number(text, UINT64_MAX, out);
}

static bool
read_ms(struct slice text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    size_t n = 0;

    while (n < text.len && ascii_is_digit(text.ptr[n]))
        n++;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (slice_is(slice_from(text, n), units[i].unit)) {
            if (!read_number(slice_head(text, n), ms))
                return false;
            *ms *= units[i].ms;
            return true;
        }
    }
    return false;
}

/* "421 4.3.2 text" */
static bool
read_reply(struct slice text, struct reply *reply)
{
    uint64_t code;
    char enhanced[16] = "";

    if (!read_number(take_word(&text), &code) || code < 200 || code > 599)
        return false;
    struct slice rest = text, word = take_word(&rest);
    if (word.len > 4 && word.len < sizeof enhanced && ascii_is_digit(*word.ptr) &&
        word.ptr[1] == '.') {
        memcpy(enhanced, word.ptr, word.len);
        text = rest;
    }
    *reply = reply_make((int)code, *enhanced ? enhanced : NULL, "%.*s", SLICE_ARG(text));
    return true;
}

static bool
read_ask(struct slice name, enum smtp_ask *ask)
{
    static const struct {
        const char *name;
        enum smtp_ask ask;
    } asks[] = {
        {"exch50", SMTP_ASK_EXCH50}, {"auth", SMTP_ASK_AUTH},   {"mail", SMTP_ASK_MAIL},
        {"rcpt", SMTP_ASK_RCPT},     {"data", SMTP_ASK_DATA},   {"message", SMTP_ASK_MESSAGE},
        {"body", SMTP_ASK_BODY},     {"reset", SMTP_ASK_RESET},
    };

    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        if (slice_is(name, asks[i].name)) {
            *ask = asks[i].ask;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ settings */

/* required, offered or off */
static bool
read_grade(struct slice value, bool *offered, bool *required)
{
    *required = slice_is(value, "required");
    *offered = *required || slice_is(value, "offered");
    return *offered || slice_is(value, "off");
}

static bool
read_switch(struct slice value, bool *offered)
{
    *offered = slice_is(value, "on");
    return *offered || slice_is(value, "off");
}

static bool
set(struct smtp_server_settings *to, struct slice key, struct slice value)
{
    uint64_t number = 0;
    bool is_number = read_number(value, &number);

    if (slice_is(key, "tls"))
        return read_grade(value, &to->tls_offered, &to->tls_required);
    if (slice_is(key, "auth"))
        return read_grade(value, &to->auth_offered, &to->auth_required);
    if (slice_is(key, "idle"))
        return read_ms(value, &to->idle_ms);
    if (slice_is(key, "greet"))
        return read_ms(value, &to->greet_ms);
    if (slice_is(key, "command"))
        return read_ms(value, &to->command_ms);
    if (slice_is(key, "handshake"))
        return read_ms(value, &to->handshake_ms);
    if (slice_is(key, "binarymime"))
        return read_switch(value, &to->binarymime_offered);
    if (slice_is(key, "smtputf8"))
        return read_switch(value, &to->smtputf8_offered);
    if (slice_is(key, "exch50")) {
        to->exch50_offered = true;
        to->exch50_max = (uint32_t)number;
        return is_number;
    }
    if (slice_is(key, "newline"))
        return to->normalise_bare_newline = slice_is(value, "normalise");
    if (slice_is(key, "clear"))
        to->tls_clear_reply = (int)number;
    else if (slice_is(key, "size"))
        to->size_max = number;
    else if (slice_is(key, "rate"))
        to->data_rate = number;
    else if (slice_is(key, "recipients"))
        to->recipients_max = (uint32_t)number;
    else
        return false;
    return is_number;
}

static bool
configure(struct stage *g, struct slice text, struct err *err)
{
    while (text.len > 0) {
        struct slice word = take_word(&text);
        size_t equals = slice_find(word, '=');
        if (!set(&g->settings, slice_head(word, equals), slice_from(word, equals + 1)))
            return wrong(g, err, "no setting: %.*s", SLICE_ARG(word));
    }
    return true;
}

/* -------------------------------------------------------------- what happens */

static bool
happen_before(struct stage *g, struct slice verb, struct slice rest, bool *done, struct err *err)
{
    struct reply reply;

    *done = true;
    if (slice_is(verb, "server"))
        return configure(g, rest, err);
    if (slice_is(verb, "open")) {
        g->settings.tls_offered = g->settings.tls_required = false;
        g->settings.auth_offered = g->settings.auth_required = false;
        return true;
    }
    if (slice_is(verb, "together")) {
        g->cut = (struct dialogue_cut){SIZE_MAX, SIZE_MAX};
        return true;
    }
    if (slice_is(verb, "refusing") && read_reply(rest, &reply)) {
        server_driver_adopt(
            &g->driver,
            smtp_server_new_refusing(&reply, slice_str("gw.a.example"), SERVER_DRIVER_START));
        g->begun = true;
        return true;
    }
    *done = false;
    return true;
}

static bool
happen(struct stage *g, struct err *err)
{
    struct slice rest = g->step->text, verb = take_word(&rest);
    struct server_driver *d = &g->driver;
    struct reply reply;
    enum smtp_ask ask;
    uint64_t ms;
    bool done = false;

    if (!g->begun) {
        TRY(happen_before(g, verb, rest, &done, err));
        if (done)
            return true;
    }
    begin(g);
    if (slice_is(verb, "tls") && server_driver_open_question(d) == SMTP_ASK_STARTTLS) {
        smtp_server_tls_done(d->server, d->now_ms);
        server_driver_pump(d);
    } else if (slice_is(verb, "wait") && read_ms(rest, &ms)) {
        server_driver_wait(d, ms);
    } else if (slice_is(verb, "shut") && read_reply(rest, &reply)) {
        smtp_server_shut(d->server, &reply);
        server_driver_pump(d);
    } else if (slice_is(verb, "hold") && read_ask(rest, &ask)) {
        d->held = ask;
    } else if (slice_is(verb, "deaf")) {
        d->deaf = true;
    } else if (slice_is(verb, "go")) {
        d->held = SMTP_ASK_NOTHING;
        d->deaf = false;
        server_driver_pump(d);
    } else if (read_ask(verb, &ask) && read_reply(rest, &reply)) {
        server_driver_prepare(d, ask, &reply);
    } else {
        return wrong(g, err, "this cannot happen: %.*s", SLICE_ARG(g->step->text));
    }
    return true;
}

/* ---------------------------------------------------------------- what holds */

static bool
was_asked(struct stage *g, struct slice pattern, bool from_start)
{
    struct slice rest = buf_slice(&g->driver.asked);

    if (!from_start)
        slice_skip(&rest, g->asked_used);
    while (rest.len > 0) {
        size_t lf = slice_find(rest, '\n');
        struct slice line = slice_head(rest, lf);
        rest = slice_from(rest, lf + 1);
        if (dialogue_matches(line, pattern)) {
            g->asked_used = g->driver.asked.len - rest.len;
            return true;
        }
    }
    return false;
}

static bool
never_asked(struct stage *g, struct slice name)
{
    char pattern[64];
    size_t used = g->asked_used;

    snprintf(pattern, sizeof pattern, "%.*s*", SLICE_ARG(name));
    bool asked = was_asked(g, slice_str(pattern), true);
    g->asked_used = used;
    return !asked;
}

static bool
message_is(const struct stage *g, struct slice escaped)
{
    struct buf want;

    buf_init(&want, 1 << 20);
    bool same = dialogue_unescape(&want, escaped) &&
                slice_equal(buf_slice(&want), buf_slice(&g->driver.message));
    buf_fini(&want);
    return same;
}

static bool
is_number_of(struct slice text, uint64_t number)
{
    uint64_t want;
    return read_number(text, &want) && want == number;
}

static bool
is_yes(struct slice text, bool value)
{
    return slice_is(text, value ? "yes" : "no");
}

/* "EHLO 2" */
static bool
has_said(const struct smtp_server *server, struct slice text)
{
    struct slice verb = take_word(&text);
    for (enum smtp_verb v = 0; v < SMTP_VERBS; v++)
        if (slice_is(verb, smtp_verb_text(v)))
            return is_number_of(text, smtp_server_said(server, v));
    return false;
}

static bool
holds(struct stage *g)
{
    struct slice rest = g->step->text, what = take_word(&rest);
    const struct server_driver *d = &g->driver;
    const struct smtp_question *q = smtp_server_question(d->server);
    uint64_t ms;

    if (slice_is(what, "asked"))
        return was_asked(g, rest, false);
    if (slice_is(what, "never-asked"))
        return never_asked(g, rest);
    if (slice_is(what, "message"))
        return message_is(g, rest);
    if (slice_is(what, "octets"))
        return is_number_of(rest, d->message.len);
    if (slice_is(what, "closed"))
        return q->ask == SMTP_ASK_CLOSE && slice_is(rest, q->close_why);
    if (slice_is(what, "waiting"))
        return read_ms(rest, &ms) && smtp_server_wake_ms(d->server) == d->now_ms + ms;
    if (slice_is(what, "rate"))
        return is_number_of(rest, smtp_server_data_rate(d->server));
    if (slice_is(what, "said"))
        return has_said(d->server, rest);
    if (slice_is(what, "injected"))
        return is_number_of(rest, smtp_server_injected_octets(d->server));
    if (slice_is(what, "hello"))
        return slice_equal(rest, smtp_server_hello(d->server));
    if (slice_is(what, "chunked"))
        return is_yes(rest, smtp_server_is_chunked(d->server));
    if (slice_is(what, "esmtp"))
        return is_yes(rest, smtp_server_is_esmtp(d->server));
    if (slice_is(what, "transaction"))
        return is_yes(rest, smtp_server_in_transaction(d->server));
    return false;
}

/* ------------------------------------------------------------------ who says */

static bool
next_line(struct stage *g, struct slice *line)
{
    struct slice rest = slice_from(buf_slice(&g->driver.said), g->said_used);
    size_t lf = slice_find(rest, '\n');

    if (lf == rest.len || lf == 0 || rest.ptr[lf - 1] != '\r')
        return false;
    *line = slice_head(rest, lf - 1);
    g->said_used += lf + 1;
    return true;
}

static bool
server_says(struct stage *g, struct err *err)
{
    struct slice line;

    if (slice_is(g->step->text, "...")) {
        g->skip = true;
        return true;
    }
    do {
        if (!next_line(g, &line))
            return wrong(g, err, "wanted '%.*s', the server says nothing",
                         SLICE_ARG(g->step->text));
        if (dialogue_matches(line, g->step->text)) {
            g->skip = false;
            return true;
        }
    } while (g->skip);
    return wrong(g, err, "wanted '%.*s', the server says '%.*s'", SLICE_ARG(g->step->text),
                 SLICE_ARG(line));
}

/* Before the client goes on, all that the server said must have been asked for. */
static bool
is_all_heard(struct stage *g, struct err *err)
{
    struct slice rest = slice_from(buf_slice(&g->driver.said), g->said_used);

    if (rest.len == 0 && !g->skip)
        return true;
    return wrong(g, err, "before this line the server said also '%.*s'",
                 SLICE_ARG(slice_head(rest, 80)));
}

static void
client_sends(struct stage *g)
{
    struct slice text = g->step->text;

    server_driver_send(&g->driver, slice_head(text, g->cut.first));
    text = slice_from(text, g->cut.first);
    while (text.len > 0) {
        server_driver_send(&g->driver, slice_head(text, g->cut.step));
        text = slice_from(text, g->cut.step);
    }
}

static bool
run_step(struct stage *g, struct err *err)
{
    switch (g->step->kind) {
    case 'C':
        begin(g);
        TRY(is_all_heard(g, err));
        client_sends(g);
        return true;
    case 'S':
        begin(g);
        return server_says(g, err);
    case '!':
        return happen(g, err);
    case '=':
        begin(g);
        if (holds(g))
            return true;
        return wrong(g, err, "does not hold: %.*s (asked: %.*s)", SLICE_ARG(g->step->text),
                     SLICE_ARG(buf_slice(&g->driver.asked)));
    default:
        return wrong(g, err, "a server speaks in lines, not in '%c'", g->step->kind);
    }
}

bool
dialogue_run_server(const struct dialogue *d, struct dialogue_cut cut, struct err *err)
{
    struct stage g = {.dialogue = d, .cut = cut, .settings = server_driver_settings()};
    bool ok = true;

    for (size_t i = 0; ok && i < d->count; i++) {
        g.step = &d->steps[i];
        ok = run_step(&g, err);
    }
    if (g.begun) {
        ok = ok && is_all_heard(&g, err);
        server_driver_fini(&g.driver);
    }
    return ok;
}
