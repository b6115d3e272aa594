/*
 * batch.h - one try to make a list of requests durable together: applies them to the store,
 * commits, keeps the tally true. The committer decides what a failure means.
 */
#ifndef SPOOL_BATCH_H
#define SPOOL_BATCH_H

#include "gateway/spool/request.h"
#include "gateway/spool/suspensions.h"
#include "gateway/spool/tally.h"

enum { BATCH_JOBS_MAX = 256, BATCH_OCTETS_MAX = 8 << 20 };

struct batch {
    struct spool_store *store;
    struct tally *tally;
    struct suspensions *suspensions;
    struct arena scratch;
    struct buf record;
    /* What the last successful try did: */
    size_t changes;          /* 0: there was nothing to commit */
    size_t arrived, removed; /* messages */
    /* Bodies in files whose records are gone: */
    uint64_t gone_files[BATCH_JOBS_MAX + SPOOL_EDIT_MAX];
    size_t gone_file_count;
};

void batch_init(struct batch *b, struct spool_store *store, struct tally *tally,
                struct suspensions *suspensions);
void batch_fini(struct batch *b);

/*
 * At most one of the requests is an edit. Those that are settled already are passed over.
 * True: all are durable and settled; a request about a message that is not there is settled with
 * ERR_STATE. False: nothing happened (ERR_FULL,
 * ERR_NOMEM), or it is in doubt (ERR_IO); none was settled but those with ERR_STATE.
 */
MUST_USE bool batch_try(struct batch *b, struct request **requests, size_t count,
                        struct err *err);

#endif
