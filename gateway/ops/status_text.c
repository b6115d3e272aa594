#include <inttypes.h>

#include "gateway/ops/control_text.h"
#include "gateway/ops/queue_changes.h"
#include "gateway/ops/status.h"

/* ---- Members of the JSON; what is missing is empty ---- */

static const char *
text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text != NULL ? text : "";
}

static json_int_t
number_of(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

/* ---- Cells ---- */

static void
put_cell(struct buf *out, const char *text, size_t width)
{
    control_put_padded(out, slice_str(text), width);
    buf_put_char(out, ' ');
}

static void
put_number(struct buf *out, json_int_t n, size_t width)
{
    buf_printf(out, "%*" PRIdMAX " ", (int)width, (intmax_t)n);
}

static void
put_age_cell(struct buf *out, json_int_t s, bool shown, size_t width)
{
    char room[32];
    struct buf cell = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    if (shown)
        control_put_age(&cell, s * 1000);
    put_cell(out, buf_text(&cell), width);
}

/* "2026-11-22" */
static void
put_date(struct buf *out, const char *time)
{
    control_put_padded(out, slice_head(slice_str(time), 10), 11);
}

/* "a, b" of a list of texts. */
static void
put_words(struct buf *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_put_str(out, i > 0 ? ", " : "");
        buf_put_str(out, json_string_value(json_array_get(list, i)));
    }
}

/* ---- Sections ---- */

static void
put_head(struct buf *out, const json_t *s)
{
    const json_t *c = json_object_get(s, "configuration");
    buf_printf(out, "forestgate %s on %s, up ", text_of(s, "version"), text_of(s, "hostname"));
    control_put_age(out, number_of(s, "uptime_s") * 1000);
    buf_printf(out, ", %" PRIdMAX " workers, %" PRIdMAX " sessions%s\n",
               (intmax_t)number_of(s, "workers"), (intmax_t)number_of(s, "sessions"),
               json_is_true(json_object_get(s, "draining")) ? ", DRAINING" : "");
    buf_printf(out, "Configuration %s, loaded %s\n", text_of(c, "file"), text_of(c, "loaded"));
    queue_changes_put_text(out, json_object_get(c, "changes"));
    if (*text_of(c, "refused") != '\0')
        buf_printf(out, "  refused %s: %s\n", text_of(c, "refused"), text_of(c, "refused_why"));
}

static void
put_problems(struct buf *out, const json_t *s)
{
    const json_t *problems = json_object_get(s, "problems");
    buf_put_str(out, json_array_size(problems) > 0 ? "\nPROBLEMS\n" : "\nNo problems.\n");
    for (size_t i = 0; i < json_array_size(problems); i++)
        buf_printf(out, "  %s\n", json_string_value(json_array_get(problems, i)));
}

static void
put_receiving(struct buf *out, const json_t *s)
{
    const json_t *listeners = json_object_get(s, "listeners");
    const json_t *receive = json_object_get(s, "receive");
    buf_put_str(out,
                "\nLISTENER             ADDRESS                      SESSIONS CERTIFICATE\n");
    for (size_t i = 0; i < json_array_size(listeners); i++) {
        const json_t *l = json_array_get(listeners, i);
        put_cell(out, text_of(l, "listener"), 20);
        put_cell(out, text_of(l, "address"), 28);
        put_number(out, number_of(l, "sessions"), 8);
        put_words(out, json_object_get(l, "certificates"));
        buf_put_char(out, '\n');
    }
    buf_put_str(out,
                "\nRECEIVE CONNECTOR        MESSAGES   LOGONS    WRONG TLS          FOREST\n");
    for (size_t i = 0; i < json_array_size(receive); i++) {
        const json_t *c = json_array_get(receive, i);
        put_cell(out, text_of(c, "connector"), 24);
        put_number(out, number_of(c, "messages"), 8);
        put_number(out, number_of(c, "logons"), 8);
        put_number(out, number_of(c, "logons_wrong"), 8);
        bool required = json_is_true(json_object_get(c, "tls_required"));
        put_cell(out, required ? text_of(c, "tls_profile") : "NOT REQUIRED", 12);
        put_words(out, json_object_get(c, "speaks_for"));
        buf_put_char(out, '\n');
    }
}

static void
put_server(struct buf *out, const json_t *s)
{
    buf_printf(out, "    %s [%s] %s, %s", text_of(s, "server"), text_of(s, "address"),
               text_of(s, "state"), text_of(s, "evidence"));
    if (*text_of(s, "tls") != '\0')
        buf_printf(out, ", %s verified by %s", text_of(s, "tls"), text_of(s, "verified"));
    if (number_of(s, "next_try_s") > 0)
        buf_printf(out, ", next try in %" PRIdMAX " s", (intmax_t)number_of(s, "next_try_s"));
    buf_put_char(out, '\n');
    if (*text_of(s, "last_error") != '\0')
        buf_printf(out, "        %s\n", text_of(s, "last_error"));
}

static void
put_sending(struct buf *out, const json_t *s)
{
    const json_t *send = json_object_get(s, "send");
    buf_put_str(out,
                "\nSEND CONNECTOR           STATE         MESSAGES      OCTETS OLDEST   LAST "
                "DELIVERY\n");
    for (size_t i = 0; i < json_array_size(send); i++) {
        const json_t *c = json_array_get(send, i);
        const json_t *q = json_object_get(c, "queue");
        const json_t *servers = json_object_get(c, "servers");
        const json_t *last = json_object_get(c, "last_delivery_s");
        put_cell(out, text_of(c, "connector"), 24);
        put_cell(out, text_of(c, "state"), 13);
        put_number(out, number_of(q, "messages"), 8);
        put_number(out, number_of(q, "octets"), 11);
        put_age_cell(out, number_of(q, "oldest_s"), number_of(q, "messages") > 0, 8);
        put_age_cell(out, json_integer_value(last), json_is_integer(last), 0);
        buf_put_str(out, json_is_integer(last) ? "ago\n" : "none yet\n");
        if (json_array_size(servers) == 0 && *text_of(c, "last_error") != '\0')
            buf_printf(out, "    %s\n", text_of(c, "last_error"));
        for (size_t k = 0; k < json_array_size(servers); k++)
            put_server(out, json_array_get(servers, k));
    }
    static const char *const stranded[] = {"unreachable", "held", "poison"};
    for (size_t i = 0; i < COUNT_OF(stranded); i++) {
        intmax_t messages = (intmax_t)number_of(json_object_get(s, stranded[i]), "messages");
        if (messages > 0)
            buf_printf(out, "(%s): %" PRIdMAX " messages\n", stranded[i], messages);
    }
}

static void
put_certificates(struct buf *out, const json_t *s)
{
    const json_t *both = json_object_get(s, "certificates");
    const json_t *ours = json_object_get(both, "ours");
    const json_t *peers = json_object_get(both, "peers");
    buf_put_str(out, "\nCERTIFICATE              EXPIRES      DAYS OF\n");
    for (size_t i = 0; i < json_array_size(ours); i++) {
        const json_t *c = json_array_get(ours, i);
        put_cell(out, text_of(c, "certificate"), 24);
        put_date(out, text_of(c, "expires"));
        put_number(out, number_of(c, "days_left"), 6);
        buf_printf(out, "%s (", text_of(c, "names"));
        put_words(out, json_object_get(c, "listeners"));
        buf_put_str(out, ")\n");
    }
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *c = json_array_get(peers, i);
        put_cell(out, text_of(c, "connector"), 24);
        put_date(out, text_of(c, "expires"));
        put_number(out, number_of(c, "days_left"), 6);
        buf_printf(out, "%s [%s]\n", text_of(c, "server"), text_of(c, "address"));
    }
}

static void
put_spool(struct buf *out, const json_t *s)
{
    const json_t *spool = json_object_get(s, "spool");
    buf_printf(
        out, "\nSpool %s: %" PRIdMAX " messages, %" PRIdMAX " octets; %" PRIdMAX " MiB free%s\n",
        text_of(spool, "path"), (intmax_t)number_of(spool, "messages"),
        (intmax_t)number_of(spool, "octets"), (intmax_t)(number_of(spool, "free_octets") >> 20),
        json_is_true(json_object_get(spool, "has_room")) ? "" : ", NO ROOM");
    buf_printf(out, "  %" PRIdMAX " commits of %" PRIdMAX " changes, %" PRIdMAX " us each\n",
               (intmax_t)number_of(spool, "commits"), (intmax_t)number_of(spool, "changes"),
               (intmax_t)number_of(spool, "commit_us_mean"));
}

static void
put_pressure(struct buf *out, const json_t *s)
{
    const json_t *pressure = json_object_get(s, "pressure");
    const json_t *resources = json_object_get(pressure, "resources");
    buf_printf(
        out,
        "\nBack pressure: %s%s; since start %" PRIdMAX " MAIL slowed, %" PRIdMAX " refused\n",
        text_of(pressure, "level"),
        json_is_true(json_object_get(pressure, "delivery_paused")) ? ", DELIVERY PAUSED" : "",
        (intmax_t)number_of(pressure, "slowed"), (intmax_t)number_of(pressure, "refused"));
    for (size_t i = 0; i < json_array_size(resources); i++) {
        const json_t *r = json_array_get(resources, i);
        buf_put_str(out, "  ");
        put_cell(out, text_of(r, "resource"), 12);
        put_cell(out, text_of(r, "level"), 7);
        buf_printf(out, "%s\n", text_of(r, "why"));
    }
}

void
status_put_text(struct buf *out, const json_t *status)
{
    put_head(out, status);
    put_problems(out, status);
    put_receiving(out, status);
    put_sending(out, status);
    put_certificates(out, status);
    put_spool(out, status);
    put_pressure(out, status);
}
