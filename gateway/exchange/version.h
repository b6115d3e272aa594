/*
 * version.h - the versions of Exchange that a set-up can be written for.
 */
#ifndef EXCHANGE_VERSION_H
#define EXCHANGE_VERSION_H

#include <stdbool.h>

enum exchange_version { EXCHANGE_2000, EXCHANGE_2003, EXCHANGE_2007, EXCHANGE_2010 };

/* "2003" to EXCHANGE_2003. False: no version that we know. */
bool exchange_version_read(const char *word, enum exchange_version *version);

/* "Exchange Server 2003" */
const char *exchange_version_name(enum exchange_version version);

/* Configured with PowerShell, by Receive and Send connectors; before, by hand in Exchange System
 * Manager, by SMTP virtual servers and SMTP connectors. */
static inline bool
exchange_has_shell(enum exchange_version version)
{
    return version >= EXCHANGE_2007;
}

#endif
