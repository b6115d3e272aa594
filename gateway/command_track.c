/* track: what happened to a message, from the tracking log's files. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/id.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/journal/tracking_search.h"
#include "gateway/ops/control_text.h"

const char command_track_help[] =
    "\n"
    "  WHAT               a Message-ID (with or without <>) or a queue id\n"
    "  --message-id ID, --id QUEUEID, --sender A, --recipient A   all that is given must hold\n"
    "  --since TIME, --until TIME   2026-11-23, 2026-11-23T10:15:30 (UTC), or so long ago: 2h, "
    "3d\n"
    "  --limit N          at most so many lines (1000)\n"
    "  --json             one object a line, with the log's own field names\n"
    "\n"
    "Reads the files below tracking.path, also when the gateway does not run; a line is there a\n"
    "fifth of a second after its event. A Message-ID finds the reports about that message too.\n"
    "Exit status: 0 found, 1 nothing found, 2 usage or failure.\n";

enum { VALUE_MAX = 4096, LIMIT = 1000 };

struct tracking_command {
    const char *config_path, *message_id, *id, *sender, *recipient, *since, *until, *limit;
    bool json;
};

/* "yyyy-mm-dd", with "Thh:mm:ss" and "Z" or without: one number after the other. */
static bool
take_numbers(struct slice text, const char *separators, int *numbers[], size_t *count)
{
    for (*count = 0; text.len > 0 && separators[*count] != '\0'; ++*count) {
        size_t n = 0;
        uint64_t value;
        while (n < text.len && ascii_is_digit(text.ptr[n]))
            n++;
        if (n == 0 || n > 4 || !ascii_number(slice_head(text, n), 9999, &value) ||
            (n < text.len && text.ptr[n] != separators[*count]))
            return false;
        *numbers[*count] = (int)value;
        text = slice_from(text, n + 1);
    }
    return text.len == 0;
}

static bool
read_date(const char *text, int64_t *unix_ms)
{
    struct tm t = {0};
    int *numbers[] = {&t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec};
    size_t count;
    if (!take_numbers(slice_str(text), "--T::Z", numbers, &count) || count == 4 || count < 3 ||
        t.tm_mon < 1 || t.tm_mon > 12)
        return false;
    t.tm_year -= 1900;
    t.tm_mon--;
    *unix_ms = (int64_t)timegm(&t) * 1000;
    return true;
}

/* A date, or how long ago. */
static bool
read_time(const char *option, const char *text, int64_t *unix_ms)
{
    uint64_t ago;
    struct err err;
    if (text == NULL || read_date(text, unix_ms))
        return true;
    if (value_read_duration(slice_str(text), &ago, &err)) {
        *unix_ms = clock_unix_ms() - (int64_t)ago;
        return true;
    }
    fprintf(stderr,
            "forestgate track: --%s takes 2026-11-23, 2026-11-23T10:15:30 or 2h, not %s\n",
            option, text);
    return false;
}

/* Message-IDs stand in the log with their angle brackets. */
static struct slice
bracketed(const char *text, char *room, size_t size)
{
    if (text == NULL || text[0] == '<')
        return slice_str(text);
    snprintf(room, size, "<%s>", text);
    return slice_str(room);
}

/* ---- Lines ---- */

static const char *const field_names[] = {
    "date-time",        "client-ip",           "client-hostname", "server-ip",
    "server-hostname",  "source-context",      "connector-id",    "source",
    "event-id",         "internal-message-id", "message-id",      "recipient-address",
    "recipient-status", "total-bytes",         "recipient-count", "related-recipient-address",
    "reference",        "message-subject",     "sender-address",  "return-path",
    "message-info",
};

static bool
print_json(void *context, const struct slice fields[TRACKING_FIELD_COUNT])
{
    struct buf *out = context;
    char room[VALUE_MAX];
    json_t *json = json_object();
    for (size_t i = 0; i < TRACKING_FIELD_COUNT; i++)
        control_json_set(
            json, field_names[i],
            control_json_slice(tracking_value(slice_head(fields[i], VALUE_MAX), room)));
    control_put_json(out, json);
    options_print(out, stdout);
    buf_clear(out);
    return true;
}

static void
put(struct buf *out, const char *before, struct slice field, const char *after)
{
    char room[VALUE_MAX];
    struct slice value = tracking_value(slice_head(field, VALUE_MAX), room);
    if (value.len > 0)
        buf_printf(out, "%s%.*s%s", before, SLICE_ARG(value), after);
}

/* One line an event, and below it what was said. */
static bool
print_text(void *context, const struct slice f[TRACKING_FIELD_COUNT])
{
    struct buf *out = context;
    bool is_received = slice_is(f[TRACKING_EVENT], "RECEIVE");
    put(out, "", f[TRACKING_TIME], "  ");
    control_put_padded(out, f[TRACKING_EVENT], 8);
    put(out, " ", f[TRACKING_ID], "");
    put(out, is_received ? "  from " : "  to ",
        is_received ? f[TRACKING_CLIENT_IP] : f[TRACKING_SERVER_HOSTNAME], "");
    put(out, " through ", f[TRACKING_CONNECTOR], "");
    put(out, "\n    ", f[TRACKING_SENDER], "");
    put(out, " -> ", f[TRACKING_RECIPIENTS], "");
    put(out, "  ", f[TRACKING_MESSAGE_ID], "");
    put(out, "\n    about ", f[TRACKING_REFERENCE], "");
    put(out, "\n    ", f[TRACKING_STATUS], "");
    buf_put_char(out, '\n');
    options_print(out, stdout);
    buf_clear(out);
    return true;
}

/* ---- The command ---- */

static bool
make_query(const struct tracking_command *t, struct tracking_query *q, char *room, size_t size)
{
    uint64_t id, limit = LIMIT;
    *q = (struct tracking_query){
        .message_id = bracketed(t->message_id, room, size),
        .id = slice_str(t->id),
        .sender = slice_str(t->sender),
        .recipient = slice_str(t->recipient),
        .from_unix_ms = 0,
        .to_unix_ms = clock_unix_ms() + 60 * 1000,
    };
    if (t->id != NULL && !id_parse(q->id, &id)) {
        fprintf(stderr, "forestgate track: %s is no queue id\n", t->id);
        return false;
    }
    if (t->limit != NULL &&
        (!ascii_number(slice_str(t->limit), UINT32_MAX, &limit) || limit == 0)) {
        fprintf(stderr, "forestgate track: --limit takes a number from 1 on\n");
        return false;
    }
    q->limit = limit;
    if (t->message_id == NULL && t->id == NULL && t->sender == NULL && t->recipient == NULL &&
        t->since == NULL) {
        fprintf(stderr, "forestgate track: a Message-ID, a queue id, --sender, --recipient or "
                        "--since; see forestgate track --help\n");
        return false;
    }
    return read_time("since", t->since, &q->from_unix_ms) &&
           read_time("until", t->until, &q->to_unix_ms);
}

static int
search(const struct tracking_command *t, const struct tracking_query *q)
{
    struct tracking_found found;
    struct err err;
    struct buf out;
    struct config *config = options_load(t->config_path);
    if (config == NULL)
        return 2;
    buf_init(&out, 1024 * 1024);
    bool ok =
        config->tracking_path != NULL ||
        err_set(&err, ERR_CONFIG, "%s keeps no tracking log (tracking.path)", t->config_path);
    ok = ok && tracking_search(config->tracking_path, q, t->json ? print_json : print_text, &out,
                               &found, &err);
    if (!ok)
        fprintf(stderr, "forestgate track: %s\n", err.text);
    else if (found.lines == 0 && !t->json)
        puts("Nothing is known of it.");
    else if (found.lines == q->limit)
        fprintf(stderr, "There may be more: --limit\n");
    buf_fini(&out);
    config_unref(&config);
    return !ok ? 2 : found.lines > 0 ? 0 : 1;
}

int
command_track(int argc, char **argv)
{
    struct tracking_command t = {0};
    struct tracking_query q;
    char room[VALUE_MAX];
    uint64_t id;
    int rest;
    const struct option_spec specs[] = {
        {"message-id", &t.message_id, NULL, NULL}, {"id", &t.id, NULL, NULL},
        {"sender", &t.sender, NULL, NULL},         {"recipient", &t.recipient, NULL, NULL},
        {"since", &t.since, NULL, NULL},           {"until", &t.until, NULL, NULL},
        {"limit", &t.limit, NULL, NULL},           {"json", NULL, &t.json, NULL},
    };
    if (!options_read(argc, argv, &t.config_path, specs, COUNT_OF(specs), &rest))
        return 2;
    if (rest < argc && strchr(argv[rest], '@') == NULL && id_parse(slice_str(argv[rest]), &id))
        t.id = argv[rest++];
    else if (rest < argc)
        t.message_id = argv[rest++];
    if (rest < argc) {
        fprintf(stderr, "forestgate track: one thing at a time, not also %s\n", argv[rest]);
        return 2;
    }
    return make_query(&t, &q, room, sizeof room) ? search(&t, &q) : 2;
}
