/*
 * journal.h - lines for other programs to read, in files as Exchange names and heads them: a new
 * one each day (UTC) and at a size, the oldest removed by age and by what the folder holds.
 *
 * Takes    finished lines from any thread; never blocks on the disk.
 * Gives    PREFIXyyyymmdd-n.log (exchange-facts.md 7.1, 7.2), written by a thread of its own a
 * few
 *          times a second, and whole lines only.
 * Bounds   JOURNAL_WAITING_MAX octets in memory; what does not fit, or cannot be written, is
 *          dropped and counted. It is a diary, not custody: mail never waits for it.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/metrics.h"

enum { JOURNAL_WAITING_MAX = 8 << 20, JOURNAL_NAME_MAX = 48 };

struct journal_settings {
    const char *folder;   /* made when it is missing (0750); files 0640 */
    const char *prefix;   /* "MSGTRK" */
    const char *log_type; /* "Message Tracking Log" */
    const char *fields;   /* "date-time,client-ip,..." */
    uint64_t file_size;   /* octets; a new file begins at this size */
    uint64_t folder_size; /* octets of all files of this prefix */
    uint64_t keep_ms;     /* files older than this are removed */
    struct log *log;      /* NULL: nobody wants to know */
    counter *dropped;     /* lines; NULL likewise */
    /* A file is complete (also one of a process before): on the journal's thread. NULL: nobody
     * wants to know. */
    void (*on_complete)(void *context, int folder, const char *name);
    /* A file is about to be removed. */
    void (*on_remove)(void *context, int folder, const char *name);
    void *context;
};

struct journal;

/* ERR_IO: the folder; ERR_NOMEM. Settings' texts are copied. */
MUST_USE bool journal_new(const struct journal_settings *settings, struct journal **out,
                          struct err *err);
/* What waits is written first. */
void journal_free(struct journal **j);

/* A line, without its CR LF. journal NULL: it is switched off. */
void journal_put(struct journal *j, struct slice line);

/* Values of a line: quoted where Exchange quotes (comma, quote), controls as '?', no octets that
 * are not UTF-8. */
void journal_put_value(struct buf *line, struct slice value);

/* Is this one of the files, and of which day (yyyymmdd) and number? */
bool journal_is_file(const char *name, const char *prefix, uint32_t *day, uint32_t *number);

#endif
