/*
 * hop_offers.h - what the next hop is known to take, from its last EHLO: what it cannot take is
 * refused at RCPT, where the sending server is told at once, not in a later report. Pure; times
 * are monotonic milliseconds.
 *
 * Follows  RFC 1870 6.1 (SIZE), 3030 (BINARYMIME); design.md 3 (decide at RCPT); decision 0008.
 *
 * Knowledge goes stale: a server may be given other limits, and we would never hear of it if
 * mail for it were refused for ever.
 */
#ifndef ROUTE_HOP_OFFERS_H
#define ROUTE_HOP_OFFERS_H

#include "gateway/mail/ehlo.h"
#include "gateway/mail/smtp_server.h"

enum { HOP_OFFERS_FRESH_MS = 60 * 60 * 1000 };

struct hop_offers {
    uint64_t known_ms; /* when it said so; 0 = not known */
    bool binary;       /* BINARYMIME, with the CHUNKING that it needs */
    uint64_t size_max; /* octets; 0 = no limit said */
    bool eight_bit;    /* 8BITMIME */
};

/* What a server said, as it is for mail: behind STARTTLS and the logon. */
struct hop_offers hop_offers_of(const struct ehlo *said, uint64_t now_ms);

/* Of all servers of a send connector: what some server takes, for those who would refuse what
 * none does; or what each of them takes, for those who choose what to send. */
enum hop_join { HOP_ANY, HOP_EACH };

/* Add one server after the other to what is known of the count_before ones before (0: *all is not
 * looked at); as long as one is not known, or not any more, nothing is. */
void hop_offers_add(struct hop_offers *all, size_t count_before, const struct hop_offers *server,
                    enum hop_join join, uint64_t now_ms);

/* Is it known to lack BINARYMIME? */
bool hop_lacks_binary(const struct hop_offers *hop);

/* What everybody takes who takes mail at all: half of the smallest limit that Exchange's consoles
 * ever suggested (exchange-facts.md 3.5). */
enum { HOP_ANYBODY_OCTETS = 1024 * 1024 };

/* Is a message of that many octets, with that content, sure to be taken there? Where nothing is
 * known: what everybody takes. */
bool hop_takes(const struct hop_offers *hop, bool is_8bit, uint64_t size);

/* The refusal of what only BINARYMIME could carry (RFC 3030 3). */
struct reply hop_no_binary(void);

/* Will it refuse what MAIL announced (size 0: nothing)? True: the reply to RCPT. */
bool hop_refuses(const struct hop_offers *hop, enum smtp_body_type body, uint64_t size,
                 struct reply *reply);

#endif
