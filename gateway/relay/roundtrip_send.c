/* The marked message: what it says, and its way into custody. */
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/dsn_text.h"
#include "gateway/relay/roundtrip.h"
#include "gateway/relay/worker.h"
#include "gateway/route/recipient.h"
#include "gateway/route/spaces.h"

enum { MESSAGE_MAX = 16 * 1024 };

struct sending {
    struct worker *worker;
    struct parcel *parcel;
    char token[ROUNDTRIP_TOKEN];
};

/* ---- Its addresses ---- */

/* The forest of a mailbox; NULL: it is none, or of no forest, and err says so. */
static const struct forest *
forest_of(const struct config *config, struct slice text, struct address *a, struct err *err)
{
    const struct forest *best = NULL;
    size_t most = 0;
    if (text.len >= ROUNDTRIP_ADDRESS || !address_parse(text, a) || a->local.len == 0) {
        err_set(err, ERR_CONFIG, "\"%.*s\" is not the address of a mailbox",
                (int)(text.len < 80 ? text.len : 80), text.ptr);
        return NULL;
    }
    for (size_t i = 0; i < config->forest_count; i++) {
        size_t closeness;
        const struct forest_domain *d =
            space_of_forest(&config->forests[i], a->domain, &closeness);
        bool is_home = d != NULL && d->kind == DOMAIN_AUTHORITATIVE;
        if (is_home && closeness > most) {
            best = &config->forests[i];
            most = closeness;
        }
    }
    if (best == NULL)
        err_set(err, ERR_CONFIG, "%.*s is in a domain of which no forest is the authority",
                SLICE_ARG(text));
    return best;
}

/* One that speaks for the forest; NULL: none does. */
static const struct receive_connector *
receive_of(const struct config *config, const struct forest *forest)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (receive_speaks_for(&config->receive[i], forest))
            return &config->receive[i];
    return NULL;
}

/* As mail of FROM's own servers would go. */
static bool
find_way(struct worker *w, struct slice from, struct slice to, const struct forest **there,
         struct route *route, struct err *err)
{
    const struct config *config = w->runtime->config;
    struct address sender, recipient;
    const struct forest *here = forest_of(config, from, &sender, err);
    *there = here != NULL ? forest_of(config, to, &recipient, err) : NULL;
    if (*there == NULL)
        return false;
    if (here == *there)
        return err_set(err, ERR_CONFIG, "both are of forest %s: a round trip leads to another",
                       here->name);
    if (receive_of(config, *there) == NULL)
        return err_set(
            err, ERR_CONFIG,
            "no receive connector speaks for forest %s: its report could not come back",
            (*there)->name);
    route_recipient(config, receive_of(config, here), recipient, false, route);
    return route->connector != NULL || err_set(err, ERR_CONFIG, "%.200s", route->d.why);
}

/* ---- What it says ---- */

static void
put_message(struct buf *out, const char *hostname, const char *token, struct slice from,
            struct slice to)
{
    buf_printf(out, "From: <%.*s>\r\nTo: <%.*s>\r\nSubject: forestgate test message %s\r\nDate: ",
               SLICE_ARG(from), SLICE_ARG(to), token);
    dsn_put_date(out, clock_unix_ms());
    /* Automatic replies would come back as well, and be taken for the report; reports (DR) must
     * come. */
    buf_printf(out,
               "\r\nMessage-ID: <%s@%s>\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=us-ascii\r\n"
               "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: OOF, AutoReply\r\n"
               "\r\n"
               "Whoever operates the mail gateway %s checks with this message\r\n"
               "that mail between the two organizations passes in both directions.\r\n"
               "\r\n"
               "There is nothing to do: delete it. A report that it was delivered goes\r\n"
               "back to %.*s by itself.\r\n",
               token, hostname, hostname, SLICE_ARG(from));
}

static bool
fill(struct parcel *p, struct slice from, struct slice to, const char *token,
     const struct send_connector *send)
{
    struct envelope *e = &p->envelope;
    e->received_unix_ms = clock_unix_ms();
    e->from = arena_copy(&p->arena, from);
    e->envid = arena_copy(&p->arena, slice_str(token));
    e->dsn_return = DSN_RETURN_HEADERS;
    e->recipients = arena_new(&p->arena, sizeof *e->recipients);
    if (e->recipients == NULL)
        return false;
    struct envelope_recipient *r = &e->recipients[0];
    r->address = arena_copy(&p->arena, to);
    r->connector = arena_copy(&p->arena, slice_str(send->name));
    r->notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE;
    r->due_unix_ms = e->received_unix_ms;
    e->recipient_count = 1;
    return e->from.ptr != NULL && e->envid.ptr != NULL && r->address.ptr != NULL &&
           r->connector.ptr != NULL;
}

/* ---- Into custody ---- */

static void
sending_free(struct sending **s)
{
    parcel_unref(&(*s)->parcel);
    mem_free(s);
}

static void
on_committed(void *context, const struct spool_answer *answer)
{
    struct sending *s = context;
    struct workshop *shop = s->worker->shop;
    const struct envelope *e = &s->parcel->envelope;
    if (answer->err.kind == ERR_CLOSED) {
        sending_free(&s);
        return;
    }
    if (!answer->ok)
        roundtrip_taken(shop->roundtrips, s->token, 0, answer->err.text);
    if (answer->ok) {
        struct log_line line;
        log_begin(&line, shop->log, EV_round_trip_started, e->id);
        log_slice(&line, "from", e->from);
        log_slice(&line, "to", e->recipients[0].address);
        log_slice(&line, "connector", e->recipients[0].connector);
        log_end(&line);
        worker_offer(s->worker, s->parcel);
    }
    sending_free(&s);
}

static bool
commit(struct sending *s, struct slice content, struct err *err)
{
    struct worker *w = s->worker;
    struct spool_draft *draft = NULL;
    if (!spool_begin(w->shop->spool, &draft, err))
        return false;
    uint64_t token = 0;
    bool ok = spool_append(draft, content, err);
    if (ok && (token = answers_expect(w->answers, on_committed, s)) == 0)
        ok = err_set(err, ERR_NOMEM, "out of memory");
    if (ok) /* before it can be delivered, by whichever worker finds it first */
        roundtrip_taken(w->shop->roundtrips, s->token, spool_draft_id(draft), "");
    if (ok)
        spool_commit(w->spool_client, &draft, &s->parcel->envelope, token, &s->parcel->body);
    else
        spool_drop(&draft);
    return ok;
}

static bool
begin(struct sending *s, struct slice from, struct slice to, const struct route *route,
      struct err *err)
{
    struct buf content;
    buf_init(&content, MESSAGE_MAX);
    put_message(&content, s->worker->runtime->config->hostname, s->token, from, to);
    s->parcel = parcel_new();
    bool ok = (s->parcel != NULL && buf_ok(&content) &&
               fill(s->parcel, from, to, s->token, route->connector)) ||
              err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && commit(s, buf_slice(&content), err);
    buf_fini(&content);
    return ok;
}

bool
roundtrip_send(struct worker *w, struct slice from, struct slice to, char token[ROUNDTRIP_TOKEN],
               struct err *err)
{
    const struct forest *there;
    struct route route;
    char sender[ROUNDTRIP_ADDRESS], recipient[ROUNDTRIP_ADDRESS];
    TRY(find_way(w, from, to, &there, &route, err));
    slice_copy_text(sender, sizeof sender, from);
    slice_copy_text(recipient, sizeof recipient, to);
    TRY(roundtrip_enter(w->shop->roundtrips, sender, recipient, there->name, loop_now_ms(w->loop),
                        token, err));
    struct sending *s = mem_new(sizeof *s);
    if (s != NULL) {
        s->worker = w;
        memcpy(s->token, token, sizeof s->token);
    }
    if (s != NULL ? begin(s, from, to, &route, err) : err_set(err, ERR_NOMEM, "out of memory"))
        return true;
    roundtrip_taken(w->shop->roundtrips, token, 0, err->text);
    if (s != NULL)
        sending_free(&s);
    return false;
}
