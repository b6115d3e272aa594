/*
 * diagnosis_private.h - diagnosis.c has the table of outcomes, diagnosis_tls.c what is said of
 * TLS.
 */
#ifndef ROUTE_DIAGNOSIS_PRIVATE_H
#define ROUTE_DIAGNOSIS_PRIVATE_H

#include "gateway/route/diagnosis.h"

/* Fill d->text, which is empty before. c is never NULL. */
void diagnosis_say(struct diagnosis *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A text for a sentence, at most max octets of it: "..." stands where it was cut. */
enum { DIAGNOSIS_NAME = 100 };
const char *diagnosis_name(const char *text, size_t max, char room[DIAGNOSIS_NAME]);

/* "2026-11-22", and with its time: "2026-11-22 20:33 UTC". */
enum { DIAGNOSIS_DAY = 16, DIAGNOSIS_TIME = 24 };
const char *diagnosis_day(int64_t unix_s, char text[DIAGNOSIS_DAY]);
const char *diagnosis_time(int64_t unix_s, char text[DIAGNOSIS_TIME]);

void diagnosis_no_starttls(struct diagnosis *d, const struct diagnosis_context *c);
void diagnosis_handshake(struct diagnosis *d, const struct diagnosis_context *c);

#endif
