/*
 * doctor_report.h - what doctor found, for a postmaster and for machines.
 *
 * Follows  the guidelines for monitoring plugins: a first line "DOCTOR STATE - sentence" without
 *          '|', the exit status of gateway/ops/probe_result.h.
 */
#ifndef OPS_DOCTOR_REPORT_H
#define OPS_DOCTOR_REPORT_H

#include "gateway/base/buf.h"
#include "gateway/ops/doctor.h"

struct doctor_report {
    const char *connector;       /* NULL: a server was named, and options */
    const struct doctor *doctor; /* NULL: UNKNOWN, for the reason below */
    const char *unknown;
};

enum probe_state doctor_report_state(const struct doctor_report *r);

/* The sentence of the first line. */
void doctor_report_sentence(struct buf *out, const struct doctor_report *r);

/* A summary, then each check below the title of its group, lines of at most 100 columns, but for
 * what is to be copied. */
void doctor_report_text(struct buf *out, const struct doctor_report *r);

/* The same as one line of JSON; its keys are an interface:
 *
 *     state exit message connector server port address product profile connections logons
 *     certificate checks[]
 *         certificate: as certificate_json.h says, or null
 *         checks:      group check subject state found advice
 *
 * state of a check: "ok", "warning", "failed", "not-tried". What is not known is null. */
void doctor_report_json(struct buf *out, const struct doctor_report *r);

#endif
