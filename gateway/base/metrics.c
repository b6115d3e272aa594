#include "gateway/base/metrics.h"

#include <pthread.h>

#include "gateway/base/mem.h"

enum { SERIES_MAX = 4096, LABELS_MAX = 2 };

enum kind { COUNTER, GAUGE };

static const struct {
    const char *name;
    enum kind kind;
    const char *labels;
    const char *sentence;
} families[METRIC_COUNT] = {
#define METRIC(name, kind, labels, sentence) {#name, kind, labels, sentence},
#include "gateway/base/counters.def"
#undef METRIC
};

struct series {
    struct series *next; /* of the same family, in the order of making */
    char *values[LABELS_MAX];
    counter number;
};

struct metrics {
    pthread_mutex_t lock; /* guards the lists, not the numbers */
    struct series *first[METRIC_COUNT];
    size_t count;
    counter unread; /* for series that could not be made */
};

struct metrics *
metrics_new(void)
{
    struct metrics *m = mem_new(sizeof *m);
    if (m != NULL)
        pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void
series_free(struct series *s)
{
    for (size_t i = 0; i < LABELS_MAX; i++)
        mem_release(s->values[i]);
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

static struct series *
series_new(const char *value1, const char *value2)
{
    struct series *s = mem_new(sizeof *s);
    if (s == NULL)
        return NULL;
    s->values[0] = mem_text(slice_str(value1 ? value1 : ""));
    s->values[1] = mem_text(slice_str(value2 ? value2 : ""));
    if (s->values[0] != NULL && s->values[1] != NULL)
        return s;
    series_free(s);
    return NULL;
}

static counter *
find_or_make(struct metrics *m, enum metric family, const char *value1, const char *value2)
{
    struct series **at = &m->first[family];
    for (; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->values[0], value1 ? value1 : "") == 0 &&
            strcmp((*at)->values[1], value2 ? value2 : "") == 0)
            return &(*at)->number;
    if (m->count >= SERIES_MAX || (*at = series_new(value1, value2)) == NULL)
        return &m->unread;
    m->count++;
    return &(*at)->number;
}

counter *
metrics_series(struct metrics *m, enum metric family, const char *value1, const char *value2)
{
    pthread_mutex_lock(&m->lock);
    counter *c = find_or_make(m, family, value1, value2);
    pthread_mutex_unlock(&m->lock);
    return c;
}

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

static void
put_labels(struct buf *out, struct slice labels, const struct series *s)
{
    if (labels.len == 0)
        return;
    for (size_t i = 0; labels.len > 0 && i < LABELS_MAX; i++) {
        size_t n = slice_find(labels, ' ');
        buf_put_char(out, i == 0 ? '{' : ',');
        buf_put(out, slice_head(labels, n));
        buf_put_str(out, "=\"");
        put_value(out, s->values[i]);
        buf_put_char(out, '"');
        labels = slice_from(labels, n + 1);
    }
    buf_put_char(out, '}');
}

static void
put_family(struct metrics *m, enum metric family, struct buf *out)
{
    const char *name = families[family].name;
    buf_printf(out, "# HELP forestgate_%s %s\n# TYPE forestgate_%s %s\n", name,
               families[family].sentence, name,
               families[family].kind == COUNTER ? "counter" : "gauge");
    for (const struct series *s = m->first[family]; s != NULL; s = s->next) {
        buf_put_str(out, "forestgate_");
        buf_put_str(out, name);
        put_labels(out, slice_str(families[family].labels), s);
        buf_put_char(out, ' ');
        buf_put_num(out, atomic_load_explicit(&s->number, memory_order_relaxed));
        buf_put_char(out, '\n');
    }
}

void
metrics_put(struct metrics *m, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (m->first[i] != NULL)
            put_family(m, (enum metric)i, out);
    pthread_mutex_unlock(&m->lock);
}
