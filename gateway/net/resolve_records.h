/*
 * resolve_records.h - the records of one type of a name, as SPF asks for them: through the same
 * servers, zones, hosts file and cache as host names (resolve.h).
 */
#ifndef NET_RESOLVE_RECORDS_H
#define NET_RESOLVE_RECORDS_H

#include "gateway/base/buf.h"
#include "gateway/net/resolve.h"

enum record_type {
    RECORD_A = 1,
    RECORD_PTR = 12,
    RECORD_MX = 15,
    RECORD_TXT = 16,
    RECORD_AAAA = 28
};

enum {
    RECORDS_MAX = 256,         /* of one answer; the rest is left out */
    RECORDS_ROOM = 128 * 1024, /* octets of them all; an answer of DNS has at most 64 KiB */
};

enum records_finding {
    RECORDS_FOUND,
    RECORDS_NONE,    /* the name has none of this type */
    RECORDS_NO_NAME, /* or it cannot be a name */
    RECORDS_FAILED,  /* the servers could not say */
    RECORDS_TIMEOUT, /* ... in time: 5 s */
    RECORDS_CLOSED,  /* the resolver is no more: ask the next one */
};

struct records_query;

/* on_done gets each record as octets: an address of 4 or 16; the strings of a TXT, joined; the
 * name of a PTR or an MX (without its preference) as text without the last dot. Records that are
 * not formed so (a null MX, a name with odd octets) are left out. Borrowed until it returns.
 * Always from the loop, and *out is no more then. False: out of memory. */
MUST_USE bool records_start(struct resolver *r, const char *name, enum record_type type,
                            void (*on_done)(void *context, enum records_finding finding,
                                            const struct slice *list, size_t count),
                            void *context, struct records_query **out);
/* From now on it is waited for so long only. */
void records_hurry(struct records_query *q, uint64_t wait_ms);
/* No answer will come any more. *q is NULL afterwards. */
void records_cancel(struct records_query **q);

/* What on_done gets of one record, appended to out; false: nothing, it is not formed so. */
MUST_USE bool record_put(struct buf *out, enum record_type type, struct slice rdata);

#endif
