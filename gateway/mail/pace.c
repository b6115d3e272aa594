#include "gateway/mail/pace.h"

void
pace_begin(struct pace *p)
{
    *p = (struct pace){0};
}

void
pace_took(struct pace *p, uint64_t octets)
{
    p->octets[p->slot] += octets;
}

static uint64_t
rate_of(const struct pace *p)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PACE_SLOTS; i++)
        sum += p->octets[i];
    return sum * 1000 / PACE_WINDOW_MS;
}

/* A slot has ended: the present one and the eleven before it are a window. */
static bool
end_slot(struct pace *p, uint64_t least)
{
    if (p->passed < PACE_SLOTS)
        p->passed++;
    p->rate = rate_of(p);
    p->slot = (p->slot + 1) % PACE_SLOTS;
    p->octets[p->slot] = 0;
    return p->passed == PACE_SLOTS && p->rate < least;
}

bool
pace_is_slow(struct pace *p, uint64_t waited_ms, uint64_t least)
{
    bool slow = false;
    p->slot_ms += waited_ms;
    if (p->slot_ms > 2 * PACE_WINDOW_MS) /* all that came before is forgotten in any case */
        p->slot_ms = 2 * PACE_WINDOW_MS;
    for (; p->slot_ms >= PACE_SLOT_MS && !slow; p->slot_ms -= PACE_SLOT_MS)
        slow = end_slot(p, least);
    return slow;
}

uint64_t
pace_left_ms(const struct pace *p)
{
    return p->slot_ms < PACE_SLOT_MS ? PACE_SLOT_MS - p->slot_ms : 0;
}
