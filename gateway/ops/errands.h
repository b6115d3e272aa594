/*
 * errands.h - commands of the control socket that take long (a million messages; a reader who
 * pages): each on a thread of its own, so that no loop waits for it.
 *
 * Takes    the client's descriptor and the words of its request.
 * Gives    the answer, written by the thread; the line in the log and what only the loop may do,
 *          when the thread has ended.
 * Bounds   ERRANDS_MAX at once; a client that neither reads nor writes for a minute is left.
 */
#ifndef OPS_ERRANDS_H
#define OPS_ERRANDS_H

#include "gateway/ops/control.h"

enum { ERRANDS_MAX = 8 };

struct errands;

/* means is borrowed. NULL: out of memory or descriptors. */
struct errands *errands_new(const struct control_means *means);
/* Those that run are told to stop, and waited for. */
void errands_free(struct errands **e);

/* "queue ..." of a client with this uid. head: what came behind the request. Takes fd in any
 * case; false: there are too many at once, or no memory. On the loop. */
bool errands_start(struct errands *e, int fd, uint64_t uid, struct slice request,
                   struct slice head);

#endif
