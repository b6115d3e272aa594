/*
 * transcript.h - an SMTP conversation as lines that may be written down: what each side said,
 * with secrets masked and content counted instead of shown. Pure.
 *
 * Takes    the octets of both sides, above TLS, in the order they passed, split in any way.
 * Gives    one call for each line. AUTH and what answers 334 is "<authentication response>", as
 * in
 *          Exchange's protocol logs (exchange-facts.md 7.2); content by DATA, BDAT and XEXCH50 is
 *          "<12345 octets>".
 * Safe     when it cannot tell (somebody sends content before the 354): it does not show.
 */
#ifndef MAIL_TRANSCRIPT_H
#define MAIL_TRANSCRIPT_H

#include <stdint.h>

#include "gateway/base/buf.h"

enum { TRANSCRIPT_LINE_MAX = 1024 }; /* octets of a line that are shown */

struct transcript {
    void (*on_line)(void *context, bool by_client, struct slice text);
    void *context;
    enum { TRANSCRIPT_LINES, TRANSCRIPT_DOUBT, TRANSCRIPT_DOT, TRANSCRIPT_COUNTED } state;
    struct buf client, server; /* lines under way */
    uint64_t content;          /* octets of it so far */
    uint64_t left;             /* of counted content */
    unsigned matched;          /* of CRLF . CRLF */
    unsigned unanswered;       /* commands, and the greeting */
    unsigned doubt;            /* replies until it is known whether content comes */
    uint64_t doubt_size;       /* of XEXCH50; 0: up to the dot */
    bool is_auth;              /* lines of the client are secrets */
};

void transcript_init(struct transcript *t,
                     void (*on_line)(void *context, bool by_client, struct slice text),
                     void *context);
void transcript_fini(struct transcript *t);

void transcript_client(struct transcript *t, struct slice octets);
void transcript_server(struct transcript *t, struct slice octets);

#endif
