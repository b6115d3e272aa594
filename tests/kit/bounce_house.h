/*
 * bounce_house.h - a house (house.h) in which reports can be read: their server takes none now,
 * and the first server of fabrikam refuses who is "gone".
 */
#ifndef KIT_BOUNCE_HOUSE_H
#define KIT_BOUNCE_HOUSE_H

#include "tests/kit/house.h"

/* The header of each message, and what a report shows of it: Exchange's own field is Exchange's.
 */
#define BOUNCE_HOUSE_HEADER                                                                      \
    "Received: from a by b\r\n"                                                                  \
    "X-MS-Exchange-Organization-AuthAs: Internal\r\n"                                            \
    "Subject: an offer,\r\n of two lines\r\n"                                                    \
    "X-MS-Exchange-Forest-RulesExecuted: a,\r\n\tb\r\n"
#define BOUNCE_HOUSE_SHOWN                                                                       \
    "Received: from a by b\r\n"                                                                  \
    "Subject: an offer,\r\n of two lines\r\n"

extern const struct slice bounce_house_no_content;

void bounce_house_init(struct house *h);

struct envelope bounce_house_from_kim(void);

/* A message to those who are named, with these wishes, waits; e says what else it is. */
struct parcel *bounce_house_hand_in(struct house *h, struct envelope e, const char *const *to,
                                    const unsigned *notify, size_t count, struct slice content,
                                    int64_t wait_ms);

/* The only message in custody is a report: its text, in out. */
const char *bounce_house_report(struct house *h, struct envelope *e, struct buf *out);

/* How often word stands in text. */
int bounce_house_count(const char *text, const char *word);

#endif
