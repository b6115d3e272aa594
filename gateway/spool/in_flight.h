/*
 * in_flight.h - which messages are being delivered, in a place that outlives the process: the
 * file `in-flight` in the spool folder, mapped into memory.
 *
 * Takes    an id when an attempt begins, and when its outcome is recorded; a word when the
 * process
 *          crashes by its own fault.
 * Gives    the ids that were in flight at such a crash, once, to the next process: two crashes
 * make
 *          a message poison (exchange-facts.md 5.4).
 * Costs    a store for each, no system call and no commit. The kernel keeps the page when the
 *          process dies. A power cut may lose it: that was not the message's fault.
 *
 * Threads  enter, leave, has: any. Not a database: what it loses only delays a verdict.
 */
#ifndef SPOOL_IN_FLIGHT_H
#define SPOOL_IN_FLIGHT_H

#include <stdint.h>

#include "gateway/base/err.h"

enum { IN_FLIGHT_MAX = 4096 }; /* beyond: not remembered */

struct in_flight;

/* In this folder; made when it is missing, or is not what it should be. When the disk has no room
 * for it, in memory alone. ERR_IO, ERR_NOMEM. */
MUST_USE bool in_flight_open(int folder, struct in_flight **out, struct err *err);
/* Nothing is in flight any more: the end was orderly. */
void in_flight_close(struct in_flight **f);

/* The ids of the last process, if it crashed by its own fault; how many. They are forgotten:
 * asked again it is none. Before the first enter. */
size_t in_flight_at_crash(struct in_flight *f, uint64_t ids[IN_FLIGHT_MAX]);

/* The place of this id, for in_flight_leave(); 0: there was none left. */
uint32_t in_flight_enter(struct in_flight *f, uint64_t id);
void in_flight_leave(struct in_flight *f, uint32_t place);

bool in_flight_has(const struct in_flight *f, uint64_t id);

/* From a signal handler: this is a crash. */
void in_flight_note_crash(struct in_flight *f);

#endif
