/*
 * spf_evaluate_private.h - a check as its two files see it:
 *
 *   spf_evaluate.c  the check, its runs and its result
 *   spf_lookup.c    what the library asks of DNS in a run, the limits, the answers
 */
#ifndef NET_SPF_EVALUATE_PRIVATE_H
#define NET_SPF_EVALUATE_PRIVATE_H

/* The library's header does not include what it needs. */
#include <netinet/in.h>
#include <sys/types.h>

#include <arpa/nameser.h>
#include <spf2/spf.h>

#include "gateway/base/arena.h"
#include "gateway/mail/address.h"
#include "gateway/net/spf_evaluate.h"

/* What is known of one name. */
struct answer {
    const char *name;
    enum record_type type;
    enum records_finding finding;
    struct slice *list;
    size_t count;
};

/* The hosts of an MX or PTR answer, whose addresses the library asks for next, one by one: these
 * questions belong to the term that asked for the answer. */
struct hosts {
    const struct answer *of; /* NULL: none */
    size_t next;
};

struct spf_evaluation {
    SPF_server_t *server;
    SPF_dns_server_t dns;
    SPF_request_t *request;
    char client[INET6_ADDRSTRLEN];
    char domain[DOMAIN_MAX + 1];

    struct arena memory;
    struct answer answers[SPF_LOOKUPS_MAX];
    size_t answer_count;
    bool is_refused; /* a record is too long or too odd for the library */

    /* Of the run under way */
    bool wants; /* question is what it stopped at */
    struct spf_question question;
    struct hosts hosts;
    unsigned records; /* SPF records asked for */
    unsigned terms;
    unsigned voids;
    const char *limit;  /* which one was reached */
    const char *failed; /* the name that could not be looked up */

    enum spf_result result;
    SPF_errcode_t mistake; /* what made it SPF_PERMERROR */
};

/* NULL: not known yet. */
const struct answer *spf_find_answer(const struct spf_evaluation *e, const char *name,
                                     enum record_type type);

/* The library's look-up; the check is dns->hook. */
SPF_dns_rr_t *spf_lookup(SPF_dns_server_t *dns, const char *asked_name, ns_type asked_type,
                         int should_cache);

#endif
