#include "gateway/ops/preflight_roundtrip.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/mail/address.h"
#include "gateway/ops/control.h"
#include "gateway/ops/control_client.h"
#include "gateway/route/spaces.h"

enum { ASK_MS = 5000, EACH_MS = 500, REQUEST_MAX = 1000 };

bool
preflight_trip_read(const char *text, struct preflight_trip *trip, struct err *err)
{
    struct slice all = slice_str(text);
    struct address a;
    size_t comma = slice_find(all, ',');
    trip->from = slice_head(all, comma);
    trip->to = slice_from(all, comma + 1);
    if (address_parse(trip->from, &a) && address_parse(trip->to, &a))
        return true;
    return err_set(err, ERR_CONFIG,
                   "--round-trip %.100s: write two mailboxes, "
                   "kim@contoso.example,lee@fabrikam.example",
                   text);
}

/* ---- What the gateway says ---- */

static void
copy_key(json_t *json, const char *key, char *room, size_t size)
{
    slice_copy_text(room, size, slice_str(json_string_value(json_object_get(json, key))));
}

void
preflight_trip_parse(struct slice answer, struct preflight_trip_state *state)
{
    json_t *json = json_loadb(answer.ptr, answer.len, 0, NULL);
    state->is_known = json_is_string(json_object_get(json, "there"));
    if (!state->is_known)
        slice_copy_text(state->why_not, sizeof state->why_not,
                        slice_str("the gateway's answer cannot be read"));
    copy_key(json, "there", state->there, sizeof state->there);
    copy_key(json, "back", state->back, sizeof state->back);
    copy_key(json, "there_words", state->there_words, sizeof state->there_words);
    copy_key(json, "back_words", state->back_words, sizeof state->back_words);
    json_decref(json);
}

bool
preflight_trip_is_over(const struct preflight_trip_state *state)
{
    return !state->is_known || strcmp(state->there, "ended") == 0 ||
           (strcmp(state->there, "delivered") == 0 && strcmp(state->back, "not-seen") != 0);
}

static void
trim_line(char *text)
{
    text[strcspn(text, "\n")] = '\0';
}

/* One request. False: no answer, or a refusal, which state says. */
static bool
ask(const struct config *config, const char *request, struct buf *answer,
    struct preflight_trip_state *state)
{
    struct err err;
    int status;
    bool answered =
        control_ask(config->control_path, slice_str(request), ASK_MS, &status, answer, &err);
    if (answered && status == 0)
        return true;
    state->is_known = false;
    slice_copy_text(state->why_not, sizeof state->why_not,
                    slice_str(answered                 ? buf_text(answer)
                              : err.kind == ERR_CLOSED ? "the gateway does not run"
                                                       : err.text));
    trim_line(state->why_not);
    return false;
}

static bool
start(const struct config *config, const struct preflight_trip *trip, char *token, size_t size,
      struct preflight_trip_state *state)
{
    char request[REQUEST_MAX];
    struct buf answer;
    if (config->control_path == NULL) {
        slice_copy_text(state->why_not, sizeof state->why_not,
                        slice_str("the file names no control socket (control)"));
        return false;
    }
    snprintf(request, sizeof request, "round-trip start %.*s %.*s", SLICE_ARG(trip->from),
             SLICE_ARG(trip->to));
    buf_init(&answer, CONTROL_ANSWER_MAX);
    bool ok = ask(config, request, &answer, state);
    slice_copy_text(token, size, buf_slice(&answer));
    trim_line(token);
    buf_fini(&answer);
    return ok;
}

static void
look(const struct config *config, const char *token, struct preflight_trip_state *state)
{
    char request[REQUEST_MAX];
    struct buf answer;
    snprintf(request, sizeof request, "round-trip look %.32s", token);
    buf_init(&answer, CONTROL_ANSWER_MAX);
    if (ask(config, request, &answer, state))
        preflight_trip_parse(buf_slice(&answer), state);
    buf_fini(&answer);
}

/* ---- What it comes to ---- */

static void
judge_there(struct preflight *p, struct preflight_section *s, const struct forest *there,
            const struct preflight_trip *trip, const struct preflight_trip_state *t)
{
    struct preflight_check *check = preflight_add_check(p, s, PREFLIGHT_ROUND_TRIP_THERE, NULL,
                                                        "A marked message from %.*s reaches %s",
                                                        SLICE_ARG(trip->from), there->name);
    char to[300];
    slice_copy_text(to, sizeof to, trip->to);
    const char *words = t->there_words[0] != '\0' ? t->there_words : "nothing was said yet";
    if (!t->is_known) {
        preflight_add_line(p, check, DOCTOR_NOT_TRIED, WHO_GATEWAY, to, "%s", t->why_not);
    } else if (strcmp(t->there, "delivered") == 0) {
        preflight_add_line(p, check, DOCTOR_OK, 0, to, "%s", words)->is_note = true;
    } else if (strcmp(t->there, "ended") == 0) {
        struct preflight_line *line =
            preflight_add_line(p, check, DOCTOR_FAILED, WHO_EXCHANGE, to, "%s", words);
        preflight_advise(line, "Its sender has a report; forestgate explain shows the way that "
                               "was taken");
    } else {
        struct preflight_line *line =
            preflight_add_line(p, check, DOCTOR_WARNING, WHO_EXCHANGE, to, "it waits: %s", words);
        preflight_advise(line, "It stays in the queue and is delivered when the servers take it");
    }
}

static void
judge_back(struct preflight *p, struct preflight_section *s, const struct forest *there,
           const struct preflight_trip *trip, const struct preflight_trip_state *t)
{
    struct preflight_check *check =
        preflight_add_check(p, s, PREFLIGHT_ROUND_TRIP_BACK, NULL,
                            "Its delivery report comes back from %s", there->name);
    char from[300];
    slice_copy_text(from, sizeof from, trip->from);
    struct preflight_line *line;
    if (strcmp(t->there, "delivered") != 0) {
        preflight_add_line(p, check, DOCTOR_NOT_TRIED, 0, from,
                           "the message has not been delivered");
    } else if (strcmp(t->back, "came") == 0) {
        preflight_add_line(p, check, DOCTOR_OK, 0, from,
                           "a report came from %s and was taken: %s; the mailbox shows what it "
                           "says",
                           there->name, t->back_words)
            ->is_note = true;
    } else if (strcmp(t->back, "own-report") == 0) {
        line =
            preflight_add_line(p, check, DOCTOR_WARNING, WHO_EXCHANGE, from,
                               "the servers of %s offer no DSN, so they send none; the gateway "
                               "has reported itself",
                               there->name);
        preflight_advise(line, "Answer the message from the mailbox that got it");
    } else {
        line = preflight_add_line(p, check, DOCTOR_WARNING, WHO_EXCHANGE, from,
                                  "no report has come back so far");
        preflight_advise(line,
                         "Look at the queues of %s, at its Send connector to the gateway, "
                         "and whether reports leave it (remote domain: "
                         "DeliveryReportEnabled); or answer the message by hand",
                         there->name);
    }
}

static struct preflight_section *
section_of(struct preflight *p, const struct forest *forest)
{
    for (struct preflight_section *s = p->sections; s != NULL; s = s->next)
        if (s->forest == forest)
            return s;
    return preflight_add_section(p, forest);
}

/* TO is in no forest of the file, which the gateway has said. */
static void
judge_nowhere(struct preflight *p, const struct preflight_trip_state *state)
{
    struct preflight_section *s = section_of(p, NULL);
    struct preflight_check *check = preflight_add_check(p, s, PREFLIGHT_ROUND_TRIP_THERE, NULL,
                                                        "A marked message can be sent");
    preflight_add_line(p, check, DOCTOR_NOT_TRIED, WHO_GATEWAY, "--round-trip", "%s",
                       state->why_not);
}

void
preflight_judge_trip(struct preflight *p, struct preflight_section *s, const struct forest *there,
                     const struct preflight_trip *trip, const struct preflight_trip_state *state)
{
    judge_there(p, s, there, trip, state);
    if (state->is_known)
        judge_back(p, s, there, trip, state);
}

/* ---- The whole ---- */

static const struct forest *
forest_of(const struct config *config, struct slice mailbox)
{
    struct address a;
    const struct forest *best = NULL;
    size_t most = 0;
    for (size_t i = 0; address_parse(mailbox, &a) && i < config->forest_count; i++) {
        size_t closeness;
        if (space_of_forest(&config->forests[i], a.domain, &closeness) != NULL &&
            closeness > most) {
            best = &config->forests[i];
            most = closeness;
        }
    }
    return best;
}

void
preflight_round_trip(struct preflight *p, const struct config *config,
                     const struct preflight_trip *trip, uint64_t wait_ms)
{
    const struct timespec each = {.tv_nsec = EACH_MS * 1000L * 1000L};
    struct preflight_trip_state state = {.is_known = true};
    char token[32] = "";
    uint64_t end_ms = clock_ms() + wait_ms;
    const struct forest *there = forest_of(config, trip->to);
    bool is_sent = start(config, trip, token, sizeof token, &state);
    while (is_sent) {
        look(config, token, &state);
        if (preflight_trip_is_over(&state) || clock_ms() >= end_ms)
            break;
        nanosleep(&each, NULL);
    }
    p->trips += is_sent;
    if (there != NULL)
        preflight_judge_trip(p, section_of(p, there), there, trip, &state);
    else
        judge_nowhere(p, &state);
    preflight_conclude(p);
}
