/*
 * spool_checker.c - opens spools and says what is in them, for powercut.py.
 *
 * Reads one folder a line; answers with
 *
 *     opened RECOVERED DISCARDED QUARANTINED
 *     message ID SIZE HASH STATE/ATTEMPTS...     (a body that cannot be read has the hash "-")
 *     indexed COUNT                              (messages in the order of time received)
 *     works | stuck WHY                          (one more message in and out again)
 *     failed WHY                                 (instead of all that: it does not open)
 *     done
 */
#include <stdio.h>
#include <string.h>

#include "tests/fault/ledger.h"
#include "tests/kit/custody.h"

enum { PAGE = 64 };

static void
print_body(struct spool *s, uint64_t id)
{
    struct body *body;
    struct err err;
    if (!spool_body(s, id, &body, &err)) {
        printf("0 -");
        return;
    }
    static char scratch[1 << 16];
    struct slice piece;
    uint64_t hash = ledger_hash_start;
    bool ok = true;
    for (uint64_t at = 0; ok; at += piece.len) {
        ok = body_read(body, at, scratch, sizeof scratch, &piece, &err);
        if (!ok || piece.len == 0)
            break;
        hash = ledger_hash(hash, piece);
    }
    if (ok)
        printf("%" PRIu64 " %016" PRIx64, body_size(body), hash);
    else
        printf("0 -");
    body_unref(&body);
}

static void
print_message(struct spool *s, uint64_t id, struct arena *arena)
{
    struct envelope e;
    struct err err;
    arena_reset(arena);
    printf("message %" PRIu64 " ", id);
    print_body(s, id);
    if (!spool_read(s, id, arena, &e, &err))
        printf(" unreadable");
    else
        for (size_t i = 0; i < e.recipient_count; i++)
            printf(" %d/%u", (int)e.recipients[i].state, e.recipients[i].attempts);
    printf("\n");
}

static void
print_messages(struct spool *s)
{
    struct arena arena;
    uint64_t ids[PAGE];
    uint64_t after = 0;
    size_t count;
    arena_init(&arena, 1 << 20);
    while ((count = spool_list(s, after, ids, PAGE)) > 0) {
        for (size_t i = 0; i < count; i++)
            print_message(s, ids[i], &arena);
        after = ids[count - 1];
    }
    arena_fini(&arena);

    struct spool_place places[PAGE];
    struct spool_place last = {0, 0};
    size_t indexed = 0;
    while ((count = spool_received_before(s, last, INT64_MAX, places, PAGE)) > 0) {
        indexed += count;
        last = places[count - 1];
    }
    printf("indexed %zu\n", indexed);
}

/* One more message comes and goes. */
static void
try_it(struct spool *s)
{
    struct waiter waiter;
    struct spool_draft *draft;
    struct err err;
    if (!spool_begin(s, &draft, &err)) {
        printf("stuck %s\n", err.text);
        return;
    }
    waiter_open(&waiter, s);
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 1, 0);
    spool_commit(waiter.client, &draft, &e, 1, NULL);
    struct spool_answer answer = waiter_next(&waiter);
    if (answer.ok) {
        struct recipient_change row = {.state = RECIPIENT_DELIVERED};
        struct spool_change change = {.id = answer.id, .rows = &row, .row_count = 1};
        spool_record(waiter.client, &change, 2, NULL);
        answer = waiter_next(&waiter);
    }
    waiter_close(&waiter);
    if (answer.ok)
        printf("works\n");
    else
        printf("stuck %s\n", answer.err.text);
}

static void
check(const char *path)
{
    struct spool_settings settings = ledger_settings(path);
    struct spool *s = NULL;
    struct spool_found found;
    struct err err;
    if (!spool_open(&settings, &s, &found, &err)) {
        printf("failed %s\n", err.text);
        return;
    }
    printf("opened %zu %zu %zu\n", found.recovered, found.discarded, found.quarantined);
    print_messages(s);
    try_it(s);
    spool_close(&s);
}

int
main(void)
{
    char path[1024];
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        check(path);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
