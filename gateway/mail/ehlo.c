#include "gateway/mail/ehlo.h"

#include "gateway/base/ascii.h"
#include "gateway/base/must.h"

enum { MASK_MIN = 4 };

/* The front of *line up to a blank or `stop`, which is skipped too. */
static struct slice
next_word(struct slice *line, char stop)
{
    *line = ascii_trim(*line);
    size_t n = 0;
    while (n < line->len && !ascii_is_blank(line->ptr[n]) && line->ptr[n] != stop)
        n++;
    struct slice word = slice_head(*line, n);
    slice_skip(line, n < line->len ? n + 1 : n);
    return word;
}

static void
take_mechanisms(struct ehlo *e, struct slice rest)
{
    e->auth = true;
    while (rest.len > 0) {
        struct slice mechanism = next_word(&rest, ' ');
        e->auth_login |= ascii_is(mechanism, "LOGIN");
        e->auth_plain |= ascii_is(mechanism, "PLAIN");
    }
}

static void
take_size(struct ehlo *e, struct slice rest)
{
    e->size = true;
    if (!ascii_number(next_word(&rest, ' '), UINT64_MAX, &e->size_max))
        e->size_max = 0;
}

/* Keywords that say all by being there. */
static const struct {
    const char *keyword;
    size_t at; /* the bool of struct ehlo */
} flags[] = {
    {"PIPELINING", offsetof(struct ehlo, pipelining)},
    {"8BITMIME", offsetof(struct ehlo, eight_bit_mime)},
    {"CHUNKING", offsetof(struct ehlo, chunking)},
    {"BINARYMIME", offsetof(struct ehlo, binary_mime)},
    {"DSN", offsetof(struct ehlo, dsn)},
    {"SMTPUTF8", offsetof(struct ehlo, smtputf8)},
    {"ENHANCEDSTATUSCODES", offsetof(struct ehlo, enhanced_status_codes)},
    {"XEXCH50", offsetof(struct ehlo, xexch50)},
    {"STARTTLS", offsetof(struct ehlo, starttls)},
};

static bool
take_flag(struct ehlo *e, struct slice keyword)
{
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (!ascii_is(keyword, flags[i].keyword))
            continue;
        *(bool *)((char *)e + flags[i].at) = true;
        return true;
    }
    return false;
}

void
ehlo_take_line(struct ehlo *e, struct slice line)
{
    struct slice rest = line;
    struct slice keyword = next_word(&rest, '=');
    if (take_flag(e, keyword))
        return;
    if (ascii_is(keyword, "AUTH"))
        take_mechanisms(e, rest);
    else if (ascii_is(keyword, "SIZE"))
        take_size(e, rest);
    else if (ehlo_is_masked(keyword))
        e->masked = true;
}

bool
ehlo_is_masked(struct slice word)
{
    char mask = word.len > 0 ? word.ptr[0] : '\0';
    if (mask != '*' && mask != 'X' && mask != 'x')
        return false;
    size_t n = 0;
    while (n < word.len && word.ptr[n] == mask)
        n++;
    bool to_the_end = n == word.len || (n + 1 == word.len && ascii_is_alpha(word.ptr[n]));
    return n >= MASK_MIN && (to_the_end || mask == '*');
}
