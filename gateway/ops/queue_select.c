#include "gateway/ops/queue_select.h"

#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"

static const char *const states[QUEUE_STATES] = {
    [QUEUE_ACTIVE] = "active",       [QUEUE_READY] = "ready",    [QUEUE_RETRY] = "retry",
    [QUEUE_SUSPENDED] = "suspended", [QUEUE_HELD_BACK] = "held", [QUEUE_ENDING] = "returning",
};

const char *
queue_state_text(enum queue_state state)
{
    return states[state];
}

/* ---- Words ---- */

/* "poison" and "(poison)" are the same; nobody likes to quote brackets in a shell. */
static const char *
queue_without_connector(struct slice name)
{
    static const struct {
        const char *word, *bare, *queue;
    } rows[] = {
        {"(unreachable)", "unreachable", QUEUE_UNREACHABLE},
        {QUEUE_HELD, "held", QUEUE_HELD},
        {QUEUE_POISON, "poison", QUEUE_POISON},
        {QUEUE_RETURNING, "returning", QUEUE_RETURNING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (ascii_is(name, rows[i].word) || ascii_is(name, rows[i].bare))
            return rows[i].queue;
    return NULL;
}

struct reading {
    struct queue_selector *s;
    const struct config *config;
    bool (*known)(void *context, struct slice queue);
    void *context;
    struct buf *complaint;
};

static bool
complain(const struct reading *r, const char *what, struct slice word)
{
    buf_printf(r->complaint, "%s: \"%.*s\"\n", what, SLICE_ARG(slice_head(word, 100)));
    return false;
}

static bool
read_queue(struct reading *r, struct slice value)
{
    r->s->queue = queue_without_connector(value);
    if (r->s->queue != NULL)
        return true;
    bool is_known = value.len <= ENVELOPE_CONNECTOR_MAX &&
                    (config_send(r->config, value) != NULL || r->known(r->context, value));
    if (!is_known)
        return complain(r, "There is no queue of that name", value);
    slice_copy_text(r->s->room, sizeof r->s->room, value);
    r->s->queue = r->s->room;
    return true;
}

static bool
read_forest(struct reading *r, struct slice value)
{
    for (size_t i = 0; i < r->config->forest_count; i++)
        if (slice_is(value, r->config->forests[i].name))
            r->s->forest = &r->config->forests[i];
    return r->s->forest != NULL || complain(r, "There is no forest of that name", value);
}

static bool
read_state(struct reading *r, struct slice value)
{
    for (size_t i = 0; i < QUEUE_STATES; i++) {
        if (!ascii_is(value, states[i]))
            continue;
        r->s->has_state = true;
        r->s->state = (enum queue_state)i;
        return true;
    }
    return complain(r, "--state is active, ready, retry, suspended, held or returning, not",
                    value);
}

static bool
read_age(struct reading *r, struct slice value, uint64_t *to)
{
    struct err err;
    return value_read_duration(value, to, &err) ||
           complain(r, "An age is a number and ms, s, m, h or d, not", value);
}

static bool
read_size(struct reading *r, struct slice value, uint64_t *to)
{
    struct err err;
    return value_read_size(value, to, &err) ||
           complain(r, "A size is octets, or a number and KiB, MiB or GiB, not", value);
}

static bool
read_value(struct reading *r, struct slice option, struct slice value)
{
    struct queue_selector *s = r->s;
    if (slice_is(option, "--queue"))
        return read_queue(r, value);
    if (slice_is(option, "--forest"))
        return read_forest(r, value);
    if (slice_is(option, "--state"))
        return read_state(r, value);
    if (slice_is(option, "--older"))
        return read_age(r, value, &s->older_ms);
    if (slice_is(option, "--newer"))
        return read_age(r, value, &s->newer_ms);
    if (slice_is(option, "--larger"))
        return read_size(r, value, &s->larger);
    if (slice_is(option, "--smaller"))
        return read_size(r, value, &s->smaller);
    if (slice_is(option, "--limit"))
        return (ascii_number(value, UINT64_MAX / 2, &s->limit) && s->limit > 0) ||
               complain(r, "--limit takes a number from 1 on, not", value);
    if (slice_is(option, "--after"))
        return id_parse(value, &s->after) || complain(r, "--after takes a queue id, not", value);
    struct slice *text = slice_is(option, "--connector")   ? &s->connector
                         : slice_is(option, "--sender")    ? &s->sender
                         : slice_is(option, "--recipient") ? &s->recipient
                                                           : &s->error;
    *text = value;
    return true;
}

static bool
takes_value(struct slice word)
{
    static const char *const options[] = {
        "--queue",  "--forest",  "--connector", "--sender", "--recipient", "--older", "--newer",
        "--larger", "--smaller", "--state",     "--error",  "--limit",     "--after",
    };
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (slice_is(word, options[i]))
            return true;
    return false;
}

/* A word that is no option: a queue id, or the name of a queue. */
static bool
read_plain(struct reading *r, struct slice word)
{
    uint64_t id;
    bool is_queue = queue_without_connector(word) != NULL ||
                    config_send(r->config, word) != NULL || r->known(r->context, word);
    if (!is_queue && id_parse(word, &id)) {
        if (r->s->id_count == QUEUE_IDS_MAX)
            return complain(r, "Too many queue ids at once, from this one on", word);
        r->s->ids[r->s->id_count++] = id;
        return true;
    }
    if (r->s->queue != NULL)
        return complain(r, "One queue at a time; this is another one", word);
    r->s->is_whole = true;
    return is_queue ? read_queue(r, word) : complain(r, "Neither a queue nor a queue id", word);
}

/* Selectors narrow a queue down to messages; ids cannot be narrowed. */
static bool
check_together(const struct reading *r)
{
    struct queue_selector *s = r->s;
    bool narrows = s->forest != NULL || s->connector.ptr != NULL || s->sender.ptr != NULL ||
                   s->recipient.ptr != NULL || s->error.ptr != NULL || s->older_ms > 0 ||
                   s->newer_ms > 0 || s->larger > 0 || s->smaller > 0 || s->has_state;
    if (s->id_count > 0 && (narrows || s->is_whole || s->is_all))
        return complain(r, "Queue ids stand alone, or with --queue", slice_str("--queue"));
    s->is_whole = s->is_whole && !narrows && s->limit == UINT64_MAX;
    return true;
}

bool
queue_select_read(struct queue_selector *s, const struct config *config, struct slice *words,
                  size_t *count, bool (*known)(void *context, struct slice queue), void *context,
                  struct buf *complaint)
{
    struct reading r = {s, config, known, context, complaint};
    size_t kept = 0;
    *s = (struct queue_selector){.limit = UINT64_MAX};
    for (size_t i = 0; i < *count; i++) {
        if (takes_value(words[i])) {
            if (i + 1 == *count)
                return complain(&r, "A value is missing behind", words[i]);
            if (!read_value(&r, words[i], words[i + 1]))
                return false;
            i++;
        } else if (slice_is(words[i], "--all")) {
            s->is_all = true;
        } else if (slice_starts(words[i], slice_str("--"))) {
            words[kept++] = words[i];
        } else if (!read_plain(&r, words[i])) {
            return false;
        }
    }
    *count = kept;
    return check_together(&r);
}

bool
queue_select_is_empty(const struct queue_selector *s)
{
    return s->id_count == 0 && s->queue == NULL && s->forest == NULL &&
           s->connector.ptr == NULL && s->sender.ptr == NULL && s->recipient.ptr == NULL &&
           s->error.ptr == NULL && s->older_ms == 0 && s->newer_ms == 0 && s->larger == 0 &&
           s->smaller == 0 && !s->has_state && !s->is_all;
}

/* ---- Messages ---- */

enum queue_state
queue_state_of(const struct envelope *e, const struct envelope_recipient *r, int64_t now_unix_ms,
               const struct queue_facts *queue)
{
    if (r->state == RECIPIENT_SUSPENDED)
        return QUEUE_SUSPENDED;
    if (r->state == RECIPIENT_HELD)
        return QUEUE_HELD_BACK;
    if (r->state == RECIPIENT_RETURNING)
        return QUEUE_ENDING;
    if (r->due_unix_ms <= now_unix_ms && queue->in_flight != NULL &&
        in_flight_has(queue->in_flight, e->id))
        return QUEUE_ACTIVE;
    bool waits = queue->in_retry || r->due_unix_ms > now_unix_ms;
    return waits ? QUEUE_RETRY : QUEUE_READY;
}

struct slice
queue_error_of(const struct envelope_recipient *r, const struct queue_facts *queue)
{
    return r->last_error.len > 0 ? r->last_error : slice_str(queue->last_error);
}

/* '*' matches as little as it can; when that fails it takes one octet more. */
bool
queue_select_glob(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_t = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_t = t;
        } else if (p < pattern.len && ascii_lower(pattern.ptr[p]) == ascii_lower(text.ptr[t])) {
            p++, t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool
holds(struct slice text, struct slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (ascii_same(slice_head(slice_from(text, i), part.len), part))
            return true;
    return part.len == 0;
}

static bool
is_of_forest(const struct forest *f, struct slice address)
{
    struct address a;
    if (!address_parse_utf8(address, &a))
        return false;
    for (size_t i = 0; i < f->domain_count; i++)
        if (domain_matches(a.domain, slice_str(f->domains[i].name), f->domains[i].wildcard))
            return true;
    return false;
}

static bool
recipient_matches(const struct queue_selector *s, const struct envelope *e,
                  const struct envelope_recipient *r, int64_t now_unix_ms,
                  struct queue_facts (*facts)(void *context, struct slice queue), void *context)
{
    if (!envelope_is_open(r))
        return false;
    struct slice queue = envelope_queue(e, r);
    if (s->queue != NULL && !slice_is(queue, s->queue))
        return false;
    if (s->connector.ptr != NULL && !slice_equal(s->connector, r->connector) &&
        !slice_equal(s->connector, e->receive_connector))
        return false;
    if (s->recipient.ptr != NULL && !queue_select_glob(s->recipient, r->address))
        return false;
    if (s->forest != NULL && !is_of_forest(s->forest, r->address))
        return false;
    const struct queue_facts known = facts(context, queue);
    return (s->error.ptr == NULL || holds(queue_error_of(r, &known), s->error)) &&
           (!s->has_state || queue_state_of(e, r, now_unix_ms, &known) == s->state);
}

static bool
message_matches(const struct queue_selector *s, const struct envelope *e, int64_t now_unix_ms)
{
    int64_t age = now_unix_ms - e->received_unix_ms;
    struct slice from = e->from.len > 0 ? e->from : slice_str("<>");
    return e->id > s->after && (s->sender.ptr == NULL || queue_select_glob(s->sender, from)) &&
           (s->older_ms == 0 || age >= (int64_t)s->older_ms) &&
           (s->newer_ms == 0 || age < (int64_t)s->newer_ms) && e->size >= s->larger &&
           (s->smaller == 0 || e->size < s->smaller);
}

bool
queue_select_matches(const struct queue_selector *s, const struct envelope *e,
                     int64_t now_unix_ms,
                     struct queue_facts (*facts)(void *context, struct slice queue),
                     void *context)
{
    if (!message_matches(s, e, now_unix_ms))
        return false;
    for (size_t i = 0; i < e->recipient_count; i++)
        if (recipient_matches(s, e, &e->recipients[i], now_unix_ms, facts, context))
            return true;
    return false;
}
