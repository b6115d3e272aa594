#include "gateway/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/utf8.h"
#include "gateway/journal/journal_files.h"

enum {
    WRITE_EVERY_MS = 200,
    WRITE_AT = 256 * 1024, /* octets that wait: written at once */
    TEXT_MAX = 512,
};

struct journal {
    struct journal_settings settings;
    char folder_path[4096], prefix[16], log_type[64], fields[TEXT_MAX];
    pthread_t thread;

    pthread_mutex_t lock; /* these */
    pthread_cond_t more;
    struct buf waiting; /* lines with CR LF */
    bool is_stopping;
    uint64_t dropped;

    /* The thread's own: */
    int folder;
    int fd; /* -1: no file is open */
    char name[JOURNAL_NAME_MAX];
    uint32_t day, number;
    uint64_t size;
    struct buf writing;
    bool has_complained;
};

/* ---- Lines ---- */

void
journal_put_value(struct buf *line, struct slice value)
{
    bool is_text = utf8_is_ascii(value) || utf8_is_text(value);
    bool quotes = memchr(value.ptr ? value.ptr : "", ',', value.len) != NULL ||
                  memchr(value.ptr ? value.ptr : "", '"', value.len) != NULL;
    if (quotes)
        buf_put_char(line, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool bad = c < 0x20 || c == 0x7f || (c > 0x7f && !is_text);
        if (c == '"')
            buf_put_char(line, '"');
        buf_put_char(line, bad ? '?' : (char)c);
    }
    if (quotes)
        buf_put_char(line, '"');
}

void
journal_put(struct journal *j, struct slice line)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    if (buf_room(&j->waiting) >= line.len + 2) {
        size_t before = j->waiting.len;
        buf_put(&j->waiting, line);
        buf_put_str(&j->waiting, "\r\n");
        if (!buf_ok(&j->waiting)) { /* no memory: no half line */
            buf_truncate(&j->waiting, before);
            j->waiting.over = false;
            j->dropped++;
        }
    } else {
        j->dropped++;
    }
    if (j->waiting.len >= WRITE_AT)
        pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
}

/* ---- The file ---- */

static void
complain(struct journal *j, const char *what)
{
    struct log_line line;
    if (j->has_complained)
        return;
    j->has_complained = true;
    log_begin(&line, j->settings.log, EV_journal_trouble, 0);
    log_str(&line, "folder", j->folder_path);
    log_str(&line, "why", what);
    log_end(&line);
}

static void
drop(struct journal *j, uint64_t lines)
{
    if (j->settings.dropped != NULL)
        counter_add(j->settings.dropped, lines);
}

static uint64_t
count_lines(struct slice text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static void
close_file(struct journal *j)
{
    if (j->fd < 0)
        return;
    close(j->fd);
    j->fd = -1;
    if (j->settings.on_complete != NULL)
        j->settings.on_complete(j->settings.context, j->folder, j->name);
}

static bool
write_all(struct journal *j, struct slice text)
{
    while (text.len > 0) {
        ssize_t n = write(j->fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        slice_skip(&text, (size_t)n);
        j->size += (uint64_t)n;
    }
    return true;
}

static bool
put_head(struct journal *j)
{
    char now[CLOCK_TEXT];
    struct buf head;
    clock_iso(clock_unix_ms(), now);
    buf_init(&head, 2 * TEXT_MAX);
    buf_printf(&head,
               "#Software: Microsoft Exchange Server\r\n#Version: 8.0.0.0\r\n#Log-Type: %s\r\n"
               "#Date: %s\r\n#Fields: %s\r\n",
               j->log_type, now, j->fields);
    bool ok = write_all(j, buf_slice(&head));
    buf_fini(&head);
    return ok;
}

static bool
open_file(struct journal *j, uint32_t day)
{
    if (day != j->day)
        j->number = journal_last_number(j->folder, j->prefix, day);
    j->day = day;
    j->number++;
    j->size = 0;
    snprintf(j->name, sizeof j->name, "%s%08u-%u.log", j->prefix, day, j->number);
    j->fd = openat(j->folder, j->name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (j->fd >= 0 && put_head(j)) {
        journal_tidy(j->folder, j->prefix, &j->settings);
        return true;
    }
    complain(j, strerror(errno));
    close_file(j);
    return false;
}

/* Half a line is worse than none: what could not be written whole is taken back. */
static void
write_lines(struct journal *j)
{
    uint32_t day = journal_day_of(clock_unix_ms());
    struct slice text = buf_slice(&j->writing);
    if (text.len == 0)
        return;
    if (j->fd >= 0 && (j->day != day || j->size >= j->settings.file_size))
        close_file(j);
    if (j->fd < 0 && !open_file(j, day)) {
        drop(j, count_lines(text));
        return;
    }
    uint64_t before = j->size;
    if (write_all(j, text)) {
        j->has_complained = false;
        return;
    }
    complain(j, strerror(errno));
    drop(j, count_lines(text));
    if (ftruncate(j->fd, (off_t)before) == 0)
        j->size = before;
    else
        close_file(j);
}

/* ---- The thread ---- */

/* False: the end. */
static bool
take_lines(struct journal *j)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WRITE_EVERY_MS * 1000L * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&j->lock);
    if (!j->is_stopping && j->waiting.len < WRITE_AT)
        (void)pthread_cond_timedwait(&j->more, &j->lock, &until);
    struct buf empty = j->writing;
    j->writing = j->waiting;
    j->waiting = empty;
    buf_clear(&j->waiting);
    uint64_t dropped = j->dropped;
    j->dropped = 0;
    bool goes_on = !j->is_stopping;
    pthread_mutex_unlock(&j->lock);
    if (dropped > 0) {
        drop(j, dropped);
        complain(j, "more lines came than could be written");
    }
    return goes_on;
}

static void *
run(void *context)
{
    struct journal *j = context;
    bool goes_on;
    journal_complete_old(j->folder, j->prefix, &j->settings);
    do {
        goes_on = take_lines(j);
        write_lines(j);
    } while (goes_on);
    close_file(j);
    return NULL;
}

/* ---- Beginning and end ---- */

bool
journal_new(const struct journal_settings *settings, struct journal **out, struct err *err)
{
    struct journal *j = mem_new(sizeof *j);
    if (j == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    j->settings = *settings;
    slice_copy_text(j->folder_path, sizeof j->folder_path, slice_str(settings->folder));
    slice_copy_text(j->prefix, sizeof j->prefix, slice_str(settings->prefix));
    slice_copy_text(j->log_type, sizeof j->log_type, slice_str(settings->log_type));
    slice_copy_text(j->fields, sizeof j->fields, slice_str(settings->fields));
    buf_init(&j->waiting, JOURNAL_WAITING_MAX);
    buf_init(&j->writing, JOURNAL_WAITING_MAX);
    j->fd = -1;
    (void)mkdir(settings->folder, 0750);
    j->folder = open(settings->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = j->folder >= 0 || err_sys(err, ERR_IO, "%s", settings->folder);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->more, NULL);
    if (ok && pthread_create(&j->thread, NULL, run, j) != 0)
        ok = err_set(err, ERR_NOMEM, "no thread for %s", settings->folder);
    if (!ok) {
        if (j->folder >= 0)
            close(j->folder);
        mem_free(&j);
        return false;
    }
    pthread_setname_np(j->thread, "journal");
    *out = j;
    return true;
}

void
journal_free(struct journal **ref)
{
    struct journal *j = *ref;
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_stopping = true;
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    close(j->folder);
    buf_fini(&j->waiting);
    buf_fini(&j->writing);
    pthread_cond_destroy(&j->more);
    pthread_mutex_destroy(&j->lock);
    mem_free(ref);
}
