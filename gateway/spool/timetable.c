#include "gateway/spool/timetable.h"

/* Spread the bits of an id over the whole number: ids of neighbours differ in a few low bits only
 * (the finalizer of splitmix64). */
static uint64_t
mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9U;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

uint64_t
timetable_wait_ms(struct timetable t, uint32_t failures, uint64_t salt)
{
    must(t.count > 0 && failures > 0);

    uint64_t step = failures < t.count ? failures - 1 : t.count - 1;
    uint64_t wait = t.wait_ms[step];
    uint64_t tenth = wait / 10;

    /* From nine to eleven tenths; another place in that range at each attempt. */
    return wait - tenth + mix(salt + failures) % (2 * tenth + 1);
}

int64_t
timetable_due_anew(struct timetable t, uint32_t failures, uint64_t salt, int64_t tried_unix_ms,
                   int64_t due_unix_ms, int64_t now_unix_ms)
{
    if (due_unix_ms <= now_unix_ms || failures == 0 || tried_unix_ms <= 0)
        return due_unix_ms;
    int64_t tried = tried_unix_ms < now_unix_ms ? tried_unix_ms : now_unix_ms;
    int64_t due = tried + (int64_t)timetable_wait_ms(t, failures, salt);
    return due > now_unix_ms ? due : now_unix_ms;
}

enum timetable_age
timetable_age(int64_t received_unix_ms, int64_t now_unix_ms, uint64_t notice_ms,
              uint64_t expire_ms, bool noticed, bool tried_since_start)
{
    /* A clock that was set back makes mail young again, never very old. */
    uint64_t age =
        now_unix_ms > received_unix_ms ? (uint64_t)(now_unix_ms - received_unix_ms) : 0;

    if (age >= expire_ms && tried_since_start)
        return AGE_EXPIRED;
    if (age >= notice_ms && !noticed)
        return AGE_NOTICE;
    return AGE_YOUNG;
}
