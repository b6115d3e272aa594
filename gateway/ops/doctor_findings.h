/*
 * doctor_findings.h - what a server is, told from what it says: its product by the shape of the
 * banner, and what its EHLO list means for us. Pure.
 *
 * Takes    the texts of a banner and of an EHLO list, as ops/probe_result.h keeps them.
 * Follows  exchange-facts.md 3.1, 3.2, 3.7; 2.5 (X-ANONYMOUSTLS without STARTTLS).
 * Believes nothing: a banner can be set to anything.
 */
#ifndef OPS_DOCTOR_FINDINGS_H
#define OPS_DOCTOR_FINDINGS_H

#include "gateway/base/buf.h"
#include "gateway/mail/ehlo.h"

enum doctor_product {
    PRODUCT_UNKNOWN,
    PRODUCT_EXCHANGE_5,   /* 5.0 and 5.5: its own Internet Mail Service */
    PRODUCT_WINDOWS_2000, /* its SMTP service, which Exchange 2000 and 2003 extend */
    PRODUCT_WINDOWS_2003,
    PRODUCT_WINDOWS_LATER, /* the service without Exchange: 2007 and later have their own */
    PRODUCT_EXCHANGE_2007, /* and later: no version is said */
    PRODUCT_POSTFIX,
    PRODUCT_EXIM,
    PRODUCT_FORESTGATE,
    PRODUCT_MASKED, /* a firewall overwrote it */
    PRODUCTS,
};

/* Of the banner's text, without its code. */
enum doctor_product doctor_product_of(struct slice banner);
const char *doctor_product_text(enum doctor_product p); /* "Exchange 2007 or later" */
const char *doctor_product_word(enum doctor_product p); /* "exchange-2007": for machines */

/* Keywords beside those of struct ehlo. */
enum doctor_keyword {
    KEYWORD_AUTH_EQUALS, /* "AUTH=LOGIN", the form of 1997 */
    /* From here on, as XEXCH50: for Exchange servers of one organization among themselves. */
    KEYWORD_X_EXPS,
    KEYWORD_X_ANONYMOUSTLS,
    KEYWORD_X_LINK2STATE,
    KEYWORD_XRDST,
    KEYWORD_XSHADOW,
    KEYWORD_TURN,
    KEYWORD_ATRN,
    KEYWORD_ETRN,
    KEYWORDS,
};

struct doctor_offers {
    bool heard; /* there was a list */
    struct ehlo ehlo;
    unsigned found;       /* 1 << enum doctor_keyword */
    char mechanisms[128]; /* of AUTH, with blanks between, each once; "" = none */
    char masked[64];      /* the first overwritten word; "" = none */
};

/* The list as probe_result.hello has it: lines, the server's name first. */
void doctor_offers_read(struct doctor_offers *out, const char *hello);

static inline bool
doctor_offers_has(const struct doctor_offers *o, enum doctor_keyword k)
{
    return (o->found & 1U << k) != 0;
}

const char *doctor_keyword_text(enum doctor_keyword k);

/* "STARTTLS, SIZE 10485760, AUTH NTLM": all lines behind the first. */
void doctor_put_list(struct buf *out, const char *hello);

#endif
