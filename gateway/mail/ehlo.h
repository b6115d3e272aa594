/*
 * ehlo.h - what a server offers: the lines of its EHLO reply as a set.
 *
 * Follows  RFC 5321 4.1.1.1, 1870 (SIZE), 4954 (AUTH), 3030, 3461, 6531, and what servers really
 * send (exchange-facts.md 3.2): keywords in any case, AUTH without mechanisms, AUTH=LOGIN of old,
 * several AUTH lines, "OK" as the last line. What is not understood is not offered.
 */
#ifndef MAIL_EHLO_H
#define MAIL_EHLO_H

#include <stdint.h>

#include "gateway/base/slice.h"

struct ehlo {
    bool pipelining;
    bool eight_bit_mime;
    bool chunking;    /* BDAT (RFC 3030) */
    bool binary_mime; /* BODY=BINARYMIME may be said with MAIL, and BDAT follows */
    bool dsn;         /* RFC 3461 */
    bool smtputf8;    /* RFC 6531 */
    bool enhanced_status_codes;
    bool xexch50; /* exchange-facts.md 3.6 */
    bool starttls;
    bool size;         /* SIZE= may be said with MAIL */
    uint64_t size_max; /* octets; 0 = no limit said */
    bool auth;         /* AUTH= may be said with MAIL */
    bool auth_login;
    bool auth_plain;
    bool masked; /* a device in between overwrote a line with XXXX (exchange-facts.md 3.2) */
};

/* One line behind the first (which is the server's name), without its code. */
void ehlo_take_line(struct ehlo *e, struct slice line);

/* "XXXXXXXA", "****0*2***": what SMTP inspection leaves of words it does not know or like. */
bool ehlo_is_masked(struct slice word);

#endif
