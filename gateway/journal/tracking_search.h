/*
 * tracking_search.h - the lines of the tracking log about a message, a queue id, a sender or a
 * recipient, in the order they were written. Reads the files; needs no gateway.
 */
#ifndef JOURNAL_TRACKING_SEARCH_H
#define JOURNAL_TRACKING_SEARCH_H

#include "gateway/journal/tracking.h"

/* All that is given must hold; an empty slice: any. */
struct tracking_query {
    struct slice message_id; /* with its <>; also of the message that a report is about */
    struct slice id;         /* queue id, as text */
    struct slice sender, recipient;
    int64_t from_unix_ms, to_unix_ms; /* to: not included */
    uint64_t limit;
};

struct tracking_found {
    uint64_t lines;
    uint64_t files;   /* that were looked at */
    uint64_t scanned; /* of these: as a whole, for want of an index or of something to look up */
};

/* each() gets the fields as they stand in the line (tracking_value()); false: stop. False: the
 * folder cannot be read. */
MUST_USE bool tracking_search(const char *folder, const struct tracking_query *q,
                              bool (*each)(void *context,
                                           const struct slice fields[TRACKING_FIELD_COUNT]),
                              void *context, struct tracking_found *found, struct err *err);

#endif
