/*
 * listing.h - what `Get-... | Format-List` printed, pasted or saved, as records of fields. Pure.
 *
 * Takes    text as PowerShell writes it to a file (UTF-16 with a byte order mark), UTF-8, or the
 *          console's code page, with CRLF or LF. Prompts, commands and warnings between records
 *          are passed over.
 * Grammar  "Name   : value", the colons of a record below each other; a value goes on in lines
 *          that begin with blanks, cut wherever the console was at its right edge; a blank line
 *          ends a record, and so does a name that comes again.
 * Bounds   LISTING_MAX octets, LISTING_RECORDS_MAX records of LISTING_FIELDS_MAX fields.
 */
#ifndef EXCHANGE_LISTING_H
#define EXCHANGE_LISTING_H

#include "gateway/base/arena.h"
#include "gateway/base/err.h"
#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum {
    LISTING_MAX = 16 * 1024 * 1024,
    LISTING_RECORDS_MAX = 20000, /* permissions of many connectors are many */
    LISTING_FIELDS_MAX = 200,
};

/* What a record is told by: the fields that only one command prints. */
enum listing_kind {
    LISTING_UNKNOWN,
    LISTING_SEND_CONNECTOR,    /* Get-SendConnector */
    LISTING_RECEIVE_CONNECTOR, /* Get-ReceiveConnector */
    LISTING_PERMISSION,        /* Get-ADPermission */
    LISTING_ACCEPTED_DOMAIN,   /* Get-AcceptedDomain */
    LISTING_REMOTE_DOMAIN,     /* Get-RemoteDomain */
    LISTING_CERTIFICATE,       /* Get-ExchangeCertificate */
    LISTING_TRANSPORT,         /* Get-TransportConfig */
    LISTING_KINDS,
};

struct listing_field {
    const char *name;
    const char *value; /* "" = none */
};

struct listing_record {
    enum listing_kind kind;
    unsigned line; /* where it begins, from 1 */
    struct listing_field *fields;
    size_t count;
};

struct listing {
    struct listing_record *records;
    size_t count;
    struct arena arena;
};

/* False: not text, too large, or no record in it at all. Free it in any case. */
bool listing_read(struct slice text, struct listing *listing, struct err *err);
void listing_free(struct listing *listing);

const char *listing_command(enum listing_kind kind);

/* The value of a field; NULL: the record has none of that name. Names differ by case alone in no
 * command. */
const char *listing_value(const struct listing_record *r, const char *name);

/* Does a value, a list such as "{a, b}" or "A, B" or a single one, hold this word? Blanks and
 * case do not count: a console breaks lines anywhere. */
bool listing_has(const char *value, const char *word);
/* The same values, but for blanks and case. */
bool listing_is(const char *value, const char *word);
/* Was the list cut short ("...}"), because $FormatEnumerationLimit was reached? */
bool listing_is_cut(const char *value);

/* Call take for each item of a list, trimmed; false from it ends the walk. */
void listing_each(const char *value, bool (*take)(void *context, struct slice item),
                  void *context);

#endif
