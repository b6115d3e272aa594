#include "gateway/route/pressure.h"

#include <inttypes.h>

#include "gateway/base/must.h"

/* By this part of a bound a reading must be better before its level can fall. */
enum { MARGIN = 8 };

/* ---- Bounds ------------------------------------------------------------------------------- */

static uint64_t
percent(uint64_t of, unsigned n)
{
    return of / 100 * n;
}

static struct pressure_bounds
bounds_or(uint64_t medium, uint64_t high, uint64_t auto_medium, uint64_t auto_high)
{
    return (struct pressure_bounds){medium > 0 ? medium : auto_medium,
                                    high > 0 ? high : auto_high};
}

void
pressure_bounds_of(const struct config *c, uint64_t memory_limit,
                   struct pressure_bounds out[PRESSURE_RESOURCES])
{
    uint64_t map =
        c->spool_map_size > c->spool_reserve ? c->spool_map_size - c->spool_reserve : 0;
    out[PRESSURE_DISK_FREE] =
        bounds_or(c->pressure_disk_free_medium, c->pressure_disk_free_high, 0, 0);
    out[PRESSURE_SPOOL_SIZE] =
        bounds_or(c->pressure_spool_size_medium, c->pressure_spool_size_high, percent(map, 75),
                  percent(map, 90));
    out[PRESSURE_COMMIT_TIME] =
        bounds_or(c->pressure_commit_time_medium_ms, c->pressure_commit_time_high_ms, 0, 0);
    out[PRESSURE_MEMORY] = bounds_or(c->pressure_memory_medium, c->pressure_memory_high,
                                     percent(memory_limit, 60), percent(memory_limit, 75));
    out[PRESSURE_MESSAGES] =
        bounds_or(c->pressure_messages_medium, c->pressure_messages_high, 0, 0);
}

static uint64_t
bound_of(const struct pressure_bounds *bounds, enum pressure_level level)
{
    return level == PRESSURE_HIGH ? bounds->high : level == PRESSURE_MEDIUM ? bounds->medium : 0;
}

static bool
is_past(enum pressure_resource resource, uint64_t reading, uint64_t bound)
{
    return bound > 0 && (resource == PRESSURE_DISK_FREE ? reading < bound : reading >= bound);
}

/* Better than the bound by the margin, or there is none any more. */
static bool
is_better(enum pressure_resource resource, uint64_t reading, uint64_t bound)
{
    if (bound == 0)
        return true;
    if (resource == PRESSURE_DISK_FREE)
        return reading >= bound && reading - bound >= bound / MARGIN;
    return reading < bound - bound / MARGIN;
}

/* ---- Levels ------------------------------------------------------------------------------- */

enum pressure_level
pressure_level_of(enum pressure_resource resource, uint64_t reading,
                  const struct pressure_bounds *bounds)
{
    if (is_past(resource, reading, bounds->high))
        return PRESSURE_HIGH;
    return is_past(resource, reading, bounds->medium) ? PRESSURE_MEDIUM : PRESSURE_NORMAL;
}

/* One step, when it was better for long enough; the hold time begins anew behind it. */
static void
fall(struct pressure_gauge *g, enum pressure_resource resource, uint64_t hold_ms, uint64_t now_ms)
{
    bool was_better = g->is_better;
    g->is_better = is_better(resource, g->reading, bound_of(&g->bounds, g->level));
    if (!g->is_better)
        return;
    if (!was_better)
        g->better_since_ms = now_ms;
    if (now_ms - g->better_since_ms < hold_ms)
        return;
    g->level =
        g->level == PRESSURE_HIGH && g->bounds.medium > 0 ? PRESSURE_MEDIUM : PRESSURE_NORMAL;
    g->is_better = false;
}

bool
pressure_read(struct pressure *p, enum pressure_resource resource, uint64_t reading,
              struct pressure_bounds bounds, uint64_t hold_ms, uint64_t now_ms)
{
    struct pressure_gauge *g = &p->of[resource];
    enum pressure_level before = g->level;
    enum pressure_level level = pressure_level_of(resource, reading, &bounds);
    g->reading = reading;
    g->bounds = bounds;
    if (level < before) {
        fall(g, resource, hold_ms, now_ms);
        return g->level != before;
    }
    g->level = level;
    g->is_better = false;
    return level != before;
}

enum pressure_level
pressure_worst(const struct pressure *p, enum pressure_resource *which)
{
    enum pressure_resource worst = PRESSURE_DISK_FREE;
    for (enum pressure_resource r = 0; r < PRESSURE_RESOURCES; r++)
        if (p->of[r].level > p->of[worst].level)
            worst = r;
    if (which != NULL)
        *which = worst;
    return p->of[worst].level;
}

bool
pressure_pauses_delivery(const struct pressure *p)
{
    return p->of[PRESSURE_COMMIT_TIME].level == PRESSURE_HIGH;
}

/* ---- Words -------------------------------------------------------------------------------- */

const char *
pressure_resource_text(enum pressure_resource resource)
{
    static const char *const texts[PRESSURE_RESOURCES] = {"disk_free", "spool_size",
                                                          "commit_time", "memory", "messages"};
    return texts[resource];
}

const char *
pressure_level_text(enum pressure_level level)
{
    static const char *const texts[] = {"normal", "medium", "high"};
    return texts[level];
}

/* One place behind the point, where it is not 0: "2.4 s", "1 s", "512 MiB". */
static void
put_scaled(struct buf *out, uint64_t n, uint64_t unit, const char *name)
{
    uint64_t tenth = n % unit * 10 / unit;
    buf_printf(out, "%" PRIu64, n / unit);
    if (tenth > 0)
        buf_printf(out, ".%" PRIu64, tenth);
    buf_printf(out, " %s", name);
}

static void
put_amount(struct buf *out, enum pressure_resource resource, uint64_t n)
{
    const uint64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
    bool is_time = resource == PRESSURE_COMMIT_TIME;
    if (resource == PRESSURE_MESSAGES)
        buf_printf(out, "%" PRIu64, n);
    else if (is_time && n < 1000)
        put_scaled(out, n, 1, "ms");
    else if (is_time)
        put_scaled(out, n, 1000, "s");
    else if (n < mib)
        put_scaled(out, n, kib, "KiB");
    else if (n < gib)
        put_scaled(out, n, mib, "MiB");
    else
        put_scaled(out, n, gib, "GiB");
}

void
pressure_put_why(struct buf *out, const struct pressure *p, enum pressure_resource resource)
{
    static const struct {
        const char *before, *behind;
    } sentences[PRESSURE_RESOURCES] = {
        {"the disk of the spool has ", " free"},
        {"the database of the spool uses ", ""},
        {"commits take ", ""},
        {"the process uses ", " of memory"},
        {"", " messages are in custody"},
    };
    const struct pressure_gauge *g = &p->of[resource];
    enum pressure_level level = g->bounds.medium > 0 ? PRESSURE_MEDIUM : PRESSURE_HIGH;
    if (g->level > PRESSURE_NORMAL)
        level = g->level;
    uint64_t bound = bound_of(&g->bounds, level);
    buf_put_str(out, sentences[resource].before);
    put_amount(out, resource, g->reading);
    buf_put_str(out, sentences[resource].behind);
    if (bound == 0)
        return;
    buf_printf(out, "; %s %s ", pressure_level_text(level),
               resource == PRESSURE_DISK_FREE ? "below" : "from");
    put_amount(out, resource, bound);
}
