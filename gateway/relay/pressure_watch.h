/*
 * pressure_watch.h - keeps an eye on what the gateway lives on, and says how short it is of it.
 *
 * Takes    once a second, on a thread of its own: how long commits take, memory, messages in
 *          custody, the database and the disk of the spool.
 * Gives    the level that sessions ask for at MAIL and outlets before an attempt (any thread; one
 *          relaxed load), a line in the log for each change of a level, all of it for status.
 * Follows  route/pressure.h, which judges; decision 0013.
 *
 * Not on a loop: a disk that hangs may hold up whoever reads from it, and that is when somebody
 * has to notice. What touches the disk is therefore looked at last in each round.
 */
#ifndef RELAY_PRESSURE_WATCH_H
#define RELAY_PRESSURE_WATCH_H

#include "gateway/base/log.h"
#include "gateway/route/pressure.h"
#include "gateway/spool/spool.h"

struct pressure_watch;

/* Nothing is read before it is started. Spool and log are borrowed. NULL: out of memory. */
struct pressure_watch *pressure_watch_new(struct spool *spool, struct log *log);
/* The thread begins. ERR_IO: the system allows no more. */
MUST_USE bool pressure_watch_start(struct pressure_watch *w, struct err *err);
/* Ends the thread, if there is one. NULL is fine. */
void pressure_watch_free(struct pressure_watch **w);

/* The bounds of this configuration count from now on. Any thread. */
void pressure_watch_use(struct pressure_watch *w, const struct config *config);

/* One reading; logs when a level changes. The thread's, and for tests. */
void pressure_watch_judge(struct pressure_watch *w, enum pressure_resource resource,
                          uint64_t reading, uint64_t now_ms);

/* The level of the worst resource; normal when nobody watches (NULL). */
enum pressure_level pressure_watch_level(const struct pressure_watch *w);
/* Is no attempt to be begun? */
bool pressure_watch_pauses_delivery(const struct pressure_watch *w);

/* All there is to show. */
struct pressure pressure_watch_read(struct pressure_watch *w);

/* Why the level is what it is: a sentence; "" while it is normal. */
enum { PRESSURE_WHY = 160 };
void pressure_watch_why(struct pressure_watch *w, char text[PRESSURE_WHY]);

#endif
