/*
 * news.h - what an operator changed in the spool, on its way to all workers: counted, and whoever
 * tells can wait until all have heard.
 */
#ifndef RELAY_NEWS_H
#define RELAY_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/must.h"

struct news;

/* Copies the ids. One reference, the teller's; NULL: out of memory. */
struct news *news_new(const uint64_t *ids, size_t count);
const uint64_t *news_ids(const struct news *n);
size_t news_count(const struct news *n);

/* For a letter: it is waited for until it is heard, or dropped by news_unref(). */
struct news *news_ref(struct news *n);
/* The letter was read; so many of the messages are under way there. Its reference ends. */
void news_heard(struct news **n, size_t under_way);
void news_unref(struct news **n);

/* Blocks until every letter was heard; *under_way: over all. False: *give_up was set, or a letter
 * was dropped. */
MUST_USE bool news_wait(struct news *n, const _Atomic bool *give_up, size_t *under_way);

#endif
