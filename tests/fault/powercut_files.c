/*
 * powercut_files.c - calls on files: open, close, write, size, sync.
 */
#include "tests/fault/powercut_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- Open and close ----------------------------------------------------------------------- */

static int
open_any(int dir, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat st;
    pthread_mutex_lock(&recorder.lock);
    int was_there = fstatat(dir, name, &st, 0) == 0;
    uint64_t old_size = was_there ? (uint64_t)st.st_size : 0;
    int fd = (int)raw(SYS_openat, dir, name, flags, mode);
    int saved = errno;
    if (fd >= 0) {
        forget(fd);
        path_of_fd(fd, path);
        if (is_below(path) && fstat(fd, &st) == 0) {
            if (fd >= FILES_MAX)
                abort();
            struct open_file *f = &recorder.files[fd];
            f->inode = st.st_ino;
            f->flags = flags;
            f->is_folder = S_ISDIR(st.st_mode);
            memcpy(f->path, path, sizeof path);
            if (!was_there)
                note('c', 0, st.st_ino, 0, path, "", NULL, 0);
            else if ((flags & O_TRUNC) != 0 && old_size > 0)
                note('t', 0, st.st_ino, 0, path, "", NULL, 0);
        }
    }
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return fd;
}

static mode_t
mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(args, int) : 0;
}

#define WRAP_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                   \
    {                                                                                            \
        va_list args;                                                                            \
        va_start(args, flags);                                                                   \
        mode_t mode = mode_of(flags, args);                                                      \
        va_end(args);                                                                            \
        return open_any(AT_FDCWD, path, flags, mode);                                            \
    }
#define WRAP_OPENAT(name)                                                                        \
    int name(int dir, const char *path, int flags, ...)                                          \
    {                                                                                            \
        va_list args;                                                                            \
        va_start(args, flags);                                                                   \
        mode_t mode = mode_of(flags, args);                                                      \
        va_end(args);                                                                            \
        return open_any(dir, path, flags, mode);                                                 \
    }
WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

/* What the fortified calls become. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
int
__open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int
__open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}
int
__openat_2(int dir, const char *path, int flags)
{
    return open_any(dir, path, flags, 0);
}
int
__openat64_2(int dir, const char *path, int flags)
{
    return open_any(dir, path, flags, 0);
}

int
close(int fd)
{
    pthread_mutex_lock(&recorder.lock);
    forget(fd);
    int rc = (int)raw(SYS_close, fd);
    int saved = errno;
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return rc;
}

/* libuv's way to close. Six arguments are what a call to the kernel can have. */
long
syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_close)
        return close((int)a[0]);
    return raw(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- Writes ------------------------------------------------------------------------------- */

static unsigned char
flags_of(const struct open_file *f)
{
    return (f->flags & O_DSYNC) != 0 ? FLAG_DSYNC : 0; /* O_SYNC holds O_DSYNC */
}

/* Where a write without an offset goes. */
static uint64_t
place_of(int fd, const struct open_file *f)
{
    struct stat st;
    if ((f->flags & O_APPEND) != 0 && fstat(fd, &st) == 0)
        return (uint64_t)st.st_size;
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

/* offset < 0: at the descriptor's own place. What is none of ours goes by without the lock: libuv
 * writes to a pipe of its own when a signal interrupts us. */
static ssize_t
write_any(int fd, const void *octets, size_t len, off_t offset)
{
    bool is_ours = file_of(fd) != NULL || is_connection(fd);
    if (file_of(fd) != NULL && flags_of(file_of(fd)) != 0)
        usleep(recorder.slowness);
    if (is_ours)
        pthread_mutex_lock(&recorder.lock);
    struct open_file *f = file_of(fd);
    uint64_t at = f == NULL ? 0 : offset >= 0 ? (uint64_t)offset : place_of(fd, f);
    ssize_t n = offset >= 0 ? raw(SYS_pwrite64, fd, octets, len, offset)
                            : raw(SYS_write, fd, octets, len);
    int saved = errno;
    if (f != NULL && n > 0)
        note('w', flags_of(f), f->inode, at, f->path, "", octets, (size_t)n);
    if (is_connection(fd) && n > 0)
        note('o', 0, recorder.connections[fd], 0, "", "", octets, (size_t)n);
    if (is_ours)
        pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return n;
}

/* Part by part: for a model of power cuts it makes no difference. */
static ssize_t
writev_any(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n =
            write_any(fd, parts[i].iov_base, parts[i].iov_len, offset >= 0 ? offset + total : -1);
        if (n < 0)
            return total > 0 ? total : n;
        total += n;
        if ((size_t)n < parts[i].iov_len)
            break;
    }
    return total;
}

ssize_t
write(int fd, const void *octets, size_t len)
{
    return write_any(fd, octets, len, -1);
}
ssize_t
pwrite(int fd, const void *octets, size_t len, off_t offset)
{
    return write_any(fd, octets, len, offset);
}
ssize_t
pwrite64(int fd, const void *octets, size_t len, off_t offset)
{
    return write_any(fd, octets, len, offset);
}
ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    return writev_any(fd, parts, count, -1);
}
ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return writev_any(fd, parts, count, offset);
}
ssize_t
pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return writev_any(fd, parts, count, offset);
}
ssize_t
pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    (void)flags; /* a sync that is asked for here is not counted: the model is the stricter */
    return writev_any(fd, parts, count, offset);
}
ssize_t
pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    (void)flags;
    return writev_any(fd, parts, count, offset);
}

static int
truncate_any(int fd, off_t size)
{
    pthread_mutex_lock(&recorder.lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(SYS_ftruncate, fd, size);
    int saved = errno;
    if (f != NULL && rc == 0)
        note('t', 0, f->inode, (uint64_t)size, f->path, "", NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return rc;
}

int
ftruncate(int fd, off_t size)
{
    return truncate_any(fd, size);
}
int
ftruncate64(int fd, off_t size)
{
    return truncate_any(fd, size);
}

/* The size grows, unless it was asked not to; what is there stays. */
static int
allocate_any(int fd, int mode, off_t offset, off_t len)
{
    pthread_mutex_lock(&recorder.lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(SYS_fallocate, fd, mode, offset, len);
    int saved = errno;
    if (f != NULL && rc == 0) {
        if (mode == 0)
            note('a', 0, f->inode, (uint64_t)(offset + len), f->path, "", NULL, 0);
        else if (mode != FALLOC_FL_KEEP_SIZE)
            note_unsupported("fallocate that changes what is there");
    }
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return rc;
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    return allocate_any(fd, mode, offset, len);
}
int
fallocate64(int fd, int mode, off_t offset, off_t len)
{
    return allocate_any(fd, mode, offset, len);
}
int
posix_fallocate(int fd, off_t offset, off_t len)
{
    return allocate_any(fd, 0, offset, len) == 0 ? 0 : errno;
}
int
posix_fallocate64(int fd, off_t offset, off_t len)
{
    return allocate_any(fd, 0, offset, len) == 0 ? 0 : errno;
}

/* What deliveries are under way: after a power cut nobody believes it, so it is left out. */
static bool
is_promised(const struct open_file *f)
{
    static const char name[] = "/in-flight";
    size_t len = strlen(f->path);
    return len < sizeof name || strcmp(f->path + len - (sizeof name - 1), name) != 0;
}

static void *
map_any(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if ((protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) {
        pthread_mutex_lock(&recorder.lock);
        if (file_of(fd) != NULL && is_promised(file_of(fd)))
            note_unsupported("a shared writable map");
        pthread_mutex_unlock(&recorder.lock);
    }
    return (void *)raw(SYS_mmap, at, len, protection, flags, fd, offset);
}

void *
mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    return map_any(at, len, protection, flags, fd, offset);
}
void *
mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    return map_any(at, len, protection, flags, fd, offset);
}

/* ---- Syncs -------------------------------------------------------------------------------- */

static int
sync_any(int fd, long call)
{
    if (file_of(fd) != NULL)
        usleep(recorder.slowness); /* not under the lock: all others go on meanwhile */
    pthread_mutex_lock(&recorder.lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(call, fd);
    int saved = errno;
    if (f != NULL && rc == 0)
        note(f->is_folder ? 'd' : 's', 0, f->inode, 0, f->path, "", NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return rc;
}

int
fsync(int fd)
{
    return sync_any(fd, SYS_fsync);
}
int
fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync);
}

static void
refuse_whole(void)
{
    pthread_mutex_lock(&recorder.lock);
    if (recorder.log_fd >= 0)
        note_unsupported("a sync of the whole system");
    pthread_mutex_unlock(&recorder.lock);
}

void
sync(void)
{
    refuse_whole();
    REAL(sync)();
}
int
syncfs(int fd)
{
    refuse_whole();
    return REAL(syncfs)(fd);
}
