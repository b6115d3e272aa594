/*
 * queue_files.h - the tool's end of queue_wire.h: answers to standard output, exported messages
 * to a folder, and from there to another queue.
 */
#ifndef OPS_QUEUE_FILES_H
#define OPS_QUEUE_FILES_H

#include "gateway/ops/queue_wire.h"

/* An answer without files: to standard output, or to standard error when its status is 2 and it
 * is short. *status: as the other side says. False: it was cut short. */
MUST_USE bool queue_files_print(int fd, int *status, struct err *err);

/* An answer with files: they are in the folder, durably, when this is true. A file of the same
 * name is an error: nothing is overwritten. */
MUST_USE bool queue_files_save(int fd, const char *folder, int *status, struct err *err);

/* Every pair in the folder, one after the other. What the other side has taken is renamed to
 * ID.json.imported, so that a second run does not send it again. Then its answer is printed. */
MUST_USE bool queue_files_send(int fd, const char *folder, int *status, struct err *err);

#endif
