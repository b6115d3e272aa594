/*
 * explain_config.h - forests, connectors and rights of all kinds, about which explain is asked.
 */
#ifndef KIT_EXPLAIN_CONFIG_H
#define KIT_EXPLAIN_CONFIG_H

#include "config/config.h"

enum { EXPLAIN_PAGE_MAX = 16 * 1024 };

extern struct config *explain_config;

/* Before and after all tests of a file, for cmocka. */
int explain_config_load(void **state);
int explain_config_unload(void **state);

#endif
