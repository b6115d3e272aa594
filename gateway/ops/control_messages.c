#include <inttypes.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/ops/control.h"
#include "gateway/ops/control_text.h"

enum { LIST_PAGE = 256, LIST_LIMIT = 1000, LIST_LIMIT_MAX = 20000 };

static const char *
state_text(enum recipient_state state)
{
    switch (state) {
    case RECIPIENT_WAITING:
        return "waiting";
    case RECIPIENT_DELIVERED:
        return "delivered";
    case RECIPIENT_BOUNCED:
        return "bounced";
    case RECIPIENT_EXPIRED:
        return "expired";
    case RECIPIENT_HELD:
        return "held";
    case RECIPIENT_SUSPENDED:
        return "suspended";
    case RECIPIENT_RETURNING:
        return "returning";
    case RECIPIENT_REMOVED:
        return "removed";
    }
    never("recipient_state has eight values");
}

/* ---- queue list --messages ---- */

static struct slice
null_shown(struct slice from)
{
    return from.len > 0 ? from : slice_str("<>");
}

static void
put_message_text(struct buf *out, const struct envelope *e, int64_t now)
{
    char id[ID_TEXT];
    id_text(e->id, id);
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        if (!envelope_is_open(r))
            continue;
        buf_put_str(out, id);
        buf_put_char(out, ' ');
        struct buf age;
        buf_init(&age, 32);
        control_put_age(&age, now - e->received_unix_ms);
        control_put_padded(out, buf_slice(&age), 8);
        buf_fini(&age);
        buf_printf(out, "%9" PRIu64 "  ", e->size);
        control_put_padded(
            out, r->connector.len > 0 ? r->connector : slice_str(CONTROL_UNREACHABLE), 22);
        buf_printf(out, " %.*s -> %.*s", SLICE_ARG(null_shown(e->from)), SLICE_ARG(r->address));
        if (r->last_error.len > 0)
            buf_printf(out, "  (%.*s)", SLICE_ARG(r->last_error));
        buf_put_char(out, '\n');
    }
}

static json_t *
message_json(const struct envelope *e)
{
    char id[ID_TEXT];
    id_text(e->id, id);
    json_t *recipients = json_array();
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        json_array_append_new(recipients, json_pack("{s:o, s:s, s:o, s:I, s:I, s:o}", "address",
                                                    control_json_slice(r->address), "state",
                                                    state_text(r->state), "connector",
                                                    control_json_slice(r->connector), "attempts",
                                                    (json_int_t)r->attempts, "due_unix_ms",
                                                    (json_int_t)r->due_unix_ms, "last_error",
                                                    control_json_slice(r->last_error)));
    }
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "id", id,
                     "received_unix_ms", (json_int_t)e->received_unix_ms, "size",
                     (json_int_t)e->size, "from", control_json_slice(e->from), "message_id",
                     control_json_slice(e->message_id), "client", control_json_slice(e->client),
                     "account", control_json_slice(e->account), "receive_connector",
                     control_json_slice(e->receive_connector), "is_report", e->is_report,
                     "recipients", recipients);
}

static void
cut_back(struct buf *out, size_t len)
{
    buf_truncate(out, len);
    out->over = false;
}

/* Messages in order of age, behind `after`, at most `limit` and as many as there is room for; the
 * last id shown, or 0 at the end. */
static uint64_t
list_page(const struct control_means *means, uint64_t after, size_t limit, bool as_json,
          struct buf *out)
{
    uint64_t ids[LIST_PAGE];
    int64_t now = clock_unix_ms();
    size_t n;
    struct err err;
    struct arena arena;
    arena_init(&arena, 16 * 1024 * 1024);
    do {
        n = spool_list(means->shop->spool, after, ids, limit < LIST_PAGE ? limit : LIST_PAGE);
        for (size_t i = 0; i < n; i++) {
            struct envelope e;
            size_t before = out->len;
            arena_reset(&arena);
            /* It may have been delivered meanwhile. */
            bool found = spool_read(means->shop->spool, ids[i], &arena, &e, &err);
            if (found && as_json)
                control_put_json(out, message_json(&e));
            else if (found)
                put_message_text(out, &e, now);
            /* The page is full: this message begins the next one. */
            if (!buf_ok(out) && before > 0) {
                cut_back(out, before);
                arena_fini(&arena);
                return after;
            }
            after = ids[i];
        }
        limit -= n;
    } while (n > 0 && limit > 0 && buf_ok(out));
    arena_fini(&arena);
    return n > 0 ? after : 0;
}

int
control_messages_list(const struct control_means *means, const struct slice *words, size_t count,
                      struct buf *out)
{
    uint64_t limit = LIST_LIMIT, after = 0;
    struct slice limit_word = control_value_of(words, count, "--limit");
    struct slice after_word = control_value_of(words, count, "--after");
    if ((limit_word.len > 0 && !ascii_number(limit_word, LIST_LIMIT_MAX, &limit)) ||
        (after_word.len > 0 && !id_parse(after_word, &after)) || limit == 0) {
        buf_printf(out, "--limit takes a number from 1 to %d, --after a queue id.\n",
                   LIST_LIMIT_MAX);
        return 2;
    }
    bool as_json = control_has_word(words, count, "--json");
    uint64_t last = list_page(means, after, (size_t)limit, as_json, out);
    if (last != 0 && !as_json) {
        char id[ID_TEXT];
        id_text(last, id);
        buf_printf(out, "There may be more: --after %s\n", id);
    }
    return 0;
}

/* ---- queue show ---- */

static const char *
trust_text(const struct envelope *e)
{
    switch (e->auth) {
    case ENVELOPE_AUTH_UNSAID:
        return "inside";
    case ENVELOPE_AUTH_ANONYMOUS:
        return "external (AUTH=<>)";
    case ENVELOPE_AUTH_NAMED:
        return "inside (AUTH= carried)";
    }
    never("envelope_auth has three values");
}

static void
put_trouble_text(const struct control_means *means, struct buf *out, struct slice connector)
{
    struct board_connector c;
    uint64_t now = clock_ms();
    if (!board_read(means->shop->board, connector, &c))
        return;
    uint64_t next = board_next_try_ms(&c, now);
    if (c.last_error[0] != '\0')
        buf_printf(out, "  Connector's trouble: %s\n", c.last_error);
    if (next > now) {
        buf_put_str(out, "  Its next try in ");
        control_put_age(out, (int64_t)(next - now));
        buf_put_str(out, board_is_suspended(&c, now) ? " (suspended)\n" : "\n");
    }
    board_connector_fini(&c);
}

static void
put_recipient_text(const struct control_means *means, struct buf *out,
                   const struct envelope_recipient *r, int64_t now)
{
    buf_printf(out, "To:          %.*s\n", SLICE_ARG(r->address));
    buf_printf(out, "  State:     %s", state_text(r->state));
    if (r->state == RECIPIENT_WAITING && r->due_unix_ms > now) {
        buf_put_str(out, ", next try in ");
        control_put_age(out, r->due_unix_ms - now);
    }
    buf_printf(out, ", %" PRIu32 " failed attempts\n", r->attempts);
    buf_printf(out, "  Connector: %.*s\n",
               SLICE_ARG(r->connector.len > 0 ? r->connector : slice_str(CONTROL_UNREACHABLE)));
    if (r->last_error.len > 0)
        buf_printf(out, "  Last said: %.*s\n", SLICE_ARG(r->last_error));
    put_trouble_text(means, out, r->connector);
}

static void
put_envelope_text(const struct control_means *means, struct buf *out, const struct envelope *e)
{
    char id[ID_TEXT], time[CLOCK_TEXT];
    int64_t now = clock_unix_ms();
    id_text(e->id, id);
    clock_iso(e->received_unix_ms, time);
    buf_printf(out, "Id:          %s\nReceived:    %s (", id, time);
    control_put_age(out, now - e->received_unix_ms);
    buf_printf(out, " ago)\nFrom:        %.*s, %s\n", SLICE_ARG(null_shown(e->from)),
               e->is_report ? "a report of this gateway" : trust_text(e));
    if (e->client.len > 0)
        buf_printf(out, "Came:        from %.*s through %.*s, account %.*s\n",
                   SLICE_ARG(e->client), SLICE_ARG(e->receive_connector),
                   SLICE_ARG(e->account.len > 0 ? e->account : slice_str("none")));
    buf_printf(out, "Message-ID:  %.*s\nSize:        %" PRIu64 "\n", SLICE_ARG(e->message_id),
               e->size);
    for (size_t i = 0; i < e->recipient_count; i++)
        put_recipient_text(means, out, &e->recipients[i], now);
}

int
control_queue_show(const struct control_means *means, const struct slice *words, size_t count,
                   struct buf *out)
{
    uint64_t id;
    struct err err;
    struct envelope e;
    struct arena arena;
    if (count < 1 || !id_parse(words[0], &id)) {
        buf_put_str(out, "queue show takes a queue id, as queue list --messages shows it.\n");
        return 2;
    }
    arena_init(&arena, 16 * 1024 * 1024);
    bool found = spool_read(means->shop->spool, id, &arena, &e, &err);
    if (!found)
        buf_printf(out, "There is no message %.*s in the queue.\n", SLICE_ARG(words[0]));
    else if (control_has_word(words, count, "--json"))
        control_put_json(out, message_json(&e));
    else
        put_envelope_text(means, out, &e);
    arena_fini(&arena);
    return found ? 0 : 1;
}
