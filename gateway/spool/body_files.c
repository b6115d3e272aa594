#include "gateway/spool/body_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/id.h"

enum { NAME_MAX_OCTETS = ID_TEXT + 8 };

static void
final_name(uint64_t id, char name[NAME_MAX_OCTETS])
{
    id_text(id, name);
}

static void
part_name(uint64_t id, char name[NAME_MAX_OCTETS])
{
    char text[ID_TEXT];
    id_text(id, text);
    snprintf(name, NAME_MAX_OCTETS, "%s.part", text);
}

/* errno says what went wrong with `what`. */
static bool
disk_error(const char *what, const char *name, struct err *err)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return err_sys(err, is_full ? ERR_FULL : ERR_IO, "cannot %s large body %s", what, name);
}

bool
body_files_open(struct body_files *f, int spool_folder, struct err *err)
{
    f->folder = openat(spool_folder, "large", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        return err_sys(err, ERR_IO, "cannot open folder large");
    return true;
}

void
body_files_close(struct body_files *f)
{
    if (f->folder >= 0)
        close(f->folder);
    f->folder = -1;
}

bool
body_files_create(const struct body_files *f, uint64_t id, int *fd, struct err *err)
{
    char name[NAME_MAX_OCTETS];
    part_name(id, name);
    *fd = openat(f->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd >= 0 || disk_error("create", name, err);
}

bool
body_files_write(int fd, struct slice octets, struct err *err)
{
    while (octets.len > 0) {
        ssize_t n = write(fd, octets.ptr, octets.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_error("write", "", err);
        slice_skip(&octets, (size_t)n);
    }
    return true;
}

bool
body_files_sync(int fd, struct err *err)
{
    return fdatasync(fd) == 0 || disk_error("sync", "", err);
}

bool
body_files_publish(const struct body_files *f, uint64_t id, struct err *err)
{
    char from[NAME_MAX_OCTETS];
    char to[NAME_MAX_OCTETS];
    part_name(id, from);
    final_name(id, to);
    return renameat(f->folder, from, f->folder, to) == 0 || disk_error("rename", from, err);
}

bool
body_files_sync_names(const struct body_files *f, struct err *err)
{
    return fsync(f->folder) == 0 || disk_error("sync the folder of", "", err);
}

void
body_files_discard(const struct body_files *f, uint64_t id)
{
    char name[NAME_MAX_OCTETS];
    part_name(id, name);
    (void)unlinkat(f->folder, name, 0); /* what stays is removed at the next start */
}

bool
body_files_find(const struct body_files *f, uint64_t id, int *fd, uint64_t *size, struct err *err)
{
    char name[NAME_MAX_OCTETS];
    final_name(id, name);
    *fd = openat(f->folder, name, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return disk_error("open", name, err);
    struct stat st;
    if (fstat(*fd, &st) != 0) {
        disk_error("look at", name, err);
        close(*fd);
        return false;
    }
    *size = (uint64_t)st.st_size;
    return true;
}

bool
body_files_read(int fd, uint64_t offset, char *to, size_t max, size_t *got, struct err *err)
{
    *got = 0;
    while (*got < max) {
        ssize_t n = pread(fd, to + *got, max - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_error("read", "", err);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return true;
}

bool
body_files_remove(const struct body_files *f, uint64_t id, struct err *err)
{
    char name[NAME_MAX_OCTETS];
    final_name(id, name);
    return unlinkat(f->folder, name, 0) == 0 || errno == ENOENT ||
           disk_error("remove", name, err);
}

bool
body_files_sweep(const struct body_files *f,
                 bool (*wanted)(void *context, const char *name, uint64_t id), void *context,
                 struct err *err)
{
    int fd = openat(f->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        err_sys(err, ERR_IO, "cannot list folder large");
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(list)) != NULL) {
        uint64_t id = 0;
        if (slice_is(slice_str(entry->d_name), ".") || slice_is(slice_str(entry->d_name), ".."))
            continue;
        if (!id_parse(slice_str(entry->d_name), &id))
            id = 0;
        if (!wanted(context, entry->d_name, id) && unlinkat(f->folder, entry->d_name, 0) != 0)
            ok = disk_error("remove", entry->d_name, err);
    }
    closedir(list);
    return ok;
}
