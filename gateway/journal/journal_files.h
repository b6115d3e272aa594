/*
 * journal_files.h - the files of a journal in their folder: which there are, which must go.
 */
#ifndef JOURNAL_JOURNAL_FILES_H
#define JOURNAL_JOURNAL_FILES_H

#include "gateway/journal/journal.h"

/* yyyymmdd of this moment, UTC. */
uint32_t journal_day_of(int64_t unix_ms);

/* The highest number of that day's files; 0: there are none. */
uint32_t journal_last_number(int folder, const char *prefix, uint32_t day);

/* Every file of the prefix, oldest first; how many (at most max, then the newest are left out).
 * */
struct journal_file {
    uint32_t day, number;
    uint64_t size;
    char name[JOURNAL_NAME_MAX];
};
/* The caller's to free with mem_free(); NULL and 0: none, or no memory. */
struct journal_file *journal_list(int folder, const char *prefix, size_t *count);

/* Remove what is too old or too much, oldest first; the newest one stays. */
void journal_tidy(int folder, const char *prefix, const struct journal_settings *settings);

/* on_complete for every file that is there: a process before may have died with one open. */
void journal_complete_old(int folder, const char *prefix,
                          const struct journal_settings *settings);

#endif
