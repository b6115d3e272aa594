/* Receive connectors: each by itself, and those that meet the same client. */
#include "config/config_check_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"

/* A key of one receive connector. */
#define GIVEN(check, r, ...) NODE_AT((check)->root, "receive", (r)->name, __VA_ARGS__)

/* Does anybody below this connector, up to `until`, already send that name? */
static const struct account *
account_of(const struct receive_connector *r, const char *name, const struct account *until,
           size_t until_name)
{
    for (size_t i = 0; i < r->account_count; i++) {
        const struct account *a = &r->accounts[i];
        for (size_t k = 0; k < a->name_count && (a != until || k < until_name); k++)
            if (ascii_is(slice_str(name), a->names[k]))
                return a;
        if (a == until)
            break;
    }
    return NULL;
}

static struct where
place_of_account(struct check *check, const struct receive_connector *r, const struct account *a)
{
    return check_place(GIVEN(check, r, "accounts", a->name, "names"), a->where);
}

static void
check_names_within(struct check *check, const struct receive_connector *r)
{
    for (size_t i = 0; i < r->account_count; i++) {
        const struct account *a = &r->accounts[i];
        for (size_t k = 0; k < a->name_count; k++) {
            const struct account *other = account_of(r, a->names[k], a, k);
            if (other != NULL)
                report_error(check->report, place_of_account(check, r, a),
                             "names: \"%s\" is a name of account \"%s\" already", a->names[k],
                             other->name);
        }
    }
}

static void
check_auth(struct check *check, const struct receive_connector *r)
{
    const struct node *auth = GIVEN(check, r, "auth");
    const struct node *accounts = GIVEN(check, r, "accounts");

    if (r->auth_required && accounts == NULL)
        report_error(
            check->report, check_place(auth, r->where),
            "\"accounts\" is missing: nobody could log on to \"%s\"; \"auth: none\" trusts "
            "its networks instead",
            r->name);
    if (auth == NULL || !slice_is(auth->text, "none"))
        return;
    if (accounts != NULL)
        report_error(check->report, check_key_place(accounts, r->where),
                     "accounts: nobody logs on with \"auth: none\"");
    for (size_t i = 0; i < r->network_count; i++)
        if (r->networks[i].bits == 0)
            report_error(check->report, auth->where,
                         "auth: none on %s would let everybody in; name the networks that you "
                         "trust",
                         r->networks[i].text);
    report_warning(check->report, auth->where,
                   "auth: none: whoever reaches \"%s\" from its networks is trusted without a "
                   "password",
                   r->name);
}

static void
check_tls(struct check *check, const struct receive_connector *r)
{
    const struct node *require = GIVEN(check, r, "tls", "require");
    const struct node *clear_reply = GIVEN(check, r, "tls", "clear_reply");
    const struct node *profile = GIVEN(check, r, "tls", "profile");

    if (r->tls_profile == TLS_PROFILE_EXCHANGE2003)
        report_warning(
            check->report, check_place(profile, r->where),
            "TLS IS LOWERED for \"%s\": TLS 1.0 and static RSA protect little; it is for "
            "Windows Server 2003 with KB948963, and only for as long as needed",
            r->name);
    if (require == NULL || !slice_is(require->text, "false"))
        return;
    report_warning(check->report, require->where,
                   "TLS IS NOT REQUIRED of \"%s\": mail, and passwords, may arrive in clear",
                   r->name);
    if (clear_reply != NULL)
        report_warning(check->report, clear_reply->where,
                       "clear_reply: nothing is refused in clear with \"require: false\"");
}

static void
check_limits(struct check *check, const struct receive_connector *r)
{
    const struct config *c = check->config;
    if (c->limit_message_size > 0 && r->message_size > c->limit_message_size)
        report_error(check->report, check_place(GIVEN(check, r, "message_size"), r->where),
                     "message_size: more than limits.message_size");
    const struct node *per_client = GIVEN(check, r, "connections_per_client");
    if (per_client != NULL && r->connections > 0 && r->connections_per_client > r->connections)
        report_error(check->report, per_client->where,
                     "connections_per_client: more than connections (%u)",
                     (unsigned)r->connections);
}

/* ---- Several connectors for one client ----------------------------------------------------- */

static const struct listener *
common_listener(const struct receive_connector *a, const struct receive_connector *b)
{
    for (size_t i = 0; i < a->listen_count; i++)
        for (size_t k = 0; k < b->listen_count; k++)
            if (a->listen[i] == b->listen[k])
                return a->listen[i];
    return NULL;
}

/* Networks of different length do not tie: the narrowest wins. */
static const struct network *
common_network(const struct receive_connector *a, const struct receive_connector *b)
{
    for (size_t i = 0; i < a->network_count; i++)
        for (size_t k = 0; k < b->network_count; k++)
            if (strcmp(a->networks[i].text, b->networks[k].text) == 0)
                return &a->networks[i];
    return NULL;
}

/* What the gateway must know before anybody has logged on. */
static void
check_same_before_auth(struct check *check, const struct receive_connector *r,
                       const struct receive_connector *other, const char *tie)
{
    if (r->tls_profile != other->tls_profile || r->tls_require != other->tls_require ||
        r->tls_clear_reply != other->tls_clear_reply)
        report_error(check->report, check_place(GIVEN(check, r, "tls"), r->where),
                     "tls: \"%s\" and \"%s\" %s, so they must agree on profile, require and "
                     "clear_reply",
                     r->name, other->name, tie);
    if (!r->auth_required || !other->auth_required)
        report_error(check->report, check_place(GIVEN(check, r, "auth"), r->where),
                     "auth: \"%s\" and \"%s\" %s, so only accounts can tell them apart", r->name,
                     other->name, tie);
}

static void
check_names_across(struct check *check, const struct receive_connector *r,
                   const struct receive_connector *other, const char *tie)
{
    for (size_t i = 0; i < r->account_count; i++) {
        const struct account *a = &r->accounts[i];
        for (size_t k = 0; k < a->name_count; k++)
            if (account_of(other, a->names[k], NULL, 0) != NULL)
                report_error(check->report, place_of_account(check, r, a),
                             "names: \"%s\" is an account of \"%s\" too, and both %s",
                             a->names[k], other->name, tie);
    }
}

static void
check_ties(struct check *check, const struct receive_connector *r)
{
    size_t ties = 1;
    for (const struct receive_connector *other = check->config->receive; other < r; other++) {
        const struct listener *listener = common_listener(r, other);
        const struct network *network = common_network(r, other);
        char tie[200];

        if (listener == NULL || network == NULL)
            continue;
        snprintf(tie, sizeof tie, "take %s on listener \"%s\"", network->text, listener->name);
        check_same_before_auth(check, r, other, tie);
        check_names_across(check, r, other, tie);
        if (++ties == RECEIVE_TIES_MAX + 1)
            report_error(check->report, r->where,
                         "more than %d receive connectors for one network on one listener",
                         RECEIVE_TIES_MAX);
    }
}

void
check_receive(struct check *check)
{
    const struct config *c = check->config;
    for (size_t i = 0; i < c->receive_count; i++) {
        const struct receive_connector *r = &c->receive[i];
        check_auth(check, r);
        check_tls(check, r);
        check_limits(check, r);
        check_names_within(check, r);
        check_ties(check, r);
    }
}
