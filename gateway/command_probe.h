/*
 * command_probe.h - what the words behind `forestgate probe` and `doctor` ask for.
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
#include "gateway/command_options.h"
#include "gateway/ops/probe.h"
#include "gateway/relay/runtime.h"

/* doctor looks at one server at a time, also of a connector, and knows no limits of time. */
enum probe_plan_for { PLAN_PROBE, PLAN_DOCTOR };

struct probe_plan {
    struct probe_settings settings;
    struct probe_target *targets;
    size_t target_count;
    const char *connector;             /* NULL: a server was named */
    const struct send_connector *send; /* the same in its configuration, or NULL */
    struct tls_client_settings trust;  /* what the TLS of the settings is made from */
    bool has_profile;                  /* its profile was asked for; else it is the default */
    struct pin pins[OPTION_TIMES_MAX];
    bool json; /* also known when the rest is not */
    struct arena memory;
    struct tls_context *tls; /* ours, or NULL: the runtime's */
    struct runtime *runtime; /* of the configuration, or NULL */
    const char *password;    /* in memory; overwritten in the end */
    char hello[256];
};

/* False: ERR_CONFIG and what is wrong; fini it all the same. */
MUST_USE bool probe_plan_make(enum probe_plan_for whom, int argc, char **argv,
                              struct probe_plan *out, struct err *err);
void probe_plan_fini(struct probe_plan *plan);

/* What is said with EHLO where nothing else was asked for: this host's name, or "localhost". */
void probe_plan_hello(char *name, size_t room);

#endif
