/*
 * bench_spool.c - how many messages a second go through custody: each is accepted, answered,
 * recorded as delivered and removed, with a number of them in flight.
 *
 * usage: bench_spool FOLDER [MESSAGES [SIZE [IN_FLIGHT]]]      (not on tmpfs: a sync costs
 * nothing there)
 */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/clock.h"
#include "tests/kit/custody.h"

enum { SIZE_MAX_OCTETS = 1 << 20 };

struct bench {
    struct spool *spool;
    struct waiter waiter;
    size_t messages, size, in_flight;
    size_t begun, ended;
    uint64_t accept_us; /* sum over messages: hand-in to answer */
    uint64_t *begun_us; /* by token */
};

static char octets[SIZE_MAX_OCTETS];

static void
accept_next(struct bench *b)
{
    struct spool_draft *d;
    struct err err;
    if (!spool_begin(b->spool, &d, &err) || !spool_append(d, slice(octets, b->size / 2), &err) ||
        !spool_append(d, slice(octets, b->size - b->size / 2), &err))
        must_fail(err.text, __FILE__, __LINE__);
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", clock_unix_ms(), 0);
    struct body *body;
    b->begun_us[b->begun] = clock_us();
    spool_commit(b->waiter.client, &d, &e, b->begun++, &body);
    body_unref(&body);
}

static void
deliver(struct bench *b, uint64_t id)
{
    struct recipient_change row = {.state = RECIPIENT_DELIVERED, .connector = slice_str("hub")};
    struct spool_change change = {.id = id, .rows = &row, .row_count = 1};
    spool_record(b->waiter.client, &change, UINT64_MAX, NULL);
}

static void
run(struct bench *b)
{
    while (b->begun < b->in_flight && b->begun < b->messages)
        accept_next(b);
    while (b->ended < b->messages) {
        struct spool_answer answer = waiter_next(&b->waiter);
        if (!answer.ok)
            must_fail(answer.err.text, __FILE__, __LINE__);
        if (answer.token != UINT64_MAX) {
            b->accept_us += clock_us() - b->begun_us[answer.token];
            deliver(b, answer.id);
            if (b->begun < b->messages)
                accept_next(b); /* the session that has its answer sends the next one */
        } else {
            b->ended++;
        }
    }
}

static size_t
argument(int argc, char **argv, int which, size_t otherwise)
{
    return argc > which ? strtoul(argv[which], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_spool FOLDER [MESSAGES [SIZE [IN_FLIGHT]]]\n");
        return 2;
    }
    struct spool_settings settings = {
        .path = argv[1],
        .map_size = UINT64_C(8) << 30,
        .reserve = 16 << 20,
        .body_in_file = 128 << 10,
    };
    struct bench b = {
        .messages = argument(argc, argv, 2, 50000),
        .size = argument(argc, argv, 3, 4096),
        .in_flight = argument(argc, argv, 4, 50),
    };
    must(b.size <= SIZE_MAX_OCTETS);
    b.begun_us = calloc(b.messages, sizeof *b.begun_us);
    must(b.begun_us != NULL);
    for (size_t i = 0; i < b.size; i++)
        octets[i] = (char)i;

    struct spool_found found;
    struct err err;
    if (!spool_open(&settings, &b.spool, &found, &err))
        must_fail(err.text, __FILE__, __LINE__);
    waiter_open(&b.waiter, b.spool);
    uint64_t before_us = clock_us();
    run(&b);
    double seconds = (double)(clock_us() - before_us) / 1e6;
    struct spool_counters counters;
    spool_counters(b.spool, &counters);
    waiter_close(&b.waiter);
    spool_close(&b.spool);
    free(b.begun_us);

    printf("%zu messages of %zu octets, %zu in flight: %.0f messages/s accepted and removed, "
           "%.0f commits/s, %.1f changes a commit, %.2f ms a commit, %.2f ms to an answer\n",
           b.messages, b.size, b.in_flight, (double)b.messages / seconds,
           (double)counters.commits / seconds,
           (double)counters.changes / (double)counters.commits,
           (double)counters.commit_us_total / 1e3 / (double)counters.commits,
           (double)b.accept_us / 1e3 / (double)b.messages);
    return 0;
}
