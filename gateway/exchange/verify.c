#include "gateway/exchange/verify_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

/* ---- Findings ---- */

void
verify_agrees(struct verifier *v)
{
    v->verdict->checked++;
}

void
verify_differs(struct verifier *v, enum exchange_severity severity,
               const struct verify_place *place, const char *found, const char *wanted,
               const char *why)
{
    struct exchange_verdict *verdict = v->verdict;
    verdict->checked++;
    if (verdict->count == VERIFY_FINDINGS_MAX) {
        verdict->more = true;
        return;
    }
    struct exchange_finding *f = &verdict->findings[verdict->count++];
    f->severity = severity;
    f->line = place->record != NULL ? place->record->line : 0;
    snprintf(f->place, sizeof f->place, "%s%s%.110s%s%s", place->what,
             place->name[0] != '\0' ? " " : "", place->name, place->field[0] != '\0' ? ": " : "",
             place->field);
    slice_copy_text(f->found, sizeof f->found, slice_str(found));
    slice_copy_text(f->wanted, sizeof f->wanted, slice_str(wanted));
    slice_copy_text(f->why, sizeof f->why, slice_str(why));
}

/* ---- Fields ---- */

const char *
verify_value(const struct listing_record *r, const char *field)
{
    const char *value = listing_value(r, field);
    return value != NULL ? value : "";
}

/* The value; NULL: it was not printed, which has been said. */
static const char *
printed(struct verifier *v, const struct verify_place *place, const char *wanted)
{
    const char *value = listing_value(place->record, place->field);
    if (value == NULL)
        verify_differs(v, EXCHANGE_UNKNOWN, place, "not in the output", wanted,
                       "print all properties: | Format-List");
    return value;
}

void
verify_field(struct verifier *v, const struct verify_place *place, const char *wanted,
             enum exchange_severity severity, const char *why)
{
    const char *value = printed(v, place, wanted);
    if (value == NULL)
        return;
    if (listing_is(value, wanted))
        verify_agrees(v);
    else
        verify_differs(v, severity, place, value, wanted, why);
}

void
verify_holds(struct verifier *v, const struct verify_place *place, const char *word,
             bool must_hold, enum exchange_severity severity, const char *why)
{
    char wanted[VERIFY_TEXT];
    snprintf(wanted, sizeof wanted, "%s%.300s", must_hold ? "" : "without ", word);
    const char *value = printed(v, place, wanted);
    if (value == NULL)
        return;
    if (listing_has(value, word) == must_hold)
        verify_agrees(v);
    else
        verify_differs(v, listing_is_cut(value) ? EXCHANGE_UNKNOWN : severity, place, value,
                       wanted, why);
}

/* ---- Sizes ---- */

/* Commas, points, blanks or apostrophes of a culture between digits; what is not ASCII is a blank
 * that does not break, in whichever code page. */
static bool
is_between_digits(const char *at)
{
    while (*at != '\0' && (strchr(",.' ", *at) != NULL || (unsigned char)*at >= 0x80))
        at++;
    return ascii_is_digit(*at);
}

static uint64_t
read_digits(const char **at)
{
    uint64_t n = 0;
    for (; is_between_digits(*at); ++*at)
        if (ascii_is_digit(**at) && n < UINT64_MAX / 16)
            n = n * 10 + (uint64_t)(**at - '0');
    return n;
}

/* False: no size. */
static bool
read_size(const char *value, uint64_t *octets)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"B", 0}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};
    if (listing_is(value, "unlimited")) {
        *octets = UINT64_MAX;
        return true;
    }
    const char *exact = strchr(value, '(');
    const char *at = exact != NULL ? exact + 1 : value;
    if (!ascii_is_digit(*at))
        return false;
    *octets = read_digits(&at);
    while (*at == ' ')
        at++;
    struct slice unit = slice_str(exact != NULL ? "B" : at);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ascii_is(unit, units[i].unit) && *octets < UINT64_MAX >> units[i].shift) {
            *octets <<= units[i].shift;
            return true;
        }
    return false;
}

void
verify_size(struct verifier *v, const struct verify_place *place, uint64_t least,
            enum exchange_severity severity, const char *why)
{
    uint64_t octets;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%llu octets or more", (unsigned long long)least);
    const char *value = printed(v, place, wanted);
    if (value == NULL)
        return;
    if (!read_size(value, &octets))
        verify_differs(v, EXCHANGE_UNKNOWN, place, value, wanted, "no size that can be read");
    else if (octets >= least)
        verify_agrees(v);
    else
        verify_differs(v, severity, place, value, wanted, why);
}

/* ---- Records ---- */

const struct listing_record *
verify_next(const struct verifier *v, enum listing_kind kind, const struct listing_record *after)
{
    size_t i = after != NULL ? (size_t)(after - v->listing->records) + 1 : 0;
    for (; i < v->listing->count; i++)
        if (v->listing->records[i].kind == kind)
            return &v->listing->records[i];
    return NULL;
}

bool
verify_has_any(struct verifier *v, enum listing_kind kind, const char *why)
{
    const struct verify_place place = {NULL, "output of", listing_command(kind), ""};
    if (verify_next(v, kind, NULL) != NULL)
        return true;
    verify_differs(v, EXCHANGE_UNKNOWN, &place, "missing", "its records", why);
    return false;
}

/* ---- All of it ---- */

/* Worst first, otherwise as they were found; a few hundred at most. */
static void
sort(struct exchange_verdict *verdict)
{
    for (size_t i = 1; i < verdict->count; i++)
        for (size_t k = i; k > 0; k--) {
            struct exchange_finding *left = &verdict->findings[k - 1], *right = left + 1;
            if (left->severity <= right->severity)
                break;
            struct exchange_finding swap = *left;
            *left = *right;
            *right = swap;
        }
}

bool
exchange_verify(const struct exchange_plan *plan, const struct listing *listing,
                struct exchange_verdict *verdict, struct err *err)
{
    *verdict = (struct exchange_verdict){.count = 0};
    verdict->findings = mem_new(VERIFY_FINDINGS_MAX * sizeof *verdict->findings);
    if (verdict->findings == NULL)
        return err_set(err, ERR_NOMEM, "no memory");
    struct verifier v = {plan, listing, verdict};
    verify_send(&v);
    verify_receive(&v);
    verify_domains(&v);
    verify_certificates(&v);
    verify_transport(&v);
    sort(verdict);
    return true;
}

void
exchange_verdict_free(struct exchange_verdict *verdict)
{
    mem_free(&verdict->findings);
    verdict->count = 0;
}
