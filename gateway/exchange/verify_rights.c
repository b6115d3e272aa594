/* Permissions on connectors, as Get-ADPermission prints them (exchange-facts.md 1.3). */
#include "gateway/exchange/verify_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"

/* "DOMAIN\user", "user@domain" and "user" are the same account as far as can be told. */
static struct slice
bare_name(const char *account)
{
    struct slice s = slice_str(account);
    size_t slash = slice_find(s, '\\');
    if (slash < s.len)
        return slice_from(s, slash + 1);
    return slice_head(s, slice_find(s, '@'));
}

static bool
is_account(const char *user, const char *account)
{
    if (strchr(user, '\\') != NULL && strchr(account, '\\') != NULL)
        return listing_is(user, account);
    return ascii_same(bare_name(user), bare_name(account));
}

/* Does what `user` holds count for the account as well? Everybody is whoever connects. Windows
 * calls strangers by a name of its own language; "ANONYM..." it is in most. */
static bool
counts_for(const char *user, const char *account)
{
    struct slice bare = bare_name(user);
    if (ascii_is(bare, "Everyone") || ascii_is(bare, "S-1-1-0"))
        return true;
    if (strcmp(account, VERIFY_ANONYMOUS) == 0)
        return ascii_starts(bare, "ANONYM") || ascii_is(bare, "S-1-5-7");
    return is_account(user, account) || ascii_is(bare, "Authenticated Users");
}

/* Without a name of its own, "ExtendedRight" means all of them. */
static bool
names_right(const struct listing_record *r, const char *right)
{
    const char *access = verify_value(r, "AccessRights");
    const char *extended = verify_value(r, "ExtendedRights");
    return listing_has(access, "GenericAll") || listing_has(extended, right) ||
           (listing_has(access, "ExtendedRight") && listing_is(extended, ""));
}

/* "HUB1\Name" or "Name": is it of this connector? */
static bool
is_of(const struct listing_record *r, const char *server, const char *connector)
{
    const char *identity = verify_value(r, "Identity");
    char full[VERIFY_TEXT];
    if (server == NULL)
        return listing_is(identity, connector);
    snprintf(full, sizeof full, "%.100s\\%.200s", server, connector);
    return listing_is(identity, full);
}

/* In the order in which Windows has them count: the last one that is there decides. */
enum grant { NOT_GRANTED, INHERITED_GRANT, INHERITED_DENIAL, OWN_GRANT, OWN_DENIAL };

static bool
is_grant(enum grant grant)
{
    return grant == INHERITED_GRANT || grant == OWN_GRANT;
}

static enum grant
look(const struct verifier *v, const char *server, const char *connector, const char *user,
     const char *right)
{
    const struct listing_record *r = NULL;
    enum grant grant = NOT_GRANTED;
    while ((r = verify_next(v, LISTING_PERMISSION, r)) != NULL) {
        if (!is_of(r, server, connector) || !counts_for(verify_value(r, "User"), user) ||
            !names_right(r, right))
            continue;
        bool is_denial = listing_is(verify_value(r, "Deny"), "True");
        enum grant this = is_denial ? OWN_DENIAL : OWN_GRANT;
        if (listing_is(verify_value(r, "Inherited"), "True"))
            this = is_denial ? INHERITED_DENIAL : INHERITED_GRANT;
        if (this > grant)
            grant = this;
    }
    return grant;
}

static bool
is_printed(const struct verifier *v, const char *server, const char *connector)
{
    const struct listing_record *r = NULL;
    while ((r = verify_next(v, LISTING_PERMISSION, r)) != NULL)
        if (is_of(r, server, connector))
            return true;
    return false;
}

void
verify_rights(struct verifier *v, const char *server, const char *connector, const char *user,
              const struct exchange_rights *rights)
{
    char name[VERIFY_PLACE], wanted[VERIFY_TEXT];
    snprintf(name, sizeof name, "%.60s%s%.100s", server != NULL ? server : "",
             server != NULL ? "\\" : "", connector);
    struct verify_place place = {NULL, "permissions on", name, ""};
    if (!is_printed(v, server, connector)) {
        verify_differs(v, EXCHANGE_UNKNOWN, &place, "not in the output", "Get-ADPermission",
                       "which rights there are is not known");
        return;
    }
    for (size_t i = 0; i < rights->count; i++) {
        const struct exchange_right *right = &rights->at[i];
        enum grant grant = look(v, server, connector, user, right->name);
        place.field = right->name;
        snprintf(wanted, sizeof wanted, "granted to %.200s", user);
        if (is_grant(grant))
            verify_agrees(v);
        else
            verify_differs(v, right->is_vital ? EXCHANGE_STOPS : EXCHANGE_HARMS, &place,
                           grant == NOT_GRANTED ? "not granted, unless through a group"
                                                : "denied",
                           wanted, right->why);
    }
}

void
verify_no_open_relay(struct verifier *v, const char *server, const char *connector)
{
    const char *right = "ms-Exch-SMTP-Accept-Any-Recipient";
    char name[VERIFY_PLACE];
    snprintf(name, sizeof name, "%.60s\\%.100s", server, connector);
    const struct verify_place place = {NULL, "permissions on", name, right};
    if (!is_printed(v, server, connector))
        return; /* verify_rights() has said so */
    if (is_grant(look(v, server, connector, VERIFY_ANONYMOUS, right)))
        verify_differs(v, EXCHANGE_STOPS, &place, "granted to " VERIFY_ANONYMOUS, "not granted",
                       "an open relay: everybody in its range may send to everywhere");
    else
        verify_agrees(v);
}
