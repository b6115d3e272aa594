/*
 * probe_report.h - what a probe found, for a monitoring system and for people.
 *
 * Follows  the guidelines for monitoring plugins: a first line "SMTP STATE - sentence |
 * perfdata", then long output, one step a line. Whatever a peer says, the only '|' is ours, and a
 *          label has no quote and no '='.
 */
#ifndef OPS_PROBE_REPORT_H
#define OPS_PROBE_REPORT_H

#include "gateway/base/buf.h"
#include "gateway/ops/probe_result.h"

struct probe_report {
    const char *connector; /* NULL: one server was asked for by name */
    const struct probe_result *const *servers;
    size_t server_count; /* 0: UNKNOWN, for the reason below */
    const char *unknown;
    struct probe_limits limits;
};

/* The worst of all: the exit status. */
enum probe_state probe_report_state(const struct probe_report *r);

/* The sentence of the first line. */
void probe_report_sentence(struct buf *out, const struct probe_report *r);

/* All lines. */
void probe_report_text(struct buf *out, const struct probe_report *r);

/* The same as one line of JSON; its keys are an interface:
 *
 *     state exit message connector servers[]
 *       server port address state message time steps[] tls certificate
 *         steps:       step state time code text advice
 *         tls:         version cipher verified, or null
 *         certificate: as certificate_json.h says, or null
 *
 * Times are seconds; what is not known is null. */
void probe_report_json(struct buf *out, const struct probe_report *r);

/* "hub1.fabrikam.example[10.2.0.5]:25", "10.2.0.5:25", "[2001:db8::1]:25" */
void probe_report_server(struct buf *out, const struct probe_result *r);

/* Text with '/' for '|', which in a plugin's first line begins the perfdata. */
void probe_report_plain(struct buf *out, const char *text);

/* The same from this column on, in lines that begin there, and a newline. A word longer than a
 * line stays whole. */
enum { PROBE_REPORT_COLUMNS = 100 };
void probe_report_wrapped(struct buf *out, size_t column, const char *text);

/* What to say of one server; "" when all is well. */
void probe_report_trouble(struct buf *out, const struct probe_result *r);

#endif
