/*
 * body_files.h - large bodies: one file each in `large` below the spool folder.
 *
 * The order is the promise: create under a name of its own (ID.part), write while DATA arrives,
 * sync the octets, rename to ID, sync the folder; only then may a record name it. Removal goes
 * the other way round: first the record, then the file. What no record names was never promised.
 *
 * Every call may block on the disk. Errors: ERR_FULL (no space, quota), ERR_IO.
 */
#ifndef SPOOL_BODY_FILES_H
#define SPOOL_BODY_FILES_H

#include <stdint.h>

#include "gateway/base/err.h"

struct body_files {
    int folder; /* descriptor of `large` */
};

/* Opens `large` in the folder; it exists. */
MUST_USE bool body_files_open(struct body_files *f, int spool_folder, struct err *err);
void body_files_close(struct body_files *f);

/* ---- One comes ---------------------------------------------------------------------------- */

/* A new file for message id, open for writing and reading. */
MUST_USE bool body_files_create(const struct body_files *f, uint64_t id, int *fd,
                                struct err *err);
MUST_USE bool body_files_write(int fd, struct slice octets, struct err *err);
MUST_USE bool body_files_sync(int fd, struct err *err);
/* Give it its name. The name is durable after body_files_sync_names(). */
MUST_USE bool body_files_publish(const struct body_files *f, uint64_t id, struct err *err);
MUST_USE bool body_files_sync_names(const struct body_files *f, struct err *err);
/* It was not published and is not wanted any more. */
void body_files_discard(const struct body_files *f, uint64_t id);

/* ---- One is there ------------------------------------------------------------------------- */

MUST_USE bool body_files_find(const struct body_files *f, uint64_t id, int *fd, uint64_t *size,
                              struct err *err);
/* Up to max octets at offset; fewer only at the end of the file. */
MUST_USE bool body_files_read(int fd, uint64_t offset, char *to, size_t max, size_t *got,
                              struct err *err);
/* No such file is fine. */
MUST_USE bool body_files_remove(const struct body_files *f, uint64_t id, struct err *err);

/* Calls `wanted` for each name with its id (0: not the name of a finished body) and removes the
 * file when it says no. */
MUST_USE bool body_files_sweep(const struct body_files *f,
                               bool (*wanted)(void *context, const char *name, uint64_t id),
                               void *context, struct err *err);

#endif
