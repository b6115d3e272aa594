#include "tests/kit/custody.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/mem.h"

/* ---- Waiting ------------------------------------------------------------------------------ */

static void
on_wake(void *context)
{
    struct waiter *w = context;
    pthread_mutex_lock(&w->lock);
    w->wakes++;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->lock);
}

void
waiter_open(struct waiter *w, struct spool *s)
{
    *w = (struct waiter){0};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->woken, NULL);
    w->client = spool_client_new(s, on_wake, w);
    must(w->client != NULL);
}

void
waiter_close(struct waiter *w)
{
    if (w->client == NULL)
        return;
    spool_client_free(&w->client);
    pthread_cond_destroy(&w->woken);
    pthread_mutex_destroy(&w->lock);
}

struct spool_answer
waiter_next(struct waiter *w)
{
    struct spool_answer answer;
    while (spool_collect(w->client, &answer, 1) == 0) {
        pthread_mutex_lock(&w->lock);
        while (w->wakes == 0)
            pthread_cond_wait(&w->woken, &w->lock);
        w->wakes = 0;
        pthread_mutex_unlock(&w->lock);
    }
    return answer;
}

/* ---- The spool ---------------------------------------------------------------------------- */

static void
on_failure(void *context, const struct err *why)
{
    (void)why;
    struct custody *c = context;
    c->failures++;
}

void
custody_init(struct custody *c)
{
    const char *tmp = getenv("TMPDIR");
    *c = (struct custody){0};
    snprintf(c->path, sizeof c->path, "%s/custody-XXXXXX", tmp != NULL ? tmp : "/tmp");
    must(mkdtemp(c->path) != NULL);
    c->settings = (struct spool_settings){
        .path = c->path,
        .map_size = 64 << 20,
        .reserve = 1 << 20,
        .body_in_file = 10000,
        .on_failure = on_failure,
        .context = c,
    };
    arena_init(&c->arena, 16 << 20);
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st, (void)kind, (void)place;
    return remove(path);
}

void
custody_fini(struct custody *c)
{
    custody_close(c);
    arena_fini(&c->arena);
    nftw(c->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void
custody_open(struct custody *c)
{
    struct err err;
    if (!spool_open(&c->settings, &c->spool, &c->found, &err))
        must_fail(err.text, __FILE__, __LINE__);
    waiter_open(&c->waiter, c->spool);
}

void
custody_close(struct custody *c)
{
    waiter_close(&c->waiter);
    spool_close(&c->spool);
}

void
custody_reopen(struct custody *c)
{
    custody_close(c);
    custody_open(c);
}

/* ---- Messages ----------------------------------------------------------------------------- */

struct envelope
custody_envelope(struct envelope_recipient *r, const char *connector, int64_t received_unix_ms,
                 int64_t due_unix_ms)
{
    *r = (struct envelope_recipient){
        .address = slice_str("lee@fabrikam.example"),
        .connector = slice_str(connector),
        .due_unix_ms = due_unix_ms,
    };
    return (struct envelope){
        .received_unix_ms = received_unix_ms,
        .from = slice_str("kim@contoso.example"),
        .recipients = r,
        .recipient_count = 1,
    };
}

static char
octet_at(size_t i, unsigned salt)
{
    return (char)((i * 31 + (i >> 8) + salt) & 0xff);
}

struct spool_draft *
custody_draft(struct custody *c, size_t size, unsigned salt)
{
    struct spool_draft *d;
    struct err err;
    if (!spool_begin_report(c->spool, &d, &err))
        must_fail(err.text, __FILE__, __LINE__);
    char piece[700];
    for (size_t at = 0; at < size;) {
        size_t n = size - at < sizeof piece ? size - at : sizeof piece;
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(at + i, salt);
        must(spool_append(d, slice(piece, n), &err));
        at += n;
    }
    return d;
}

bool
custody_body_is(struct custody *c, uint64_t id, size_t size, unsigned salt)
{
    struct body *body;
    struct err err;
    if (!spool_body(c->spool, id, &body, &err))
        return false;
    bool ok = body_size(body) == size;
    struct slice piece;
    char scratch[1000];
    for (uint64_t at = 0; ok; at += piece.len) {
        ok = body_read(body, at, scratch, sizeof scratch, &piece, &err);
        for (size_t i = 0; ok && i < piece.len; i++)
            ok = piece.ptr[i] == octet_at((size_t)at + i, salt);
        if (ok && piece.len == 0) {
            ok = at == size;
            break;
        }
    }
    body_unref(&body);
    return ok;
}

uint64_t
custody_accept(struct custody *c, struct envelope *e, size_t size, unsigned salt, struct err *err)
{
    struct spool_draft *d = custody_draft(c, size, salt);
    spool_commit(c->waiter.client, &d, e, 7, NULL);
    struct spool_answer answer = waiter_next(&c->waiter);
    *err = answer.err;
    return answer.ok ? answer.id : 0;
}

uint64_t
custody_accept_plain(struct custody *c, const char *connector, size_t size, unsigned salt)
{
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, connector, 1000, 0);
    struct err err;
    return custody_accept(c, &e, size, salt, &err);
}

struct spool_answer
custody_record(struct custody *c, struct spool_change *change)
{
    spool_record(c->waiter.client, change, 8, NULL);
    return waiter_next(&c->waiter);
}

struct spool_answer
custody_record_one(struct custody *c, uint64_t id, uint32_t index, enum recipient_state state,
                   const char *connector, int64_t due_unix_ms)
{
    struct recipient_change row = {
        .index = index,
        .state = state,
        .connector = slice_str(connector),
        .attempts = 1,
        .due_unix_ms = due_unix_ms,
        .last_error = slice_str("451 4.3.2 not now"),
    };
    struct spool_change change = {.id = id, .rows = &row, .row_count = 1};
    return custody_record(c, &change);
}

bool
custody_read(struct custody *c, uint64_t id, struct envelope *out)
{
    struct err err;
    arena_reset(&c->arena);
    return spool_read(c->spool, id, &c->arena, out, &err);
}

size_t
custody_large_files(const struct custody *c)
{
    char path[80];
    snprintf(path, sizeof path, "%s/large", c->path);
    DIR *list = opendir(path);
    must(list != NULL);
    size_t count = 0;
    struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}
