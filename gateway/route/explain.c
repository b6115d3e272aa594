#include "gateway/route/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway/mail/auth_results.h"
#include "gateway/route/firewall.h"
#include "gateway/route/loop_trace.h"
#include "gateway/route/recipient.h"
#include "gateway/route/spf_policy.h"

/* ---- The page ----------------------------------------------------------------------------- */

enum { LABEL_WIDTH = 19, TEXT_WIDTH = 64 };

static void row(struct buf *out, const char *label, struct where where, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static const struct where nowhere = {.line = 0};

static void
heading(struct buf *out, const char *text)
{
    buf_printf(out, "\n%s\n", text);
}

/* As many whole words of *rest as fit in a line; a word that is longer than the line stays whole.
 */
static struct slice
take_line(struct slice *rest)
{
    struct slice line = *rest;

    if (line.len > TEXT_WIDTH) {
        size_t end = TEXT_WIDTH;
        while (end > 0 && line.ptr[end] != ' ')
            end--;
        line = slice_head(line, end > 0 ? end : slice_find(line, ' '));
    }
    *rest = slice_from(*rest, line.len + 1);
    return line;
}

/* "  label   text   [file:line]", the text wrapped; no place when no line of the file says so. */
static void
row(struct buf *out, const char *label, struct where where, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    struct slice rest = slice_str(text);
    struct slice line = take_line(&rest);
    if (where.line == 0)
        buf_printf(out, "  %-*s%.*s\n", LABEL_WIDTH, label, SLICE_ARG(line));
    else
        buf_printf(out, "  %-*s%-*.*s  [%s:%u]\n", LABEL_WIDTH, label, TEXT_WIDTH,
                   SLICE_ARG(line), where.file, where.line);
    while (rest.len > 0) {
        line = take_line(&rest);
        buf_printf(out, "  %-*s%.*s\n", LABEL_WIDTH, "", SLICE_ARG(line));
    }
}

static void
reply_row(struct buf *out, const char *label, const struct decision *d)
{
    struct buf text;

    buf_init(&text, REPLY_TEXT + 32);
    reply_put(&text, &d->reply);
    row(out, label, nowhere, "%s", buf_text(&text));
    buf_fini(&text);
}

/* ---- The question ------------------------------------------------------------------------- */

enum { PATH_ROOM = ADDRESS_MAX + 8 };

struct question {
    const struct config *config;
    const struct explain_question *asked;
    char from_path[PATH_ROOM], to_path[PATH_ROOM];
    struct smtp_mail mail;
    struct smtp_rcpt rcpt;
    struct buf *out;
};

/* The path as a client would send it: the <> may be left out on the command line. */
static bool
read_path(const char *text, struct address_rules rules, char path[PATH_ROOM], struct address *out)
{
    size_t len = strlen(text);
    bool has_brackets = len > 0 && text[0] == '<';

    if (len > PATH_ROOM - 3)
        return false;
    snprintf(path, PATH_ROOM, has_brackets ? "%s" : "<%s>", text);
    struct slice rest = slice_str(path);
    return address_read_path(&rest, rules, out) && rest.len == 0;
}

static bool
read_question(struct question *q)
{
    if (!read_path(q->asked->from, (struct address_rules){.null_ok = true}, q->from_path,
                   &q->mail.from)) {
        heading(q->out, "Result");
        row(q->out, "refused", nowhere, "501 5.1.7 Invalid address (the sender's)");
        return false;
    }
    if (!read_path(q->asked->to, (struct address_rules){.postmaster_ok = true}, q->to_path,
                   &q->rcpt.to)) {
        heading(q->out, "Result");
        row(q->out, "refused", nowhere, "501 5.1.3 Invalid address (the recipient's)");
        return false;
    }
    return true;
}

/* ---- Who could be asking ------------------------------------------------------------------ */

/* A way in: a receive connector, and by what the client came to it. */
struct way_in {
    const struct receive_connector *connector;
    const struct listener *listener; /* this and network: NULL when no client was given */
    const struct network *network;
    const struct account *account; /* NULL: none was given */
};

struct ways_in {
    struct way_in list[ACCEPT_CANDIDATES];
    size_t count;
    bool is_account_unknown; /* there are connectors, but none has this account */
};

/* One way for each connector: a second listener that leads to it changes nothing. */
static void
add_way(struct ways_in *ways, struct way_in way)
{
    for (size_t i = 0; i < ways->count; i++)
        if (ways->list[i].connector == way.connector)
            return;
    if (ways->count < COUNT_OF(ways->list))
        ways->list[ways->count++] = way;
}

/* What these candidates of one listener come to, with the account if there is one. */
static void
add_candidates(const struct question *q, const struct listener *listener,
               const struct accept_candidates *candidates, struct ways_in *ways)
{
    struct way_in way = {.listener = listener, .network = candidates->network};

    if (q->asked->account == NULL) {
        for (size_t i = 0; i < candidates->count; i++) {
            way.connector = candidates->list[i];
            add_way(ways, way);
        }
        return;
    }
    way.account = accept_account(candidates, slice_str(q->asked->account), &way.connector);
    if (way.account != NULL)
        add_way(ways, way);
    else if (candidates->count > 0)
        ways->is_account_unknown = true;
}

static void
ways_of_client(const struct question *q, const struct sockaddr *client, struct ways_in *ways)
{
    for (size_t i = 0; i < q->config->listener_count; i++) {
        const struct listener *listener = &q->config->listeners[i];
        struct accept_candidates candidates;
        accept_find(q->config, listener, client, &candidates);
        add_candidates(q, listener, &candidates, ways);
    }
}

/* Without a client: the connectors that speak for the sender's forest. */
static void
ways_of_sender(const struct question *q, struct ways_in *ways)
{
    for (size_t i = 0; i < q->config->receive_count; i++) {
        const struct receive_connector *connector = &q->config->receive[i];
        struct accept_candidates one = {.list = {connector}, .count = 1};
        struct sender_decision sender;
        accept_sender(q->config, connector, &q->mail, &sender);
        if (sender.trust != SENDER_EXTERNAL)
            add_candidates(q, NULL, &one, ways);
    }
}

/* There is not exactly one way in: say why. */
static void
tell_no_way(const struct question *q, const struct ways_in *ways)
{
    struct buf *out = q->out;
    bool has_client = q->asked->client != NULL;

    if (ways->count > 1)
        heading(out, "Receiving");
    for (size_t i = 0; i < ways->count; i++)
        row(out, i == 0 ? "could be" : "", ways->list[i].connector->where, "receive connector %s",
            ways->list[i].connector->name);

    heading(out, "Result");
    if (ways->count > 1)
        row(out, "not decided", nowhere, "say which one is meant with --%s",
            has_client ? "account" : "client");
    else if (ways->is_account_unknown)
        row(out, "refused", nowhere,
            "535 5.7.3 Authentication unsuccessful (nobody there has the name %.60s)",
            q->asked->account);
    else if (has_client)
        row(out, "refused", nowhere,
            "554 at the banner: no receive connector has a network that holds %.60s",
            q->asked->client);
    else
        row(out, "not decided", nowhere,
            "no receive connector speaks for the sender's forest: say which client is meant with "
            "--client");
}

/* The one way in that is meant, or false with the reason written. */
static bool
find_way(const struct question *q, struct way_in *way)
{
    struct ways_in ways = {.count = 0};
    struct sockaddr_storage client;

    if (q->asked->client != NULL && !accept_address(q->asked->client, &client)) {
        heading(q->out, "Result");
        row(q->out, "not decided", nowhere, "%.60s is not an IP address", q->asked->client);
        return false;
    }
    if (q->asked->client != NULL)
        ways_of_client(q, (const struct sockaddr *)&client, &ways);
    else
        ways_of_sender(q, &ways);
    if (ways.count != 1) {
        tell_no_way(q, &ways);
        return false;
    }
    *way = ways.list[0];
    return true;
}

/* ---- Receiving ---------------------------------------------------------------------------- */

static void
tell_networks(struct buf *out, const struct receive_connector *connector)
{
    for (size_t i = 0; i < connector->network_count; i++)
        row(out, i == 0 ? "its networks" : "", nowhere, "%s", connector->networks[i].text);
}

static void
tell_logon(struct buf *out, const struct way_in *way, const char *sent_as)
{
    const struct receive_connector *c = way->connector;

    if (!c->auth_required) {
        row(out, "logon", c->where, "none: its networks alone are trusted (auth: none)");
        return;
    }
    row(out, "logon", nowhere, "AUTH LOGIN or PLAIN before MAIL, else 530 5.7.1");
    if (way->account != NULL) {
        row(out, "account", way->account->where, "%s, sent as %.100s", way->account->name,
            sent_as);
        return;
    }
    for (size_t i = 0; i < c->account_count; i++)
        row(out, i == 0 ? "account (any of)" : "", c->accounts[i].where, "%s",
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
        row(out, "message size", nowhere, "at most %" PRIu64 " MiB", octets / mib);
    else
        row(out, "message size", nowhere, "at most %" PRIu64 " octets", octets);
}

static void
tell_connector(const struct question *q, const struct way_in *way)
{
    const struct receive_connector *c = way->connector;
    struct buf *out = q->out;

    if (q->asked->client == NULL) {
        row(out, "client", nowhere, "not given: the only connector for this sender is taken");
        row(out, "receive connector", c->where, "%s", c->name);
        tell_networks(out, c);
        return;
    }
    row(out, "client", nowhere, "%s", q->asked->client);
    row(out, "listener", way->listener->where, "%s, %s", way->listener->name,
        way->listener->address.text);
    row(out, "receive connector", c->where, "%s: %s is the narrowest network", c->name,
        way->network->text);
}

static void
tell_receiving(const struct question *q, const struct way_in *way)
{
    const struct receive_connector *c = way->connector;
    struct buf *out = q->out;

    heading(out, "Receiving");
    tell_connector(q, way);
    if (c->tls_require)
        row(out, "TLS", nowhere, "required before AUTH and MAIL, else %d %s; %s",
            c->tls_clear_reply, c->tls_clear_reply == 454 ? "4.7.0" : "5.7.0",
            profile_text(c->tls_profile));
    else
        row(out, "TLS", c->where, "NOT REQUIRED: passwords and mail may pass in clear");
    tell_logon(out, way, q->asked->account);
    tell_size(out, c->message_size);
}

static void
tell_spf(const struct question *q, const struct receive_connector *c)
{
    struct sockaddr_storage client;
    char text[SPF_PLAN_TEXT];
    bool is_given = q->asked->client != NULL && accept_address(q->asked->client, &client);

    if (spf_plan(c, is_given ? (struct sockaddr *)&client : NULL, &q->mail.from, text))
        row(q->out, "SPF", c->where, "%s", text);
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
        row(out, label, c->servers[i].where, "%s, port %u", c->servers[i].host,
            (unsigned)c->servers[i].port);
    }
}

static void
tell_sending_tls(struct buf *out, const struct send_connector *c)
{
    if (!c->tls_require)
        row(out, "TLS", c->where, "NOT REQUIRED: in clear when the server offers no STARTTLS");
    else
        row(out, "TLS", nowhere, "required, else nothing is sent; %s",
            profile_text(c->tls_profile));
    row(out, "", nowhere, "%s", verify_text(c));
    if (c->tls_server_name != NULL)
        row(out, "", nowhere, "its name: %s", c->tls_server_name);
    if (c->tls_ca_file != NULL)
        row(out, "", nowhere, "trusted: %s", c->tls_ca_file);
    if (c->pin_count > 0)
        row(out, "", nowhere, "pins: %zu", c->pin_count);
}

static void
tell_sending(const struct question *q, const struct way_in *way, const struct route *route)
{
    const struct send_connector *c = route->connector;
    struct buf *out = q->out;

    heading(out, "Sending");
    row(out, "send connector", c->where, "%s", c->name);
    tell_servers(out, c);
    if (route->forest != NULL && accept_speaks_for(way->connector, route->forest) &&
        q->rcpt.to.domain.len > 0)
        row(out, "", route->forest->where, "none that lies in a network of %s (hairpin)",
            way->connector->name);
    tell_sending_tls(out, c);
    if (c->auth_user == NULL) {
        row(out, "logon", c->where, "none (auth: none)");
        return;
    }
    row(out, "logon", nowhere, "AUTH LOGIN as %s", c->auth_user);
    row(out, "password from", nowhere, "%s", c->auth_password_file);
}

/* ---- The header --------------------------------------------------------------------------- */

static void
tell_header(struct buf *out, const struct sender_decision *sender, unsigned rights_in,
            unsigned rights_out)
{
    static const char *const families[] = {"X-MS-Exchange-Organization-", "X-MS-Exchange-Forest-",
                                           "Received", "Resent-"};

    heading(out, "Header");
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct slice name = slice_str(families[i]);
        bool is_kept = firewall_passes(name, rights_in) && firewall_passes(name, rights_out);
        row(out, is_kept ? "kept" : "removed", nowhere, "%s%s", families[i],
            families[i][name.len - 1] == '-' ? "*" : "");
    }
    row(out, "removed", nowhere, "%s in our name", AUTH_RESULTS_NAME);
    row(out, "added", nowhere, "Received, %s", LOOP_TRACE_NAME);
    row(out, "passed on", nowhere, "%s",
        sender->auth_anonymous ? "MAIL FROM with AUTH=<>: counts as from outside"
        : sender->auth_named   ? "MAIL FROM with the AUTH= that came"
                               : "MAIL FROM without AUTH=: our logon there speaks for it");
}

/* ---- The whole ---------------------------------------------------------------------------- */

static void
tell_route(struct buf *out, const struct route *route)
{
    heading(out, "Routing");
    for (size_t i = 0; i < route->step_count; i++) {
        char label[16];
        snprintf(label, sizeof label, "step %zu", i + 1);
        row(out, label, route->steps[i].where, "%s", route->steps[i].text);
    }
    row(out, "decision", route->d.where, "%s", route->d.why);
    reply_row(out, "RCPT TO", &route->d);
}

static bool
tell_result(struct buf *out, const struct decision *d)
{
    bool is_accepted = reply_is_success(&d->reply);

    heading(out, "Result");
    reply_row(out, is_accepted ? "accepted" : "refused", d);
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
    if (!read_question(&q) || !find_way(&q, &way))
        return false;

    tell_receiving(&q, &way);
    accept_sender(config, way.connector, &q.mail, &sender);
    row(out, "sender", sender.d.where, "%s", sender.d.why);
    reply_row(out, "MAIL FROM", &sender.d);
    if (!reply_is_success(&sender.d.reply))
        return tell_result(out, &sender.d);
    tell_spf(&q, way.connector);

    route_recipient(config, way.connector, q.rcpt.to, true, &route);
    tell_route(out, &route);
    if (route.connector == NULL)
        return tell_result(out, &route.d);
    tell_header(out, &sender, way.connector->rights, route.connector->rights);
    tell_sending(&q, &way, &route);
    return tell_result(out, &route.d);
}
