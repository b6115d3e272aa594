#include "tests/kit/dialogue_client.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/smtp_client.h"

enum { RCPTS_MAX = 16, OCTETS_MAX = 256 * 1024 };

struct stage {
    const struct dialogue *dialogue;
    const struct dialogue_step *step;
    struct dialogue_cut cut;
    uint64_t now_ms;
    struct smtp_client *client;
    struct buf packet; /* of the server, not yet fed */
    struct buf said;   /* by the client, not yet expected */
    size_t longest;
    struct smtp_to to[RCPTS_MAX];
    struct smtp_outcome outcomes[RCPTS_MAX];
};

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

static uint64_t
number(struct slice text)
{
    uint64_t n = 0;
    bool good = ascii_number(text, UINT32_MAX, &n);
    must(good);
    return n;
}

/* What is behind "key=" of a word; ptr NULL: another key. */
static struct slice
value_of(struct slice word, const char *key)
{
    size_t n = strlen(key);
    bool is = ascii_starts(word, key) && word.len > n && word.ptr[n] == '=';
    return is ? slice(word.ptr + n + 1, word.len - n - 1) : slice(NULL, 0);
}

/* "a@b.example" of "<a@b.example>" */
static struct slice
inside(struct slice path)
{
    must(path.len >= 2);
    return slice(path.ptr + 1, path.len - 2);
}

static bool
begin(struct stage *g, struct slice words, struct err *err)
{
    struct smtp_client_settings settings = {.hello = slice_str("gw.a.example")};
    while (words.len > 0) {
        struct slice word = take_word(&words), value;
        if ((value = value_of(word, "hello")).ptr != NULL)
            settings.hello = value;
        else if ((value = value_of(word, "user")).ptr != NULL)
            settings.user = value;
        else if ((value = value_of(word, "password")).ptr != NULL)
            settings.password = value;
        else if ((value = value_of(word, "tls")).ptr != NULL)
            settings.tls_required = slice_is(value, "required");
        else
            return wrong(g, err, "no such setting: %.*s", SLICE_ARG(word));
    }
    g->client = smtp_client_new(&settings, g->now_ms);
    must(g->client != NULL);
    return true;
}

/* Octets go out as they come in: in pieces, when these are. */
static void
take_output(struct stage *g, size_t most)
{
    struct slice out;
    while (most > 0 && (out = smtp_client_output(g->client)).len > 0) {
        size_t n = out.len < most ? out.len : most;
        n = n < g->cut.step ? n : g->cut.step;
        buf_put(&g->said, slice_head(out, n));
        smtp_client_sent(g->client, n);
        most -= n;
    }
    must(buf_ok(&g->said));
}

static bool
feed_packet(struct stage *g, struct err *err)
{
    struct slice rest = buf_slice(&g->packet);
    g->longest = rest.len > g->longest ? rest.len : g->longest;
    size_t size = g->cut.first > 0 ? g->cut.first : g->cut.step;
    for (; rest.len > 0; size = g->cut.step) {
        struct slice piece = slice_head(rest, size);
        slice_skip(&rest, piece.len);
        smtp_client_feed(g->client, &piece, g->now_ms);
        if (piece.len > 0)
            return wrong(g, err, "%zu octets were not used", piece.len);
    }
    buf_clear(&g->packet);
    return true;
}

static size_t
take_recipients(struct stage *g, struct slice list)
{
    size_t count = 0;
    while (list.len > 0) {
        size_t n = slice_find(list, ',');
        must(count < RCPTS_MAX);
        g->to[count++].address = inside(slice_head(list, n));
        list = slice_from(list, n + 1);
    }
    return count;
}

/* A word without a value, or a parameter of Exchange's and later RFCs. */
static bool
take_content(struct stage *g, struct slice word, struct smtp_transaction *t)
{
    struct slice value;
    if (slice_is(word, "bare"))
        t->has_bare = true;
    else if (slice_is(word, "unended"))
        t->is_unended = true;
    else if (slice_is(word, "utf8"))
        t->utf8 = true;
    else if (slice_is(word, "only=envelope"))
        t->envelope_only = true;
    else if ((value = value_of(word, "ret")).ptr != NULL)
        t->dsn_return = slice_is(value, "full") ? DSN_RETURN_FULL : DSN_RETURN_HEADERS;
    else if ((value = value_of(word, "envid")).ptr != NULL)
        t->envid = value;
    else if ((value = value_of(word, "notify")).ptr != NULL)
        g->to[0].notify = (unsigned)number(value);
    else if ((value = value_of(word, "orcpt")).ptr != NULL)
        g->to[0].orcpt = value;
    else if ((value = value_of(word, "lead")).ptr != NULL)
        t->lead = number(value);
    else if ((value = value_of(word, "blob")).ptr != NULL)
        t->exch50 = value;
    else
        return false;
    t->exch50_number = 2;
    return true;
}

static bool
happens_send(struct stage *g, struct slice words, struct err *err)
{
    struct smtp_transaction t = {.to = g->to, .outcomes = g->outcomes};
    g->to[0] = (struct smtp_to){.notify = DSN_NOTIFY_UNSAID};
    while (words.len > 0) {
        struct slice word = take_word(&words), value;
        if (take_content(g, word, &t))
            continue;
        if ((value = value_of(word, "from")).ptr != NULL)
            t.from = inside(value);
        else if ((value = value_of(word, "to")).ptr != NULL)
            t.to_count = take_recipients(g, value);
        else if ((value = value_of(word, "size")).ptr != NULL)
            t.size = number(value);
        else if ((value = value_of(word, "body")).ptr != NULL)
            t.body = slice_is(value, "8bit") ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
        else if ((value = value_of(word, "auth")).ptr != NULL && slice_is(value, "<>"))
            t.auth_anonymous = true;
        else if (value.ptr != NULL)
            t.auth = value;
        else
            return wrong(g, err, "no such parameter: %.*s", SLICE_ARG(word));
    }
    smtp_client_send(g->client, &t, g->now_ms);
    return true;
}

static bool
happens_body(struct stage *g, struct slice text, struct err *err)
{
    struct buf octets;
    buf_init(&octets, OCTETS_MAX);
    bool good = dialogue_unescape(&octets, text);
    struct slice rest = buf_slice(&octets);
    while (rest.len > 0) {
        size_t before = rest.len;
        struct slice piece = slice_head(rest, g->cut.step);
        slice_skip(&rest, piece.len);
        while (piece.len > 0) {
            smtp_client_body(g->client, &piece, g->now_ms);
            if (piece.len > 0)
                take_output(g, SIZE_MAX);
        }
        must(rest.len < before);
    }
    buf_fini(&octets);
    return good || wrong(g, err, "bad escape: %.*s", SLICE_ARG(text));
}

static bool
happens(struct stage *g, struct slice rest, struct err *err)
{
    struct slice what = take_word(&rest);
    struct slice silence = slice("", 0);
    struct reply why = reply_make(451, "4.4.2", "%.*s", SLICE_ARG(rest));

    if (slice_is(what, "send"))
        return happens_send(g, rest, err);
    if (slice_is(what, "body"))
        return happens_body(g, rest, err);
    if (slice_is(what, "tls"))
        smtp_client_tls_done(g->client, g->now_ms);
    else if (slice_is(what, "end"))
        smtp_client_body_end(g->client, g->now_ms);
    else if (slice_is(what, "next"))
        smtp_client_next(g->client);
    else if (slice_is(what, "quit"))
        smtp_client_quit(g->client, g->now_ms);
    else if (slice_is(what, "abort"))
        smtp_client_abort(g->client, &why);
    else if (slice_is(what, "lost"))
        smtp_client_lost(g->client, &why);
    else if (slice_is(what, "write"))
        take_output(g, (size_t)number(rest));
    else if (slice_is(what, "wait"))
        smtp_client_feed(g->client, &silence, g->now_ms += number(rest) * 1000);
    else
        return wrong(g, err, "nothing happens by that name: %.*s", SLICE_ARG(what));
    return true;
}

static const char *const stage_names[] = {"connect", "banner", "ehlo", "starttls", "tls", "auth",
                                          "mail",    "rcpt",   "data", "content",  "idle"};
static const char *const task_names[] = {"wait", "starttls", "ready", "body",
                                         "done", "failed",   "closed"};

static const char *const blob_names[] = {"none",    "taken",  "not-offered", "recipients",
                                         "refused", "closed", "hung"};

/* Put "STAGE [local] REPLY". */
static void
put_outcome(struct buf *out, const struct smtp_outcome *outcome)
{
    buf_printf(out, "%s %s", stage_names[outcome->stage], outcome->reply.local ? "local " : "");
    reply_put(out, &outcome->reply);
}

static void
put_wake(struct buf *out, const struct stage *g)
{
    uint64_t wake_ms = smtp_client_wake_ms(g->client);
    if (wake_ms == UINT64_MAX)
        buf_put_str(out, "never");
    else
        buf_put_num(out, (wake_ms - g->now_ms) / 1000);
}

/* What there is by the name of `what`. False: there is nothing of that name. */
static bool
put_fact(struct stage *g, struct slice what, struct slice *rest, struct buf *out)
{
    const struct smtp_client *c = g->client;
    if (slice_is(what, "task"))
        buf_put_str(out, task_names[smtp_client_task(c)]);
    else if (slice_is(what, "blob"))
        buf_put_str(out, blob_names[smtp_client_exch50(c)]);
    else if (slice_is(what, "stage"))
        buf_put_str(out, stage_names[smtp_client_stage(c)]);
    else if (slice_is(what, "outcome"))
        put_outcome(out, &g->outcomes[number(take_word(rest))]);
    else if (slice_is(what, "failure"))
        put_outcome(out, smtp_client_failure(c));
    else if (slice_is(what, "wake"))
        put_wake(out, g);
    else if (slice_is(what, "size"))
        buf_put_num(out, smtp_client_size_max(c));
    else if (slice_is(what, "banner"))
        buf_put(out, smtp_client_banner_name(c));
    else if (slice_is(what, "doubt"))
        buf_put_str(out, smtp_client_is_in_doubt(c) ? "yes" : "no");
    else if (slice_is(what, "authenticated"))
        buf_put_str(out, smtp_client_is_authenticated(c) ? "yes" : "no");
    else if (slice_is(what, "masked"))
        buf_put_str(out, smtp_client_is_masked(c) ? "yes" : "no");
    else if (slice_is(what, "8bitmime"))
        buf_put_str(out, smtp_client_offers(c)->eight_bit_mime ? "yes" : "no");
    else
        return slice_is(what, "silent");
    return true;
}

static bool
holds(struct stage *g, struct slice rest, struct err *err)
{
    struct slice what = take_word(&rest);
    struct buf fact;
    buf_init(&fact, 1024);
    bool known = put_fact(g, what, &rest, &fact);
    if (slice_is(what, "silent")) {
        buf_put(&fact, buf_slice(&g->said));
        buf_put(&fact, smtp_client_output(g->client));
    }
    bool good = known && dialogue_matches(buf_slice(&fact), rest);
    if (!good)
        wrong(g, err, "%.*s is '%s'", SLICE_ARG(what), buf_text(&fact));
    buf_fini(&fact);
    return good;
}

static bool
says_line(struct stage *g, struct slice pattern, struct err *err)
{
    take_output(g, SIZE_MAX);
    struct slice said = buf_slice(&g->said);
    size_t lf = slice_find(said, '\n');
    bool whole = lf < said.len && lf > 0 && said.ptr[lf - 1] == '\r';
    if (!whole || !dialogue_matches(slice_head(said, lf - 1), pattern))
        return wrong(g, err, "wanted '%.*s', said '%.*s'", SLICE_ARG(pattern),
                     SLICE_ARG(slice_head(said, 200)));
    buf_drop(&g->said, lf + 1);
    return true;
}

static bool
says_octets(struct stage *g, struct slice octets, struct err *err)
{
    take_output(g, SIZE_MAX);
    if (!slice_starts(buf_slice(&g->said), octets))
        return wrong(g, err, "said '%.*s'", SLICE_ARG(slice_head(buf_slice(&g->said), 200)));
    buf_drop(&g->said, octets.len);
    return true;
}

static bool
run_step(struct stage *g, struct err *err)
{
    struct slice text = g->step->text;
    char kind = g->step->kind;
    bool client_line = kind == '!' && ascii_starts(text, "client ");
    if (g->client == NULL) {
        TRY(begin(g, client_line ? slice_from(text, strlen("client ")) : slice("", 0), err));
        if (client_line)
            return true;
    }
    if (kind == 'S') {
        buf_put(&g->packet, text);
        return true;
    }
    TRY(feed_packet(g, err));
    switch (kind) {
    case 'C':
        return says_line(g, text, err);
    case 'c':
        return says_octets(g, text, err);
    case '!':
        return happens(g, text, err);
    default:
        return holds(g, text, err);
    }
}

static bool
run_steps(struct stage *g, struct err *err)
{
    for (size_t i = 0; i < g->dialogue->count; i++) {
        g->step = &g->dialogue->steps[i];
        TRY(run_step(g, err));
    }
    TRY(feed_packet(g, err));
    take_output(g, SIZE_MAX);
    if (g->said.len > 0)
        return wrong(g, err, "then said '%.*s'", SLICE_ARG(buf_slice(&g->said)));
    return true;
}

bool
dialogue_run_client(const struct dialogue *d, struct dialogue_cut cut, size_t *longest,
                    struct err *err)
{
    struct stage g = {.dialogue = d, .cut = cut};
    buf_init(&g.packet, OCTETS_MAX);
    buf_init(&g.said, OCTETS_MAX);
    bool good = run_steps(&g, err);
    if (longest != NULL)
        *longest = g.longest;
    smtp_client_free(&g.client);
    buf_fini(&g.packet);
    buf_fini(&g.said);
    return good;
}
