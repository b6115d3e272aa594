/*
 * preflight_roundtrip.h - a marked message there, and its delivery report back, as checks of
 * preflight.
 *
 * Asks     the running gateway through its control socket to send it, and then every half second
 *          what has become of it (relay/roundtrip.h).
 * Leaves   a message in the mailbox of one forest and a report in that of another.
 */
#ifndef OPS_PREFLIGHT_ROUNDTRIP_H
#define OPS_PREFLIGHT_ROUNDTRIP_H

#include "gateway/ops/preflight_checks.h"

/* "kim@contoso.example,lee@fabrikam.example" */
struct preflight_trip {
    struct slice from, to;
};
MUST_USE bool preflight_trip_read(const char *text, struct preflight_trip *trip, struct err *err);

/* What the gateway says of it. */
struct preflight_trip_state {
    bool is_known;
    char why_not[300]; /* it could not be sent, or nothing is known of it any more */
    char there[16], back[16];
    char there_words[600], back_words[600];
};
/* answer: the line of JSON of `round-trip look`. */
void preflight_trip_parse(struct slice answer, struct preflight_trip_state *state);
/* Nothing more will happen that would be waited for. */
bool preflight_trip_is_over(const struct preflight_trip_state *state);

/* The two checks in a section of their own kind. Pure. */
void preflight_judge_trip(struct preflight *p, struct preflight_section *s,
                          const struct forest *there, const struct preflight_trip *trip,
                          const struct preflight_trip_state *state);

/* Send it, wait at most wait_ms for both, judge into the section of TO's forest (made when there
 * is none), and conclude anew. */
void preflight_round_trip(struct preflight *p, const struct config *config,
                          const struct preflight_trip *trip, uint64_t wait_ms);

#endif
