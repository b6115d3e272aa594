#include "gateway/route/limits.h"

void
server_limits_init(struct server_limits *l, uint32_t max)
{
    must(max > 0);
    *l = (struct server_limits){.max = max, .allowed = 1};
}

void
server_limits_set_max(struct server_limits *l, uint32_t max)
{
    must(max > 0);
    l->max = max;
    if (l->allowed > max)
        l->allowed = max;
}

/* How many connections there may be at this time. */
static uint32_t
allowed_now(const struct server_limits *l, uint64_t now_ms)
{
    if (l->failures > 0)
        return 1;
    if (now_ms < l->lowered_until_ms && l->lowered < l->allowed)
        return l->lowered;
    return l->allowed;
}

bool
server_limits_may_open(const struct server_limits *l, uint64_t now_ms)
{
    return now_ms >= l->blocked_until_ms && l->open < allowed_now(l, now_ms);
}

void
server_limits_opened(struct server_limits *l)
{
    must(l->open < UINT32_MAX);
    l->open++;
}

void
server_limits_closed(struct server_limits *l)
{
    must(l->open > 0);
    l->open--;
}

bool
server_limits_succeeded(struct server_limits *l)
{
    bool had_failed = l->failures > 0;

    if (had_failed) {
        l->failures = 0;
        l->blocked_until_ms = 0;
    }
    l->allowed = l->allowed > l->max / 2 ? l->max : 2 * l->allowed;
    return had_failed;
}

void
server_limits_failed(struct server_limits *l, struct timetable connection, uint64_t salt,
                     uint64_t now_ms)
{
    if (l->failures > 0 && now_ms < l->blocked_until_ms)
        return;
    if (l->failures < UINT32_MAX)
        l->failures++;
    l->allowed = 1;
    l->blocked_until_ms = now_ms + timetable_wait_ms(connection, l->failures, salt);
}

void
server_limits_too_many(struct server_limits *l, uint64_t now_ms)
{
    l->lowered = l->open > 1 ? l->open / 2 : 1;
    l->lowered_until_ms = now_ms + LIMITS_LOWERED_MS;
    if (l->blocked_until_ms < now_ms + LIMITS_PAUSE_MS)
        l->blocked_until_ms = now_ms + LIMITS_PAUSE_MS;
}

void
server_limits_unblock(struct server_limits *l)
{
    l->blocked_until_ms = 0;
    l->lowered_until_ms = 0;
}
