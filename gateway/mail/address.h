/*
 * address.h - paths and mailboxes (RFC 5321 4.1.2), as slices of the command line.
 *
 * Follows  RFC 5321 4.1.2 with the limits of exchange-facts.md 3.5: local part up to 315 octets
 *          (Exchange; RFC says 64), domain up to 255; RFC 6531 3.3 where the caller allows it.
 * Refuses  source routes that are malformed (good ones are skipped, RFC 5321 C), control
 *          characters, empty parts, 8-bit octets: all of them, or all that are no UTF-8.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "gateway/base/buf.h"

enum { ADDRESS_MAX = 571, LOCAL_PART_MAX = 315, DOMAIN_MAX = 255 };

struct address {
    struct slice text;  /* local@domain as written, without <> and source route; "" = null path */
    struct slice local; /* as written, with its quotes */
    struct slice domain; /* as written; "" for <postmaster> and the null path */
};

/* "<kim@contoso.example>" at the front of *in (blanks before are skipped); *in is moved past '>'.
 * What may also stand there: null: "<>" is good. bare: "<postmaster>" in any case is good (RFC
 * 5321 4.1.1.3). utf8: both parts may have characters beyond ASCII. Without "<>" is BAD (501
 * 5.1.7). False: not a path. */
struct address_rules {
    bool null_ok;
    bool postmaster_ok;
    bool utf8_ok;
};
MUST_USE bool address_read_path(struct slice *in, struct address_rules rules,
                                struct address *out);

/* "kim@contoso.example" as a whole; and an address of a message, which may be in UTF-8. */
MUST_USE bool address_parse(struct slice text, struct address *out);
MUST_USE bool address_parse_utf8(struct slice text, struct address *out);

/* A domain name of letters, digits, '-', '_' (Windows host names) in labels of 1-63, at most 255
 * octets; no address literal. */
bool domain_is_valid(struct slice domain);

/* The same with labels in UTF-8 (U-labels), each of at most 63 characters. */
bool domain_is_valid_utf8(struct slice domain);

/* "[192.0.2.1]", "[IPv6:2001:db8::1]". */
bool domain_is_literal(struct slice domain);

/* What EHLO may say: a domain, a literal, or the odd names that Windows gives its servers. */
bool domain_is_hello(struct slice text);

/* name equals domain, or (wildcard) is domain or below it; without the case of ASCII. A U-label
 * equals the same octets only: neither another case or form of it nor its A-label. */
bool domain_matches(struct slice name, struct slice domain, bool wildcard);

#endif
