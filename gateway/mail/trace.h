/*
 * trace.h - our Received field (RFC 5321 4.4, 3848, 6531), and how to count those of others.
 *
 *     Received: from ex03.fabrikam.example ([10.2.0.7]) by gw.contoso.example
 *             (forestgate) with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384 256)
 *             id 0B5QX2K7V9M3A for <kim@contoso.example>; Sun, 22 Nov 2026 20:33:00 +0000
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include <stdint.h>

#include "gateway/base/buf.h"

enum { TRACE_MAX = 2048 }; /* octets; a buffer of this size takes any field of ours */

struct trace {
    struct slice hello;       /* as the client said it; hostile octets are made harmless here */
    struct slice client_name; /* host name of the client as we know it; "" = unknown */
    struct slice client_address; /* "10.2.0.7", "2001:db8::7" */
    struct slice hostname;       /* ours */
    bool esmtp;                  /* EHLO, not HELO */
    bool utf8;                   /* MAIL said SMTPUTF8 */
    bool authenticated;
    struct slice tls_version; /* "TLSv1.3"; "" = no TLS */
    struct slice tls_cipher;
    unsigned tls_bits;
    struct slice id;        /* queue id */
    struct slice recipient; /* address without <>; "" unless there is exactly one: the others must
                               not learn of each other */
    int64_t received_unix_ms;
};

/* Append the field with its CRLF, in lines under 78 characters where its words allow. */
void trace_put(struct buf *out, const struct trace *t);

/* "SMTP", "ESMTP", "ESMTPSA" and the like (RFC 3848), "UTF8SMTPSA" and the like (RFC 6531). */
const char *trace_protocol(const struct trace *t);

/* Does a header field of this name count as a hop (RFC 5321 6.3)? */
bool trace_is_hop(struct slice field_name);

#endif
