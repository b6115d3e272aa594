/*
 * spool_folder.h - the folder itself: made when it is missing, locked, with its key.
 *
 *     lock      held while a process has the spool open; says which
 *     key       KEYED_HASH_KEY octets, the gateway's own secret
 *     large     the folder of body_files.h
 *
 * The rest belongs to the store. Folder 0700, files 0600.
 */
#ifndef SPOOL_SPOOL_FOLDER_H
#define SPOOL_SPOOL_FOLDER_H

#include "gateway/base/err.h"

enum { SPOOL_KEY_OCTETS = 32 };

struct spool_folder {
    int fd;
    int lock;
    unsigned char key[SPOOL_KEY_OCTETS];
};

/* ERR_STATE: in use by another process; ERR_CONFIG: the key is not what it should be; ERR_FULL,
 * ERR_IO. What was made is durable when this returns. */
MUST_USE bool spool_folder_open(struct spool_folder *f, const char *path, struct err *err);

/* Gives up the lock, wipes the key. */
void spool_folder_close(struct spool_folder *f);

#endif
