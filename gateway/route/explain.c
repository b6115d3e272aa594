#include "gateway/route/explain_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/mail/auth_results.h"
#include "gateway/route/loop_trace.h"
#include "gateway/route/recipient.h"
#include "gateway/route/rights.h"
#include "gateway/route/spf_policy.h"

static const struct where nowhere = {.line = 0};

/* ---- The question ------------------------------------------------------------------------- */

/* The path as a client would send it: the <> may be left out on the command line. */
static bool
read_path(const char *text, struct address_rules rules, char path[EXPLAIN_PATH_ROOM],
          struct address *out)
{
    size_t len = strlen(text);
    bool has_brackets = len > 0 && text[0] == '<';

    if (len > EXPLAIN_PATH_ROOM - 3)
        return false;
    snprintf(path, EXPLAIN_PATH_ROOM, has_brackets ? "%s" : "<%s>", text);
    struct slice rest = slice_str(path);
    return address_read_path(&rest, rules, out) && rest.len == 0;
}

static bool
read_question(struct question *q)
{
    if (!read_path(q->asked->from, (struct address_rules){.null_ok = true}, q->from_path,
                   &q->mail.from)) {
        explain_heading(q->out, "Result");
        explain_row(q->out, "refused", nowhere, "501 5.1.7 Invalid address (the sender's)");
        return false;
    }
    if (!read_path(q->asked->to, (struct address_rules){.postmaster_ok = true}, q->to_path,
                   &q->rcpt.to)) {
        explain_heading(q->out, "Result");
        explain_row(q->out, "refused", nowhere, "501 5.1.3 Invalid address (the recipient's)");
        return false;
    }
    return true;
}

/* ---- Receiving ---------------------------------------------------------------------------- */

static void
tell_networks(struct buf *out, const struct receive_connector *connector)
{
    for (size_t i = 0; i < connector->network_count; i++)
        explain_row(out, i == 0 ? "its networks" : "", nowhere, "%s",
                    connector->networks[i].text);
}

static void
tell_logon(struct buf *out, const struct way_in *way, const char *sent_as)
{
    const struct receive_connector *c = way->connector;

    if (!c->auth_required) {
        explain_row(out, "logon", c->where, "none: its networks alone are trusted (auth: none)");
        return;
    }
    explain_row(out, "logon", nowhere, "AUTH LOGIN or PLAIN before MAIL, else 530 5.7.1");
    if (way->account != NULL) {
        explain_row(out, "account", way->account->where, "%s, sent as %.100s", way->account->name,
                    sent_as);
        return;
    }
    for (size_t i = 0; i < c->account_count; i++)
        explain_row(out, i == 0 ? "account (any of)" : "", c->accounts[i].where, "%s",
                    c->accounts[i].name);
}

static const char *
profile_text(enum tls_profile_name profile)
{
    switch (profile) {
    case TLS_PROFILE_MODERN:
        return "TLS 1.2 and up";
    case TLS_PROFILE_EXCHANGE2003:
        return "profile exchange2003";
    }
    never("a TLS profile without a name");
}

static void
tell_size(struct buf *out, uint64_t octets)
{
    const uint64_t mib = 1024 * 1024;

    if (octets % mib == 0)
        explain_row(out, "message size", nowhere, "at most %" PRIu64 " MiB", octets / mib);
    else
        explain_row(out, "message size", nowhere, "at most %" PRIu64 " octets", octets);
}

static void
tell_connector(const struct question *q, const struct way_in *way)
{
    const struct receive_connector *c = way->connector;
    struct buf *out = q->out;

    if (q->asked->client == NULL) {
        explain_row(out, "client", nowhere,
                    "not given: the only connector for this sender is taken");
        explain_row(out, "receive connector", c->where, "%s", c->name);
        tell_networks(out, c);
        return;
    }
    explain_row(out, "client", nowhere, "%s", q->asked->client);
    explain_row(out, "listener", way->listener->where, "%s, %s", way->listener->name,
                way->listener->address.text);
    explain_row(out, "receive connector", c->where, "%s: %s is the narrowest network", c->name,
                way->network->text);
}

static void
tell_receiving(const struct question *q, const struct way_in *way)
{
    const struct receive_connector *c = way->connector;
    struct buf *out = q->out;

    explain_heading(out, "Receiving");
    tell_connector(q, way);
    if (c->tls_require)
        explain_row(out, "TLS", nowhere, "required before AUTH and MAIL, else %d %s; %s",
                    c->tls_clear_reply, c->tls_clear_reply == 454 ? "4.7.0" : "5.7.0",
                    profile_text(c->tls_profile));
    else
        explain_row(out, "TLS", c->where, "NOT REQUIRED: passwords and mail may pass in clear");
    tell_logon(out, way, q->asked->account);
    tell_size(out, rights_message_size(q->config, c));
}

static void
tell_spf(const struct question *q, const struct receive_connector *c)
{
    struct sockaddr_storage client;
    char text[SPF_PLAN_TEXT];
    bool is_given = q->asked->client != NULL && accept_address(q->asked->client, &client);

    if (spf_plan(c, is_given ? (struct sockaddr *)&client : NULL, &q->mail.from, text))
        explain_row(q->out, "SPF", c->where, "%s", text);
}

/* ---- Sending ------------------------------------------------------------------------------ */

static const char *
verify_text(const struct send_connector *c)
{
    switch (c->tls_verify) {
    case TLS_VERIFY_NAME:
        return "the certificate must be trusted and carry the server's name";
    case TLS_VERIFY_CA:
        return "the certificate must come from the given authority; any name";
    case TLS_VERIFY_PIN:
        return "the certificate's public key must be one of the pins";
    case TLS_VERIFY_NONE:
        return "the certificate is NOT CHECKED";
    }
    never("a way to verify without a name");
}

static void
tell_servers(struct buf *out, const struct send_connector *c)
{
    for (size_t i = 0; i < c->server_count; i++) {
        char label[24] = "";
        if (i == 0)
            snprintf(label, sizeof label, "%s",
                     c->balance == BALANCE_FAILOVER ? "servers in order" : "servers in turn");
        explain_row(out, label, c->servers[i].where, "%s, port %u", c->servers[i].host,
                    (unsigned)c->servers[i].port);
    }
}

static void
tell_sending_tls(struct buf *out, const struct send_connector *c)
{
    if (!c->tls_require)
        explain_row(out, "TLS", c->where,
                    "NOT REQUIRED: in clear when the server offers no STARTTLS");
    else
        explain_row(out, "TLS", nowhere, "required, else nothing is sent; %s",
                    profile_text(c->tls_profile));
    explain_row(out, "", nowhere, "%s", verify_text(c));
    if (c->tls_server_name != NULL)
        explain_row(out, "", nowhere, "its name: %s", c->tls_server_name);
    if (c->tls_ca_file != NULL)
        explain_row(out, "", nowhere, "trusted: %s", c->tls_ca_file);
    if (c->pin_count > 0)
        explain_row(out, "", nowhere, "pins: %zu", c->pin_count);
}

static void
tell_sending(const struct question *q, const struct way_in *way, const struct route *route)
{
    const struct send_connector *c = route->connector;
    struct buf *out = q->out;

    explain_heading(out, "Sending");
    explain_row(out, "send connector", c->where, "%s", c->name);
    tell_servers(out, c);
    if (route->forest != NULL && accept_speaks_for(way->connector, route->forest) &&
        q->rcpt.to.domain.len > 0)
        explain_row(out, "", route->forest->where, "none that lies in a network of %s (hairpin)",
                    way->connector->name);
    tell_sending_tls(out, c);
    if (c->auth_user == NULL) {
        explain_row(out, "logon", c->where, "none (auth: none)");
        return;
    }
    explain_row(out, "logon", nowhere, "AUTH LOGIN as %s", c->auth_user);
    explain_row(out, "password from", nowhere, "%s", c->auth_password_file);
}

/* ---- The header --------------------------------------------------------------------------- */

/* A server is told nothing of AUTH= unless it offers AUTH (RFC 4954 5). */
static const char *
auth_text(const struct sender_decision *sender, const struct send_connector *out)
{
    bool logs_on = out->auth_user != NULL;

    if (sender->auth_anonymous)
        return logs_on ? "MAIL FROM with AUTH=<>: counts as from outside"
                       : "MAIL FROM with AUTH=<>, counts as from outside, where the server "
                         "offers AUTH; else nothing tells it from mail from inside";
    if (sender->auth_named)
        return logs_on ? "MAIL FROM with the AUTH= that came"
                       : "MAIL FROM with the AUTH= that came, where the server offers AUTH";
    return logs_on ? "MAIL FROM without AUTH=: our logon there speaks for it"
                   : "MAIL FROM without AUTH=: our address there speaks for it";
}

static void
tell_header(struct buf *out, const struct sender_decision *sender,
            const struct explain_passage *by)
{
    static const struct {
        const char *what;
        enum firewall_class class;
    } families[] = {
        {"X-MS-Exchange-Organization-*", FIREWALL_ORGANIZATION},
        {"X-MS-Exchange-Forest-*", FIREWALL_FOREST},
        {"Received", FIREWALL_ROUTING},
        {"Resent-*", FIREWALL_ROUTING},
    };

    explain_heading(out, "Header");
    for (size_t i = 0; i < COUNT_OF(families); i++)
        explain_fields(out, families[i].what, families[i].class, by);
    explain_row(out, "removed", nowhere, "%s in our name", AUTH_RESULTS_NAME);
    bool keeps_received = rights_hold(by->out->rights, RIGHT_SEND_HEADERS_ROUTING);
    explain_row(out, "added", nowhere, "%s%s", keeps_received ? "Received, " : "",
                LOOP_TRACE_NAME);
    explain_row(out, "passed on", nowhere, "%s", auth_text(sender, by->out));
}

/* ---- The whole ---------------------------------------------------------------------------- */

static void
tell_route(struct buf *out, const struct route *route)
{
    explain_heading(out, "Routing");
    for (size_t i = 0; i < route->step_count; i++) {
        char label[16];
        snprintf(label, sizeof label, "step %zu", i + 1);
        explain_row(out, label, route->steps[i].where, "%s", route->steps[i].text);
    }
    explain_row(out, "decision", route->d.where, "%s", route->d.why);
    explain_reply_row(out, "RCPT TO", &route->d);
}

static bool
tell_result(struct buf *out, const struct decision *d)
{
    bool is_accepted = reply_is_success(&d->reply);

    explain_heading(out, "Result");
    explain_reply_row(out, is_accepted ? "accepted" : "refused", d);
    return is_accepted;
}

bool
explain(const struct config *config, const struct explain_question *asked, struct buf *out)
{
    struct question q = {.config = config, .asked = asked, .out = out};
    struct way_in way;
    struct sender_decision sender;
    struct route route;

    buf_printf(out, "Mail from %.*s to %.*s\n", ADDRESS_MAX,
               asked->from[0] != '\0' ? asked->from : "<>", ADDRESS_MAX, asked->to);
    if (!read_question(&q) || !explain_find_way(&q, &way))
        return false;

    tell_receiving(&q, &way);
    accept_sender(config, way.connector, &q.mail, &sender);
    explain_row(out, "sender", sender.d.where, "%s", sender.d.why);
    explain_reply_row(out, "MAIL FROM", &sender.d);
    if (!reply_is_success(&sender.d.reply))
        return tell_result(out, &sender.d);
    tell_spf(&q, way.connector);

    route_recipient(config, way.connector, q.rcpt.to, true, &route);
    tell_route(out, &route);
    if (route.connector == NULL)
        return tell_result(out, &route.d);
    const struct explain_passage by = {way.connector, route.connector};
    tell_header(out, &sender, &by);
    if (asked->has_message && !explain_message(&q, &by, &route.d))
        return tell_result(out, &route.d);
    tell_sending(&q, &way, &route);
    return tell_result(out, &route.d);
}
