/*
 * request.h - one request to the committer, from hand-in to answer.
 *
 * A request is made on a worker's thread, goes through the syncer when its body is a file, then
 * to the committer, and ends in the list of its client: always one owner at a time. Once settled
 * it carries its answer.
 */
#ifndef SPOOL_REQUEST_H
#define SPOOL_REQUEST_H

#include "gateway/spool/spool.h"

enum request_kind {
    REQUEST_ACCEPT,
    REQUEST_RECORD,
    REQUEST_EDIT,
    REQUEST_SUSPEND,
};

/* A message that comes into being. */
struct arrival {
    uint64_t id;
    struct buf record; /* its envelope, encoded */
    struct body *body; /* a reference of ours; NULL: nothing comes */
    bool is_in_file;
    bool is_published; /* the file has its name */
};

struct request {
    struct request *next;
    enum request_kind kind;
    struct spool_client *client; /* a reference of ours */
    uint64_t token;
    struct arena memory; /* of rows and connector */

    struct arrival
        arrival; /* REQUEST_ACCEPT: the message; REQUEST_RECORD: a report, or nothing */

    uint64_t id; /* REQUEST_RECORD: what changes */
    const struct recipient_change *rows;
    size_t row_count;
    bool delay_noticed;
    bool wants_all_open;

    struct spool_edit edit; /* REQUEST_EDIT: with copies of ids and queue */
    size_t changed;         /* messages that it changed */

    bool suspended; /* REQUEST_SUSPEND: what becomes of the queue of connector */

    struct slice connector;

    int64_t now_unix_ms; /* REQUEST_EDIT: what is retried becomes due then */

    bool is_settled;
    struct err err; /* kind ERR_NONE: it is done */
};

/* NULL: no memory. The client is set at hand-in. */
struct request *request_new(enum request_kind kind);

/* Copies rows; false: no memory. */
MUST_USE bool request_take_rows(struct request *request, const struct recipient_change *rows,
                                size_t count);

/* Copies the edit; false: no memory. */
MUST_USE bool request_take_edit(struct request *request, const struct spool_edit *edit);

/* What waits in memory because of it. */
uint64_t request_octets(const struct request *request);

/* Settle it; why NULL: it went well. The first word counts. */
void request_settle(struct request *request, const struct err *why);

/* Gives up what it holds but the answer: memory and bodies are needed elsewhere. */
void request_drop_load(struct request *request);

/* Not the client: whoever took the reference gives it back. */
void request_free(struct request **request);

/* ---- A queue of requests ----------------------------------------------------------------------
 */

struct request_list {
    struct request *first, *last;
    size_t count;
    uint64_t octets;
};

void request_list_add(struct request_list *list, struct request *request);
struct request *request_list_take(struct request_list *list); /* NULL: empty */

#endif
