/*
 * fold.h - writing a header field in lines under 78 characters: a word goes onto the line while
 * there is room, else onto a new one (RFC 5322 2.2.3). A word that is longer stands alone.
 */
#ifndef MAIL_FOLD_H
#define MAIL_FOLD_H

#include "gateway/base/buf.h"

struct fold {
    struct buf *out;
    size_t line_start; /* where the current line begins in out */
};

/* The field begins at the end of out: put its name and what must stand on its line. */
struct fold fold_begin(struct buf *out);

/* A word in three parts, with a blank or a line end in front of it. */
void fold_put_word(struct fold *f, const char *before, struct slice word, const char *behind);
void fold_put_text(struct fold *f, const char *word);

/* A word in as many parts as it has: begin, put them into out, end with what begin gave. */
size_t fold_begin_word(const struct fold *f);
void fold_end_word(struct fold *f, size_t start);

#endif
