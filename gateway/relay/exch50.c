#include "gateway/relay/exch50.h"

const char *
exch50_fate_text(enum exch50_fate fate)
{
    static const char *const texts[EXCH50_FATES] = {
        [EXCH50_KEPT] = "kept",
        [EXCH50_PASSED] = "passed",
        [EXCH50_NO_RIGHT] = "no-right",
        [EXCH50_RECIPIENTS] = "recipients",
        [EXCH50_NOT_OFFERED] = "not-offered",
        [EXCH50_REFUSED] = "refused",
        [EXCH50_HUNG] = "hung",
        [EXCH50_NO_MEMORY] = "no-memory",
    };
    must(fate < EXCH50_FATES);
    return texts[fate];
}

void
exch50_count(struct metrics *metrics, const char *connector, enum exch50_fate fate)
{
    counter_add(
        metrics_series(metrics, METRIC_exch50_blobs_total, connector, exch50_fate_text(fate)), 1);
}

bool
exch50_fits(const struct delivery *d)
{
    if (d->open_count != d->parcel->envelope.recipient_count)
        return false;
    for (size_t n = 0; n < d->open_count; n++)
        if (d->open[n] != n)
            return false;
    return true;
}
