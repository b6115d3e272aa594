/*
 * program.h - what generator and sink need as programs: their end, numbers, signals, a log.
 *
 * Touches  standard error, the process (program_die ends it with status 2).
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdint.h>

#include "gateway/base/buf.h"

/* "smtp-load: what: why" on standard error, then the end. why: NULL if what says it all. */
_Noreturn void program_die(const char *what, const char *why);

/* An option's number, up to 2^30; anything else is the end. */
uint64_t program_number(const char *text);

/* A log to append to, or -1 if path is NULL. */
int program_open_log(const char *path);

/* One line, one write: whoever reads the log while we run never sees half of one. */
void program_log(int log, const struct buf *line);

/* Have epoll tell what when fd has input. */
void program_watch(int epoll, int fd, void *what);

/* From now on these signals (up to the closing 0) are input of the descriptor that is returned.
 */
int program_open_signals(const int *signals);

/* The signal that came, or 0. */
int program_signal(int fd);

#endif
