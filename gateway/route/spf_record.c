#include "gateway/route/spf_record.h"

#include "gateway/base/ascii.h"

const char spf_record_invalid[] = "v=spf1 refused-by-forestgate";

static bool
is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_print(text.ptr[i]))
            return false;
    return true;
}

static bool
is_harmless_term(struct slice term)
{
    size_t percents = 0;

    for (size_t i = 0; i < term.len; i++)
        percents += term.ptr[i] == '%';
    return term.len <= SPF_TERM_MAX && percents <= SPF_TERM_PERCENTS;
}

enum spf_record_kind
spf_record_vet(struct slice text)
{
    static const char version[] = "v=spf1";

    if (!ascii_starts(text, version))
        return SPF_RECORD_OTHER;
    struct slice rest = slice_from(text, sizeof version - 1);
    if (rest.len > 0 && rest.ptr[0] != ' ')
        return SPF_RECORD_OTHER;
    if (text.len > SPF_RECORD_MAX || !is_printable(rest))
        return SPF_RECORD_REFUSED;
    while (rest.len > 0) {
        size_t len = slice_find(rest, ' ');
        if (!is_harmless_term(slice_head(rest, len)))
            return SPF_RECORD_REFUSED;
        rest = slice_from(rest, len + 1);
    }
    return SPF_RECORD_GOOD;
}
