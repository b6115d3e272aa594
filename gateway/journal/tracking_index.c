#include "gateway/journal/tracking_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

enum {
    MAGIC = 0x46475449, /* "FGTI" */
    VERSION = 1,
    VALUE_MAX = 4096,       /* longer values are found by their beginning */
    ENTRIES_MAX = 64 << 20, /* of one file */
};

struct head {
    uint32_t magic, version;
    uint64_t file_size, count;
};

/* Packed: 12 octets. */
struct entry {
    uint32_t high, low, offset;
};

static uint64_t
hash_of(const struct entry *e)
{
    return (uint64_t)e->high << 32 | e->low;
}

/* FNV-1a, and a finish that spreads it over all bits. Addresses do not care about case. */
uint64_t
tracking_hash(enum tracking_key key, struct slice value)
{
    bool folds = key == TRACKING_BY_SENDER || key == TRACKING_BY_RECIPIENT;
    uint64_t h = 14695981039346656037U ^ (uint64_t)key;
    value = slice_head(value, VALUE_MAX);
    for (size_t i = 0; i < value.len; i++)
        h = (h ^ (unsigned char)(folds ? ascii_lower(value.ptr[i]) : value.ptr[i])) *
            1099511628211U;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9U;
    h = (h ^ h >> 27) * 0x94d049bb133111ebU;
    return h ^ h >> 31;
}

static void
give(enum tracking_key key, struct slice field, void (*each)(void *context, uint64_t hash),
     void *context)
{
    char room[VALUE_MAX];
    if (field.len > 0)
        each(context, tracking_hash(key, tracking_value(slice_head(field, VALUE_MAX), room)));
}

void
tracking_index_keys(const struct slice fields[TRACKING_FIELD_COUNT],
                    void (*each)(void *context, uint64_t hash), void *context)
{
    give(TRACKING_BY_MESSAGE_ID, fields[TRACKING_MESSAGE_ID], each, context);
    give(TRACKING_BY_MESSAGE_ID, fields[TRACKING_REFERENCE], each, context);
    give(TRACKING_BY_ID, fields[TRACKING_ID], each, context);
    give(TRACKING_BY_SENDER, fields[TRACKING_SENDER], each, context);
    struct slice list = fields[TRACKING_RECIPIENTS];
    while (list.len > 0) {
        size_t n = slice_find(list, ';');
        give(TRACKING_BY_RECIPIENT, slice_head(list, n), each, context);
        list = slice_from(list, n + 1);
    }
}

/* ---- Making ---- */

struct making {
    struct entry *entries;
    size_t count, cap;
    uint32_t offset; /* of the line that is looked at */
    bool is_over;
};

static void
add(void *context, uint64_t hash)
{
    struct making *m = context;
    if (m->count == m->cap) {
        size_t cap = m->cap > 0 ? 2 * m->cap : 1 << 16;
        struct entry *grown =
            cap <= ENTRIES_MAX ? mem_resize(m->entries, cap * sizeof *grown) : NULL;
        m->is_over = m->is_over || grown == NULL;
        if (grown == NULL)
            return;
        m->entries = grown;
        m->cap = cap;
    }
    m->entries[m->count++] = (struct entry){(uint32_t)(hash >> 32), (uint32_t)hash, m->offset};
}

static void
add_lines(struct making *m, struct slice text)
{
    struct slice fields[TRACKING_FIELD_COUNT];
    const char *start = text.ptr;
    while (text.len > 0) {
        size_t n = slice_find(text, '\n');
        struct slice line = slice_head(text, n > 0 && text.ptr[n - 1] == '\r' ? n - 1 : n);
        m->offset = (uint32_t)(text.ptr - start);
        if (tracking_split(line, fields))
            tracking_index_keys(fields, add, m);
        text = slice_from(text, n + 1);
    }
}

static int
by_hash(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    uint64_t p = hash_of(x), q = hash_of(y);
    if (p != q)
        return p < q ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* NAME.log -> NAME.idx */
static void
index_name(const char *name, const char *ending, char room[JOURNAL_NAME_MAX + 8])
{
    snprintf(room, JOURNAL_NAME_MAX + 8, "%.*s%s", (int)(strlen(name) - 4), name, ending);
}

static bool
write_all(int fd, const void *octets, size_t len)
{
    const char *at = octets;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void
write_index(const struct making *m, int folder, const char *name, uint64_t file_size)
{
    char made[JOURNAL_NAME_MAX + 8], final[JOURNAL_NAME_MAX + 8];
    const struct head head = {MAGIC, VERSION, file_size, m->count};
    index_name(name, ".idx.new", made);
    index_name(name, ".idx", final);
    int fd = openat(folder, made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return;
    bool ok = write_all(fd, &head, sizeof head) &&
              write_all(fd, m->entries, m->count * sizeof *m->entries);
    ok = close(fd) == 0 && ok;
    if (!ok || renameat(folder, made, folder, final) != 0)
        unlinkat(folder, made, 0);
}

/* The whole file in memory of the system's; false: empty, or not to be had. */
static bool
map_file(int folder, const char *name, struct slice *out)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    void *at = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return false;
    *out = slice(at, (size_t)st.st_size);
    return true;
}

static void
unmap(struct slice file)
{
    munmap((void *)(uintptr_t)file.ptr, file.len);
}

static bool
read_head(int fd, uint64_t file_size, struct head *head)
{
    struct stat st;
    return fstat(fd, &st) == 0 && pread(fd, head, sizeof *head, 0) == sizeof *head &&
           head->magic == MAGIC && head->version == VERSION && head->file_size == file_size &&
           head->count <= ENTRIES_MAX &&
           (uint64_t)st.st_size == sizeof *head + head->count * sizeof(struct entry);
}

static int
open_index(int folder, const char *name, uint64_t file_size, struct head *head)
{
    char index[JOURNAL_NAME_MAX + 8];
    index_name(name, ".idx", index);
    int fd = openat(folder, index, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read_head(fd, file_size, head))
        return fd;
    close(fd);
    return -1;
}

void
tracking_index_make(void *context, int folder, const char *name)
{
    struct making m = {.count = 0};
    struct slice file;
    struct head head;
    (void)context;
    if (!map_file(folder, name, &file))
        return;
    int fd = open_index(folder, name, file.len, &head);
    if (fd >= 0) {
        close(fd);
    } else if (file.len <= UINT32_MAX) {
        add_lines(&m, file);
        if (m.count > 0)
            qsort(m.entries, m.count, sizeof *m.entries, by_hash);
        if (!m.is_over)
            write_index(&m, folder, name, file.len);
    }
    unmap(file);
    mem_free(&m.entries);
}

void
tracking_index_remove(void *context, int folder, const char *name)
{
    char index[JOURNAL_NAME_MAX + 8];
    (void)context;
    index_name(name, ".idx", index);
    unlinkat(folder, index, 0);
}

/* ---- Finding ---- */

static bool
entry_at(int fd, uint64_t i, struct entry *e)
{
    return pread(fd, e, sizeof *e, (off_t)(sizeof(struct head) + i * sizeof *e)) == sizeof *e;
}

/* The first entry that is not below hash: guessed from how far hash is between those at both
 * ends, which for even hashes needs a few looks; halved every other time, so that a file that
 * lies needs no more than a few dozen. */
static uint64_t
lower_bound(int fd, uint64_t count, uint64_t hash)
{
    uint64_t low = 0, high = count, low_hash = 0, high_hash = UINT64_MAX;
    for (unsigned round = 0; low < high; round++) {
        struct entry e;
        uint64_t width = high - low;
        double part = (double)(hash - low_hash) / ((double)(high_hash - low_hash) + 1.0);
        uint64_t guess =
            round % 2 == 0 ? low + (uint64_t)(part * (double)width) : low + width / 2;
        if (guess >= high)
            guess = high - 1;
        if (!entry_at(fd, guess, &e))
            return count;
        uint64_t there = hash_of(&e);
        if (there < hash) {
            low = guess + 1;
            low_hash = there;
        } else {
            high = guess;
            high_hash = there;
        }
    }
    return low;
}

bool
tracking_index_find(int folder, const char *name, uint64_t file_size, uint64_t hash,
                    uint32_t *offsets, size_t max, size_t *count)
{
    struct head head;
    struct entry e;
    *count = 0;
    int fd = open_index(folder, name, file_size, &head);
    if (fd < 0)
        return false;
    for (uint64_t i = lower_bound(fd, head.count, hash);
         i < head.count && *count < max && entry_at(fd, i, &e) && hash_of(&e) == hash; i++)
        offsets[(*count)++] = e.offset;
    close(fd);
    return true;
}
