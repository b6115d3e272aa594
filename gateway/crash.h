/*
 * crash.h - a word before the process dies of its own fault (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
 * SIGABRT): whoever kills it from outside, or takes its memory or power, is not meant.
 */
#ifndef GATEWAY_CRASH_H
#define GATEWAY_CRASH_H

#include "gateway/spool/in_flight.h"

/* From now on a crash is noted there; NULL: nowhere. Then the signal does what it would have
 * done.
 */
void crash_watch(struct in_flight *f);

#endif
