#include "gateway/exchange/version.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *word;
    const char *name;
} versions[] = {
    [EXCHANGE_2000] = {"2000", "Exchange 2000 Server"},
    [EXCHANGE_2003] = {"2003", "Exchange Server 2003"},
    [EXCHANGE_2007] = {"2007", "Exchange Server 2007"},
    [EXCHANGE_2010] = {"2010", "Exchange Server 2010"},
};

bool
exchange_version_read(const char *word, enum exchange_version *version)
{
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (strcmp(versions[i].word, word) == 0) {
            *version = (enum exchange_version)i;
            return true;
        }
    return false;
}

const char *
exchange_version_name(enum exchange_version version)
{
    return versions[version].name;
}
