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
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 1024 };

enum flag { FLAG_DSYNC = 1 };

struct head {
    char kind;
    unsigned char flags;
    uint16_t zero;
    uint32_t name_len, other_len;
    uint32_t zero_too;
    uint64_t file, offset, data_len;
};

/* What is known of an open descriptor. */
struct open_file {
    uint64_t inode; /* 0: not ours */
    int flags;
    int is_folder;
    char path[PATH_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct open_file files[FILES_MAX];
static uint64_t connections[FILES_MAX]; /* by descriptor; 0: no connection over TCP */
static uint64_t last_connection;
static const char *root;
static unsigned slowness;
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *
real(const char *name)
{
    void *at = dlsym(RTLD_NEXT, name);
    if (at == NULL)
        abort();
    return at;
}

/* The program's own syscall() comes through here as well: libuv closes with it. */
static long (*raw_syscall(void))(long, ...)
{
    static long (*found)(long, ...);
    if (found == NULL)
        *(void **)&found = real("syscall");
    return found;
}
#define raw(...) raw_syscall()(__VA_ARGS__)

static void note(char kind, unsigned char flags, uint64_t file, uint64_t offset, const char *name,
                 const char *other, const void *data, size_t data_len);

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("POWERCUT_LOG");
    const char *slow = getenv("POWERCUT_DISK");
    slowness = slow != NULL ? (unsigned)strtoul(slow, NULL, 10) : 0;
    root = getenv("POWERCUT_ROOT");
    if (root == NULL || path == NULL)
        return;
    log_fd =
        (int)raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        abort();
    note('b', 0, 0, 0, "", "", NULL, 0);
}

/* ---- The record --------------------------------------------------------------------------- */

static void
put(const void *octets, size_t len)
{
    const char *at = octets;
    while (len > 0) {
        long n = raw(SYS_write, log_fd, at, len);
        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}

static void
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
    pthread_mutex_lock(&lock);
    note('m', 0, 0, 0, text, "", NULL, 0);
    pthread_mutex_unlock(&lock);
}

static int
is_below(const char *path)
{
    size_t n = log_fd >= 0 ? strlen(root) : 0;
    if (n == 0 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return 0;
    const char *base = strrchr(path, '/') + 1;
    return strcmp(base, "lock.mdb") != 0 && strcmp(base, "new.mdb-lock") != 0;
}

static void
path_of_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
}

/* The path that (dir, name) means; names here hold no "..". */
static void
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

static struct open_file *
file_of(int fd)
{
    return fd >= 0 && fd < FILES_MAX && files[fd].inode != 0 ? &files[fd] : NULL;
}

/* Whatever the descriptor was, it is that no more. */
static void
forget(int fd)
{
    if (fd < 0 || fd >= FILES_MAX)
        return;
    files[fd].inode = 0;
    if (connections[fd] != 0)
        note('x', 0, connections[fd], 0, "", "", NULL, 0);
    connections[fd] = 0;
}

static void
note_unsupported(const char *what)
{
    note('?', 0, 0, 0, what, "", NULL, 0);
}

static int
is_connection(int fd)
{
    return fd >= 0 && fd < FILES_MAX && connections[fd] != 0;
}

/* ---- Open and close ----------------------------------------------------------------------- */

static int
open_any(int dir, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat st;
    pthread_mutex_lock(&lock);
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
            struct open_file *f = &files[fd];
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
    pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    forget(fd);
    int rc = (int)raw(SYS_close, fd);
    int saved = errno;
    pthread_mutex_unlock(&lock);
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
        usleep(slowness);
    if (is_ours)
        pthread_mutex_lock(&lock);
    struct open_file *f = file_of(fd);
    uint64_t at = f == NULL ? 0 : offset >= 0 ? (uint64_t)offset : place_of(fd, f);
    ssize_t n = offset >= 0 ? raw(SYS_pwrite64, fd, octets, len, offset)
                            : raw(SYS_write, fd, octets, len);
    int saved = errno;
    if (f != NULL && n > 0)
        note('w', flags_of(f), f->inode, at, f->path, "", octets, (size_t)n);
    if (is_connection(fd) && n > 0)
        note('o', 0, connections[fd], 0, "", "", octets, (size_t)n);
    if (is_ours)
        pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(SYS_ftruncate, fd, size);
    int saved = errno;
    if (f != NULL && rc == 0)
        note('t', 0, f->inode, (uint64_t)size, f->path, "", NULL, 0);
    pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(SYS_fallocate, fd, mode, offset, len);
    int saved = errno;
    if (f != NULL && rc == 0) {
        if (mode == 0)
            note('a', 0, f->inode, (uint64_t)(offset + len), f->path, "", NULL, 0);
        else if (mode != FALLOC_FL_KEEP_SIZE)
            note_unsupported("fallocate that changes what is there");
    }
    pthread_mutex_unlock(&lock);
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

static void *
map_any(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if ((protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0) {
        pthread_mutex_lock(&lock);
        if (file_of(fd) != NULL)
            note_unsupported("a shared writable map");
        pthread_mutex_unlock(&lock);
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
        usleep(slowness); /* not under the lock: all others go on meanwhile */
    pthread_mutex_lock(&lock);
    struct open_file *f = file_of(fd);
    int rc = (int)raw(call, fd);
    int saved = errno;
    if (f != NULL && rc == 0)
        note(f->is_folder ? 'd' : 's', 0, f->inode, 0, f->path, "", NULL, 0);
    pthread_mutex_unlock(&lock);
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
    pthread_mutex_lock(&lock);
    if (log_fd >= 0)
        note_unsupported("a sync of the whole system");
    pthread_mutex_unlock(&lock);
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

/* ---- Names -------------------------------------------------------------------------------- */

static int
rename_any(int old_dir, const char *old_name, int new_dir, const char *new_name, unsigned flags)
{
    char from[PATH_MAX], to[PATH_MAX];
    pthread_mutex_lock(&lock);
    path_of_name(old_dir, old_name, from);
    path_of_name(new_dir, new_name, to);
    int rc = (int)raw(SYS_renameat2, old_dir, old_name, new_dir, new_name, flags);
    int saved = errno;
    if (rc == 0 && (is_below(from) || is_below(to))) {
        if (flags == 0)
            note('r', 0, 0, 0, from, to, NULL, 0);
        else
            note_unsupported("renameat2 with flags");
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return rc;
}

int
rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int
renameat(int old_dir, const char *from, int new_dir, const char *to)
{
    return rename_any(old_dir, from, new_dir, to, 0);
}
int
renameat2(int old_dir, const char *from, int new_dir, const char *to, unsigned flags)
{
    return rename_any(old_dir, from, new_dir, to, flags);
}

static int
unlink_any(int dir, const char *name, int flags)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    path_of_name(dir, name, path);
    int rc = (int)raw(SYS_unlinkat, dir, name, flags);
    int saved = errno;
    if (rc == 0 && is_below(path))
        note('u', 0, 0, 0, path, "", NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return rc;
}

int
unlink(const char *path)
{
    return unlink_any(AT_FDCWD, path, 0);
}
int
unlinkat(int dir, const char *path, int flags)
{
    return unlink_any(dir, path, flags);
}
int
rmdir(const char *path)
{
    return unlink_any(AT_FDCWD, path, AT_REMOVEDIR);
}

static int
mkdir_any(int dir, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&lock);
    path_of_name(dir, name, path);
    int rc = (int)raw(SYS_mkdirat, dir, name, mode);
    int saved = errno;
    if (rc == 0 && is_below(path))
        note('k', 0, 0, 0, path, "", NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return rc;
}

int
mkdir(const char *path, mode_t mode)
{
    return mkdir_any(AT_FDCWD, path, mode);
}
int
mkdirat(int dir, const char *path, mode_t mode)
{
    return mkdir_any(dir, path, mode);
}

static int
link_any(int old_dir, const char *from, int new_dir, const char *to, int flags)
{
    char source[PATH_MAX], target[PATH_MAX];
    pthread_mutex_lock(&lock);
    path_of_name(old_dir, from, source);
    path_of_name(new_dir, to, target);
    int rc = (int)raw(SYS_linkat, old_dir, from, new_dir, to, flags);
    int saved = errno;
    if (rc == 0 && is_below(target))
        note('l', 0, 0, 0, source, target, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return rc;
}

int
link(const char *from, const char *to)
{
    return link_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int
linkat(int old_dir, const char *from, int new_dir, const char *to, int flags)
{
    return link_any(old_dir, from, new_dir, to, flags);
}

/* ---- Connections -------------------------------------------------------------------------- */

static void
name_address(const struct sockaddr_storage *a, char text[80])
{
    char ip[64] = "?";
    unsigned port = 0;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)a;
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
        port = ntohs(in->sin_port);
    }
    snprintf(text, 80, "%s:%u", ip, port);
}

/* With the lock held. kind A: by its own address; C: to the peer's. */
static void
note_connection(int fd, char kind, const struct sockaddr *peer)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    int type = 0;
    socklen_t type_len = sizeof type;
    char name[80];
    forget(fd);
    if (log_fd < 0 || fd >= FILES_MAX || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) ||
        type != SOCK_STREAM)
        return;
    if (peer != NULL && peer->sa_family == AF_INET)
        memcpy(&address, peer, sizeof(struct sockaddr_in));
    else if (peer != NULL || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family != AF_INET)
        return;
    name_address(&address, name);
    connections[fd] = ++last_connection;
    note(kind, 0, connections[fd], 0, name, "", NULL, 0);
}

int
accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    pthread_mutex_lock(&lock);
    int fd = (int)raw(SYS_accept4, listener, address, len, flags);
    int saved = errno;
    if (fd >= 0)
        note_connection(fd, 'A', NULL);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}
int
accept(int listener, struct sockaddr *address, socklen_t *len)
{
    return accept4(listener, address, len, 0);
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    pthread_mutex_lock(&lock);
    int rc = (int)raw(SYS_connect, fd, address, len);
    int saved = errno;
    if (rc == 0 || saved == EINPROGRESS)
        note_connection(fd, 'C', address);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return rc;
}

/* Connections do not block, so the lock may be held; other descriptors are none of ours. */
static ssize_t
read_any(int fd, void *octets, size_t len, long call, int flags)
{
    if (!is_connection(fd))
        return call == SYS_read ? raw(SYS_read, fd, octets, len)
                                : raw(SYS_recvfrom, fd, octets, len, flags, NULL, NULL);
    pthread_mutex_lock(&lock);
    ssize_t n = call == SYS_read ? raw(SYS_read, fd, octets, len)
                                 : raw(SYS_recvfrom, fd, octets, len, flags, NULL, NULL);
    int saved = errno;
    if (n > 0 && (flags & MSG_PEEK) == 0)
        note('i', 0, connections[fd], 0, "", "", octets, (size_t)n);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return n;
}

ssize_t
read(int fd, void *octets, size_t len)
{
    return read_any(fd, octets, len, SYS_read, 0);
}
ssize_t
recv(int fd, void *octets, size_t len, int flags)
{
    return read_any(fd, octets, len, SYS_recvfrom, flags);
}
ssize_t
send(int fd, const void *octets, size_t len, int flags)
{
    pthread_mutex_lock(&lock);
    ssize_t n = raw(SYS_sendto, fd, octets, len, flags, NULL, 0);
    int saved = errno;
    if (n > 0 && is_connection(fd))
        note('o', 0, connections[fd], 0, "", "", octets, (size_t)n);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return n;
}

/* The first n octets of these parts. */
static void
note_parts(int fd, char kind, const struct msghdr *message, ssize_t n)
{
    for (size_t i = 0; i < message->msg_iovlen && n > 0; i++) {
        size_t part = message->msg_iov[i].iov_len;
        if (part > (size_t)n)
            part = (size_t)n;
        note(kind, 0, connections[fd], 0, "", "", message->msg_iov[i].iov_base, part);
        n -= (ssize_t)part;
    }
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!is_connection(fd))
        return raw(SYS_sendmsg, fd, message, flags);
    pthread_mutex_lock(&lock);
    ssize_t n = raw(SYS_sendmsg, fd, message, flags);
    int saved = errno;
    note_parts(fd, 'o', message, n);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return n;
}
ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!is_connection(fd))
        return raw(SYS_recvmsg, fd, message, flags);
    pthread_mutex_lock(&lock);
    ssize_t n = raw(SYS_recvmsg, fd, message, flags);
    int saved = errno;
    note_parts(fd, 'i', message, n);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return n;
}
