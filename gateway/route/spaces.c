#include "gateway/route/spaces.h"

#include <stdint.h>
#include <stdio.h>

#include "gateway/mail/address.h"

size_t
space_closeness(const char *entry, bool wildcard, struct slice domain)
{
    struct slice name = slice_str(entry);

    if (domain.len == 0 || domain_is_literal(domain))
        return 0;
    if (wildcard && name.len == 0)
        return 1;
    if (!domain_matches(domain, name, wildcard))
        return 0;
    return wildcard ? 1 + name.len : SIZE_MAX;
}

const struct forest_domain *
space_of_forest(const struct forest *forest, struct slice domain, size_t *closeness)
{
    const struct forest_domain *best = NULL;

    *closeness = 0;
    for (size_t i = 0; i < forest->domain_count; i++) {
        const struct forest_domain *entry = &forest->domains[i];
        size_t close = space_closeness(entry->name, entry->wildcard, domain);
        if (close > *closeness) {
            *closeness = close;
            best = entry;
        }
    }
    return best;
}

size_t
space_closest(const struct config *config, struct slice domain)
{
    size_t closest = 0;

    for (size_t i = 0; i < config->forest_count; i++) {
        size_t close;
        if (space_of_forest(&config->forests[i], domain, &close) != NULL && close > closest)
            closest = close;
    }
    return closest;
}

const char *
space_text(const char *entry, bool wildcard, char text[SPACE_TEXT])
{
    const char *front = !wildcard ? "" : entry[0] != '\0' ? "*." : "*";

    snprintf(text, SPACE_TEXT, "%s%s", front, entry);
    return text;
}
