#include "gateway/exchange/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/mem.h"

struct exchange_document *
exchange_document_new(enum exchange_version version, const char *forest, const char *gateway)
{
    struct exchange_document *d = mem_new(sizeof *d);
    if (d == NULL)
        return NULL;
    d->version = version;
    d->forest = forest;
    d->gateway = gateway;
    d->summary = d->prelude = "";
    arena_init(&d->arena, EXCHANGE_DOCUMENT_MAX);
    return d;
}

void
exchange_document_free(struct exchange_document **document)
{
    struct exchange_document *d = *document;
    *document = NULL;
    if (d == NULL)
        return;
    arena_fini(&d->arena);
    mem_free(&d);
}

bool
exchange_document_ok(const struct exchange_document *d)
{
    return !d->over;
}

static const char *format_list(struct exchange_document *d, const char *fmt, va_list args)
    PRINTF_LIKE(2, 0);

static const char *
format_list(struct exchange_document *d, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *text = len >= 0 ? arena_new(&d->arena, (size_t)len + 1) : NULL;
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    else
        d->over = true;
    va_end(again);
    return text != NULL ? text : "";
}

const char *
exchange_text(struct exchange_document *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = format_list(d, fmt, args);
    va_end(args);
    return text;
}

void
exchange_parameter(struct exchange_document *d, const char *name, const char *type,
                   const char *proposal, const char *meaning)
{
    if (d->parameter_count == EXCHANGE_PARAMETERS_MAX) {
        d->over = true;
        return;
    }
    d->parameters[d->parameter_count++] = (struct exchange_parameter){
        .name = name, .type = type, .proposal = proposal, .meaning = meaning};
}

/* ---- Steps ---- */

void
exchange_step(struct exchange_document *d, const char *title, const char *why)
{
    if (d->step_count == EXCHANGE_STEPS_MAX) {
        d->over = true;
        return;
    }
    d->steps[d->step_count++] = (struct exchange_step){.title = title, .why = why};
}

static struct exchange_step *
current(struct exchange_document *d)
{
    must(d->step_count > 0);
    return &d->steps[d->step_count - 1];
}

void
exchange_step_is_optional(struct exchange_document *d)
{
    current(d)->is_optional = true;
}

void
exchange_unconfirmed(struct exchange_document *d, const char *what)
{
    struct exchange_step *s = current(d);
    s->unconfirmed =
        s->unconfirmed == NULL ? what : exchange_text(d, "%s; %s", s->unconfirmed, what);
}

/* Room for one more, or false: there is none in the document. */
static bool
grow(struct exchange_document *d, struct exchange_blocks *blocks)
{
    if (blocks->count < blocks->room)
        return true;
    size_t room = blocks->room > 0 ? 2 * blocks->room : 8;
    struct exchange_block *at = arena_new(&d->arena, room * sizeof *at);
    if (at == NULL)
        return false;
    if (blocks->count > 0)
        memcpy(at, blocks->at, blocks->count * sizeof *at);
    blocks->at = at;
    blocks->room = room;
    return true;
}

void
exchange_put(struct exchange_document *d, enum exchange_part part, enum exchange_block_kind kind,
             const char *label, const char *fmt, ...)
{
    struct exchange_blocks *blocks = &current(d)->parts[part];
    if (!grow(d, blocks)) {
        d->over = true;
        return;
    }
    va_list args;
    va_start(args, fmt);
    blocks->at[blocks->count++] =
        (struct exchange_block){.kind = kind, .label = label, .text = format_list(d, fmt, args)};
    va_end(args);
}
