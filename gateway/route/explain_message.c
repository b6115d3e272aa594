/* What the rights of two connectors make of header fields: of the classes, and of those of one
 * message. */
#include "gateway/route/explain_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/mail/auth_results.h"
#include "gateway/mail/header.h"
#include "gateway/route/firewall.h"
#include "gateway/route/header_rules.h"
#include "gateway/route/rights.h"

static const struct where nowhere = {.line = 0};

/* ---- Classes ------------------------------------------------------------------------------ */

static bool
lacks(unsigned rights, enum firewall_class class, bool is_leaving)
{
    return class != FIREWALL_PLAIN && !rights_hold(rights, firewall_needs(class, is_leaving));
}

static void
tell_removed_on_entry(struct buf *out, const char *what, enum firewall_class class,
                      const struct receive_connector *c)
{
    explain_row(out, "removed", rights_place(c->rights_where, c->where),
                "%.90s: on entry, %s lacks %s", what, c->name,
                right_word(firewall_needs(class, false)));
}

static void
tell_removed_on_leaving(struct buf *out, const char *what, enum firewall_class class,
                        const struct send_connector *c)
{
    explain_row(out, "removed", rights_place(c->rights_where, c->where),
                "%.90s: on leaving, %s lacks %s", what, c->name,
                right_word(firewall_needs(class, true)));
}

/* Nobody expects Exchange's own fields to cross: whose word it was is worth a line. */
static void
tell_kept(struct buf *out, const char *what, enum firewall_class class,
          const struct explain_passage *by)
{
    if (class != FIREWALL_ORGANIZATION && class != FIREWALL_FOREST) {
        explain_row(out, "kept", nowhere, "%.90s", what);
        return;
    }
    explain_row(out, "kept", rights_place(by->in->rights_where, by->in->where),
                "%.90s: %s holds %s", what, by->in->name,
                right_word(firewall_needs(class, false)));
    explain_row(out, "", rights_place(by->out->rights_where, by->out->where), "and %s %s",
                by->out->name, right_word(firewall_needs(class, true)));
}

void
explain_fields(struct buf *out, const char *what, enum firewall_class class,
               const struct explain_passage *by)
{
    bool is_stopped = lacks(by->in->rights, class, false);

    if (is_stopped)
        tell_removed_on_entry(out, what, class, by->in);
    if (lacks(by->out->rights, class, true))
        tell_removed_on_leaving(out, what, class, by->out);
    else if (!is_stopped)
        tell_kept(out, what, class, by);
}

/* ---- One message -------------------------------------------------------------------------- */

enum {
    NAMES_MAX = 64, /* that are told apart */
    NAME_TEXT = 80,
};

/* Fields of one name and one fate. */
struct fields {
    char name[NAME_TEXT];
    enum firewall_class class;
    bool is_forged;
    unsigned count;
};

struct message {
    const struct question *q;
    struct fields list[NAMES_MAX];
    size_t list_count;
    unsigned others; /* fields that the list had no room for */
    unsigned fields; /* in all */
    struct hop_count hops;
    bool is_local;    /* its lines end with LF alone, as in files here; SMTP makes CRLF of it */
    bool is_unmarked; /* what ends its header section is neither a blank line nor a field */
};

static void
note(struct message *m, const struct fields *new)
{
    for (size_t i = 0; i < m->list_count; i++) {
        struct fields *f = &m->list[i];
        if (f->is_forged != new->is_forged || !ascii_is(slice_str(f->name), new->name))
            continue;
        f->count++;
        return;
    }
    if (m->list_count < NAMES_MAX)
        m->list[m->list_count++] = *new;
    else
        m->others++;
}

static void
note_field(struct message *m, const struct header_field *field)
{
    struct slice name = ascii_trim(field->name);
    struct fields new = {.class = firewall_class_of(name),
                         .is_forged =
                             firewall_is_forged(field, slice_str(m->q->config->hostname)),
                         .count = 1};

    slice_copy_text(new.name, sizeof new.name, slice_head(name, NAME_TEXT - 1));
    if (new.is_forged || new.class != FIREWALL_PLAIN)
        note(m, &new);
}

/* Does the first line end with LF alone? */
static bool
is_local_file(struct slice message)
{
    size_t end = slice_find(message, '\n');
    return end < message.len && (end == 0 || message.ptr[end - 1] != '\r');
}

/* As it would be when it came. */
static bool
is_sound(const struct message *m, const struct explain_passage *by, struct slice raw,
         struct reply *refusal)
{
    bool is_mended = by->in->bare_newline == BARE_NEWLINE_NORMALISE ||
                     (m->is_local && slice_find(raw, '\r') == raw.len);

    return (is_mended && slice_find(raw, '\0') == raw.len) || header_is_sound(raw, refusal);
}

static bool
take_field(struct message *m, const struct explain_passage *by, const struct header_field *field,
           struct reply *refusal)
{
    m->fields++;
    if (!hop_count_take(&m->hops, field->name, m->q->config->limit_hops, refusal) ||
        !is_sound(m, by, field->raw, refusal))
        return false;
    note_field(m, field);
    return true;
}

/* All fields of its header section. False: it would be refused. */
static bool
read_fields(struct message *m, struct header_scanner *scanner, const struct explain_passage *by,
            struct reply *refusal)
{
    struct slice rest = m->q->asked->message;
    struct header_field field;
    enum header_event event;

    do {
        event = header_scan(scanner, &rest, &field);
        if (event == HEADER_MORE)
            event = header_scan_end(scanner, &field);
        if (event == HEADER_FIELD && !take_field(m, by, &field, refusal))
            return false;
    } while (event == HEADER_FIELD);
    if (event == HEADER_END)
        return is_sound(m, by, field.raw, refusal);
    if (event == HEADER_END_UNMARKED) {
        m->is_unmarked = field.raw.len + rest.len > 0;
        return true;
    }
    *refusal = header_too_long();
    return false;
}

static void
tell_fields(struct message *m, const struct explain_passage *by)
{
    for (size_t i = 0; i < m->list_count; i++) {
        const struct fields *f = &m->list[i];
        char what[NAME_TEXT + 32];
        if (f->count == 1)
            snprintf(what, sizeof what, "%s", f->name);
        else
            snprintf(what, sizeof what, "%s (%u fields)", f->name, f->count);
        if (f->is_forged)
            explain_row(m->q->out, "removed", nowhere,
                        "%s: on entry, it claims to be ours (%s), and only we write that", what,
                        m->q->config->hostname);
        else
            explain_fields(m->q->out, what, f->class, by);
    }
    if (m->others > 0)
        explain_row(m->q->out, "", nowhere, "and %u reserved fields of other names", m->others);
}

/* Is it known to be too large? */
static bool
is_too_large(const struct message *m, const struct explain_passage *by, struct reply *refusal)
{
    *refusal = rights_too_large();
    return m->q->asked->message_size > rights_message_size(m->q->config, by->in);
}

bool
explain_message(const struct question *q, const struct explain_passage *by, struct decision *d)
{
    struct message m = {.q = q, .is_local = is_local_file(q->asked->message)};
    const struct config *c = q->config;
    struct header_scanner scanner;
    struct reply refusal;

    header_scanner_init(&scanner);
    bool is_taken = read_fields(&m, &scanner, by, &refusal) && !is_too_large(&m, by, &refusal);
    header_scanner_fini(&scanner);

    explain_heading(q->out, "Message");
    explain_row(q->out, "fields", nowhere, "%u", m.fields);
    explain_row(q->out, "hops", c->where_limits, "%u; at most %u", hop_count_is(&m.hops),
                c->limit_hops);
    if (!is_taken) {
        decision_set(d, refusal, nowhere, "its content");
        return false;
    }
    tell_fields(&m, by);
    if (m.is_unmarked)
        explain_row(q->out, "added", nowhere,
                    "a blank line behind field %u: the next line is neither a field nor "
                    "blank, and all from there on is taken for the body",
                    m.fields);
    return true;
}
