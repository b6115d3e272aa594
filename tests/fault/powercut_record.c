/*
 * powercut_record.c - a library to be preloaded: writes down everything that a program does to
 * the files below a folder, in order, with the data, so that powercut.py can tell what a power
 * cut would have left at any moment; and between them what it says and hears over TCP, so that
 * the moments of its promises have their place in the same order.
 *
 *     POWERCUT_ROOT   the folder, absolute and without links
 *     POWERCUT_LOG    where to write the record; a later process goes on where the first one
 * ended
 *
 * One lock is held over each call and its line in the record, so the order of the record is the
 * order of effects. Both name families are wrapped (pwrite and pwrite64, ...). Locks of LMDB are
 * no data and are left out. What the model does not know (shared writable maps, sync of the whole
 * system) is written down as unsupported and fails the test.
 *
 * A record: kind, flags, two octets of zero, lengths of both names (4 each), four octets of zero,
 * file (8), offset (8), length of data (8), then names and data; in this machine's order of
 * octets. Kinds:
 *
 *     b  a process begins                      A C  accepted (by name) or dialled (to name)
 *     m  a mark of the program itself          o i  octets out and in
 *     c t a w  create, truncate, allocate,     x    closed
 *              write                           (file is the number of the connection)
 *     r u k l  rename, unlink, mkdir, link
 *     s d      sync of a file, of a folder     ?    what the model does not know
 */
#include "tests/fault/powercut_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct head {
    char kind;
    unsigned char flags;
    uint16_t zero;
    uint32_t name_len, other_len;
    uint32_t zero_too;
    uint64_t file, offset, data_len;
};

struct recorder recorder = {.lock = PTHREAD_MUTEX_INITIALIZER, .log_fd = -1};

void *
real(const char *name)
{
    void *at = dlsym(RTLD_NEXT, name);
    if (at == NULL)
        abort();
    return at;
}

long (*raw_syscall(void))(long, ...)
{
    static long (*found)(long, ...);
    if (found == NULL)
        *(void **)&found = real("syscall");
    return found;
}

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("POWERCUT_LOG");
    const char *slow = getenv("POWERCUT_DISK");
    recorder.slowness = slow != NULL ? (unsigned)strtoul(slow, NULL, 10) : 0;
    recorder.root = getenv("POWERCUT_ROOT");
    if (recorder.root == NULL || path == NULL)
        return;
    recorder.log_fd =
        (int)raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (recorder.log_fd < 0)
        abort();
    note('b', 0, 0, 0, "", "", NULL, 0);
}

/* ---- The record --------------------------------------------------------------------------- */

static void
put(const void *octets, size_t len)
{
    const char *at = octets;
    while (len > 0) {
        long n = raw(SYS_write, recorder.log_fd, at, len);
        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}

void
note(char kind, unsigned char flags, uint64_t file, uint64_t offset, const char *name,
     const char *other, const void *data, size_t data_len)
{
    struct head head = {.kind = kind,
                        .flags = flags,
                        .name_len = (uint32_t)strlen(name),
                        .other_len = (uint32_t)strlen(other),
                        .file = file,
                        .offset = offset,
                        .data_len = data_len};
    put(&head, sizeof head);
    put(name, head.name_len);
    put(other, head.other_len);
    put(data, data_len);
}

/* For the program under test: a line of its own in the record. */
void powercut_mark(const char *text);
void
powercut_mark(const char *text)
{
    pthread_mutex_lock(&recorder.lock);
    note('m', 0, 0, 0, text, "", NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
}

bool
is_below(const char *path)
{
    size_t n = recorder.log_fd >= 0 ? strlen(recorder.root) : 0;
    if (n == 0 || strncmp(path, recorder.root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return false;
    const char *base = strrchr(path, '/') + 1;
    return strcmp(base, "lock.mdb") != 0 && strcmp(base, "new.mdb-lock") != 0;
}

void
path_of_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
}

void
path_of_name(int dir, const char *name, char path[PATH_MAX])
{
    char base[PATH_MAX];
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    if (dir == AT_FDCWD) {
        if (getcwd(base, sizeof base) == NULL)
            abort();
    } else {
        path_of_fd(dir, base);
    }
    if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX)
        abort();
}

struct open_file *
file_of(int fd)
{
    return fd >= 0 && fd < FILES_MAX && recorder.files[fd].inode != 0 ? &recorder.files[fd]
                                                                      : NULL;
}

void
forget(int fd)
{
    if (fd < 0 || fd >= FILES_MAX)
        return;
    recorder.files[fd].inode = 0;
    if (recorder.connections[fd] != 0)
        note('x', 0, recorder.connections[fd], 0, "", "", NULL, 0);
    recorder.connections[fd] = 0;
}

void
note_unsupported(const char *what)
{
    note('?', 0, 0, 0, what, "", NULL, 0);
}

bool
is_connection(int fd)
{
    return fd >= 0 && fd < FILES_MAX && recorder.connections[fd] != 0;
}
