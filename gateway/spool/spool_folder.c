#include "gateway/spool/spool_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

/* check-words: fsync 4: folder, its parent and the key are made here, once */

static bool
disk_error(const char *what, struct err *err)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return err_sys(err, is_full ? ERR_FULL : ERR_IO, "cannot %s", what);
}

static bool
sync_parent(int folder, struct err *err)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return disk_error("open the parent of the spool folder", err);
    bool ok = fsync(parent) == 0 || disk_error("sync the parent of the spool folder", err);
    close(parent);
    return ok;
}

static bool
make_folder(struct spool_folder *f, const char *path, struct err *err)
{
    bool is_new = mkdir(path, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return disk_error("make the spool folder", err);
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0)
        return disk_error("open the spool folder", err);
    /* Mail is nobody else's business, whoever made the folder. */
    if (fchmod(f->fd, 0700) != 0)
        return disk_error("close the spool folder to others", err);
    if (mkdirat(f->fd, "large", 0700) != 0 && errno != EEXIST)
        return disk_error("make the folder large", err);
    if (fsync(f->fd) != 0)
        return disk_error("sync the spool folder", err);
    return sync_parent(f->fd, err);
}

/* ---- Lock --------------------------------------------------------------------------------- */

static bool
say_in_use(int lock, struct err *err)
{
    char text[24] = {0};
    uint64_t pid;
    ssize_t n = pread(lock, text, sizeof text - 1, 0);
    struct slice digits = ascii_trim(
        slice_head(slice(text, n > 0 ? (size_t)n : 0), slice_find(slice_str(text), '\n')));
    if (!ascii_number(digits, INT32_MAX, &pid))
        return err_set(err, ERR_STATE, "in use by another process");
    return err_set(err, ERR_STATE, "in use by process %llu", (unsigned long long)pid);
}

static bool
take_lock(struct spool_folder *f, struct err *err)
{
    f->lock = openat(f->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock < 0)
        return disk_error("open the lock of the spool", err);
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? say_in_use(f->lock, err)
                                    : disk_error("lock the spool", err);
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(f->lock, 0) != 0 || pwrite(f->lock, text, (size_t)len, 0) != len)
        return disk_error("write the lock of the spool", err);
    return true;
}

/* ---- Key ---------------------------------------------------------------------------------- */

static bool
write_key(int fd, struct err *err)
{
    unsigned char key[SPOOL_KEY_OCTETS];
    bool ok = getrandom(key, sizeof key, 0) == (ssize_t)sizeof key &&
              write(fd, key, sizeof key) == (ssize_t)sizeof key && fsync(fd) == 0;
    mem_wipe(key, sizeof key);
    return ok || disk_error("write a new key", err);
}

static bool
make_key(const struct spool_folder *f, struct err *err)
{
    (void)unlinkat(f->fd, "key.new", 0);
    int fd = openat(f->fd, "key.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return disk_error("create a key", err);
    bool ok = write_key(fd, err);
    close(fd);
    TRY(ok);
    if (renameat(f->fd, "key.new", f->fd, "key") != 0 || fsync(f->fd) != 0)
        return disk_error("put the key in place", err);
    return true;
}

static bool
read_key(struct spool_folder *f, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return disk_error("look at the key", err);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        return err_set(err, ERR_CONFIG,
                       "key in the spool folder can be read by others: make it "
                       "mode 0600");
    if (st.st_size != SPOOL_KEY_OCTETS)
        return err_set(err, ERR_CONFIG, "key in the spool folder has %lld octets instead of %d",
                       (long long)st.st_size, SPOOL_KEY_OCTETS);
    if (read(fd, f->key, sizeof f->key) != (ssize_t)sizeof f->key)
        return disk_error("read the key", err);
    return true;
}

static bool
load_key(struct spool_folder *f, struct err *err)
{
    int fd = openat(f->fd, "key", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        TRY(make_key(f, err));
        fd = openat(f->fd, "key", O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return disk_error("open the key", err);
    bool ok = read_key(f, fd, err);
    close(fd);
    return ok;
}

bool
spool_folder_open(struct spool_folder *f, const char *path, struct err *err)
{
    *f = (struct spool_folder){.fd = -1, .lock = -1};
    if (make_folder(f, path, err) && take_lock(f, err) && load_key(f, err))
        return true;
    spool_folder_close(f);
    return err_within(err, "spool %s", path);
}

void
spool_folder_close(struct spool_folder *f)
{
    if (f->lock >= 0)
        close(f->lock);
    if (f->fd >= 0)
        close(f->fd);
    f->lock = f->fd = -1;
    mem_wipe(f->key, sizeof f->key);
}
