/*
 * config_runtime.h - a configuration in force, out of text: config_folder.h with a certificate
 * that a TLS context can use.
 */
#ifndef KIT_CONFIG_RUNTIME_H
#define KIT_CONFIG_RUNTIME_H

#include "gateway/relay/runtime.h"
#include "tests/kit/config_folder.h"

/* gw.pem and gw.key for gw.contoso.example, below `where` in the folder ("." is the folder). */
void config_runtime_certificate(const struct config_folder *f, const char *where);

/* One reference, the caller's. The test fails with the complaints when the text has any. */
struct runtime *config_runtime_new(const struct config_folder *f, const char *text);

#endif
