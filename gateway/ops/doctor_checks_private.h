/*
 * doctor_checks_private.h - the inside of the checks:
 *
 *   doctor_checks.c          the list, its words, the evidence
 *   doctor_checks_reach.c    names, connections, banner, EHLO list
 *   doctor_checks_tls.c      session, profile, certificate
 *   doctor_checks_session.c  logon, envelope, what is not tested
 *   doctor_checks_stranger.c without a logon: anonymous senders, relaying
 */
#ifndef OPS_DOCTOR_CHECKS_PRIVATE_H
#define OPS_DOCTOR_CHECKS_PRIVATE_H

#include "gateway/ops/doctor_checks.h"

/* id and label are static. found is cut to its room and made printable. */
struct doctor_check *doctor_add(struct doctor_checks *c, enum doctor_group group, const char *id,
                                const char *label, enum doctor_state state, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

void doctor_advise(struct doctor_check *check, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A step as it is: its text, and the advice that came with it. */
struct doctor_check *doctor_add_step(struct doctor_checks *c, enum doctor_group group,
                                     const char *id, const char *label,
                                     const struct probe_step *step);

/* What diagnosis.h says of what a connection would die of at this place: a local failure. */
void doctor_diagnose(struct doctor_check *check, enum smtp_stage stage, const char *enhanced,
                     const struct diagnosis_context *context_or_null);

enum doctor_state doctor_state_of_step(const struct probe_step *step);

void doctor_judge_reach(struct doctor_checks *c, const struct doctor_wish *wish,
                        const struct doctor_evidence *e);
void doctor_judge_hello(struct doctor_checks *c, const struct doctor_wish *wish,
                        const struct doctor_evidence *e);
void doctor_judge_tls(struct doctor_checks *c, const struct doctor_wish *wish,
                      const struct doctor_evidence *e);
void doctor_judge_certificate(struct doctor_checks *c, const struct doctor_wish *wish,
                              const struct doctor_evidence *e);
void doctor_judge_logon(struct doctor_checks *c, const struct doctor_wish *wish,
                        const struct doctor_evidence *e);
/* Without a logon: anonymous senders, and relaying for everybody. */
void doctor_judge_stranger(struct doctor_checks *c, const struct doctor_wish *wish,
                           const struct probe_result *stranger_or_null);
void doctor_judge_envelope(struct doctor_checks *c, const struct doctor_wish *wish,
                           const struct doctor_evidence *e);

#endif
