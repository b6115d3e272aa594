/*
 * recover.h - what is found when a spool is opened, before anybody else sees it.
 *
 * Takes    every record and every file of a large body.
 * Gives    the tally, and the report of spool_open(). A record that does not read is put aside,
 *          never deleted; a file that no record names was never promised: it is removed.
 */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "gateway/spool/body_files.h"
#include "gateway/spool/tally.h"

struct recovery {
    struct spool_store *store;
    const struct body_files *files;
    struct tally *tally;
    struct log *log;
};

MUST_USE bool recover(const struct recovery *r, struct spool_found *found, struct err *err);

#endif
