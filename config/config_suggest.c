#include "config/config_suggest.h"

#include <stdio.h>

#include "gateway/base/ascii.h"

enum { WORD_MAX = 64, DISTANCE_MAX = 2 };

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, one row of the matrix after the other; only the last three live. */
unsigned
suggest_distance(struct slice a, struct slice b, unsigned limit)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *above2 = rows[0], *above = rows[1], *row = rows[2];

    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return limit + 1;
    for (unsigned k = 0; k <= b.len; k++)
        above[k] = above2[k] = k;
    for (unsigned i = 1; i <= a.len; i++) {
        row[0] = i;
        for (unsigned k = 1; k <= b.len; k++) {
            char x = ascii_lower(a.ptr[i - 1]), y = ascii_lower(b.ptr[k - 1]);
            row[k] = least(above[k - 1] + (x != y), least(above[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && x == ascii_lower(b.ptr[k - 2]) &&
                ascii_lower(a.ptr[i - 2]) == y)
                row[k] = least(row[k], above2[k - 2] + 1);
        }
        unsigned *oldest = above2;
        above2 = above;
        above = row;
        row = oldest;
    }
    return least(above[b.len], limit + 1);
}

void
suggest_init(struct suggest *s, struct slice typed)
{
    *s = (struct suggest){.typed = typed, .distance = DISTANCE_MAX + 1};
}

void
suggest_offer(struct suggest *s, struct slice candidate)
{
    /* Two slips in three letters make another word. */
    unsigned limit = candidate.len < 4 ? 1 : DISTANCE_MAX;
    unsigned distance = suggest_distance(s->typed, candidate, limit);
    if (distance > limit || distance >= s->distance)
        return;
    s->distance = distance;
    s->best = candidate;
}

const char *
suggest_text(const struct suggest *s, char room[SUGGEST_TEXT])
{
    room[0] = '\0';
    if (s->best.len > 0)
        snprintf(room, SUGGEST_TEXT, "; did you mean \"%.*s\"?", SLICE_ARG(s->best));
    return room;
}
