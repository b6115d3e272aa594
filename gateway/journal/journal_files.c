#include "gateway/journal/journal_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

enum { FILES_MAX = 1 << 20, DAY_MS = 24 * 60 * 60 * 1000 };

uint32_t
journal_day_of(int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    return (uint32_t)((t.tm_year + 1900) * 10000 + (t.tm_mon + 1) * 100 + t.tm_mday);
}

bool
journal_is_file(const char *name, const char *prefix, uint32_t *day, uint32_t *number)
{
    struct slice rest = slice_str(name);
    uint64_t d, n;
    if (!slice_starts(rest, slice_str(prefix)))
        return false;
    slice_skip(&rest, strlen(prefix));
    struct slice date = slice_head(rest, 8);
    rest = slice_from(rest, 8);
    size_t dot = slice_find(rest, '.');
    if (rest.len < 6 || rest.ptr[0] != '-' || !slice_is(slice_from(rest, dot), ".log") ||
        !ascii_number(date, 99999999, &d) || date.len != 8 ||
        !ascii_number(slice(rest.ptr + 1, dot - 1), UINT32_MAX, &n))
        return false;
    *day = (uint32_t)d;
    *number = (uint32_t)n;
    return true;
}

static int
by_age(const void *a, const void *b)
{
    const struct journal_file *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool
add_file(struct journal_file **list, size_t *count, size_t *cap, int folder, const char *name,
         const char *prefix)
{
    struct journal_file f = {.size = 0};
    struct stat st;
    if (!journal_is_file(name, prefix, &f.day, &f.number) || strlen(name) >= sizeof f.name)
        return true;
    if (*count == *cap) {
        size_t grown_cap = *cap > 0 ? 2 * *cap : 64;
        struct journal_file *grown = mem_resize(*list, grown_cap * sizeof *grown);
        if (grown == NULL)
            return false;
        *list = grown;
        *cap = grown_cap;
    }
    slice_copy_text(f.name, sizeof f.name, slice_str(name));
    f.size = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
    (*list)[(*count)++] = f;
    return *count < FILES_MAX;
}

struct journal_file *
journal_list(int folder, const char *prefix, size_t *count)
{
    struct journal_file *list = NULL;
    struct dirent *entry;
    size_t cap = 0;
    *count = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    while (d != NULL && (entry = readdir(d)) != NULL)
        if (!add_file(&list, count, &cap, folder, entry->d_name, prefix))
            break;
    if (d != NULL)
        closedir(d);
    if (*count > 0)
        qsort(list, *count, sizeof *list, by_age);
    return list;
}

uint32_t
journal_last_number(int folder, const char *prefix, uint32_t day)
{
    size_t count;
    uint32_t last = 0;
    struct journal_file *list = journal_list(folder, prefix, &count);
    for (size_t i = 0; i < count; i++)
        if (list[i].day == day && list[i].number > last)
            last = list[i].number;
    mem_free(&list);
    return last;
}

void
journal_tidy(int folder, const char *prefix, const struct journal_settings *settings)
{
    size_t count;
    uint64_t total = 0;
    struct journal_file *list = journal_list(folder, prefix, &count);
    uint32_t oldest = journal_day_of(clock_unix_ms() - (int64_t)settings->keep_ms - DAY_MS);
    for (size_t i = 0; i < count; i++)
        total += list[i].size;
    for (size_t i = 0; i + 1 < count; i++) {
        if (list[i].day >= oldest && total <= settings->folder_size)
            break;
        if (settings->on_remove != NULL)
            settings->on_remove(settings->context, folder, list[i].name);
        unlinkat(folder, list[i].name, 0);
        total -= list[i].size;
    }
    mem_free(&list);
}

void
journal_complete_old(int folder, const char *prefix, const struct journal_settings *settings)
{
    size_t count;
    if (settings->on_complete == NULL)
        return;
    struct journal_file *list = journal_list(folder, prefix, &count);
    for (size_t i = 0; i < count; i++)
        settings->on_complete(settings->context, folder, list[i].name);
    mem_free(&list);
}
