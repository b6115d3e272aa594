#include "gateway/journal/tracking_search.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/journal/journal_files.h"
#include "gateway/journal/tracking_index.h"

enum { CANDIDATES_MAX = 65536, VALUE_MAX = 4096, DAY_MS = 24 * 60 * 60 * 1000 };

struct search {
    const struct tracking_query *q;
    bool (*each)(void *context, const struct slice fields[TRACKING_FIELD_COUNT]);
    void *context;
    struct tracking_found *found;
    char from[CLOCK_TEXT], to[CLOCK_TEXT]; /* the times as lines have them: they sort as text */
    bool has_key;
    uint64_t hash;
    uint32_t *offsets;
    bool has_ended;
};

/* ---- Is this line meant? ---- */

static bool
value_is(struct slice field, struct slice wanted, bool folds)
{
    char room[VALUE_MAX];
    if (wanted.len == 0)
        return true;
    struct slice value = tracking_value(slice_head(field, VALUE_MAX), room);
    return folds ? ascii_same(value, wanted) : slice_equal(value, wanted);
}

static bool
has_recipient(struct slice field, struct slice wanted)
{
    char room[VALUE_MAX];
    if (wanted.len == 0)
        return true;
    while (field.len > 0) {
        size_t n = slice_find(field, ';');
        struct slice one = tracking_value(slice_head(slice_head(field, n), VALUE_MAX), room);
        if (ascii_same(one, wanted))
            return true;
        field = slice_from(field, n + 1);
    }
    return false;
}

static int
compare(struct slice a, const char *text)
{
    size_t n = strlen(text);
    int order = memcmp(a.ptr, text, a.len < n ? a.len : n);
    return order != 0 ? order : a.len < n ? -1 : a.len > n;
}

static bool
is_meant(const struct search *s, const struct slice f[TRACKING_FIELD_COUNT])
{
    const struct tracking_query *q = s->q;
    return compare(f[TRACKING_TIME], s->from) >= 0 && compare(f[TRACKING_TIME], s->to) < 0 &&
           (value_is(f[TRACKING_MESSAGE_ID], q->message_id, false) ||
            value_is(f[TRACKING_REFERENCE], q->message_id, false)) &&
           value_is(f[TRACKING_ID], q->id, true) &&
           value_is(f[TRACKING_SENDER], q->sender, true) &&
           has_recipient(f[TRACKING_RECIPIENTS], q->recipient);
}

/* False: stop. */
static bool
look_at(struct search *s, struct slice text)
{
    struct slice fields[TRACKING_FIELD_COUNT];
    size_t n = slice_find(text, '\n');
    struct slice line = slice_head(text, n > 0 && text.ptr[n - 1] == '\r' ? n - 1 : n);
    if (n == text.len || !tracking_split(line, fields) || !is_meant(s, fields))
        return true;
    s->found->lines++;
    s->has_ended = !s->each(s->context, fields) || s->found->lines >= s->q->limit;
    return !s->has_ended;
}

/* ---- Files ---- */

static void
scan(struct search *s, struct slice text)
{
    s->found->scanned++;
    while (text.len > 0 && look_at(s, text))
        text = slice_from(text, slice_find(text, '\n') + 1);
}

static void
look_into(struct search *s, int folder, const struct journal_file *f)
{
    size_t count = 0;
    struct stat st;
    bool has_index = s->has_key && tracking_index_find(folder, f->name, f->size, s->hash,
                                                       s->offsets, CANDIDATES_MAX, &count);
    s->found->files++;
    if (has_index && count == 0)
        return;
    int fd = openat(folder, f->name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* removed meanwhile */
    void *at = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return;
    struct slice text = slice(at, (size_t)st.st_size);
    if (!has_index)
        scan(s, text);
    for (size_t i = 0; i < count && !s->has_ended; i++)
        look_at(s, slice_from(text, s->offsets[i]));
    munmap(at, (size_t)st.st_size);
}

/* The rarest of what is asked for is looked up. */
static void
choose_key(struct search *s)
{
    const struct tracking_query *q = s->q;
    const struct {
        enum tracking_key key;
        struct slice value;
    } keys[] = {{TRACKING_BY_ID, q->id},
                {TRACKING_BY_MESSAGE_ID, q->message_id},
                {TRACKING_BY_RECIPIENT, q->recipient},
                {TRACKING_BY_SENDER, q->sender}};
    for (size_t i = 0; i < COUNT_OF(keys) && !s->has_key; i++) {
        s->has_key = keys[i].value.len > 0;
        if (s->has_key)
            s->hash = tracking_hash(keys[i].key, keys[i].value);
    }
}

bool
tracking_search(const char *path, const struct tracking_query *q,
                bool (*each)(void *context, const struct slice fields[TRACKING_FIELD_COUNT]),
                void *context, struct tracking_found *found, struct err *err)
{
    struct search s = {.q = q, .each = each, .context = context, .found = found};
    size_t count;
    *found = (struct tracking_found){0};
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_sys(err, ERR_IO, "%s", path);
    clock_iso(q->from_unix_ms, s.from);
    clock_iso(q->to_unix_ms, s.to);
    choose_key(&s);
    s.offsets = mem_new(CANDIDATES_MAX * sizeof *s.offsets);
    struct journal_file *files = journal_list(folder, TRACKING_PREFIX, &count);
    /* A line may be written a moment after its day has ended. */
    uint32_t first = journal_day_of(q->from_unix_ms);
    uint32_t last = journal_day_of(q->to_unix_ms + DAY_MS);
    for (size_t i = 0; s.offsets != NULL && i < count && !s.has_ended; i++)
        if (files[i].day >= first && files[i].day <= last)
            look_into(&s, folder, &files[i]);
    bool ok = s.offsets != NULL || err_set(err, ERR_NOMEM, "out of memory");
    mem_free(&files);
    mem_free(&s.offsets);
    close(folder);
    return ok;
}
