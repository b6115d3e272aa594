/*
 * doors.h - the listening sockets of a configuration: opened at start, kept over reloads where
 * the address stays, closed when it goes. What comes in through one becomes a session of one of
 * the crew.
 */
#ifndef RELAY_DOORS_H
#define RELAY_DOORS_H

#include "gateway/relay/crew.h"

struct doors;

struct doors *doors_new(struct crew *crew);
/* Closes all of them. */
void doors_free(struct doors **d);

/* Open what the configuration lists and is not open yet. False, with the listener and the reason:
 * what was open before still is; what was opened here goes with the next doors_keep(). */
MUST_USE bool doors_open(struct doors *d, const struct config *config, struct err *err);

/* Close what the configuration does not list; NULL: everything. */
void doors_keep(struct doors *d, const struct config *config);

#endif
