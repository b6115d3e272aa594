#include "gateway/relay/protocol_log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "config/config_value.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/transcript.h"

#define FIELDS                                                                                   \
    "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,"    \
    "data,context"

struct rule {
    char word[64];
    bool is_network;
    struct network network;
    uint64_t until_ms;
};

struct protocol_log {
    struct journal *received, *sent;
    pthread_mutex_t lock; /* rules */
    struct rule rules[PROTOCOL_RULES_MAX];
    _Atomic size_t count;
};

struct protocol_session {
    struct journal *journal;
    struct transcript transcript;
    bool is_server;
    uint64_t id;
    unsigned lines;
    char connector[64], local[64], remote[64];
};

/* ---- Switches ---- */

static size_t
find(const struct protocol_log *l, struct slice word)
{
    size_t i = 0;
    while (i < l->count && !slice_is(word, l->rules[i].word))
        i++;
    return i;
}

static void
drop(struct protocol_log *l, size_t at)
{
    l->rules[at] = l->rules[l->count - 1];
    l->count--;
}

static void
drop_old(struct protocol_log *l, uint64_t now_ms)
{
    for (size_t i = l->count; i-- > 0;)
        if (l->rules[i].until_ms <= now_ms)
            drop(l, i);
}

static bool
is_connector(const struct config *config, struct slice word)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (slice_is(word, config->receive[i].name))
            return true;
    return config_send(config, word) != NULL;
}

static bool
add(struct protocol_log *l, const struct rule *rule, struct err *err)
{
    size_t at = find(l, slice_str(rule->word));
    if (at == PROTOCOL_RULES_MAX)
        return err_set(err, ERR_LIMIT, "%d switches are on already", PROTOCOL_RULES_MAX);
    l->rules[at] = *rule;
    if (at == l->count)
        l->count++;
    return true;
}

bool
protocol_log_on(struct protocol_log *l, const struct config *config, struct slice word,
                uint64_t for_ms, uint64_t now_ms, struct err *err)
{
    struct rule rule = {.until_ms = now_ms + for_ms};
    struct err ignored;
    if (word.len == 0 || word.len >= sizeof rule.word)
        return err_set(err, ERR_SYNTAX, "a connector or a network");
    slice_copy_text(rule.word, sizeof rule.word, word);
    if (!is_connector(config, word)) {
        rule.is_network = value_read_network(word, &rule.network, &ignored);
        if (!rule.is_network)
            return err_set(err, ERR_SYNTAX,
                           "%s is neither a connector nor a network like "
                           "10.1.20.0/24",
                           rule.word);
    }
    pthread_mutex_lock(&l->lock);
    drop_old(l, now_ms);
    bool ok = add(l, &rule, err);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

size_t
protocol_log_off(struct protocol_log *l, struct slice word)
{
    pthread_mutex_lock(&l->lock);
    size_t before = l->count;
    size_t at = find(l, word);
    if (word.len == 0)
        l->count = 0;
    else if (at < before)
        drop(l, at);
    size_t gone = before - l->count;
    pthread_mutex_unlock(&l->lock);
    return gone;
}

void
protocol_log_list(struct protocol_log *l, uint64_t now_ms, struct buf *out)
{
    pthread_mutex_lock(&l->lock);
    drop_old(l, now_ms);
    for (size_t i = 0; i < l->count; i++)
        buf_printf(out, "%s for %" PRIu64 " s more\n", l->rules[i].word,
                   (l->rules[i].until_ms - now_ms + 999) / 1000);
    pthread_mutex_unlock(&l->lock);
}

static bool
fits(const struct rule *rule, const struct protocol_peer *peer)
{
    if (rule->is_network)
        return peer->address != NULL && network_holds(&rule->network, peer->address);
    for (size_t i = 0; i < peer->connector_count; i++)
        if (strcmp(rule->word, peer->connectors[i]) == 0)
            return true;
    return false;
}

static bool
is_wanted(struct protocol_log *l, const struct protocol_peer *peer, uint64_t now_ms)
{
    if (l == NULL || atomic_load_explicit(&l->count, memory_order_relaxed) == 0)
        return false;
    pthread_mutex_lock(&l->lock);
    drop_old(l, now_ms);
    bool wanted = false;
    for (size_t i = 0; i < l->count; i++)
        wanted = wanted || fits(&l->rules[i], peer);
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

/* ---- Sessions ---- */

static void
put(struct protocol_session *s, const char *event, struct slice data, const char *context)
{
    char now[CLOCK_TEXT];
    struct buf line;
    if (s->lines > PROTOCOL_LINES_MAX)
        return;
    if (s->lines == PROTOCOL_LINES_MAX) {
        event = "*";
        data = slice(NULL, 0);
        context = "no more is written of this session";
    }
    clock_iso(clock_unix_ms(), now);
    buf_init(&line, 4 * TRANSCRIPT_LINE_MAX);
    buf_printf(&line, "%s,%s,%016" PRIX64 ",%u,%s,%s,%s,", now, s->connector, s->id, s->lines++,
               s->local, s->remote, event);
    journal_put_value(&line, data);
    buf_put_char(&line, ',');
    journal_put_value(&line, slice_str(context));
    journal_put(s->journal, buf_slice(&line));
    buf_fini(&line);
}

static void
on_line(void *context, bool by_client, struct slice text)
{
    struct protocol_session *s = context;
    put(s, by_client == s->is_server ? ">" : "<", text, "");
}

struct protocol_session *
protocol_session_open(struct protocol_log *l, const struct protocol_peer *peer, uint64_t now_ms)
{
    struct protocol_session *s = is_wanted(l, peer, now_ms) ? mem_new(sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    s->journal = peer->is_server ? l->sent : l->received;
    s->is_server = peer->is_server;
    s->id = peer->id;
    if (peer->connector_count > 0)
        slice_copy_text(s->connector, sizeof s->connector, slice_str(peer->connectors[0]));
    slice_copy_text(s->local, sizeof s->local, slice_str(peer->local));
    slice_copy_text(s->remote, sizeof s->remote, slice_str(peer->remote));
    transcript_init(&s->transcript, on_line, s);
    put(s, "+", slice(NULL, 0), "");
    return s;
}

void
protocol_session_client(struct protocol_session *s, struct slice octets)
{
    if (s != NULL)
        transcript_client(&s->transcript, octets);
}

void
protocol_session_server(struct protocol_session *s, struct slice octets)
{
    if (s != NULL)
        transcript_server(&s->transcript, octets);
}

void
protocol_session_note(struct protocol_session *s, const char *text)
{
    if (s != NULL)
        put(s, "*", slice(NULL, 0), text);
}

void
protocol_session_close(struct protocol_session **ref, const char *why)
{
    struct protocol_session *s = *ref;
    if (s == NULL)
        return;
    put(s, "-", slice(NULL, 0), why != NULL ? why : "");
    transcript_fini(&s->transcript);
    mem_free(ref);
}

/* ---- Beginning and end ---- */

bool
protocol_log_new(const struct config *config, struct log *log, struct metrics *metrics,
                 struct protocol_log **out, struct err *err)
{
    *out = NULL;
    if (config->protocol_log_path == NULL)
        return true;
    struct protocol_log *l = mem_new(sizeof *l);
    if (l == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    pthread_mutex_init(&l->lock, NULL);
    struct journal_settings settings = {
        .folder = config->protocol_log_path,
        .prefix = "RECV",
        .log_type = "SMTP Receive Protocol Log",
        .fields = FIELDS,
        .file_size = config->protocol_log_file_size,
        .folder_size = config->protocol_log_folder_size / 2,
        .keep_ms = config->protocol_log_keep_ms,
        .log = log,
        .dropped = metrics_series(metrics, METRIC_journal_dropped_lines_total, "protocol", NULL),
    };
    bool ok = journal_new(&settings, &l->received, err);
    settings.prefix = "SEND";
    settings.log_type = "SMTP Send Protocol Log";
    ok = ok && journal_new(&settings, &l->sent, err);
    if (!ok) {
        protocol_log_free(&l);
        return err_within(err, "protocol_log");
    }
    *out = l;
    return true;
}

void
protocol_log_free(struct protocol_log **ref)
{
    struct protocol_log *l = *ref;
    if (l == NULL)
        return;
    journal_free(&l->received);
    journal_free(&l->sent);
    pthread_mutex_destroy(&l->lock);
    mem_free(ref);
}
