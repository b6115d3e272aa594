/*
 * content_hash.h - the SHA-256 of a message's body (what follows the first blank line) and its
 * X-Mark header field, read from pieces of any size. What a relay adds in front changes neither.
 */
#ifndef BENCH_CONTENT_HASH_H
#define BENCH_CONTENT_HASH_H

#include "gateway/base/buf.h"

enum { CONTENT_HASH_TEXT = 65, CONTENT_MARK_MAX = 80 };

struct content_hash {
    void *digest; /* NULL between messages and before the body */
    struct buf line;
    bool in_body;
    char mark[CONTENT_MARK_MAX + 1]; /* "-" = none */
};

void content_hash_init(struct content_hash *h);
void content_hash_fini(struct content_hash *h);

void content_hash_begin(struct content_hash *h);
void content_hash_add(struct content_hash *h, struct slice octets);
void content_hash_end(struct content_hash *h, char hex[CONTENT_HASH_TEXT]);

#endif
