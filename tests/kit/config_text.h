/*
 * config_text.h - a configuration out of text, for tests: loaded as the daemon loads it, from a
 * folder that is gone when the call returns.
 *
 * Beside the text lie the files that it may name: gw.pem and gw.key (not read by anybody),
 * in.hash (bcrypt of "secret") and out.password.
 */
#ifndef KIT_CONFIG_TEXT_H
#define KIT_CONFIG_TEXT_H

#include "config/config.h"

/* The part that seldom matters, nine lines: the text of a test begins on line 10. */
#define CONFIG_TEXT_HEAD                                                                         \
    "version: 1\n"                                                                               \
    "hostname: gw.contoso.example\n"                                                             \
    "postmaster: postmaster@contoso.example\n"                                                   \
    "spool: { path: spool }\n"                                                                   \
    "certificates:\n"                                                                            \
    "  main: { certificate: gw.pem, key: gw.key }\n"                                             \
    "listen:\n"                                                                                  \
    "  main: { address: \"10.1.0.5:25\", certificate: main }\n"                                  \
    "  second: { address: \"10.1.0.6:25\", certificate: main }\n"

/* One reference, the caller's. Every place in it is in "forestgate.yaml". Fails the test with all
 * complaints when the text is not accepted. */
struct config *config_of_text(const char *text);

#endif
