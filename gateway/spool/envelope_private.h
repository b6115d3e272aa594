/*
 * envelope_private.h - how a record lies on disk, for envelope.c, which writes it, and
 * envelope_read.c.
 */
#ifndef SPOOL_ENVELOPE_PRIVATE_H
#define SPOOL_ENVELOPE_PRIVATE_H

#include <endian.h>
#include <string.h>

#include "gateway/spool/envelope.h"

/*
 * The record, octet by octet (version 3):
 *
 *     0 "FGE"   3 version   4 length of the record (4)   8 id (8)   16 received (8)
 *    24 size (8)   32 marks   33 auth   34 destinations (2)   36 recipients (4)
 *    40 destinations: due (8), length (1), name
 *       fields:       tag (1), length (4), octets
 *
 * Version 2 differs in the recipients (nothing behind ORCPT). Version 1 differs in the marks too
 * (the content was 8-bit or not, no more was known), and its recipients have nothing behind the
 * last error. Both are read, no longer written.
 */
enum {
    VERSION = 3,
    OLDEST_VERSION = 1,
    FRONT_OCTETS = 40,
    AT_LENGTH = 4,
    AT_DESTINATIONS = 34,
    DESTINATION_OCTETS = 9, /* without the name */
    RECIPIENT_OCTETS = 47,  /* tag, length and what is in each, with empty texts */
    RECIPIENT_OCTETS_2 = 35,
    RECIPIENT_OCTETS_1 = 30,
    NUMBER_OCTETS = 4, /* before the blob of XEXCH50 */
    NOTIFY_ALL = DSN_NOTIFY_NEVER | DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY,
};

enum {
    MARK_8BIT_1 = 1, /* in version 1 */
    MARK_RESERVED = 1,
    MARK_REPORT = 2,
    MARK_DELAY_NOTICED = 4,
    MARK_BARE = 8,
    MARK_UNENDED = 16,
    MARK_UTF8 = 32,
    BODY_TYPE_SHIFT =
        6, /* the two highest bits: enum smtp_body_type, which is never renumbered */
};

enum tag {
    TAG_FROM = 'f',
    TAG_AUTH_NAME = 'n',
    TAG_RECEIVE_CONNECTOR = 'c',
    TAG_ACCOUNT = 'a',
    TAG_CLIENT = 'p',
    TAG_MESSAGE_ID = 'm',
    TAG_ENVID = 'e',
    TAG_DSN_RETURN = 'd', /* one octet */
    TAG_EXCH50 = 'x',     /* number, blob */
    TAG_CRASHES = 'k',    /* one octet */
    TAG_RECIPIENT = 'r',
};

/* What ENVELOPE_RECORD_MAX says of itself. */
_Static_assert(5000 * (RECIPIENT_OCTETS + ADDRESS_MAX + ENVELOPE_CONNECTOR_MAX +
                       ENVELOPE_ERROR_MAX + DSN_ORCPT_MAX + DESTINATION_OCTETS +
                       2 * ENVELOPE_CONNECTOR_MAX) +
                       (1 << 20) <=
                   ENVELOPE_RECORD_MAX,
               "a message with 5000 recipients can always be recorded");

/* A big-endian number of so many octets. A start reads a dozen of them for each message that is
 * queued: those of 4 and 8 octets are one load. */
static inline uint64_t
envelope_load_number(const char *from, size_t octets)
{
    uint64_t n = 0;
    uint32_t n4;
    if (octets == sizeof n) {
        memcpy(&n, from, sizeof n);
        return be64toh(n);
    }
    if (octets == sizeof n4) {
        memcpy(&n4, from, sizeof n4);
        return be32toh(n4);
    }
    for (size_t i = 0; i < octets; i++)
        n = n << 8 | (unsigned char)from[i];
    return n;
}

#endif
