/*
 * control_text.h - what the answers of the control socket are made of: words of the request,
 * ages, columns, JSON (jansson).
 */
#ifndef OPS_CONTROL_TEXT_H
#define OPS_CONTROL_TEXT_H

#include <jansson.h>
#include <stdint.h>

#include "gateway/base/buf.h"

/* What a queue without a connector is called in tables. */
#define CONTROL_UNREACHABLE "(unreachable)"

/* A queue as people know it: the name of a send connector, or QUEUE_* but for that. */
const char *control_queue_name(const char *queue);

bool control_has_word(const struct slice *words, size_t count, const char *word);

/* What follows `word`, or the empty slice. */
struct slice control_value_of(const struct slice *words, size_t count, const char *word);

/* "12s", "5m", "3h20m", "2d4h" */
void control_put_age(struct buf *out, int64_t ms);

/* text and blanks up to width. */
void control_put_padded(struct buf *out, struct slice text, size_t width);

/* One line of JSON; the reference is taken. */
void control_put_json(struct buf *out, json_t *json);

/* A JSON string; "?" when s is not UTF-8. */
json_t *control_json_slice(struct slice s);

/* The same; null for NULL and "". */
json_t *control_json_text(const char *text_or_null);

/* null for NULL; the reference is taken. */
void control_json_set(json_t *object, const char *key, json_t *value_or_null);

#endif
