/*
 * tracking_index.h - where in a tracking file the lines about something stand: beside each
 * complete file NAME.log lies NAME.idx, made once, of hashes in order:
 *
 *     "FGTI" version, size of the file that it is about, how many entries; (hash, offset) ...
 *
 * Hashes are spread evenly, so an entry is found by guessing its place: a look into a file takes
 * one or two pages, whatever its size. An entry takes 12 octets; a line has four to five of them.
 * What is found is only a candidate: the line says whether it is meant.
 */
#ifndef JOURNAL_TRACKING_INDEX_H
#define JOURNAL_TRACKING_INDEX_H

#include "gateway/journal/tracking.h"

enum tracking_key {
    TRACKING_BY_MESSAGE_ID,
    TRACKING_BY_ID,
    TRACKING_BY_SENDER,
    TRACKING_BY_RECIPIENT
};

uint64_t tracking_hash(enum tracking_key key, struct slice value);

/* For struct journal_settings: make the index of a complete file, if it has none yet; and take it
 * away with the file. What cannot be written is left out: the file is read as a whole then. */
void tracking_index_make(void *context, int folder, const char *name);
void tracking_index_remove(void *context, int folder, const char *name);

/* Offsets of the lines that may be meant, ascending, at most max; how many. False: there is no
 * index that fits the file. */
MUST_USE bool tracking_index_find(int folder, const char *name, uint64_t file_size, uint64_t hash,
                                  uint32_t *offsets, size_t max, size_t *count);

/* Each key of a line: each(context, hash). */
void tracking_index_keys(const struct slice fields[TRACKING_FIELD_COUNT],
                         void (*each)(void *context, uint64_t hash), void *context);

#endif
