/*
 * log.h - one line an event: logfmt, stable names, the id of a session or message in each.
 *
 *     time=2026-11-22T20:33:00.123Z level=info event=received id=0B5… client=10.1.20.4 from=…
 *
 * An event that is not a row of events.def cannot be logged, nor a key that its row lacks; keys
 * stand in the row's order and are left out when they have nothing to say. Values are escaped, so
 * that bytes of a peer never make a second line or a false key. Secrets and message content
 * never get here.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "gateway/base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_event {
#define EVENT(name, level, keys, sentence) EV_##name,
#include "gateway/base/events.def"
#undef EVENT
    EV_COUNT
};

struct log;

/* A log that writes to descriptor fd. Lines gather until log_flush() or 32 KiB; warnings and
 * errors are written at once. Any thread may log. NULL when out of memory. */
struct log *log_new(int fd, enum log_level least);
void log_free(struct log **log); /* flushes */

/* Write what gathered. The loop calls this once a turn. */
void log_flush(struct log *log);

/* A line under construction; lives on the stack. Too long a line loses its last values. */
struct log_line {
    struct log *log; /* NULL: below the least level, nothing will be written */
    enum log_event event;
    size_t keys_used; /* how far in the row's key list we are */
    struct buf text;
    char room[1536];
};

/* Begin a line. log NULL (tests) writes nothing. id 0 = no id. */
void log_begin(struct log_line *line, struct log *log, enum log_event event, uint64_t id);
/* The same at the debug level, whatever the row says: for what only probes do. */
void log_begin_quiet(struct log_line *line, struct log *log, enum log_event event, uint64_t id);
void log_slice(struct log_line *line, const char *key, struct slice value);
void log_str(struct log_line *line, const char *key, const char *value); /* NULL: left out */
void log_num(struct log_line *line, const char *key, uint64_t value);
void log_id(struct log_line *line, const char *key, uint64_t id);
void log_end(struct log_line *line);

const char *log_event_name(enum log_event event, char room[40]);

#endif
