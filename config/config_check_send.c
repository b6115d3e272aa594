/* Send connectors: whom they trust with what, and where they lead. */
#include "config/config_check_private.h"

#include "config/config_value.h"
#include "gateway/mail/address.h"

/* A key of one send connector. */
#define GIVEN(check, s, ...) NODE_AT((check)->root, "send", (s)->name, __VA_ARGS__)

/* What Exchange 2007 allows or does by default (exchange-facts.md 1.3, 3.5). */
enum { EXCHANGE_PER_SOURCE = 20, EXCHANGE_CLOSES_MS = 600000 };

/* Is the way of verification what the file says, or the default? Not when a word was refused. */
static bool
verifies_by(const struct node *verify, const char *word)
{
    return verify != NULL ? slice_is(verify->text, word) : strcmp(word, "name") == 0;
}

/* The keys that one way of verification needs and others have no use for. */
static void
check_verify(struct check *check, const struct send_connector *s)
{
    const struct node *verify = GIVEN(check, s, "tls", "verify");
    const struct node *ca = GIVEN(check, s, "tls", "ca");
    const struct node *pins = GIVEN(check, s, "tls", "pins");
    bool by_name = verifies_by(verify, "name"), by_ca = verifies_by(verify, "ca");
    bool by_pin = verifies_by(verify, "pin"), by_none = verifies_by(verify, "none");

    if (by_pin && (pins == NULL || pins->count == 0))
        report_error(check->report, verify->where,
                     "verify: pin needs \"pins\"; forestgate pin %s shows the server's",
                     s->server_count > 0 ? s->servers[0].host : "SERVER");
    if (by_ca && ca == NULL)
        report_error(check->report, verify->where, "verify: ca needs \"ca\", a file of roots");
    if (pins != NULL && (by_name || by_ca || by_none))
        report_error(check->report, check_key_place(pins, s->where),
                     "pins: only \"verify: pin\" looks at them");
    if (ca != NULL && (by_pin || by_none))
        report_error(check->report, check_key_place(ca, s->where),
                     "ca: only \"verify: name\" and \"verify: ca\" look at it");
}

/* Weak encryption is borne from a server that is surely the one meant (design.md 5). */
static void
check_profile(struct check *check, const struct send_connector *s)
{
    const struct node *profile = GIVEN(check, s, "tls", "profile");
    const struct node *verify = GIVEN(check, s, "tls", "verify");

    if (s->tls_profile != TLS_PROFILE_EXCHANGE2003)
        return;
    report_warning(check->report, check_place(profile, s->where),
                   "TLS IS LOWERED for the servers of \"%s\": TLS 1.0 and static RSA protect "
                   "little; it is for Windows Server 2003 with KB948963, and only for as long as "
                   "needed",
                   s->name);
    if (verifies_by(verify, "ca") || verifies_by(verify, "none"))
        report_error(check->report, verify->where,
                     "verify: profile exchange2003 needs \"verify: name\" or \"verify: pin\"");
}

/* A password is given to a server that proved who it is, or the operator said otherwise. */
static void
check_password(struct check *check, const struct send_connector *s)
{
    const struct node *verify = GIVEN(check, s, "tls", "verify");
    const struct node *require = GIVEN(check, s, "tls", "require");
    const struct node *auth = GIVEN(check, s, "auth");
    const struct node *unverified = GIVEN(check, s, "auth", "send_password_unverified");
    bool blind = verifies_by(verify, "none");
    bool clear = require != NULL && slice_is(require->text, "false");

    if (clear)
        report_warning(check->report, require->where,
                       "TLS IS NOT REQUIRED of the servers of \"%s\": mail may leave in clear",
                       s->name);
    if (blind)
        report_warning(check->report, verify->where,
                       "verify: none: \"%s\" encrypts, but anybody could be at the other end",
                       s->name);
    if (auth == NULL || auth->kind != NODE_MAP)
        return;
    if ((blind || clear) && unverified == NULL)
        report_error(
            check->report, check_key_place(auth, s->where),
            "auth: with \"%s\" anybody could be given the password; verify the server, or "
            "say send_password_unverified: true",
            blind ? "verify: none" : "require: false");
    if ((blind || clear) && unverified != NULL && slice_is(unverified->text, "false"))
        report_error(check->report, unverified->where,
                     "send_password_unverified: must be true with \"%s\"",
                     blind ? "verify: none" : "require: false");
    if (!blind && !clear && s->send_password_unverified)
        report_warning(check->report, check_key_place(unverified, s->where),
                       "send_password_unverified: has no effect, \"%s\" verifies its servers",
                       s->name);
}

static void
check_limits(struct check *check, const struct send_connector *s)
{
    if (s->connections > EXCHANGE_PER_SOURCE)
        report_warning(check->report, check_place(GIVEN(check, s, "connections"), s->where),
                       "connections: Exchange 2007 takes %d from one source, unless it was told "
                       "otherwise",
                       EXCHANGE_PER_SOURCE);
    if (s->connection_age_ms >= EXCHANGE_CLOSES_MS)
        report_warning(check->report, check_place(GIVEN(check, s, "connection_age"), s->where),
                       "connection_age: Exchange closes a connection after 10m");
}

/* Is the server one of our own addresses? */
static void
check_not_ourselves(struct check *check, const struct send_connector *s)
{
    const struct config *c = check->config;
    for (size_t i = 0; i < s->server_count; i++) {
        struct buf text;
        buf_init(&text, DOMAIN_MAX + 16);
        value_show_server(s->servers[i].host, s->servers[i].port, &text);
        for (size_t k = 0; k < c->listener_count; k++)
            if (strcmp(buf_text(&text), c->listeners[k].address.text) == 0)
                report_error(check->report, s->servers[i].where,
                             "servers: %s is listener \"%s\" of the gateway itself",
                             buf_text(&text), c->listeners[k].name);
        buf_fini(&text);
    }
}

static const char *
space_prefix(const struct address_space *space)
{
    return !space->wildcard ? "" : space->domain[0] != '\0' ? "*." : "*";
}

/* A forest that owns all that the space could carry: mail for it never gets here. */
static const struct forest *
owner_of(const struct config *c, const struct address_space *space)
{
    for (size_t i = 0; i < c->forest_count; i++)
        for (size_t k = 0; k < c->forests[i].domain_count; k++) {
            const struct forest_domain *d = &c->forests[i].domains[k];
            if (d->wildcard == space->wildcard && strcmp(d->name, space->domain) == 0)
                return &c->forests[i];
        }
    return NULL;
}

static void
check_space(struct check *check, const struct send_connector *s,
            const struct address_space *space)
{
    for (const struct address_space *other = s->address_spaces; other < space; other++)
        if (other->wildcard == space->wildcard && strcmp(other->domain, space->domain) == 0)
            report_error(check->report, space->where,
                         "address_spaces: \"%s%s\" given twice; first on line %u",
                         space_prefix(space), space->domain, other->where.line);
    const struct forest *owner = owner_of(check->config, space);
    if (owner != NULL)
        report_warning(check->report, space->where,
                       "address_spaces: \"%s%s\" is a domain of forest \"%s\", whose connectors "
                       "carry its mail",
                       space_prefix(space), space->domain, owner->name);
}

static void
check_spaces(struct check *check, const struct send_connector *s)
{
    const struct node *allow_from = GIVEN(check, s, "allow_from");
    const struct node *spaces = GIVEN(check, s, "address_spaces");

    if (allow_from != NULL && spaces == NULL)
        report_error(check->report, check_key_place(allow_from, s->where),
                     "allow_from: who may use which \"address_spaces\"? None are given");
    for (size_t i = 0; i < s->address_space_count; i++)
        check_space(check, s, &s->address_spaces[i]);
    if (spaces == NULL || (allow_from != NULL && allow_from->count > 0))
        return;
    /* An open way out is never meant by silence, but "*" that nobody may use is a mistake. */
    if (node_find(spaces, slice_str("*")) != NULL)
        report_error(check->report, check_key_place(spaces, s->where),
                     "address_spaces: \"*\" needs \"allow_from\", the forests that may use it");
    else
        report_warning(check->report, check_key_place(spaces, s->where),
                       "address_spaces: nobody may use them without \"allow_from\"");
}

void
check_send(struct check *check)
{
    const struct config *c = check->config;
    for (size_t i = 0; i < c->send_count; i++) {
        const struct send_connector *s = &c->send[i];
        check_verify(check, s);
        check_profile(check, s);
        check_password(check, s);
        check_limits(check, s);
        check_not_ourselves(check, s);
        check_spaces(check, s);
    }
}
