#include "gateway/route/outcome.h"

#include "gateway/base/ascii.h"

static bool
says(const struct reply *r, const char *words)
{
    for (struct slice rest = slice(r->text, r->len); rest.len > 0; slice_skip(&rest, 1))
        if (ascii_starts(rest, words))
            return true;
    return false;
}

static bool
code_fits(int code, const struct reply *r)
{
    if (code == 0)
        return true;
    return code < 10 ? r->code / 100 == code : r->code == code;
}

bool
outcome_fits(const struct outcome_pattern *p, const struct smtp_outcome *outcome)
{
    const struct reply *r = &outcome->reply;

    return (p->stages & 1U << outcome->stage) != 0 &&
           (p->speaker == BOTH || (p->speaker == OURS) == r->local) && code_fits(p->code, r) &&
           (p->subject == ANY || p->subject == r->enhanced[1]) &&
           (p->detail == ANY || p->detail == r->enhanced[2]) &&
           (p->words == NULL || says(r, p->words));
}
