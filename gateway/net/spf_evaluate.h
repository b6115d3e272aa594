/*
 * spf_evaluate.h - one SPF check as libspf2 makes it, which lives here and nowhere else; without
 * a socket or a clock.
 *
 * The library asks for DNS records in the middle of its work and waits for them; we do not. Each
 * run begins anew and ends at the first record that this check does not know yet: it is asked
 * for, added to what is known, and the next run gets further (dependencies.md 5.2: microseconds a
 * run, a handful of runs).
 *
 *     while (spf_evaluation_run(e, &question))
 *         ... find the records ..., spf_evaluation_answer(e, finding, list, count);
 *     result = spf_evaluation_result(e, &why);
 *
 * Follows  RFC 7208. SPF records pass route/spf_record and spf_reduce first. Explanations of
 *          domains are never fetched. Failing PTR look-ups are no match (5.5), of PTR records
 *          the first ten count.
 * Bounds   SPF_LOOKUPS_MAX questions; ten terms that ask DNS, includes and all, and two of them
 *          without an answer (4.6.4): more is SPF_PERMERROR.
 */
#ifndef NET_SPF_EVALUATE_H
#define NET_SPF_EVALUATE_H

#include "gateway/base/must.h"
#include "gateway/mail/spf_fields.h"
#include "gateway/net/resolve_records.h"

enum {
    SPF_LOOKUPS_MAX = 40,
    SPF_TERMS_MAX = 10,
    SPF_VOIDS_MAX = 2,
    SPF_LOCAL_MAX = 64, /* octets; a longer local part is cut */
    SPF_WHY_TEXT = 200,
};

struct spf_evaluation;

/* client: IPv4 or IPv6, not loopback (the library lets that pass unseen); an IPv4 address in
 * IPv6's clothes is IPv4. local@domain is the identity, hello what %{h} means; domain at most 255
 * octets, text without NUL. NULL: out of memory. */
struct spf_evaluation *spf_evaluation_new(const struct sockaddr *client, struct slice hello,
                                          struct slice local, struct slice domain);
void spf_evaluation_free(struct spf_evaluation **e);

struct spf_question {
    const char *name; /* valid until it is answered */
    enum record_type type;
};

/* True: this must be answered first. False: the check is over. */
MUST_USE bool spf_evaluation_run(struct spf_evaluation *e, struct spf_question *question);

/* The answer to the question that run() gave. RECORDS_TIMEOUT and RECORDS_CLOSED are failures. */
void spf_evaluation_answer(struct spf_evaluation *e, enum records_finding finding,
                           const struct slice *list, size_t count);

/* When it is over: what was found, and why, in one plain sentence. */
enum spf_result spf_evaluation_result(const struct spf_evaluation *e, char why[SPF_WHY_TEXT]);

#endif
