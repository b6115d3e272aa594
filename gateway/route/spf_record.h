/*
 * spf_record.h - may the SPF library see this TXT record? Pure.
 *
 * The packaged libspf2 1.2.10 writes past its buffers for records that any domain in the world
 * can publish (dependencies.md 5.1: 127 times "%{d}" and a long rest in one term). Records within
 * these limits were found harmless, by fuzzing and under valgrind; no record of a real domain
 * comes near them.
 *
 * Follows  RFC 7208 3 (one string, printable ASCII), 4.5 (which TXT records are SPF records).
 */
#ifndef ROUTE_SPF_RECORD_H
#define ROUTE_SPF_RECORD_H

#include "gateway/base/slice.h"

enum {
    SPF_RECORD_MAX = 2048,  /* octets */
    SPF_TERM_MAX = 255,     /* octets between two blanks */
    SPF_TERM_PERCENTS = 16, /* '%' in one term: as many macros at most */
};

enum spf_record_kind {
    SPF_RECORD_OTHER, /* some other TXT record: not for the library */
    SPF_RECORD_GOOD,
    SPF_RECORD_REFUSED, /* an SPF record that the library must not see: a permanent error */
};

/* text: the strings of one TXT record, joined (RFC 7208 3.3). */
enum spf_record_kind spf_record_vet(struct slice text);

/* What the library gets for a record that was refused. It is within the limits, and an error. */
extern const char spf_record_invalid[];

#endif
