#include "gateway/route/accept.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"
#include "gateway/route/rights.h"
#include "gateway/route/spaces.h"

/* ---- Which connector ---------------------------------------------------------------------- */

/* By name: after a reload a socket still belongs to the listener of the configuration before. */
static bool
listens_on(const struct receive_connector *connector, const struct listener *listener)
{
    for (size_t i = 0; i < connector->listen_count; i++)
        if (strcmp(connector->listen[i]->name, listener->name) == 0)
            return true;
    return false;
}

bool
accept_address(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    *out = (struct sockaddr_storage){.ss_family = AF_INET};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        return true;
    out->ss_family = AF_INET6;
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

const struct network *
accept_network(const struct receive_connector *connector, const struct sockaddr *address)
{
    const struct network *best = NULL;

    for (size_t i = 0; i < connector->network_count; i++) {
        const struct network *n = &connector->networks[i];
        if (network_holds(n, address) && (best == NULL || n->bits > best->bits))
            best = n;
    }
    return best;
}

void
accept_find(const struct config *config, const struct listener *listener,
            const struct sockaddr *client, struct accept_candidates *out)
{
    *out = (struct accept_candidates){.count = 0};
    for (size_t i = 0; i < config->receive_count; i++) {
        const struct receive_connector *connector = &config->receive[i];
        if (!listens_on(connector, listener))
            continue;
        const struct network *n = accept_network(connector, client);
        if (n == NULL || (out->network != NULL && n->bits < out->network->bits))
            continue;
        if (out->network == NULL || n->bits > out->network->bits)
            *out = (struct accept_candidates){.network = n};
        if (out->count < ACCEPT_CANDIDATES)
            out->list[out->count++] = connector;
    }
}

/* ---- Which account ------------------------------------------------------------------------ */

static bool
account_has_name(const struct account *account, struct slice name)
{
    for (size_t i = 0; i < account->name_count; i++)
        if (ascii_is(name, account->names[i]))
            return true;
    return false;
}

const struct account *
accept_account(const struct accept_candidates *candidates, struct slice name,
               const struct receive_connector **connector)
{
    for (size_t i = 0; i < candidates->count; i++) {
        const struct receive_connector *c = candidates->list[i];
        for (size_t k = 0; k < c->account_count; k++) {
            if (!account_has_name(&c->accounts[k], name))
                continue;
            *connector = c;
            return &c->accounts[k];
        }
    }
    return NULL;
}

/* ---- Which sender ------------------------------------------------------------------------- */

void
decision_set(struct decision *d, struct reply reply, struct where where, const char *why, ...)
{
    va_list args;

    d->reply = reply;
    d->where = where;
    va_start(args, why);
    vsnprintf(d->why, sizeof d->why, why, args);
    va_end(args);
}

bool
accept_speaks_for(const struct receive_connector *connector, const struct forest *forest)
{
    for (size_t i = 0; i < connector->speaks_for_count; i++)
        if (connector->speaks_for[i] == forest)
            return true;
    return false;
}

/* The entry that makes the forest an owner of the domain, or NULL. */
static const struct forest_domain *
owns(const struct forest *forest, struct slice domain, size_t closest)
{
    size_t close;
    const struct forest_domain *entry = space_of_forest(forest, domain, &close);

    if (entry == NULL || close < closest || entry->kind == DOMAIN_EXTERNAL_RELAY)
        return NULL;
    return entry;
}

/* Who owns the sender's domain: a forest that the connector speaks for if there is one, else any.
 * Sets *forest (NULL: nobody) and returns its entry. */
static const struct forest_domain *
find_owner(const struct config *config, const struct receive_connector *connector,
           struct slice domain, const struct forest **forest)
{
    const struct forest_domain *owner = NULL;
    size_t closest = space_closest(config, domain);

    *forest = NULL;
    for (size_t i = 0; closest > 0 && i < config->forest_count; i++) {
        const struct forest *f = &config->forests[i];
        const struct forest_domain *entry = owns(f, domain, closest);
        bool is_ours = accept_speaks_for(connector, f);
        if (entry == NULL || (owner != NULL && !is_ours))
            continue;
        *forest = f;
        if (is_ours)
            return entry;
        owner = entry;
    }
    return owner;
}

static struct reply
refused_sender(void)
{
    return reply_make(550, "5.7.1", "Client does not have permissions to send as this sender");
}

static struct reply
welcome_sender(void)
{
    return reply_make(250, "2.1.0", "Sender OK");
}

/* What AUTH= the mail of a believed sender goes on with: as it came, never better. */
static void
carry_auth(const struct receive_connector *connector, const struct smtp_mail *mail,
           struct sender_decision *out)
{
    bool is_believed = rights_hold(connector->rights, RIGHT_ACCEPT_AUTHENTICATION_FLAG);

    out->auth_anonymous = !is_believed || (mail->auth_given && slice_is(mail->auth, "<>"));
    out->auth_named = mail->auth_given && !out->auth_anonymous && connector->auth_required &&
                      mail->from.text.len > 0;
}

/* " ...", or nothing, for a reason. */
static const char *
doubt(const struct receive_connector *connector)
{
    return rights_hold(connector->rights, RIGHT_ACCEPT_AUTHENTICATION_FLAG)
               ? ""
               : "; goes on as AUTH=<> without accept-authentication-flag";
}

/* A sender that is not of the connector's forests, and accept-any-sender. */
static void
judge_any(const struct receive_connector *connector, const struct smtp_mail *mail,
          struct sender_decision *out)
{
    struct where place = rights_place(connector->rights_where, connector->where);

    out->trust = SENDER_ANY;
    carry_auth(connector, mail, out);
    if (out->forest != NULL)
        decision_set(&out->d, welcome_sender(), place,
                     "the sender belongs to forest %s, and %s holds accept-any-sender%s",
                     out->forest->name, connector->name, doubt(connector));
    else
        decision_set(&out->d, welcome_sender(), place,
                     "the sender's domain belongs to no forest, and %s holds accept-any-sender%s",
                     connector->name, doubt(connector));
}

/* A sender that is not of the connector's forests: marked, or refused. */
static void
judge_foreign(const struct receive_connector *connector, struct sender_decision *out)
{
    bool is_refused = connector->foreign_sender == FOREIGN_SENDER_REFUSE;
    const char *so = is_refused ? "foreign_sender: refuse" : "external, goes on as AUTH=<>";
    struct reply reply = is_refused ? refused_sender() : welcome_sender();

    out->trust = SENDER_EXTERNAL;
    out->auth_anonymous = true;
    if (out->forest != NULL)
        decision_set(&out->d, reply, connector->where,
                     "the sender belongs to forest %s, for which %s does not speak: %s",
                     out->forest->name, connector->name, so);
    else
        decision_set(&out->d, reply, connector->where,
                     "the sender's domain belongs to no forest: %s", so);
}

/* A sender of the connector's forests, by this entry. */
static void
judge_own(const struct receive_connector *connector, const struct smtp_mail *mail,
          const struct forest_domain *entry, struct sender_decision *out)
{
    char text[SPACE_TEXT];

    out->trust = SENDER_INSIDE;
    carry_auth(connector, mail, out);
    space_text(entry->name, entry->wildcard, text);
    if (rights_hold(connector->rights, RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER))
        decision_set(&out->d, welcome_sender(), entry->where,
                     "inside: %.100s belongs to forest %s%s", text, out->forest->name,
                     doubt(connector));
    else
        decision_set(&out->d, refused_sender(),
                     rights_place(connector->rights_where, connector->where),
                     "%.60s belongs to forest %s, and %s does not hold "
                     "accept-authoritative-domain-sender",
                     text, out->forest->name, connector->name);
}

void
accept_sender(const struct config *config, const struct receive_connector *connector,
              const struct smtp_mail *mail, struct sender_decision *out)
{
    *out = (struct sender_decision){.trust = SENDER_NULL};
    if (mail->from.text.len == 0) {
        carry_auth(connector, mail, out);
        decision_set(&out->d, welcome_sender(), (struct where){.line = 0},
                     "the null sender of reports is always accepted%s", doubt(connector));
        return;
    }
    const struct forest_domain *entry =
        find_owner(config, connector, mail->from.domain, &out->forest);
    if (out->forest != NULL && accept_speaks_for(connector, out->forest))
        judge_own(connector, mail, entry, out);
    else if (rights_hold(connector->rights, RIGHT_ACCEPT_ANY_SENDER))
        judge_any(connector, mail, out);
    else
        judge_foreign(connector, out);
}
