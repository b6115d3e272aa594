/*
 * bounce_original.h - what a report shows of the message it is about: its header section, or all
 * of it where RET=FULL asked for that (RFC 3461 4.3, 6.2).
 *
 * Exchange's own fields (X-MS-Exchange-Organization-*, -Forest-*) are left out of both: a report
 * crosses the border that they may not cross (exchange-facts.md 4).
 */
#ifndef RELAY_BOUNCE_ORIGINAL_H
#define RELAY_BOUNCE_ORIGINAL_H

#include "gateway/mail/dsn.h"
#include "gateway/relay/parcel.h"
#include "gateway/route/hop_offers.h"

/* Exchange returns up to 10 MB. A report is made on the loop, where each MiB of it takes others
 * 0.6 ms (measured, the original in the page cache), and one that is larger than the way back
 * takes would be lost: beyond this only the header section goes. */
enum { BOUNCE_WHOLE_MAX = 4 * 1024 * 1024 };

struct bounce_original {
    enum dsn_original what;
    bool is_8bit;
    struct buf header;     /* whole fields with CRLF */
    uint64_t content_from; /* WHOLE: where in the body the blank line behind the fields begins */
};

/* Look at the original and choose: wants_whole says that somebody's failure is told, and RET=FULL
 * was said. What the hop on the way back is known not to take is left out, and what cannot be
 * read: it costs the copy, not the report. */
void bounce_original_init(struct bounce_original *o, const struct parcel *about, bool wants_whole,
                          const struct hop_offers *hop);
void bounce_original_fini(struct bounce_original *o);

/* Append it to the report. */
MUST_USE bool bounce_original_append(const struct bounce_original *o, const struct body *body,
                                     struct spool_draft *report, struct err *err);

#endif
