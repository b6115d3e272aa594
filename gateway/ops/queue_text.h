/*
 * queue_text.h - a message of the queue as people read it, and as JSON.
 */
#ifndef OPS_QUEUE_TEXT_H
#define OPS_QUEUE_TEXT_H

#include "gateway/ops/control_text.h"
#include "gateway/ops/queue_select.h"

const char *queue_recipient_state_text(enum recipient_state state);

/* The sender, or "<>". */
struct slice queue_sender(const struct envelope *e);

/* One line of what somebody else wrote, at most max columns (0: all of it; '~' where it is cut):
 * control characters become '?'. */
void queue_put_clean(struct buf *out, struct slice text, size_t max);

/* "999", "12K", "3.4M": at most 5 columns. */
void queue_put_size(struct buf *out, uint64_t octets);

/* All that is known of the message; a new reference. What is not UTF-8 loses those octets to
 * '?'. */
json_t *queue_message_json(const struct envelope *e);

#endif
