/*
 * spool_driver.c - does with a spool what a gateway does, and says in the record
 * (powercut_record.c) what it asks for and what it was promised, so that powercut.py can keep a
 * ledger:
 *
 *     hand ID HASH SIZE RECIPIENTS      a message is about to be committed
 *     kept ID                           the answer was ok
 *     hand-outcome ID INDEX STATE REPORT
 *     kept-outcome ID INDEX STATE REPORT
 *     refused ID | refused-outcome ID   the answer was that it did not happen
 *     doubt ID | doubt-outcome ID       the answer was that nobody knows
 *
 * Without the library the lines go to standard output. It stops when the spool has failed, as the
 * gateway does; when the spool does not open at all the exit status is 3.
 *
 * usage: spool_driver FOLDER SEED ROUNDS
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/mem.h"
#include "tests/fault/ledger.h"
#include "tests/kit/custody.h"

enum { MESSAGES_MAX = 4096, RECIPIENTS_MAX = 3, PENDING_MAX = 16, LARGEST = 60000 };

struct message {
    uint64_t id;
    size_t recipients;
    size_t open;
    enum recipient_state states[RECIPIENTS_MAX];
    uint32_t attempts[RECIPIENTS_MAX];
    bool is_busy; /* handed in, not answered */
};

struct request {
    bool is_outcome;
    size_t message; /* of messages */
    size_t report;  /* of messages; MESSAGES_MAX: none */
    uint32_t index;
    enum recipient_state state;
};

struct driver {
    struct spool *spool;
    struct waiter waiter;
    struct message messages[MESSAGES_MAX];
    size_t count;
    struct request requests[PENDING_MAX]; /* the token is the place here */
    size_t in_flight;
    uint64_t random;
    bool has_failed;
    void (*mark)(const char *text);
};

static uint64_t
draw(struct driver *d, uint64_t below)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return d->random % below;
}

static void
say(struct driver *d, const char *verb, const struct message *m, const char *rest)
{
    char line[200];
    snprintf(line, sizeof line, "%s %" PRIu64 "%s", verb, m->id, rest);
    d->mark(line);
}

/* A message with a random body, said in the record. NULL: there was no room for it. */
static struct spool_draft *
make_draft(struct driver *d, struct message *m, size_t size)
{
    static char octets[LARGEST];
    struct spool_draft *draft = NULL;
    struct err err;
    for (size_t i = 0; i < size; i++)
        octets[i] = (char)draw(d, 256);
    if (!spool_begin_report(d->spool, &draft, &err) ||
        !spool_append(draft, slice(octets, size), &err)) {
        d->has_failed = draft == NULL; /* it takes nothing any more */
        spool_drop(&draft);
        m->open = 0;
        return NULL;
    }
    m->id = spool_draft_id(draft);
    char rest[80];
    snprintf(rest, sizeof rest, " %016" PRIx64 " %zu %zu",
             ledger_hash(ledger_hash_start, slice(octets, size)), size, m->recipients);
    say(d, "hand", m, rest);
    return draft;
}

static struct message *
new_message(struct driver *d, size_t recipients)
{
    must(d->count < MESSAGES_MAX);
    struct message *m = &d->messages[d->count++];
    *m = (struct message){.recipients = recipients, .open = recipients, .is_busy = true};
    return m;
}

static void
fill_envelope(struct envelope *e, struct envelope_recipient *r, const struct message *m)
{
    static const char *const connectors[] = {"hub", "bridgeheads", "edge"};
    *e = custody_envelope(&r[0], connectors[0], (int64_t)m->id % 100000, 0);
    for (size_t i = 1; i < m->recipients; i++)
        (void)custody_envelope(&r[i], connectors[i], 0, (int64_t)i * 1000);
    e->recipient_count = m->recipients;
}

static size_t
some_size(struct driver *d)
{
    return draw(d, 6) == 0 ? 16384 + draw(d, LARGEST - 16384) : draw(d, 9000);
}

static void
accept_one(struct driver *d)
{
    struct message *m = new_message(d, 1 + draw(d, RECIPIENTS_MAX));
    struct spool_draft *draft = make_draft(d, m, some_size(d));
    if (draft == NULL)
        return;
    struct envelope_recipient r[RECIPIENTS_MAX];
    struct envelope e;
    fill_envelope(&e, r, m);
    d->requests[d->in_flight] = (struct request){.message = d->count - 1};
    spool_commit(d->waiter.client, &draft, &e, d->in_flight++, NULL);
}

static void
outcome_text(char text[80], const struct driver *d, const struct request *q)
{
    uint64_t report = q->report < MESSAGES_MAX ? d->messages[q->report].id : 0;
    snprintf(text, 80, " %u %d %" PRIu64, q->index, (int)q->state, report);
}

/* A next outcome for an open recipient of a message that is not busy. */
static void
record_one(struct driver *d, size_t which)
{
    struct message *m = &d->messages[which];
    uint32_t index = (uint32_t)draw(d, m->recipients);
    while (m->states[index] != RECIPIENT_WAITING)
        index = (index + 1) % (uint32_t)m->recipients;
    struct request *q = &d->requests[d->in_flight];
    *q = (struct request){
        .is_outcome = true,
        .message = which,
        .report = MESSAGES_MAX,
        .index = index,
        .state = (enum recipient_state)draw(d, 3), /* waiting, delivered, bounced */
    };
    struct recipient_change row = {
        .index = index,
        .state = q->state,
        .connector = slice_str(draw(d, 2) ? "hub" : "bridgeheads"),
        .attempts = m->attempts[index] + 1,
        .due_unix_ms = (int64_t)draw(d, 1000000),
        .last_error = slice_str(q->state == RECIPIENT_WAITING ? "451 4.3.2 later" : ""),
    };
    struct spool_change change = {.id = m->id, .rows = &row, .row_count = 1};
    struct envelope report_envelope;
    struct envelope_recipient r[RECIPIENTS_MAX];
    m->is_busy = true;
    if (q->state == RECIPIENT_BOUNCED) {
        struct message *report = new_message(d, 1);
        q->report = d->count - 1;
        change.report = make_draft(d, report, some_size(d));
        if (change.report == NULL) {
            m->is_busy = false;
            return;
        }
        fill_envelope(&report_envelope, r, report);
        change.report_envelope = &report_envelope;
    }
    char text[80];
    outcome_text(text, d, q);
    say(d, "hand-outcome", m, text);
    spool_record(d->waiter.client, &change, d->in_flight++, NULL);
}

/* What the answer makes of a request: the message as the driver knows it, and the line. */
static void
settle(struct driver *d, struct request *q, const struct spool_answer *answer)
{
    static const char *const verbs[][2] = {
        {"kept", "kept-outcome"}, {"refused", "refused-outcome"}, {"doubt", "doubt-outcome"}};
    struct message *m = &d->messages[q->message];
    struct message *report = q->report < MESSAGES_MAX ? &d->messages[q->report] : NULL;
    char text[80] = "";
    if (q->is_outcome)
        outcome_text(text, d, q);
    size_t verb = answer->ok ? 0 : answer->err.kind != ERR_IO ? 1 : 2;
    say(d, verbs[verb][q->is_outcome], m, text);

    m->is_busy = false;
    if (report != NULL)
        report->is_busy = false;
    if (!answer->ok) {
        struct message *never_came = q->is_outcome ? report : m;
        if (never_came != NULL)
            never_came->open = 0;
        if (answer->err.kind == ERR_IO)
            m->open = 0; /* nobody knows its state: it is left alone from now on */
    } else if (q->is_outcome) {
        m->states[q->index] = q->state;
        m->attempts[q->index]++;
        m->open -= q->state != RECIPIENT_WAITING;
    }
}

static void
collect(struct driver *d)
{
    for (size_t left = d->in_flight; left > 0; left--) {
        struct spool_answer answer = waiter_next(&d->waiter);
        settle(d, &d->requests[answer.token], &answer);
    }
    d->in_flight = 0;
}

/* One round: some requests at once, so that they share batches; each message at most once. */
static void
run_round(struct driver *d, unsigned accepts_of_8)
{
    size_t wanted = 1 + draw(d, PENDING_MAX);
    for (size_t i = 0; i < wanted && !d->has_failed; i++) {
        size_t which = d->count > 0 ? draw(d, d->count) : 0;
        for (size_t n = 0; n < d->count; n++, which = (which + 1) % d->count)
            if (d->messages[which].open > 0 && !d->messages[which].is_busy)
                break;
        bool can_record =
            d->count > 0 && d->messages[which].open > 0 && !d->messages[which].is_busy;
        if (draw(d, 8) < accepts_of_8 || !can_record)
            accept_one(d);
        else
            record_one(d, which);
    }
    collect(d);
}

static void
open_spool(struct driver *d, const char *path)
{
    struct spool_settings settings = ledger_settings(path);
    struct spool_found found;
    struct err err;
    if (!spool_open(&settings, &d->spool, &found, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
    waiter_open(&d->waiter, d->spool);
}

static void
close_spool(struct driver *d)
{
    waiter_close(&d->waiter);
    spool_close(&d->spool);
}

static void
no_mark(const char *text)
{
    puts(text);
}

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: spool_driver FOLDER SEED ROUNDS\n");
        return 2;
    }
    struct driver *d = mem_new(sizeof *d);
    must(d != NULL);
    d->random = strtoull(argv[2], NULL, 10) * 2 + 1;
    *(void **)&d->mark = dlsym(RTLD_DEFAULT, "powercut_mark");
    if (d->mark == NULL)
        d->mark = no_mark;

    /* The data file grows; then more goes than comes, and what was freed is used again; between
     * them the spool is opened anew. */
    unsigned rounds = (unsigned)strtoul(argv[3], NULL, 10);
    static const unsigned accepts_of_8[] = {7, 2, 5, 1};
    for (size_t part = 0; part < COUNT_OF(accepts_of_8) && !d->has_failed; part++) {
        open_spool(d, argv[1]);
        for (unsigned i = 0; i < rounds && !d->has_failed; i++)
            run_round(d, accepts_of_8[part]);
        close_spool(d);
    }
    mem_free(&d);
    return 0;
}
