/*
 * fail_call.c - a library to be preloaded: the N-th call of one kind that concerns a file below a
 * folder fails, once or for good; or all of them hang for a while.
 *
 *     FAIL_ROOT   the folder, absolute and without links
 *     FAIL_CALL   write (all of its kinds), sync (both), rename, create
 *     FAIL_HOLD   a file: while it is there, such calls wait. Without FAIL_AT that is all.
 *     FAIL_AT     which call of that kind, 1 = the first
 *     FAIL_WITH   errno
 *     FAIL_ALWAYS set: every later one too
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int
is_ours(int fd)
{
    const char *root = getenv("FAIL_ROOT");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static void
wait_while_held(void)
{
    const char *hold = getenv("FAIL_HOLD");
    while (hold != NULL && access(hold, F_OK) == 0)
        usleep(10 * 1000);
}

/* Shall this call fail? Sets errno. */
static int
shall_fail(const char *call, int fd)
{
    const char *wanted = getenv("FAIL_CALL");
    if (wanted == NULL || strcmp(wanted, call) != 0 || !is_ours(fd))
        return 0;
    wait_while_held();
    if (getenv("FAIL_AT") == NULL)
        return 0;
    long at = strtol(getenv("FAIL_AT"), NULL, 10);
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (now != at && (now < at || getenv("FAIL_ALWAYS") == NULL))
        return 0;
    errno = (int)strtol(getenv("FAIL_WITH"), NULL, 10);
    return 1;
}

ssize_t
write(int fd, const void *octets, size_t len)
{
    return shall_fail("write", fd) ? -1 : syscall(SYS_write, fd, octets, len);
}
ssize_t
pwrite(int fd, const void *octets, size_t len, off_t offset)
{
    return shall_fail("write", fd) ? -1 : syscall(SYS_pwrite64, fd, octets, len, offset);
}
ssize_t
pwrite64(int fd, const void *octets, size_t len, off_t offset)
{
    return shall_fail("write", fd) ? -1 : syscall(SYS_pwrite64, fd, octets, len, offset);
}
ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    return shall_fail("write", fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}
int
fsync(int fd)
{
    return shall_fail("sync", fd) ? -1 : (int)syscall(SYS_fsync, fd);
}
int
fdatasync(int fd)
{
    return shall_fail("sync", fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
int
renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return shall_fail("rename", from_folder)
               ? -1
               : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int
openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    if ((flags & O_CREAT) != 0 && shall_fail("create", folder))
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
int
openat64(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    return openat(folder, path, flags, mode);
}
