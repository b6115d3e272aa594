#include "gateway/ops/doctor_report.h"

#include "gateway/ops/probe_report.h"

enum { STATE_WIDTH = 11, LABEL_WIDTH = 16 };

enum probe_state
doctor_report_state(const struct doctor_report *r)
{
    return r->doctor != NULL ? doctor_checks_state(&r->doctor->checks) : PROBE_UNKNOWN;
}

/* ---- Lines ---- */

static void
put_check(struct buf *out, const struct doctor_check *check)
{
    buf_printf(out, "  %-*s%-*s", STATE_WIDTH, doctor_state_text(check->state), LABEL_WIDTH,
               check->label);
    size_t column = 2 + STATE_WIDTH + LABEL_WIDTH;
    char text[sizeof check->found + sizeof check->subject + 4];
    struct buf found = {.data = text, .cap = sizeof text, .max = sizeof text - 1};
    buf_printf(&found, "%s%s%s", check->subject, check->subject[0] != '\0' ? ": " : "",
               check->found);
    if (check->is_verbatim)
        buf_printf(out, "%s\n", buf_text(&found));
    else
        probe_report_wrapped(out, column, buf_text(&found));
    if (check->advice[0] == '\0')
        return;
    buf_printf(out, "%*s> ", (int)column, "");
    probe_report_wrapped(out, column + 2, check->advice);
}

/* ---- The whole ---- */

static void
put_number(struct buf *out, size_t n, const char *what)
{
    if (n > 0)
        buf_printf(out, ", %zu %s", n, what);
}

void
doctor_report_sentence(struct buf *out, const struct doctor_report *r)
{
    if (r->doctor == NULL) {
        probe_report_plain(out, r->unknown);
        return;
    }
    const struct doctor_checks *checks = &r->doctor->checks;
    const struct doctor_check *worst = doctor_worst_check(checks);
    if (r->connector != NULL)
        buf_printf(out, "connector %s: ", r->connector);
    if (r->doctor->primary != NULL)
        probe_report_server(out, r->doctor->primary);
    buf_printf(out, ": %zu well", doctor_checks_count(checks, DOCTOR_OK));
    put_number(out, doctor_checks_count(checks, DOCTOR_WARNING), "with a warning");
    put_number(out, doctor_checks_count(checks, DOCTOR_FAILED), "failed");
    put_number(out, doctor_checks_count(checks, DOCTOR_NOT_TRIED), "not tried");
    if (worst == NULL)
        return;
    buf_printf(out, "; %s: ", worst->id);
    probe_report_plain(out, worst->found);
}

static void
put_end(struct buf *out, const struct doctor *d)
{
    buf_printf(out,
               "\n%zu connection%s, %zu logon%s; no mail was sent. What is ok is ok as far as it "
               "can be seen from here.\n",
               d->connections, d->connections == 1 ? "" : "s", d->logons,
               d->logons == 1 ? "" : "s");
}

void
doctor_report_text(struct buf *out, const struct doctor_report *r)
{
    enum doctor_group group = GROUPS;
    buf_printf(out, "DOCTOR %s - ", probe_state_text(doctor_report_state(r)));
    doctor_report_sentence(out, r);
    buf_put_char(out, '\n');
    if (r->doctor == NULL)
        return;
    for (size_t i = 0; i < r->doctor->checks.count; i++) {
        const struct doctor_check *check = &r->doctor->checks.list[i];
        if (check->group != group)
            buf_printf(out, "\n%s\n", doctor_group_title(check->group));
        group = check->group;
        put_check(out, check);
    }
    put_end(out, r->doctor);
}
