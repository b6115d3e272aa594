#include "tests/bench/content_hash.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "tls/tls_openssl.h"

enum { LINE_MAX_OCTETS = 64 * 1024 };

void
content_hash_init(struct content_hash *h)
{
    *h = (struct content_hash){.digest = EVP_MD_CTX_new()};
    must(h->digest != NULL);
    buf_init(&h->line, LINE_MAX_OCTETS);
    content_hash_begin(h);
}

void
content_hash_fini(struct content_hash *h)
{
    EVP_MD_CTX_free(h->digest);
    h->digest = NULL;
    buf_fini(&h->line);
}

void
content_hash_begin(struct content_hash *h)
{
    must(EVP_DigestInit_ex(h->digest, EVP_sha256(), NULL) == 1);
    buf_clear(&h->line);
    h->in_body = false;
    snprintf(h->mark, sizeof h->mark, "-");
}

static void
got_header_line(struct content_hash *h, struct slice line)
{
    static const char name[] = "X-Mark:";
    if (line.len == 0)
        h->in_body = true;
    if (!ascii_starts(line, name))
        return;
    struct slice mark = ascii_trim(slice_from(line, sizeof name - 1));
    snprintf(h->mark, sizeof h->mark, "%.*s", SLICE_ARG(mark));
}

void
content_hash_add(struct content_hash *h, struct slice octets)
{
    while (!h->in_body && octets.len > 0) {
        size_t at = slice_find(octets, '\n');
        size_t n = at < octets.len ? at + 1 : at;
        buf_put(&h->line, slice_head(octets, n));
        slice_skip(&octets, n);
        if (n == at)
            return;
        struct slice line = buf_slice(&h->line);
        line.len -= line.len > 1 && line.ptr[line.len - 2] == '\r' ? 2 : 1;
        got_header_line(h, line);
        buf_clear(&h->line);
    }
    if (octets.len > 0)
        must(EVP_DigestUpdate(h->digest, octets.ptr, octets.len) == 1);
}

void
content_hash_end(struct content_hash *h, char hex[CONTENT_HASH_TEXT])
{
    unsigned char octets[32];
    must(EVP_DigestFinal_ex(h->digest, octets, NULL) == 1);
    for (size_t i = 0; i < sizeof octets; i++)
        snprintf(hex + 2 * i, 3, "%02x", octets[i]);
}
