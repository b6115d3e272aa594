/*
 * command_probe.h - what the words behind `forestgate probe` ask for.
 *
 * Takes    the words; a configuration and its connector, or a server and options; the password's
 *          file.
 * Gives    servers and settings, ready to run.
 * Refuses  what makes no sense together, a password for anybody who cannot prove who he is, and
 *          whatever would not be one line of SMTP.
 */
#ifndef GATEWAY_COMMAND_PROBE_H
#define GATEWAY_COMMAND_PROBE_H

#include "gateway/base/arena.h"
#include "gateway/ops/probe.h"
#include "gateway/relay/runtime.h"

struct probe_plan {
    struct probe_settings settings;
    struct probe_target *targets;
    size_t target_count;
    const char *connector; /* NULL: a server was named */
    bool json;             /* also known when the rest is not */
    struct arena memory;
    struct tls_context *tls; /* ours, or NULL: the runtime's */
    struct runtime *runtime; /* of the configuration, or NULL */
    const char *password;    /* in memory; overwritten in the end */
    char hello[256];
};

/* False: ERR_CONFIG and what is wrong; fini it all the same. */
MUST_USE bool probe_plan_make(int argc, char **argv, struct probe_plan *out, struct err *err);
void probe_plan_fini(struct probe_plan *plan);

/* What is said with EHLO where nothing else was asked for: this host's name, or "localhost". */
void probe_plan_hello(char *name, size_t room);

#endif
