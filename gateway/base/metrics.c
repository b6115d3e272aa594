#include "gateway/base/metrics.h"

#include <inttypes.h>
#include <pthread.h>

#include "gateway/base/mem.h"

enum { SERIES_MAX = 4096 };

enum kind { COUNTER, GAUGE, BUCKETS };

static const struct family {
    const char *name;
    enum kind kind;
    const struct ladder *ladder; /* BUCKETS only */
    const char *labels;
    const char *sentence;
} families[METRIC_COUNT] = {
#define METRIC(name, kind, labels, sentence) {#name, kind, NULL, labels, sentence},
#define HISTOGRAM(name, ladder, labels, sentence)                                                \
    {#name, BUCKETS, &LADDER_##ladder, labels, sentence},
#include "gateway/base/counters.def"
#undef METRIC
#undef HISTOGRAM
};

struct series {
    struct series *next; /* of the same family, in the order of making */
    char *values[METRIC_LABELS_MAX];
    bool shown;
    counter number;
    struct histogram *histogram; /* NULL but for a family of them */
};

struct metrics {
    pthread_mutex_t lock; /* guards the lists, not the numbers */
    struct series *first[METRIC_COUNT];
    size_t count;
    counter unread;                    /* for series that could not be made */
    struct histogram unread_histogram; /* likewise */
};

struct metrics *
metrics_new(void)
{
    struct metrics *m = mem_new(sizeof *m);
    if (m != NULL) {
        pthread_mutex_init(&m->lock, NULL);
        histogram_init(&m->unread_histogram, &LADDER_COUNT);
    }
    return m;
}

static void
series_free(struct series *s)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
        mem_release(s->values[i]);
    mem_free(&s->histogram);
    mem_release(s);
}

void
metrics_free(struct metrics **m)
{
    if (*m == NULL)
        return;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        while ((*m)->first[i] != NULL) {
            struct series *next = (*m)->first[i]->next;
            series_free((*m)->first[i]);
            (*m)->first[i] = next;
        }
    }
    pthread_mutex_destroy(&(*m)->lock);
    mem_free(m);
}

static const char *
value_of(const char *const *values, size_t count, size_t i)
{
    return i < count && values[i] != NULL ? values[i] : "";
}

static bool
give_histogram(struct series *s, const struct ladder *ladder)
{
    if (ladder == NULL)
        return true;
    s->histogram = mem_new(sizeof *s->histogram);
    if (s->histogram == NULL)
        return false;
    histogram_init(s->histogram, ladder);
    return true;
}

static struct series *
series_new(enum metric family, const char *const *values, size_t count)
{
    struct series *s = mem_new(sizeof *s);
    if (s == NULL)
        return NULL;
    bool ok = give_histogram(s, families[family].ladder);
    for (size_t i = 0; ok && i < METRIC_LABELS_MAX; i++) {
        s->values[i] = mem_text(slice_str(value_of(values, count, i)));
        ok = s->values[i] != NULL;
    }
    if (ok)
        return s;
    series_free(s);
    return NULL;
}

static bool
has_values(const struct series *s, const char *const *values, size_t count)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
        if (strcmp(s->values[i], value_of(values, count, i)) != 0)
            return false;
    return true;
}

/* NULL: it does not exist and cannot be made. */
static struct series *
find_or_make(struct metrics *m, enum metric family, const char *const *values, size_t count)
{
    must(count <= METRIC_LABELS_MAX);
    pthread_mutex_lock(&m->lock);
    struct series **at = &m->first[family];
    while (*at != NULL && !has_values(*at, values, count))
        at = &(*at)->next;
    if (*at == NULL && m->count < SERIES_MAX && (*at = series_new(family, values, count)) != NULL)
        m->count++;
    struct series *s = *at;
    if (s != NULL)
        s->shown = true;
    pthread_mutex_unlock(&m->lock);
    return s;
}

counter *
metrics_series_of(struct metrics *m, enum metric family, const char *const *values, size_t count)
{
    must(families[family].kind != BUCKETS);
    struct series *s = find_or_make(m, family, values, count);
    return s != NULL ? &s->number : &m->unread;
}

counter *
metrics_series(struct metrics *m, enum metric family, const char *value1, const char *value2)
{
    return metrics_series_of(m, family, (const char *const[]){value1, value2}, 2);
}

struct histogram *
metrics_histogram(struct metrics *m, enum metric family, const char *value1, const char *value2)
{
    must(families[family].kind == BUCKETS);
    struct series *s = find_or_make(m, family, (const char *const[]){value1, value2}, 2);
    return s != NULL ? s->histogram : &m->unread_histogram;
}

void
metrics_hide(struct metrics *m, enum metric family)
{
    pthread_mutex_lock(&m->lock);
    for (struct series *s = m->first[family]; s != NULL; s = s->next)
        s->shown = false;
    pthread_mutex_unlock(&m->lock);
}

/* ---- The page ---- */

/* Label values: backslash, quote and line end are escaped (the format's own rule). */
static void
put_value(struct buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_put_char(out, '\\');
        if (*value == '\n')
            buf_put_str(out, "\\n");
        else
            buf_put_char(out, *value);
    }
}

/* {listener="main",le="0.5"}; le NULL: none. */
static void
put_labels(struct buf *out, const struct family *f, const struct series *s, const char *le)
{
    struct slice labels = slice_str(f->labels);
    const char *before = "{";
    for (size_t i = 0; labels.len > 0 && i < METRIC_LABELS_MAX; i++) {
        size_t n = slice_find(labels, ' ');
        buf_put_str(out, before);
        buf_put(out, slice_head(labels, n));
        buf_put_str(out, "=\"");
        put_value(out, s->values[i]);
        buf_put_char(out, '"');
        labels = slice_from(labels, n + 1);
        before = ",";
    }
    if (le != NULL) {
        buf_printf(out, "%sle=\"%s\"", before, le);
        before = ",";
    }
    if (before[0] == ',')
        buf_put_char(out, '}');
}

/* Microseconds as seconds, without zeros at the end: 2500 is 0.0025. */
static void
put_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, "%" PRIu64, us / 1000000);
    uint64_t rest = us % 1000000;
    int digits = 6;
    for (; rest > 0 && rest % 10 == 0; rest /= 10)
        digits--;
    if (rest > 0)
        buf_printf(out, ".%0*" PRIu64, digits, rest);
}

static void
put_unit(struct buf *out, const struct ladder *ladder, uint64_t n)
{
    if (ladder->seconds)
        put_seconds(out, n);
    else
        buf_put_num(out, n);
}

static void
put_line(struct buf *out, const struct family *f, const char *suffix, const struct series *s,
         const char *le)
{
    buf_printf(out, "forestgate_%s%s", f->name, suffix);
    put_labels(out, f, s, le);
    buf_put_char(out, ' ');
}

/* The count is the sum of the buckets, so that the lines agree also while values come in. */
static void
put_histogram(struct buf *out, const struct family *f, const struct series *s)
{
    const struct ladder *ladder = f->ladder;
    uint64_t count = 0;
    for (size_t i = 0; i <= ladder->count; i++) {
        char room[32] = "+Inf";
        struct buf le = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
        if (i < ladder->count) {
            put_unit(&le, ladder, ladder->bounds[i]);
            buf_text(&le);
        }
        count += atomic_load_explicit(&s->histogram->buckets[i], memory_order_relaxed);
        put_line(out, f, "_bucket", s, room);
        buf_put_num(out, count);
        buf_put_char(out, '\n');
    }
    put_line(out, f, "_sum", s, NULL);
    put_unit(out, ladder, atomic_load_explicit(&s->histogram->sum, memory_order_relaxed));
    buf_put_char(out, '\n');
    put_line(out, f, "_count", s, NULL);
    buf_put_num(out, count);
    buf_put_char(out, '\n');
}

static void
put_number(struct buf *out, const struct family *f, const struct series *s)
{
    put_line(out, f, "", s, NULL);
    buf_put_num(out, atomic_load_explicit(&s->number, memory_order_relaxed));
    buf_put_char(out, '\n');
}

static bool
is_shown(const struct series *s)
{
    while (s != NULL && !s->shown)
        s = s->next;
    return s != NULL;
}

static void
put_family(struct metrics *m, enum metric family, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct family *f = &families[family];
    buf_printf(out, "# HELP forestgate_%s %s\n# TYPE forestgate_%s %s\n", f->name, f->sentence,
               f->name, kinds[f->kind]);
    for (const struct series *s = m->first[family]; s != NULL; s = s->next) {
        if (s->shown && f->kind == BUCKETS)
            put_histogram(out, f, s);
        else if (s->shown)
            put_number(out, f, s);
    }
}

void
metrics_put(struct metrics *m, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (is_shown(m->first[i]))
            put_family(m, (enum metric)i, out);
    pthread_mutex_unlock(&m->lock);
}
