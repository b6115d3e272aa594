#include "gateway/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts may hold bytes of a peer: whatever is not printable ASCII is shown as '?'. */
static void
make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
}

bool
err_set_at(struct err *err, enum err_kind kind, int sys, const char *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);

    size_t used = n < 0 ? 0 : (size_t)n;
    if (sys != 0 && used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(sys));
    make_printable(err->text);
    err->kind = kind;
    err->sys = sys;
    err->at = at;
    return false;
}

bool
err_within(struct err *err, const char *fmt, ...)
{
    char before[sizeof err->text];
    char noun[120];

    va_list args;
    va_start(args, fmt);
    vsnprintf(noun, sizeof noun, fmt, args);
    va_end(args);

    memcpy(before, err->text, sizeof before);
    size_t n = strlen(noun);
    memcpy(err->text, noun, n);
    snprintf(err->text + n, sizeof err->text - n, ": %.*s", (int)(sizeof before - 2), before);
    make_printable(err->text);
    return false;
}
