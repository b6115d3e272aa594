/*
 * job.h - one request to the committer, from hand-in to answer.
 *
 * A job is made on a worker's thread, goes through the syncer when its body is a file, then to
 * the committer, and ends in the list of its client: always one owner at a time. Once settled it
 * carries its answer.
 */
#ifndef SPOOL_JOB_H
#define SPOOL_JOB_H

#include "gateway/spool/spool.h"

enum job_kind { JOB_ACCEPT, JOB_RECORD, JOB_RETRY };

/* A message that comes into being. */
struct arrival {
    uint64_t id;
    struct buf record; /* its envelope, encoded */
    struct body *body; /* a reference of ours; NULL: nothing comes */
    bool is_in_file;
    bool is_published; /* the file has its name */
};

struct job {
    struct job *next;
    enum job_kind kind;
    struct spool_client *client; /* a reference of ours */
    uint64_t token;
    struct arena memory; /* of rows and connector */

    struct arrival arrival; /* JOB_ACCEPT: the message; JOB_RECORD: a report, or nothing */

    uint64_t id; /* JOB_RECORD: what changes */
    const struct recipient_change *rows;
    size_t row_count;
    bool delay_noticed;

    struct slice connector; /* JOB_RETRY: whose messages; "" = all */
    int64_t now_unix_ms;    /* they become due then */
    uint64_t after;         /* "" only: ids up to here are done */
    uint64_t left;          /* messages yet to look at; 0: not begun */

    bool is_settled;
    struct err err; /* kind ERR_NONE: it is done */
};

/* NULL: no memory. The client is set at hand-in. */
struct job *job_new(enum job_kind kind);

/* Copies rows; false: no memory. */
MUST_USE bool job_take_rows(struct job *job, const struct recipient_change *rows, size_t count);

/* What waits in memory because of it. */
uint64_t job_octets(const struct job *job);

/* Settle it; why NULL: it went well. The first word counts. */
void job_settle(struct job *job, const struct err *why);

/* Gives up what it holds but the answer: memory and bodies are needed elsewhere. */
void job_drop_load(struct job *job);

/* Not the client: whoever took the reference gives it back. */
void job_free(struct job **job);

/* ---- A queue of jobs ---------------------------------------------------------------------- */

struct job_list {
    struct job *first, *last;
    size_t count;
    uint64_t octets;
};

void job_list_add(struct job_list *list, struct job *job);
struct job *job_list_take(struct job_list *list); /* NULL: empty */

#endif
