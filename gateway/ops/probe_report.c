#include "gateway/ops/probe_report.h"

#include <inttypes.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"

/* ---- Pieces ---- */

void
probe_report_plain(struct buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        buf_put_char(out, *c == '|' ? '/' : ascii_is_print(*c) ? *c : '?');
}

void
probe_report_wrapped(struct buf *out, size_t column, const char *text)
{
    struct slice rest = slice_str(text);
    size_t at = column;
    while (rest.len > 0) {
        struct slice word = slice_head(rest, slice_find(rest, ' '));
        rest = slice_from(rest, word.len + 1);
        if (at > column && at + 1 + word.len > PROBE_REPORT_COLUMNS) {
            buf_printf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            buf_put_char(out, ' ');
            at++;
        }
        char copy[1024];
        slice_copy_text(copy, sizeof copy, word);
        probe_report_plain(out, copy);
        at += word.len;
    }
    buf_put_char(out, '\n');
}

void
probe_report_server(struct buf *out, const struct probe_result *r)
{
    bool is_address = strcmp(r->server, r->address) == 0;
    bool in_brackets = !is_address || strchr(r->address, ':') != NULL;
    probe_report_plain(out, is_address ? "" : r->server);
    if (r->address[0] != '\0')
        buf_printf(out, in_brackets ? "[%s]" : "%s", r->address);
    buf_printf(out, ":%u", r->port);
}

/* "STARTTLS": what a step is called in a sentence. */
static const char *
name_of(enum probe_kind kind)
{
    static const char *const names[PROBE_KINDS] = {
        [PROBE_RESOLVE] = "name",
        [PROBE_CONNECT] = "connection",
        [PROBE_BANNER] = "banner",
        [PROBE_EHLO] = "EHLO",
        [PROBE_STARTTLS] = "STARTTLS",
        [PROBE_TLS] = "TLS",
        [PROBE_CERTIFICATE] = "certificate",
        [PROBE_EHLO_TLS] = "EHLO under TLS",
        [PROBE_AUTH] = "AUTH",
        [PROBE_MAIL] = "MAIL",
        [PROBE_RCPT] = "RCPT",
        [PROBE_RSET] = "RSET",
        [PROBE_QUIT] = "QUIT",
        [PROBE_TIME] = "time",
    };
    return names[kind];
}

static void
put_seconds(struct buf *out, uint64_t us)
{
    buf_printf(out, "%" PRIu64 ".%03" PRIu64 " s", us / 1000000, us / 1000 % 1000);
}

void
probe_report_trouble(struct buf *out, const struct probe_result *r)
{
    const struct probe_step *worst = probe_worst_step(r);
    if (worst == NULL)
        return;
    buf_printf(out, "%s: ", name_of(worst->kind));
    probe_report_plain(out, worst->text);
}

/* ---- The first line ---- */

enum probe_state
probe_report_state(const struct probe_report *r)
{
    enum probe_state worst = r->server_count == 0 ? PROBE_UNKNOWN : PROBE_OK;
    for (size_t i = 0; i < r->server_count; i++)
        worst = probe_worse(worst, probe_state_of(r->servers[i]));
    return worst;
}

static bool
has_step(const struct probe_result *r, enum probe_kind kind)
{
    uint64_t us;
    return probe_time_of(r, kind, &us);
}

/* How it was, when it was well. */
static void
put_praise(struct buf *out, const struct probe_result *r)
{
    buf_put_str(out, " answers in ");
    put_seconds(out, r->us);
    if (r->tls_version[0] == '\0')
        buf_put_str(out, ", in clear");
    else
        buf_printf(out, ", %s", r->tls_version);
    if (r->has_certificate)
        buf_printf(out, ", certificate %s%s, %" PRId64 " days left",
                   strcmp(r->tls_verified, "none") == 0 ? "not verified" : "verified by ",
                   strcmp(r->tls_verified, "none") == 0 ? "" : r->tls_verified, r->days);
    if (has_step(r, PROBE_AUTH))
        buf_put_str(out, ", logged on");
    if (has_step(r, PROBE_RCPT))
        buf_put_str(out, ", recipients would be taken");
    else if (has_step(r, PROBE_MAIL))
        buf_put_str(out, ", sender would be taken");
}

static void
put_sentence_of(struct buf *out, const struct probe_result *r)
{
    probe_report_server(out, r);
    if (probe_state_of(r) == PROBE_OK) {
        put_praise(out, r);
    } else {
        buf_put_str(out, ": ");
        probe_report_trouble(out, r);
    }
}

/* The worst, and of several the first. */
static const struct probe_result *
worst_server(const struct probe_report *r)
{
    for (size_t i = 0; i < r->server_count; i++)
        if (probe_state_of(r->servers[i]) == probe_report_state(r))
            return r->servers[i];
    return NULL;
}

static size_t
count_bad(const struct probe_report *r)
{
    size_t bad = 0;
    for (size_t i = 0; i < r->server_count; i++)
        bad += probe_state_of(r->servers[i]) != PROBE_OK;
    return bad;
}

static uint64_t
slowest_us(const struct probe_report *r)
{
    uint64_t us = 0;
    for (size_t i = 0; i < r->server_count; i++)
        us = r->servers[i]->us > us ? r->servers[i]->us : us;
    return us;
}

static bool
fewest_days(const struct probe_report *r, int64_t *days)
{
    bool found = false;
    for (size_t i = 0; i < r->server_count; i++) {
        const struct probe_result *s = r->servers[i];
        if (s->has_certificate && (!found || s->days < *days))
            *days = s->days;
        found = found || s->has_certificate;
    }
    return found;
}

void
probe_report_sentence(struct buf *out, const struct probe_report *r)
{
    const struct probe_result *worst = worst_server(r);
    if (worst == NULL) {
        probe_report_plain(out, r->unknown);
        return;
    }
    if (r->connector != NULL) {
        buf_put_str(out, "connector ");
        probe_report_plain(out, r->connector);
        buf_put_str(out, ": ");
    }
    size_t bad = count_bad(r);
    if (r->server_count == 1) {
        put_sentence_of(out, worst);
    } else if (bad == 0) {
        int64_t days;
        buf_printf(out, "all %zu servers answer, the slowest in ", r->server_count);
        put_seconds(out, slowest_us(r));
        if (fewest_days(r, &days))
            buf_printf(out, ", certificates have at least %" PRId64 " days left", days);
    } else {
        buf_printf(out, "%zu of %zu servers not well: ", bad, r->server_count);
        put_sentence_of(out, worst);
    }
}

/* ---- Perfdata: 'label'=value[UOM];[warn];[crit];[min];[max] ---- */

static void
put_label(struct buf *out, const struct probe_result *server, const char *name)
{
    char room[sizeof server->server + sizeof server->address + 64];
    struct buf text = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    buf_put_char(out, ' ');
    if (server == NULL) {
        buf_put_str(out, name);
        return;
    }
    probe_report_server(&text, server);
    buf_put_char(out, '\'');
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(out, text.data[i] == '\'' || text.data[i] == '=' ? '_' : text.data[i]);
    buf_printf(out, " %s'", name);
}

static void
put_limit_ms(struct buf *out, uint64_t ms)
{
    buf_put_char(out, ';');
    if (ms > 0 && ms % 1000 == 0)
        buf_put_num(out, ms / 1000);
    else if (ms > 0)
        buf_printf(out, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

static void
put_time(struct buf *out, uint64_t us, uint64_t warning_ms, uint64_t critical_ms)
{
    buf_printf(out, "=%" PRIu64 ".%06" PRIu64 "s", us / 1000000, us % 1000000);
    put_limit_ms(out, warning_ms);
    put_limit_ms(out, critical_ms);
    buf_put_str(out, ";0");
}

static void
put_total(struct buf *out, const struct probe_result *server, uint64_t us,
          const struct probe_limits *limits)
{
    put_label(out, server, "time");
    put_time(out, us, limits->warning_ms, limits->critical_ms);
}

/* "14:" is the range whose outside, fewer than 14, is bad. */
static void
put_limit_days(struct buf *out, int days)
{
    buf_put_char(out, ';');
    if (days != PROBE_NEVER)
        buf_printf(out, "%d:", days);
}

static void
put_days(struct buf *out, const struct probe_result *server, int64_t days,
         const struct probe_limits *limits)
{
    put_label(out, server, "cert_days");
    buf_printf(out, "=%" PRId64, days);
    put_limit_days(out, limits->warning_days);
    put_limit_days(out, limits->critical_days);
}

static void
put_perfdata(struct buf *out, const struct probe_report *r)
{
    int64_t days;
    put_total(out, NULL, slowest_us(r), &r->limits);
    if (fewest_days(r, &days))
        put_days(out, NULL, days, &r->limits);
    for (size_t i = 0; i < r->server_count; i++) {
        const struct probe_result *s = r->servers[i];
        const struct probe_result *named = r->connector != NULL ? s : NULL;
        if (named != NULL)
            put_total(out, named, s->us, &r->limits);
        if (named != NULL && s->has_certificate)
            put_days(out, named, s->days, &r->limits);
        for (unsigned kind = 0; kind < PROBE_KINDS; kind++) {
            uint64_t us;
            if (!probe_time_of(s, (enum probe_kind)kind, &us))
                continue;
            put_label(out, named, probe_kind_label((enum probe_kind)kind));
            put_time(out, us, 0, 0);
        }
    }
}

/* ---- The lines below ---- */

static void
put_step(struct buf *out, const struct probe_step *step)
{
    buf_printf(out, "%-9s %-14s ", step->state == PROBE_OK ? "ok" : probe_state_text(step->state),
               name_of(step->kind));
    if (step->kind == PROBE_CERTIFICATE || step->kind == PROBE_TIME)
        buf_put_str(out, "       ");
    else
        put_seconds(out, step->us);
    buf_put_str(out, "  ");
    probe_report_plain(out, step->text);
    buf_put_char(out, '\n');
    if (step->advice[0] != '\0')
        buf_printf(out, "%-9s %s\n", "", step->advice);
}

static void
put_certificate(struct buf *out, const struct probe_result *r)
{
    const struct tls_identity *who = &r->certificate;
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    clock_iso(who->not_before_unix_s * 1000, from);
    clock_iso(who->not_after_unix_s * 1000, to);
    buf_put_str(out, "subject   ");
    probe_report_plain(out, who->subject);
    buf_put_str(out, "\nissuer    ");
    probe_report_plain(out, who->issuer);
    buf_put_str(out, who->self_signed ? " (self-signed)\nnames     " : "\nnames     ");
    probe_report_plain(out, who->names);
    buf_printf(out, "\nvalid     %.10s to %.10s\nkey       %d bits\npin       ", from, to,
               who->key_bits);
    tls_pin_put(out, who->pin);
    buf_put_char(out, '\n');
}

static void
put_details(struct buf *out, const struct probe_result *r)
{
    probe_report_server(out, r);
    buf_put_char(out, '\n');
    for (size_t i = 0; i < r->step_count; i++)
        put_step(out, &r->steps[i]);
    if (r->tls_version[0] != '\0')
        buf_printf(out, "session   %s %s, verified: %s\n", r->tls_version, r->tls_cipher,
                   r->tls_verified);
    if (r->has_certificate)
        put_certificate(out, r);
}

void
probe_report_text(struct buf *out, const struct probe_report *r)
{
    buf_printf(out, "SMTP %s - ", probe_state_text(probe_report_state(r)));
    probe_report_sentence(out, r);
    if (r->server_count > 0) {
        buf_put_str(out, " |");
        put_perfdata(out, r);
    }
    buf_put_char(out, '\n');
    for (size_t i = 0; i < r->server_count; i++)
        put_details(out, r->servers[i]);
}
