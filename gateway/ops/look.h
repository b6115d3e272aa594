/*
 * look.h - a server's TLS as it is: a session with whoever answers, in the profile that it needs.
 *
 * Takes    a server, and how a probe goes about it (ops/probe.h).
 * Gives    the probe of it in profile modern and, where no session came about though STARTTLS was
 *          taken, in exchange2003 too.
 * Trusts   nobody, and so brings nothing: no logon, no envelope, EHLO and QUIT alone.
 *
 * And what of it is worth writing into a configuration: the pin (forestgate pin).
 */
#ifndef OPS_LOOK_H
#define OPS_LOOK_H

#include "gateway/ops/probe.h"

struct look {
    struct probe *modern;
    struct probe *lowered; /* NULL: there was no need */
};

/* Of the settings trust, credential and envelopes are not used. False: as probe_run(); fini it
 * all the same. */
MUST_USE bool look_run(const struct probe_settings *settings, const struct probe_target *target,
                       struct look *out, struct err *err);
void look_fini(struct look *l);

/* Did a session come about? */
bool look_has_session(const struct probe_result *r);

/* The first that has one, in modern rather than lowered; NULL: none has. */
const struct probe_result *look_find_session(const struct probe_result *const *modern,
                                             size_t modern_count,
                                             const struct probe_result *const *lowered,
                                             size_t lowered_count, enum tls_profile *profile);

/* The first address with a session, and in which profile; NULL: none has one. */
const struct probe_result *look_session(const struct look *l, enum tls_profile *profile);

/* "tls: { profile: exchange2003, verify: pin, pins: [\"sha256:...\"] }", for a send connector. */
void look_put_yaml(struct buf *out, const struct probe_result *r, enum tls_profile profile);

/* What forestgate pin prints of a session. */
void look_put_text(struct buf *out, const struct probe_result *r, enum tls_profile profile);

/* The same as a line of JSON; its keys are an interface:
 *
 *     server port address pin configure certificate tls
 *         certificate: as certificate_json.h says
 *         tls:         version cipher profile */
void look_put_json(struct buf *out, const struct probe_result *r, enum tls_profile profile);

#endif
