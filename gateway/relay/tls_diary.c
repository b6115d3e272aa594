#include "gateway/relay/tls_diary.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/tls_census.h"

enum { DAY_MS = 24 * 3600 * 1000 };

struct page {
    struct page *next;
    enum tls_direction direction;
    char *connector;
    bool is_lowered; /* in the configuration in force */
    uint64_t told[TLS_NEEDS];
};

struct tls_diary {
    struct log *log;
    struct metrics *metrics;
    int64_t told_unix_ms; /* when the last lines were written, or the first day began */
    struct page *first;
};

struct tls_diary *
tls_diary_new(struct log *log, struct metrics *m, int64_t now_unix_ms)
{
    struct tls_diary *d = mem_new(sizeof *d);
    if (d != NULL)
        *d = (struct tls_diary){.log = log, .metrics = m, .told_unix_ms = now_unix_ms};
    return d;
}

/* What is not told yet of one kind. */
static uint64_t
news(const struct tls_diary *d, const struct page *p, enum tls_need need)
{
    counter *c = tls_census_exceptions(d->metrics, p->direction, p->connector, need);
    return atomic_load_explicit(c, memory_order_relaxed) - p->told[need];
}

static void
write_line(const struct tls_diary *d, const struct page *p, const uint64_t count[TLS_NEEDS])
{
    char since[CLOCK_TEXT];
    struct log_line line;
    clock_iso(d->told_unix_ms, since);
    log_begin(&line, d->log, EV_tls_exception, 0);
    log_str(&line, "direction", tls_direction_words[p->direction]);
    log_str(&line, "connector", p->connector);
    log_num(&line, "needed",
            count[TLS_NEED_VERSION] + count[TLS_NEED_RENEGOTIATION] +
                count[TLS_NEED_CERTIFICATE]);
    for (unsigned i = 0; i < TLS_NEED_NONE; i++)
        if (count[i] > 0)
            log_num(&line, tls_need_words[i], count[i]);
    log_num(&line, "unneeded", count[TLS_NEED_NONE]);
    log_str(&line, "since", since);
    log_end(&line);
}

static void
tell(struct tls_diary *d, struct page *p)
{
    uint64_t count[TLS_NEEDS], all = 0;
    for (unsigned i = 0; i < TLS_NEEDS; i++) {
        count[i] = news(d, p, (enum tls_need)i);
        p->told[i] += count[i];
        all += count[i];
    }
    /* One that has left the profile has nothing more to say than what happened before. */
    if (p->is_lowered || all > 0)
        write_line(d, p, count);
}

static void
tell_all(struct tls_diary *d)
{
    for (struct page *p = d->first; p != NULL; p = p->next)
        tell(d, p);
}

static struct page *
page_of(struct tls_diary *d, enum tls_direction direction, const char *connector)
{
    struct page **at = &d->first;
    while (*at != NULL &&
           ((*at)->direction != direction || strcmp((*at)->connector, connector) != 0))
        at = &(*at)->next;
    if (*at != NULL)
        return *at;
    struct page *p = mem_new(sizeof *p);
    char *name = mem_text(slice_str(connector));
    if (p == NULL || name == NULL) {
        mem_free(&p);
        mem_free(&name);
        return NULL;
    }
    *p = (struct page){.direction = direction, .connector = name};
    return *at = p;
}

/* Without memory the line comes a day later, with all that it should say. */
static void
note(struct tls_diary *d, enum tls_direction direction, const char *connector,
     enum tls_profile_name profile)
{
    if (profile != TLS_PROFILE_EXCHANGE2003)
        return;
    struct page *p = page_of(d, direction, connector);
    if (p != NULL)
        p->is_lowered = true;
}

void
tls_diary_look(struct tls_diary *d, const struct config *config, int64_t now_unix_ms)
{
    for (struct page *p = d->first; p != NULL; p = p->next)
        p->is_lowered = false;
    for (size_t i = 0; i < config->receive_count; i++)
        note(d, TLS_RECEIVE, config->receive[i].name, config->receive[i].tls_profile);
    for (size_t i = 0; i < config->send_count; i++)
        note(d, TLS_SEND, config->send[i].name, config->send[i].tls_profile);

    if (now_unix_ms / DAY_MS <= d->told_unix_ms / DAY_MS)
        return;
    tell_all(d);
    d->told_unix_ms = now_unix_ms;
}

void
tls_diary_free(struct tls_diary **ref)
{
    struct tls_diary *d = *ref;
    *ref = NULL;
    if (d == NULL)
        return;
    tell_all(d);
    while (d->first != NULL) {
        struct page *next = d->first->next;
        mem_free(&d->first->connector);
        mem_free(&d->first);
        d->first = next;
    }
    mem_free(&d);
}
