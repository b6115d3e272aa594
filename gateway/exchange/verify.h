/*
 * verify.h - what in a forest's Exchange differs from what this gateway needs, from the output of
 * read-only commands. Pure.
 *
 * Follows  exchange-facts.md 1.3, 1.4, 2.5, 5.1, 5.2, 6.4, 8. Exchange 2007 and 2010; before them
 *          there is no shell to ask.
 */
#ifndef EXCHANGE_VERIFY_H
#define EXCHANGE_VERIFY_H

#include "gateway/base/buf.h"
#include "gateway/exchange/listing.h"
#include "gateway/exchange/plan.h"

/* Worst first. */
enum exchange_severity {
    EXCHANGE_STOPS,   /* mail does not pass, or passes for everybody */
    EXCHANGE_HARMS,   /* some mail does not pass, or is trusted less or more than meant */
    EXCHANGE_WORTH,   /* works, and should be looked at */
    EXCHANGE_UNKNOWN, /* was not in the output, or was cut: nobody can say */
};

enum { VERIFY_FINDINGS_MAX = 400, VERIFY_TEXT = 400, VERIFY_PLACE = 200 };

struct exchange_finding {
    enum exchange_severity severity;
    char place[VERIFY_PLACE]; /* "Send connector To Fabrikam: SmartHostAuthMechanism" */
    unsigned line;            /* of the output; 0: it is missing there */
    char found[VERIFY_TEXT];  /* "BasicAuth" */
    char wanted[VERIFY_TEXT]; /* "BasicAuthRequireTLS" */
    char why[VERIFY_TEXT];    /* what it does to mail */
};

struct exchange_verdict {
    struct exchange_finding *findings; /* worst first; of the same severity as they were found */
    size_t count;
    size_t checked; /* how many things were compared, also those that are as they should be */
    bool more;      /* findings beyond VERIFY_FINDINGS_MAX were left out */
};

/* The commands to run there; they change nothing. */
void exchange_verify_commands(const struct exchange_plan *plan, struct buf *out);

/* False: no memory. */
bool exchange_verify(const struct exchange_plan *plan, const struct listing *listing,
                     struct exchange_verdict *verdict, struct err *err);
void exchange_verdict_free(struct exchange_verdict *verdict);

/* The verdict for people. */
void exchange_verdict_text(const struct exchange_plan *plan, const struct exchange_verdict *v,
                           struct buf *out);

#endif
