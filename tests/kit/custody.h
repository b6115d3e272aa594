/*
 * custody.h - a spool in a folder of its own for a test, with one client that waits for answers.
 */
#ifndef KIT_CUSTODY_H
#define KIT_CUSTODY_H

#include <pthread.h>

#include "gateway/spool/spool.h"

/* A client whose wake ends a wait. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    size_t wakes;
    struct spool_client *client;
};

void waiter_open(struct waiter *w, struct spool *s);
void waiter_close(struct waiter *w);
/* The next answer; waits as long as it takes. */
struct spool_answer waiter_next(struct waiter *w);

struct custody {
    char path[64];
    struct spool_settings settings; /* change before custody_open() */
    struct spool *spool;
    struct spool_found found;
    struct waiter waiter;
    struct arena arena; /* of what custody_read() gives */
    size_t failures;    /* calls of on_failure */
};

/* A new empty folder and modest settings; bodies of 10 000 octets and more are files. */
void custody_init(struct custody *c);
/* Closes and removes everything. */
void custody_fini(struct custody *c);

void custody_open(struct custody *c); /* must succeed */
void custody_close(struct custody *c);
void custody_reopen(struct custody *c);

/* An envelope to one recipient, waiting at connector since received_unix_ms, due at due_unix_ms.
 * The recipient is memory of the caller. */
struct envelope custody_envelope(struct envelope_recipient *r, const char *connector,
                                 int64_t received_unix_ms, int64_t due_unix_ms);

/* A draft with a body of `size` octets that depend on salt; checked by custody_body_is(). */
struct spool_draft *custody_draft(struct custody *c, size_t size, unsigned salt);
bool custody_body_is(struct custody *c, uint64_t id, size_t size, unsigned salt);

/* Commit and wait; the id, or 0 when it was refused (err filled). */
uint64_t custody_accept(struct custody *c, struct envelope *e, size_t size, unsigned salt,
                        struct err *err);
/* A message for one recipient at connector, due at once. */
uint64_t custody_accept_plain(struct custody *c, const char *connector, size_t size,
                              unsigned salt);

/* Record and wait. */
struct spool_answer custody_record(struct custody *c, struct spool_change *change);
struct spool_answer custody_record_one(struct custody *c, uint64_t id, uint32_t index,
                                       enum recipient_state state, const char *connector,
                                       int64_t due_unix_ms);

/* The envelope, in the arena; false: there is none. */
bool custody_read(struct custody *c, uint64_t id, struct envelope *out);

/* How many files lie in `large`. */
size_t custody_large_files(const struct custody *c);

#endif
