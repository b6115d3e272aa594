/*
 * tls_diary.h - a line a day for each connector with a lowered TLS profile: who still needs it?
 *
 * Takes    the numbers of tls_census.h, the configuration in force, the calendar.
 * Gives    event=tls-exception at the first look after midnight (UTC) and when the gateway ends.
 * Why      an exception that nobody counts is never taken back.
 */
#ifndef RELAY_TLS_DIARY_H
#define RELAY_TLS_DIARY_H

#include "config/config.h"
#include "gateway/base/log.h"
#include "gateway/base/metrics.h"

struct tls_diary;

/* log and metrics are borrowed. NULL: out of memory. */
struct tls_diary *tls_diary_new(struct log *log, struct metrics *m, int64_t now_unix_ms);

/* Now and then, and at once after a reload: notes who has the profile, and tells when it is time.
 */
void tls_diary_look(struct tls_diary *d, const struct config *config, int64_t now_unix_ms);

/* Tells the rest first. NULL is fine. */
void tls_diary_free(struct tls_diary **d);

#endif
