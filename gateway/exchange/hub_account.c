/* The account of their directory that the gateway logs on with (exchange-facts.md 1.1, 1.2). */
#include "gateway/exchange/hub_private.h"

#include <string.h>

bool
hub_has_account(const struct hub *h)
{
    for (size_t i = 0; i < h->p->inbound_count; i++)
        if (h->p->inbound[i].user != NULL)
            return true;
    return false;
}

/* Has an inbound connector before this one the same account? */
static bool
is_said(const struct hub *h, size_t inbound)
{
    for (size_t i = 0; i < inbound; i++)
        if (h->p->inbound[i].user != NULL &&
            strcmp(h->p->inbound[i].user, h->p->inbound[inbound].user) == 0)
            return true;
    return false;
}

/* What stands behind DOMAIN\ or before @domain. */
static struct slice
bare_name(const char *user)
{
    const char *slash = strrchr(user, '\\');
    if (slash != NULL)
        return slice_str(slash + 1);
    return slice(user, strcspn(user, "@"));
}

/* The option of dsadd that gives the form of the name that the gateway logs on with. */
static const char *
name_option(const struct hub *h, const char *user)
{
    struct slice bare = bare_name(user);
    if (strchr(user, '\\') == NULL && strchr(user, '@') != NULL)
        return exchange_text(h->d, "-upn %s", hub_quote(h, user));
    const char *name = exchange_text(h->d, "%.*s", (int)bare.len, bare.ptr);
    return exchange_text(h->d, "-samid %s", hub_quote(h, name));
}

static void
make_account(const struct hub *h, const struct exchange_inbound *in)
{
    struct slice bare = bare_name(in->user);
    const char *cn = hub_quote(h, exchange_text(h->d, "%.*s", (int)bare.len, bare.ptr));
    const char *user = hub_quote(h, in->user);
    HUB_DO(
        h,
        "$account = @(Find-Account %s)\n"
        "if ($account.Count -gt 0) {\n"
        "    Write-Right ('account {0}' -f $account[0])\n"
        "} elseif (-not $AccountContainer) {\n"
        "    if (-not $WhatIf) {\n"
        "        throw ('There is no account {0}, or it is in a domain that this shell does "
        "not look at. Make it as this step says, or give -AccountContainer.' -f %s)\n"
        "    }\n"
        "    Write-Concern ('There is no account {0}: the rights on it cannot be shown.' -f "
        "%s)\n"
        "} else {\n"
        "    $dn = 'CN=' + (%s -replace '([,+\"\\\\<>;=#])', '\\$1') + ',' + "
        "$AccountContainer\n"
        "    Write-Change ('new account {0}; dsadd asks for its password' -f $dn)\n"
        "    if (-not $WhatIf) {\n"
        "        dsadd.exe user $dn %s -pwd '*' -mustchpwd no -canchpwd no -pwdneverexpires yes "
        "-disabled no -desc 'Mail from other forests through the gateway'\n"
        "        if ($LASTEXITCODE -ne 0) {\n"
        "            throw ('dsadd failed with {0}.' -f $LASTEXITCODE)\n"
        "        }\n"
        "    }\n"
        "}\n",
        user, user, user, cn, name_option(h, in->user));
    HUB_CHECK(h,
              "Get-User -Identity %s | Format-List Name,UserPrincipalName,SamAccountName,"
              "UserAccountControl,RecipientType\n",
              user);
    HUB_UNDO(h, "Get-User -Identity %s | ForEach-Object { dsrm.exe $_.DistinguishedName }\n",
             user);
}

static void
advise(const struct hub *h)
{
    HUB_SAY(h, EXCHANGE_DO,
            "An ordinary member of Domain Users and of nothing else. Not of \"Exchange "
            "Servers\", as later procedures have it: whoever has the password would then hold "
            "every right on every connector. It needs no mailbox and no address.");
    HUB_SAY(h, EXCHANGE_DO,
            "Its password: long, random, used nowhere else, the same as in the password_file of "
            "the gateway's send connector. It does not expire by itself: mail would stop on that "
            "day. Change it on both sides on a day of your choice.");
    HUB_SAY(h, EXCHANGE_DO,
            "Refuse it interactive logon by group policy (deny log on locally, deny log on "
            "through Terminal Services). Mind the lockout policy: one gateway with an old "
            "password can lock the account, and then AUTH fails with the right one too.");
    HUB_SAY(h, EXCHANGE_DO,
            "-AccountContainer 'OU=Service Accounts,DC=...' lets this script make it; otherwise "
            "make it in Active Directory Users and Computers.");
}

void
hub_account(const struct hub *h)
{
    if (!hub_has_account(h))
        return;
    exchange_step(h->d, "Service account of the gateway",
                  "The gateway logs on to this organization's servers with an account of this "
                  "forest. Only who has logged on counts as a colleague: names are resolved, "
                  "groups for authenticated senders take the mail, out of office is the internal "
                  "one.");
    exchange_unconfirmed(h->d, "whether \"Log On To\" (a list of workstations) of the account "
                               "stops AUTH LOGIN: leave it empty, or name the Exchange servers "
                               "and test");
    advise(h);
    HUB_SAY(
        h, EXCHANGE_UNDO,
        "Only if this script said that it made the account: one that was here before may have "
        "other uses, and what is deleted here does not come back.");
    for (size_t i = 0; i < h->p->inbound_count; i++) {
        const struct exchange_inbound *in = &h->p->inbound[i];
        if (in->user == NULL || is_said(h, i))
            continue;
        if (strpbrk(in->user, "\\@") == NULL)
            exchange_unconfirmed(h->d, "that a user name without a domain is taken: the "
                                       "gateway's configuration has one; DOMAIN\\user or "
                                       "user@domain is safe");
        make_account(h, in);
    }
}
