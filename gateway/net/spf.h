/*
 * spf.h - may this client send mail of this domain (RFC 7208)? Asked of DNS, on the loop.
 *
 * The library and its limits: spf_evaluate.h. Here: the look-ups through the resolver, one after
 * the other, and an end within SPF_CHECK_MS whatever DNS does.
 */
#ifndef NET_SPF_H
#define NET_SPF_H

#include "gateway/net/resolve.h"
#include "gateway/net/spf_evaluate.h"

enum {
    SPF_CHECK_MS = 20000
}; /* RFC 7208 4.6.4: at least 20 s; the result is SPF_TEMPERROR then */

struct spf_query;

struct spf_question_of {
    const struct sockaddr *client; /* not loopback */
    struct slice hello;            /* as the client said it */
    struct slice local;            /* the identity: local@domain, route/spf_policy.h */
    struct slice domain;
};

struct spf_answer {
    enum spf_result result;
    char why[SPF_WHY_TEXT]; /* one plain sentence, printable, no full stop */
    bool is_closed;         /* the resolver went away meanwhile: ask the next one */
};

/* on_done is called once, always from the loop, and *out is no more then. What of points to is
 * not needed after the call. False: out of memory. */
MUST_USE bool spf_start(struct loop *l, struct resolver *r, const struct spf_question_of *of,
                        void (*on_done)(void *context, const struct spf_answer *answer),
                        void *context, struct spf_query **out);
/* No answer will come any more. *q is NULL afterwards; NULL is fine. */
void spf_cancel(struct spf_query **q);

#endif
