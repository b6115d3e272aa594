/*
 * control_words.h - what goes over the control socket, for both of its ends.
 *
 * Request  words with a blank between them and LF behind; in a word, blanks, '%' and what is not
 *          printable are %XX.
 * Answer   text, then NUL, the exit status as a digit, and LF: an answer without that end was cut
 *          short.
 */
#ifndef OPS_CONTROL_WORDS_H
#define OPS_CONTROL_WORDS_H

#include "gateway/base/buf.h"

enum {
    CONTROL_WORDS = 256,
    CONTROL_REQUEST_MAX = 8192, /* octets, without the LF */
    CONTROL_END = 3,            /* octets of an answer's end */
};

/* Append a word of a request, with the blank in front when it is not the first. */
void control_put_word(struct buf *request, struct slice word);

/* The words of a request, decoded into room (as long as the request at least). */
size_t control_read_words(struct slice request, char *room, struct slice words[CONTROL_WORDS]);

void control_put_end(struct buf *answer, int status);

/* end: the last CONTROL_END octets of an answer. The status, or -1: cut short. */
int control_read_end(struct slice end);

#endif
