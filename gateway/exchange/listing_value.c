/* Values of Format-List: "{a, b}", "A, B", "True". */
#include "gateway/base/ascii.h"
#include "gateway/exchange/listing.h"

/* Without the braces of a list. */
static struct slice
inside(const char *value)
{
    struct slice s = ascii_trim(slice_str(value));
    if (s.len >= 2 && s.ptr[0] == '{' && s.ptr[s.len - 1] == '}')
        return slice(s.ptr + 1, s.len - 2);
    return s;
}

void
listing_each(const char *value, bool (*take)(void *context, struct slice item), void *context)
{
    struct slice rest = inside(value);
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;
        struct slice item = ascii_trim(slice(rest.ptr, len));
        if (item.len > 0 && !take(context, item))
            return;
        slice_skip(&rest, comma != NULL ? len + 1 : len);
    }
}

static bool
is_same(struct slice item, const char *word)
{
    size_t i = 0;
    for (; *word != '\0'; word++) {
        if (*word == ' ')
            continue;
        while (i < item.len && item.ptr[i] == ' ')
            i++;
        if (i == item.len || ascii_lower(item.ptr[i++]) != ascii_lower(*word))
            return false;
    }
    while (i < item.len && item.ptr[i] == ' ')
        i++;
    return i == item.len;
}

struct search {
    const char *word;
    bool found;
};

static bool
compare(void *context, struct slice item)
{
    struct search *s = context;
    s->found = is_same(item, s->word);
    return !s->found;
}

bool
listing_has(const char *value, const char *word)
{
    struct search s = {word, false};
    listing_each(value, compare, &s);
    return s.found;
}

bool
listing_is(const char *value, const char *word)
{
    return is_same(inside(value), word);
}

bool
listing_is_cut(const char *value)
{
    size_t len = strlen(value);
    return len >= 4 && strcmp(value + len - 4, "...}") == 0;
}
