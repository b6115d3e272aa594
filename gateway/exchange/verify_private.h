/*
 * verify_private.h - what the files of the comparison share:
 *   verify.c              findings, and their order
 *   verify_send.c         Send connectors
 *   verify_receive.c      Receive connectors: which one takes the gateway, and how
 *   verify_rights.c       permissions on both
 *   verify_domains.c      accepted and remote domains
 *   verify_certificate.c  certificates
 *   verify_transport.c    limits of the organization
 *   verify_range.c        RemoteIPRanges
 *   verify_text.c         the commands, and the verdict for people
 */
#ifndef EXCHANGE_VERIFY_PRIVATE_H
#define EXCHANGE_VERIFY_PRIVATE_H

#include "gateway/exchange/verify.h"

struct verifier {
    const struct exchange_plan *plan;
    const struct listing *listing;
    struct exchange_verdict *verdict;
};

/* Who has not logged on, as Windows calls him in English. */
#define VERIFY_ANONYMOUS "NT AUTHORITY\\ANONYMOUS LOGON"

/* What an item of a list is judged for: listing_each(). */
struct verify_subject {
    struct verifier *v;
    const struct listing_record *record;
};

/* What is compared: a field of a record, or what stands nowhere. */
struct verify_place {
    const struct listing_record *record; /* NULL: it is missing */
    const char *what;                    /* "Send connector", "accepted domain" */
    const char *name;                    /* "" = none */
    const char *field;                   /* "" = all of it */
};

/* Each says that one more thing was compared. found and wanted are shown as they are. */
void verify_differs(struct verifier *v, enum exchange_severity severity,
                    const struct verify_place *place, const char *found, const char *wanted,
                    const char *why);
void verify_agrees(struct verifier *v);

/* Compare a field with the one value that it must have. */
void verify_field(struct verifier *v, const struct verify_place *place, const char *wanted,
                  enum exchange_severity severity, const char *why);
/* Or a list with a word that it must hold, or must not. */
void verify_holds(struct verifier *v, const struct verify_place *place, const char *word,
                  bool must_hold, enum exchange_severity severity, const char *why);
/* A size such as "10MB", "10 MB (10,485,760 bytes)", "unlimited": at least so many octets? */
void verify_size(struct verifier *v, const struct verify_place *place, uint64_t least,
                 enum exchange_severity severity, const char *why);

/* The next record of a kind behind `after` (NULL: the first one). NULL: no more. */
const struct listing_record *verify_next(const struct verifier *v, enum listing_kind kind,
                                         const struct listing_record *after);
/* Is there any? Else a finding says that the command is missing. */
bool verify_has_any(struct verifier *v, enum listing_kind kind, const char *why);

/* The value of a field, "" when the record has none. */
const char *verify_value(const struct listing_record *r, const char *field);

void verify_send(struct verifier *v);
void verify_receive(struct verifier *v);
void verify_domains(struct verifier *v);
void verify_certificates(struct verifier *v);
void verify_transport(struct verifier *v);

/* The rights of an account on a connector of theirs; server: NULL for Send connectors. */
void verify_rights(struct verifier *v, const char *server, const char *connector,
                   const char *user, const struct exchange_rights *rights);
/* May strangers relay there? After verify_rights(), which says when that cannot be told. */
void verify_no_open_relay(struct verifier *v, const char *server, const char *connector);

/* How many addresses beside this one do the ranges of a connector let in with it, of the
 * narrowest range that does? As the 128 bits of a number, the first octet being the highest;
 * false: none does. The connector with the smallest takes the connection. */
struct verify_width {
    unsigned char octets[16];
};
bool verify_range(const char *ranges, const char *address, struct verify_width *width);

/* Whom does one range let in beside these addresses? */
enum verify_reach { REACH_NOBODY, REACH_FEW /* 256 at most */, REACH_MANY };
enum verify_reach verify_reach(struct slice range, const char *const *addresses, size_t count);

#endif
