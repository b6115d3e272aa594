/*
 * dot.h - the octets between 354 and CRLF.CRLF.
 *
 * Takes    what the client sends after 354, in pieces of any size.
 * Gives    the message itself, lines still ended by CRLF, as long runs of the input: nothing is
 *          copied, a run ends only where a stuffed dot is left out or the input ends.
 * Follows  RFC 5321 4.5.2 (transparency) and 2.3.8 (CR and LF only as CRLF).
 * Refuses  nothing by itself but notes what must not be: bare CR, bare LF, NUL. The end is
 *          CRLF.CRLF and nothing else. LF.LF, CR.CR, CRLF.LF and their like are content: relays
 *          that disagree on what ends a line can be made to disagree on where a message ends
 *          (SMTP smuggling). With normalise, a bare CR or LF becomes CRLF, but never makes the
 *          octets around it an end, nor a dot behind it a stuffed one.
 *          NUL is noted because RFC 5321 2.3.8 and 5322 allow it nowhere in DATA, and next hops
 *          cut the line there, drop the octet or refuse the message: whoever checked the message
 *          would not have seen what is delivered.
 * Touches  no heap; the caller owns the input, and the runs live as long as it does.
 */
#ifndef MAIL_DOT_H
#define MAIL_DOT_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum dot_result {
    DOT_MORE, /* all input is used */
    DOT_RUN,  /* *run is the next octets of the message, never empty */
    DOT_END,  /* CRLF.CRLF was seen; *in is moved behind it, to the next command */
};

/* What came before the next octet. */
enum dot_place {
    DOT_AT_LINE_START, /* CRLF, or nothing yet */
    DOT_IN_LINE,
    DOT_BEHIND_CR,     /* a CR that was given out as content */
    DOT_BEHIND_DOT,    /* a dot at the start of a line; left out in any case */
    DOT_BEHIND_DOT_CR, /* ... and a CR, not yet given out */
};

struct dot_reader {
    enum dot_place place;
    bool normalise;    /* fixed at init */
    bool bare_newline; /* a bare CR or LF came */
    bool nul;          /* a NUL came */
};

void dot_reader_init(struct dot_reader *r, bool normalise);

/* Use octets of *in. Octets that are not in the input (a normalised line end) are given as runs
 * of static storage. nul is true at the latest with the run that holds it, bare_newline too, but
 * that a CR was bare shows only at the octet behind it. */
MUST_USE enum dot_result dot_read(struct dot_reader *r, struct slice *in, struct slice *run);

#endif
