#include "gateway/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/id.h"
#include "gateway/base/mem.h"

enum { LOG_GATHER = 32 * 1024 };

static const struct {
    const char *name;
    enum log_level level;
    const char *keys;
} events[EV_COUNT] = {
#define EVENT(name, level, keys, sentence) {#name, LOG_##level, keys},
#include "gateway/base/events.def"
#undef EVENT
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct log {
    int fd;
    enum log_level least;
    pthread_mutex_t lock; /* guards gathered */
    struct buf gathered;
};

struct log *
log_new(int fd, enum log_level least)
{
    struct log *log = mem_new(sizeof *log);
    if (log == NULL)
        return NULL;
    log->fd = fd;
    log->least = least;
    pthread_mutex_init(&log->lock, NULL);
    buf_init(&log->gathered, LOG_GATHER + sizeof((struct log_line *)0)->room);
    return log;
}

static void
write_out(struct log *log)
{
    struct slice rest = buf_slice(&log->gathered);
    while (rest.len > 0) {
        ssize_t n = write(log->fd, rest.ptr, rest.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody reads any more: there is nowhere left to say so */
        slice_skip(&rest, (size_t)n);
    }
    buf_clear(&log->gathered);
}

void
log_flush(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->gathered.len > 0)
        write_out(log);
    pthread_mutex_unlock(&log->lock);
}

void
log_free(struct log **log)
{
    if (*log == NULL)
        return;
    log_flush(*log);
    pthread_mutex_destroy(&(*log)->lock);
    buf_fini(&(*log)->gathered);
    mem_free(log);
}

const char *
log_event_name(enum log_event event, char room[40])
{
    size_t i = 0;
    for (; events[event].name[i] != '\0' && i < 39; i++)
        room[i] = events[event].name[i] == '_' ? '-' : events[event].name[i];
    room[i] = '\0';
    return room;
}

static void
begin(struct log_line *line, struct log *log, enum log_event event, enum log_level level,
      uint64_t id)
{
    line->log = log != NULL && level >= log->least ? log : NULL;
    if (line->log == NULL)
        return;
    line->event = event;
    line->keys_used = 0;
    /* The room is on the stack: the buffer must never try to grow it. */
    line->text =
        (struct buf){.data = line->room, .cap = sizeof line->room, .max = sizeof line->room - 1};

    char text[CLOCK_TEXT];
    char name[40];
    clock_iso(clock_unix_ms(), text);
    buf_put_str(&line->text, "time=");
    buf_put_str(&line->text, text);
    buf_put_str(&line->text, " level=");
    buf_put_str(&line->text, level_names[level]);
    buf_put_str(&line->text, " event=");
    buf_put_str(&line->text, log_event_name(event, name));
    if (id != 0) {
        char id_room[ID_TEXT];
        id_text(id, id_room);
        buf_put_str(&line->text, " id=");
        buf_put_str(&line->text, id_room);
    }
}

void
log_begin(struct log_line *line, struct log *log, enum log_event event, uint64_t id)
{
    begin(line, log, event, events[event].level, id);
}

void
log_begin_quiet(struct log_line *line, struct log *log, enum log_event event, uint64_t id)
{
    begin(line, log, event, LOG_DEBUG, id);
}

/* Find key in the row's list, at or behind the last one used: this keeps the order stable. */
static void
use_key(struct log_line *line, const char *key)
{
    struct slice keys = slice_str(events[line->event].keys);
    slice_skip(&keys, line->keys_used);
    while (keys.len > 0) {
        size_t n = slice_find(keys, ' ');
        bool found = slice_is(slice_head(keys, n), key);
        slice_skip(&keys, n < keys.len ? n + 1 : n);
        if (found) {
            line->keys_used = (size_t)(keys.ptr - events[line->event].keys);
            return;
        }
    }
    must_fail(key, "events.def row lacks this key, or it is out of order: ", (int)line->event);
}

static bool
needs_quotes(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!ascii_is_print(c) || c == ' ' || c == '"' || c == '\\' || c == '=')
            return true;
    }
    return value.len == 0;
}

static void
put_escaped(struct buf *b, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '"' || c == '\\') {
            char pair[2] = {'\\', c};
            buf_put(b, slice(pair, 2));
        } else if (ascii_is_print(c)) {
            buf_put_char(b, c);
        } else {
            static const char hex[] = "0123456789abcdef";
            char code[4] = {'\\', 'x', hex[(unsigned char)c >> 4], hex[c & 15]};
            buf_put(b, slice(code, 4));
        }
    }
}

void
log_slice(struct log_line *line, const char *key, struct slice value)
{
    if (line->log == NULL)
        return;
    use_key(line, key);

    size_t before = line->text.len;
    buf_put_char(&line->text, ' ');
    buf_put_str(&line->text, key);
    buf_put_char(&line->text, '=');
    value = slice_head(value, 512);
    if (needs_quotes(value)) {
        buf_put_char(&line->text, '"');
        put_escaped(&line->text, value);
        buf_put_char(&line->text, '"');
    } else {
        buf_put(&line->text, value);
    }
    if (!buf_ok(&line->text)) {
        line->text.over = false;
        buf_truncate(&line->text, before);
    }
}

void
log_str(struct log_line *line, const char *key, const char *value)
{
    if (value != NULL)
        log_slice(line, key, slice_str(value));
}

void
log_num(struct log_line *line, const char *key, uint64_t value)
{
    char room[24];
    struct buf digits = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    buf_put_num(&digits, value);
    log_slice(line, key, buf_slice(&digits));
}

void
log_id(struct log_line *line, const char *key, uint64_t id)
{
    char room[ID_TEXT];
    id_text(id, room);
    log_slice(line, key, slice(room, ID_TEXT - 1));
}

void
log_end(struct log_line *line)
{
    struct log *log = line->log;
    if (log == NULL)
        return;
    line->room[line->text.len++] = '\n';

    pthread_mutex_lock(&log->lock);
    buf_put(&log->gathered, buf_slice(&line->text));
    if (log->gathered.len >= LOG_GATHER || events[line->event].level >= LOG_WARN)
        write_out(log);
    pthread_mutex_unlock(&log->lock);
}
