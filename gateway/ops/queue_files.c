#include "gateway/ops/queue_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ops/control_words.h"

/* check-words: fsync 2: exported messages and their folder are durable before the last word */

enum { SHORT = 64 * 1024, NAME_ROOM = QUEUE_NAME_MAX + 16 };

/* ---- Answers ---- */

static bool
write_all(int fd, struct slice octets, const char *what, struct err *err)
{
    while (octets.len > 0) {
        ssize_t n = write(fd, octets.ptr, octets.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, "%s", what);
        slice_skip(&octets, (size_t)n);
    }
    return true;
}

/* All but the last octets, which may be the end. */
static bool
print_most(struct buf *text, struct err *err)
{
    struct slice most = slice_head(buf_slice(text), text->len - CONTROL_END);
    TRY(write_all(STDOUT_FILENO, most, "standard output", err));
    buf_drop(text, most.len);
    return true;
}

static bool
print_last(struct buf *text, bool was_short, int *status, struct err *err)
{
    size_t end = text->len > CONTROL_END ? text->len - CONTROL_END : 0;
    *status = control_read_end(slice_from(buf_slice(text), end));
    if (*status < 0)
        return err_set(err, ERR_SYNTAX, "the answer was cut short");
    return write_all(*status == 2 && was_short ? STDERR_FILENO : STDOUT_FILENO,
                     slice_head(buf_slice(text), end), "the answer", err);
}

static bool
print_rest(struct queue_wire *w, struct buf *text, int *status, struct err *err)
{
    bool was_short = true;
    struct slice piece;
    while (queue_wire_piece(w, SHORT, &piece, err)) {
        buf_put(text, piece);
        if (text->len < SHORT)
            continue;
        was_short = false;
        TRY(print_most(text, err));
    }
    return err->kind == ERR_CLOSED && print_last(text, was_short, status, err);
}

bool
queue_files_print(int fd, int *status, struct err *err)
{
    struct queue_wire w;
    struct buf text;
    queue_wire_init(&w, fd, slice(NULL, 0));
    buf_init(&text, 4 * SHORT);
    bool ok = print_rest(&w, &text, status, err);
    buf_fini(&text);
    return ok;
}

/* ---- Export ---- */

static bool
save_file(struct queue_wire *w, int folder, const char *name, uint64_t size, struct err *err)
{
    struct slice piece;
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, ERR_IO, "%s", name);
    bool ok = true;
    for (; ok && size > 0; size -= piece.len) {
        ok = queue_wire_piece(w, SHORT < size ? SHORT : (size_t)size, &piece, err) &&
             write_all(fd, piece, name, err);
        if (!ok)
            break;
    }
    ok = ok && (fsync(fd) == 0 || err_sys(err, ERR_IO, "%s", name));
    ok = close(fd) == 0 && ok;
    if (!ok)
        unlinkat(folder, name, 0); /* half a message is none */
    return ok;
}

/* Files until the other side has said all; what is no file is text. */
static bool
save_all(struct queue_wire *w, int folder, struct buf *line, struct buf *text, struct err *err)
{
    char name[QUEUE_NAME_MAX];
    uint64_t size;
    while (queue_wire_line(w, line, err)) {
        if (queue_wire_file(buf_slice(line), name, &size)) {
            TRY(save_file(w, folder, name, size, err));
            continue;
        }
        buf_put(text, buf_slice(line));
        buf_put_char(text, '\n');
    }
    return err->kind == ERR_CLOSED;
}

bool
queue_files_save(int fd, const char *folder, int *status, struct err *err)
{
    struct queue_wire w;
    struct buf line, text;
    int to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return err_sys(err, ERR_IO, "%s", folder);
    queue_wire_init(&w, fd, slice(NULL, 0));
    buf_init(&line, QUEUE_LINE_MAX);
    buf_init(&text, SHORT);
    bool ok = save_all(&w, to, &line, &text, err) && print_last(&text, true, status, err);
    ok = ok && (fsync(to) == 0 || err_sys(err, ERR_IO, "%s", folder));
    close(to);
    buf_fini(&text);
    buf_fini(&line);
    return ok;
}

/* ---- Import ---- */

static bool
send_all(int fd, struct slice octets, struct err *err)
{
    while (octets.len > 0) {
        ssize_t n = send(fd, octets.ptr, octets.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_CLOSED, "the other side does not take the message");
        slice_skip(&octets, (size_t)n);
    }
    return true;
}

static bool
send_content(int fd, int file, const char *name, uint64_t size, struct err *err)
{
    char piece[SHORT];
    while (size > 0) {
        ssize_t n = read(file, piece, size < sizeof piece ? (size_t)size : sizeof piece);
        if (n <= 0)
            return err_set(err, ERR_IO, "%s: %s", name,
                           n == 0 ? "it is shorter than it was" : strerror(errno));
        TRY(send_all(fd, slice(piece, (size_t)n), err));
        size -= (uint64_t)n;
    }
    return true;
}

static bool
send_file(int fd, int folder, const char *name, struct err *err)
{
    struct stat st;
    struct buf head;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &st) != 0) {
        err_sys(err, ERR_IO, "%s", name);
        if (file >= 0)
            close(file);
        return false;
    }
    buf_init(&head, QUEUE_LINE_MAX);
    queue_wire_put_file(&head, name, (uint64_t)st.st_size);
    bool ok = send_all(fd, buf_slice(&head), err) &&
              send_content(fd, file, name, (uint64_t)st.st_size, err);
    buf_fini(&head);
    close(file);
    return ok;
}

/* "+ id": it is durable there. */
static bool
send_pair(struct queue_wire *w, int folder, const char *json, struct buf *line, struct err *err)
{
    char eml[NAME_ROOM], done[NAME_ROOM];
    size_t stem = strlen(json) - strlen(".json");
    snprintf(eml, sizeof eml, "%.*s.eml", (int)stem, json);
    snprintf(done, sizeof done, "%s.imported", json);
    TRY(send_file(w->fd, folder, json, err) && send_file(w->fd, folder, eml, err) &&
        queue_wire_line(w, line, err));
    struct slice answer = buf_slice(line);
    if (!slice_starts(answer, slice_str("+ "))) {
        fprintf(stderr, "forestgate: %.*s is not imported: %.*s\n", (int)stem, json,
                SLICE_ARG(slice_from(answer, 2)));
        return true;
    }
    printf("%.*s is %.*s here.\n", (int)stem, json, SLICE_ARG(slice_from(answer, 2)));
    return renameat(folder, json, folder, done) == 0 || err_sys(err, ERR_IO, "%s", json);
}

static bool
is_envelope(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && len < QUEUE_NAME_MAX && strcmp(name + len - 5, ".json") == 0;
}

static bool
send_pairs(struct queue_wire *w, DIR *folder, struct buf *line, struct err *err)
{
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        if (is_envelope(entry->d_name))
            TRY(send_pair(w, dirfd(folder), entry->d_name, line, err));
    return send_all(w->fd, slice_str("E\n"), err);
}

bool
queue_files_send(int fd, const char *folder, int *status, struct err *err)
{
    struct queue_wire w;
    struct buf line;
    DIR *from = opendir(folder);
    if (from == NULL)
        return err_sys(err, ERR_IO, "%s", folder);
    queue_wire_init(&w, fd, slice(NULL, 0));
    buf_init(&line, 4 * SHORT);
    bool ok = send_pairs(&w, from, &line, err);
    fflush(stdout);
    if (ok) {
        buf_clear(&line);
        ok = print_rest(&w, &line, status, err);
    }
    closedir(from);
    buf_fini(&line);
    return ok;
}
