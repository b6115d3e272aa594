#include "gateway/relay/process_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A short file of the kernel's as text; "" when there is none. */
static void
read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

uint64_t
process_memory_used(void)
{
    char text[256], *rest; /* pages: of the address space, resident, of these of files, ... */
    read_text("/proc/self/statm", text, sizeof text);
    (void)strtoull(text, &rest, 10);
    uint64_t resident = strtoull(rest, &rest, 10);
    uint64_t of_files = strtoull(rest, &rest, 10);
    uint64_t own = resident > of_files ? resident - of_files : 0;
    return own * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* "max" is no number, and no limit. */
static uint64_t
least_with(uint64_t limit, const char *folder)
{
    char path[PATH_MAX + 64], text[64], *end;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", folder);
    read_text(path, text, sizeof text);
    uint64_t own = strtoull(text, &end, 10);
    return end != text && (limit == 0 || own < limit) ? own : limit;
}

uint64_t
process_memory_limit(void)
{
    char text[PATH_MAX];
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t limit = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    read_text("/proc/self/cgroup", text, sizeof text);
    char *folder = strstr(text, "0::/"); /* "0::/system.slice/forestgate.service\n" */
    if (folder == NULL)
        return limit;
    folder += strlen("0::");
    folder[strcspn(folder, "\n")] = '\0';
    for (char *end = strrchr(folder, '/'); end != NULL; end = strrchr(folder, '/')) {
        limit = least_with(limit, folder); /* and that of each group above it */
        *end = '\0';
    }
    return limit;
}
