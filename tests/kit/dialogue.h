/*
 * dialogue.h - conversations as text files: who says what, what happens, what must hold.
 *
 *     C MAIL FROM:<a@b.example>       the client sends this line and CRLF
 *     c DATA\r\nhi\r\n.\r\n           the client sends these octets in one packet
 *     S 250 2.1.0 *                   the server says this line; '*' stands for anything
 *     S ...                           any lines, up to the one that the next S asks for
 *     ! wait 5m                       something happens
 *     = closed quit                   something holds
 *
 * In c: \r \n \t \0 \\ \xHH, and \{12x34} for 12 times "34". Empty lines, lines that begin with
 * '#', and all behind two blanks and "# " are for readers. What may happen and hold is the
 * business of who runs it (dialogue_server.h, dialogue_client.h).
 *
 * Written for a server under test. For a client under test the two change places: S is fed, with
 * s for octets in one packet, and C is expected, with c for these very octets.
 */
#ifndef KIT_DIALOGUE_H
#define KIT_DIALOGUE_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

struct dialogue_step {
    char kind;         /* 'C', 'S', '!', '='; 'c' or 's' for octets that are expected */
    int line;          /* in the file, from 1 */
    struct slice text; /* of the side that is fed: the octets, whichever letter they had */
};

struct dialogue {
    char path[200];
    struct dialogue_step *steps;
    size_t count;
    char *octets; /* what the steps' texts are slices of */
};

/* How packets arrive: `first` octets, then pieces of `step`. */
struct dialogue_cut {
    size_t first;
    size_t step;
};

/* fed: 'C' when a server is tested, 'S' when a client is. */
MUST_USE bool dialogue_load(struct dialogue *d, const char *path, char fed, struct err *err);
void dialogue_fini(struct dialogue *d);

/* Is line what pattern says? */
bool dialogue_matches(struct slice line, struct slice pattern);

/* Undo the escapes of c. False: one is none. */
MUST_USE bool dialogue_unescape(struct buf *out, struct slice text);

#endif
