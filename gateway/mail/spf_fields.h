/*
 * spf_fields.h - what an SPF check found, and the two header fields that tell it (RFC 8601 2.7.2,
 * RFC 7208 9.1). They stand above our Received, the one that programs read first:
 *
 *     Authentication-Results: gw.contoso.example; spf=fail
 *             smtp.mailfrom=kim@fabrikam.example
 *     Received-SPF: fail (gw.contoso.example: fabrikam.example does not let 10.2.0.7 send
 *             its mail) client-ip=10.2.0.7; envelope-from="kim@fabrikam.example";
 *             helo=ex03.fabrikam.example; identity=mailfrom; receiver=gw.contoso.example
 *
 * Whatever the client said: no octet of it ends a field, a comment or a quoted text.
 */
#ifndef MAIL_SPF_FIELDS_H
#define MAIL_SPF_FIELDS_H

#include "gateway/base/buf.h"

enum {
    SPF_FIELDS_MAX = 4096
}; /* octets; a buffer of this size takes both, whatever is in them */

enum spf_result { /* RFC 7208 2.6 */
                  SPF_NONE,
                  SPF_NEUTRAL,
                  SPF_PASS,
                  SPF_FAIL,
                  SPF_SOFTFAIL,
                  SPF_TEMPERROR,
                  SPF_PERMERROR,
};

/* "none", "softfail", ...: the words of both RFCs. */
const char *spf_result_name(enum spf_result result);

struct spf_fields {
    enum spf_result result;
    struct slice why;      /* one plain sentence, without the name of the receiver */
    bool of_hello;         /* the identity that was checked is HELO, not MAIL FROM */
    struct slice sender;   /* local@domain of MAIL; "" = null sender */
    struct slice hello;    /* as the client said it */
    struct slice client;   /* its address as text */
    struct slice hostname; /* ours: authserv-id and receiver */
};

/* Append both, with their CRLF, in lines under 78 characters where the words allow. Values over
 * what RFC 5321 lets them be are cut. */
void spf_fields_put(struct buf *out, const struct spf_fields *f);

#endif
