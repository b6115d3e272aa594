/*
 * spool_private.h - the parts of a spool, for spool.c and spool_draft.c.
 */
#ifndef SPOOL_PRIVATE_H
#define SPOOL_PRIVATE_H

#include "gateway/spool/committer.h"
#include "gateway/spool/spool_folder.h"

struct spool {
    uint64_t body_in_file;
    struct spool_folder folder;
    struct body_files files;
    struct spool_store *store;
    struct tally *tally;
    struct suspensions *suspensions;
    struct in_flight *in_flight;
    struct room *room;
    struct syncer *syncer;
    struct committer *committer;
    struct id_source ids;
};

#endif
