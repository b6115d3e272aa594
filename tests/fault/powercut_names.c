/*
 * powercut_names.c - calls on names: rename, unlink, mkdir, link.
 */
#include "tests/fault/powercut_record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
rename_any(int old_dir, const char *old_name, int new_dir, const char *new_name, unsigned flags)
{
    char from[PATH_MAX], to[PATH_MAX];
    pthread_mutex_lock(&recorder.lock);
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
    pthread_mutex_unlock(&recorder.lock);
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
    pthread_mutex_lock(&recorder.lock);
    path_of_name(dir, name, path);
    int rc = (int)raw(SYS_unlinkat, dir, name, flags);
    int saved = errno;
    if (rc == 0 && is_below(path))
        note('u', 0, 0, 0, path, "", NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
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
    pthread_mutex_lock(&recorder.lock);
    path_of_name(dir, name, path);
    int rc = (int)raw(SYS_mkdirat, dir, name, mode);
    int saved = errno;
    if (rc == 0 && is_below(path))
        note('k', 0, 0, 0, path, "", NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
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
    pthread_mutex_lock(&recorder.lock);
    path_of_name(old_dir, from, source);
    path_of_name(new_dir, to, target);
    int rc = (int)raw(SYS_linkat, old_dir, from, new_dir, to, flags);
    int saved = errno;
    if (rc == 0 && is_below(target))
        note('l', 0, 0, 0, source, target, NULL, 0);
    pthread_mutex_unlock(&recorder.lock);
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
