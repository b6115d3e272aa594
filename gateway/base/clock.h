/*
 * clock.h - time as numbers. Pure code takes a time as an argument; only the edges read a clock.
 *
 * _ms       monotonic milliseconds: waits, deadlines, ages within this process
 * _unix_ms  calendar milliseconds since 1970: what is stored or shown
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);
int64_t clock_unix_ms(void);

/* Monotonic microseconds, to measure what is shorter than a millisecond. */
uint64_t clock_us(void);

enum { CLOCK_TEXT = 40 };

/* "2026-11-22T20:33:00.123Z" */
void clock_iso(int64_t unix_ms, char text[CLOCK_TEXT]);

/* RFC 5322 3.3, in UTC: "Sun, 22 Nov 2026 20:33:00 +0000" */
void clock_rfc5322(int64_t unix_ms, char text[CLOCK_TEXT]);

#endif
