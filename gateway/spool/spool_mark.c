/* The spool's mark: a line that the process keeps for the next one, in the file `mark` of the
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/spool/spool.h"
#include "gateway/spool/spool_private.h"

/* check-words: fsync 3: the mark, put in place and taken away; a few times in a reload */

size_t
spool_mark(struct spool *s, char out[SPOOL_MARK_MAX])
{
    int fd = openat(s->folder.fd, "mark", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, SPOOL_MARK_MAX) : 0;
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static bool
disk_error(const char *what, struct err *err)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    return err_sys(err, is_full ? ERR_FULL : ERR_IO, "cannot %s the mark of the spool", what);
}

static bool
take_away(int folder, struct err *err)
{
    if (unlinkat(folder, "mark", 0) != 0)
        return errno == ENOENT || disk_error("remove", err);
    return fsync(folder) == 0 || disk_error("sync the removal of", err);
}

bool
spool_set_mark(struct spool *s, struct slice mark, struct err *err)
{
    int folder = s->folder.fd;
    must(mark.len <= SPOOL_MARK_MAX);
    if (mark.len == 0)
        return take_away(folder, err);
    int fd = openat(folder, "mark.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return disk_error("make", err);
    bool ok = write(fd, mark.ptr, mark.len) == (ssize_t)mark.len && fsync(fd) == 0;
    ok = (close(fd) == 0) && ok;
    if (!ok || renameat(folder, "mark.new", folder, "mark") != 0 || fsync(folder) != 0)
        return disk_error("write", err);
    return true;
}
