#include "gateway/ops/preflight_report.h"

#include "gateway/ops/probe_report.h"

enum { INDENT = 2, STATE_WIDTH = 11, COLUMN = INDENT + STATE_WIDTH };

/* ---- Words ---- */

const char *
preflight_not_checked(size_t i)
{
    static const char *const list[] = {
        "How Exchange sends: its connectors, accounts, rights and certificates. forestgate "
        "exchange-setup --forest F --version V says what must stand there, and with --verify "
        "compares.",
        "Whether the servers of Exchange trust who issued the gateway's certificate: that is "
        "seen "
        "there only.",
        "Whether an address of a person exists and resolves to a name in the address book: "
        "postmaster was asked for.",
        "What Exchange limits in use: connections from one address, recipients, sizes of the "
        "organization.",
        NULL,
    };
    return list[i];
}

static void
put_who(struct buf *out, unsigned who, const struct forest *forest)
{
    const char *between = "";
    if (who & WHO_GATEWAY) {
        buf_put_str(out, "the gateway's side");
        between = ", ";
    }
    if (who & WHO_EXCHANGE) {
        buf_printf(out, "%sthe Exchange side of %s", between, forest->name);
        between = ", ";
    }
    if (who & WHO_OTHER_GATEWAY) {
        buf_printf(out, "%sthe gateway of %s", between, forest->name);
        between = ", ";
    }
    if (who & WHO_NETWORK)
        buf_printf(out, "%sthe network between", between);
}

/* ---- Lines ---- */

static void
put_labelled(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "%*s%s", COLUMN, "", label);
    probe_report_wrapped(out, COLUMN + strlen(label), text);
}

static void
put_line(struct buf *out, const struct preflight_line *line, const struct forest *forest)
{
    char text[sizeof line->subject + sizeof line->found + 4];
    char who[800];
    struct buf found = {.data = text, .cap = sizeof text, .max = sizeof text - 1};
    struct buf names = {.data = who, .cap = sizeof who, .max = sizeof who - 1};
    buf_printf(&found, "%s: %s", line->subject, line->found);
    put_labelled(out, "", buf_text(&found));
    if (line->advice[0] != '\0')
        put_labelled(out, "> ", line->advice);
    put_who(&names, line->who, forest);
    if (names.len > 0)
        put_labelled(out, "who:  ", buf_text(&names));
    if (line->command != NULL) /* whole, to be copied */
        buf_printf(out, "%*smore: %s\n", COLUMN, "", line->command);
}

static bool
is_tried_somewhere(const struct preflight_check *check)
{
    for (const struct preflight_line *line = check->lines; line != NULL; line = line->next)
        if (line->state == DOCTOR_OK)
            return true;
    return false;
}

/* Of what could not be tried one reason is enough, unless it was tried at others. */
static void
put_check(struct buf *out, const struct preflight_check *check, const struct forest *forest)
{
    buf_printf(out, "%*s%-*s", INDENT, "", STATE_WIDTH, doctor_state_text(check->state));
    probe_report_wrapped(out, COLUMN, check->say);
    if (check->state == DOCTOR_NOT_TRIED && check->lines != NULL && !is_tried_somewhere(check)) {
        const struct preflight_line *line = check->lines;
        while (line->state != DOCTOR_NOT_TRIED && line->next != NULL)
            line = line->next;
        put_labelled(out, "", line->found);
        if (line->advice[0] != '\0')
            put_labelled(out, "> ", line->advice);
        return;
    }
    for (const struct preflight_line *line = check->lines; line != NULL; line = line->next)
        if (line->is_note || (check->state != DOCTOR_OK && line->state != DOCTOR_OK))
            put_line(out, line, forest);
}

static void
put_section(struct buf *out, const struct preflight_section *s)
{
    if (s->forest != NULL)
        buf_printf(out, "\n%s -> %s\n", s->forest->name, preflight_verdict_text(s->verdict));
    else
        buf_put_str(out, "\nThe gateway itself\n");
    for (const struct preflight_check *c = s->checks; c != NULL; c = c->next)
        put_check(out, c, s->forest);
}

/* ---- The whole ---- */

static void
put_only_forest(struct buf *out, const struct preflight *p)
{
    if (preflight_count(p, PREFLIGHT_UNPROVEN) == 1)
        buf_put_str(out, "Whether the forest is ready is not known.");
    else if (preflight_count(p, PREFLIGHT_NOT_READY) == 1)
        buf_put_str(out, "The forest is NOT ready.");
    else
        buf_printf(out, "The forest is ready%s.",
                   preflight_count(p, PREFLIGHT_WARNINGS) == 1 ? ", with warnings" : "");
}

static void
put_forests(struct buf *out, const struct preflight *p)
{
    size_t warned = preflight_count(p, PREFLIGHT_WARNINGS);
    size_t ready = preflight_count(p, PREFLIGHT_READY) + warned;
    size_t all =
        ready + preflight_count(p, PREFLIGHT_UNPROVEN) + preflight_count(p, PREFLIGHT_NOT_READY);
    if (all == 1) {
        put_only_forest(out, p);
        return;
    }
    if (ready == all)
        buf_printf(out, "All %zu forests are ready", all);
    else if (ready == 0)
        buf_printf(out, "None of %zu forests is ready", all);
    else
        buf_printf(out, "%zu of %zu forests %s ready", ready, all, ready == 1 ? "is" : "are");
    if (warned > 0 && warned == ready)
        buf_put_str(out, ", with warnings");
    else if (warned > 0)
        buf_printf(out, ", %zu of them with warnings", warned);
    buf_put_char(out, '.');
}

void
preflight_report_sentence(struct buf *out, const struct preflight *p)
{
    put_forests(out, p);
    for (const struct preflight_section *s = p->sections; s != NULL; s = s->next)
        for (const struct preflight_check *c = s->checks; c != NULL && s->forest == NULL;
             c = c->next)
            if (c->state != DOCTOR_OK && c->lines != NULL)
                buf_printf(out, " The gateway: %s.", c->lines->found);
}

void
preflight_report_text(struct buf *out, const struct preflight *p, const char *config_file)
{
    preflight_report_sentence(out, p);
    buf_printf(out, "  (%s; %zu connection%s, %zu logon%s; ", config_file, p->connections,
               p->connections == 1 ? "" : "s", p->logons, p->logons == 1 ? "" : "s");
    if (p->trips == 0)
        buf_put_str(out, "no mail was sent)\n");
    else
        buf_printf(out, "%zu marked message%s sent)\n", p->trips,
                   p->trips == 1 ? " was" : "s were");
    for (const struct preflight_section *s = p->sections; s != NULL; s = s->next)
        put_section(out, s);
    buf_put_str(out, "\nWhat cannot be checked from here\n");
    for (size_t i = 0; preflight_not_checked(i) != NULL; i++) {
        buf_put_str(out, "  - ");
        probe_report_wrapped(out, 4, preflight_not_checked(i));
    }
}
