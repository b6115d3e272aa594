#include "gateway/ops/preflight_checks.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/ascii.h"

enum { MEMORY_MAX = 64 * 1024 * 1024 };

/* ---- Words ---- */

static const struct {
    const char *word;
    bool decides; /* not tried, it leaves open whether mail passes */
} kinds[PREFLIGHT_KINDS] = {
    [PREFLIGHT_REACH] = {"reach", true},
    [PREFLIGHT_ENCRYPTION] = {"encryption", true},
    [PREFLIGHT_THEIR_CERTIFICATE] = {"their-certificate", true},
    [PREFLIGHT_OFFERS] = {"offers", true},
    [PREFLIGHT_LOGON] = {"logon", true},
    [PREFLIGHT_NULL_SENDER] = {"null-sender", true},
    [PREFLIGHT_SENDER] = {"sender", true},
    [PREFLIGHT_DOMAIN] = {"domain", true},
    [PREFLIGHT_STRANGERS] = {"strangers", false},
    [PREFLIGHT_STRANGERS_AFTER_LOGON] = {"strangers-after-logon", false},
    [PREFLIGHT_DOOR] = {"door", false},
    [PREFLIGHT_OUR_CERTIFICATE] = {"our-certificate", true},
    [PREFLIGHT_ROUND_TRIP_THERE] = {"round-trip-there", true},
    [PREFLIGHT_ROUND_TRIP_BACK] = {"round-trip-back", false},
    [PREFLIGHT_DAEMON] = {"daemon", false},
};

const char *
preflight_kind_word(enum preflight_kind kind)
{
    return kinds[kind].word;
}

static const struct {
    const char *text, *word;
} verdicts[] = {
    [PREFLIGHT_READY] = {"ready", "ready"},
    [PREFLIGHT_WARNINGS] = {"ready with warnings", "warnings"},
    [PREFLIGHT_UNPROVEN] = {"not known: not all of it could be tried", "unproven"},
    [PREFLIGHT_NOT_READY] = {"NOT ready", "not-ready"},
};

const char *
preflight_verdict_text(enum preflight_verdict v)
{
    return verdicts[v].text;
}

const char *
preflight_verdict_word(enum preflight_verdict v)
{
    return verdicts[v].word;
}

/* ---- Building ---- */

void
preflight_init(struct preflight *p)
{
    *p = (struct preflight){.connections = 0};
    p->sections_end = &p->sections;
    p->spare_section.checks_end = &p->spare_section.checks;
    p->spare_check.lines_end = &p->spare_check.lines;
    arena_init(&p->memory, MEMORY_MAX);
}

void
preflight_fini(struct preflight *p)
{
    arena_fini(&p->memory);
}

struct preflight_section *
preflight_add_section(struct preflight *p, const struct forest *f)
{
    struct preflight_section *s = arena_new(&p->memory, sizeof *s);
    if (s == NULL) {
        p->no_memory = true;
        p->spare_section.forest = f;
        return &p->spare_section;
    }
    s->forest = f;
    s->checks_end = &s->checks;
    *p->sections_end = s;
    p->sections_end = &s->next;
    return s;
}

static void
put_printable(char *to, size_t room, const char *fmt, va_list args)
{
    vsnprintf(to, room, fmt, args);
    for (; *to != '\0'; to++)
        if (!ascii_is_print(*to))
            *to = '?';
}

struct preflight_check *
preflight_add_check(struct preflight *p, struct preflight_section *s, enum preflight_kind kind,
                    const char *subject, const char *fmt, ...)
{
    struct preflight_check *check = arena_new(&p->memory, sizeof *check);
    va_list args;
    if (check == NULL) {
        p->no_memory = true;
        return &p->spare_check;
    }
    check->kind = kind;
    check->subject = subject;
    check->lines_end = &check->lines;
    va_start(args, fmt);
    put_printable(check->say, sizeof check->say, fmt, args);
    va_end(args);
    *s->checks_end = check;
    s->checks_end = &check->next;
    return check;
}

struct preflight_line *
preflight_add_line(struct preflight *p, struct preflight_check *check, enum doctor_state state,
                   unsigned who, const char *subject, const char *fmt, ...)
{
    struct preflight_line *line = arena_new(&p->memory, sizeof *line);
    va_list args;
    if (line == NULL) {
        p->no_memory = true;
        return &p->spare_line;
    }
    line->state = state;
    line->who = who;
    slice_copy_text(line->subject, sizeof line->subject, slice_str(subject));
    va_start(args, fmt);
    put_printable(line->found, sizeof line->found, fmt, args);
    va_end(args);
    *check->lines_end = line;
    check->lines_end = &line->next;
    if (state > check->state)
        check->state = state;
    return line;
}

void
preflight_advise(struct preflight_line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put_printable(line->advice, sizeof line->advice, fmt, args);
    va_end(args);
}

const char *
preflight_text(struct preflight *p, const char *fmt, ...)
{
    char text[1500];
    va_list args;
    va_start(args, fmt);
    put_printable(text, sizeof text, fmt, args);
    va_end(args);
    const char *copy = arena_copy(&p->memory, slice_str(text)).ptr;
    p->no_memory = p->no_memory || copy == NULL;
    return copy;
}

/* ---- The whole ---- */

static enum preflight_verdict
verdict_of(const struct preflight_section *s)
{
    enum preflight_verdict worst = PREFLIGHT_READY;
    for (const struct preflight_check *c = s->checks; c != NULL; c = c->next) {
        enum preflight_verdict v = PREFLIGHT_READY;
        if (c->state == DOCTOR_FAILED)
            v = PREFLIGHT_NOT_READY;
        else if (c->state == DOCTOR_WARNING)
            v = PREFLIGHT_WARNINGS;
        else if (c->state == DOCTOR_NOT_TRIED && kinds[c->kind].decides)
            v = PREFLIGHT_UNPROVEN;
        worst = v > worst ? v : worst;
    }
    return worst;
}

void
preflight_conclude(struct preflight *p)
{
    for (struct preflight_section *s = p->sections; s != NULL; s = s->next)
        s->verdict = verdict_of(s);
}

int
preflight_status(const struct preflight *p)
{
    for (const struct preflight_section *s = p->sections; s != NULL; s = s->next)
        if (s->verdict != PREFLIGHT_READY)
            return 1;
    return 0;
}

size_t
preflight_count(const struct preflight *p, enum preflight_verdict v)
{
    size_t n = 0;
    for (const struct preflight_section *s = p->sections; s != NULL; s = s->next)
        n += s->forest != NULL && s->verdict == v;
    return n;
}
