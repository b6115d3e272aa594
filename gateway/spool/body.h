/*
 * body.h - the octets of one message, shared by reference: whoever holds a reference may read.
 *
 * Small bodies are memory; large ones a file, read in pieces. Reference counting is atomic: a
 * body goes from the worker that received it to the one that delivers it. Content is immutable
 * once the draft that made it was committed.
 */
#ifndef SPOOL_BODY_H
#define SPOOL_BODY_H

#include <stdint.h>

#include "gateway/base/err.h"

struct body;

struct body *body_ref(struct body *b);
void body_unref(struct body **b);

uint64_t body_size(const struct body *b);

/* Is it a file, so that body_read() needs its scratch? */
bool body_is_file(const struct body *b);

/*
 * A piece at offset: up to max octets. Small bodies: *out points into the body, nothing is copied
 * and scratch is not used. Files: read into scratch (max octets of the caller's memory).
 * out->len == 0 only at the end. False: ERR_IO (the disk, or the file is shorter than recorded).
 */
MUST_USE bool body_read(const struct body *b, uint64_t offset, char *scratch, size_t max,
                        struct slice *out, struct err *err);

#endif
