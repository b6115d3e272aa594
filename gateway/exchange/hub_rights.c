/* Extended rights of the service account on their Receive connectors (exchange-facts.md 1.3). */
#include "gateway/exchange/hub_private.h"

static void
write_list(const struct hub *h, const struct exchange_rights *rights)
{
    HUB_DO(h, "$rights = @()\n");
    for (size_t i = 0; i < rights->count; i++)
        HUB_DO(h, "$rights += ,@(%s,\n    %s)\n", hub_quote(h, rights->at[i].name),
               hub_quote(h, rights->at[i].why));
}

/* 'a', 'b': for the way back, all at once. */
static const char *
list_names(const struct hub *h, const struct exchange_rights *rights)
{
    const char *names = "";
    for (size_t i = 0; i < rights->count; i++)
        names = exchange_text(h->d, "%s%s%s", names, i > 0 ? "," : "",
                              hub_quote(h, rights->at[i].name));
    return names;
}

static void
explain_refused(const struct hub *h)
{
    HUB_SAY(h, EXCHANGE_DO, "Not granted, on purpose:");
    HUB_SAY(h, EXCHANGE_DO,
            "ms-Exch-SMTP-Accept-Any-Recipient: the gateway sends only mail for accepted domains "
            "here; with it a gateway that is wrongly configured would be an open relay through "
            "this organization.");
    HUB_SAY(h, EXCHANGE_DO,
            "ms-Exch-Bypass-Message-Size-Limit: the connector's limit is what the gateway "
            "needs.");
    HUB_SAY(h, EXCHANGE_DO,
            "ms-Exch-Accept-Headers-Organization, ms-Exch-Accept-Headers-Forest and "
            "ms-Exch-SMTP-Accept-Exch50, unless listed above: they trust what servers of another "
            "organization say about a message, and the gateway sends none of it unless its own "
            "configuration says so.");
}

static void
write_grants(const struct hub *h, size_t inbound)
{
    const struct exchange_inbound *in = &h->p->inbound[inbound];
    const char *name = hub_quote(h, in->name);
    const char *user = hub_quote(h, in->user);
    for (size_t i = 0; i < in->rights.count; i++)
        HUB_SAY(h, EXCHANGE_DO, "%s: %s.", in->rights.at[i].name, in->rights.at[i].why);
    write_list(h, &in->rights);
    HUB_DO(h,
           "$account = @(Find-Account %s)\n"
           "foreach ($hub in $%s) {\n"
           "    $found = @(Find-Receive $hub %s)\n"
           "    if (($found.Count -gt 0) -and ($account.Count -gt 0)) {\n"
           "        Grant-Right \"$($found[0].DistinguishedName)\" $account[0] $rights\n"
           "    } elseif ($WhatIf) {\n"
           "        Write-Change ('the rights above on the connector of {0}, once it and the "
           "account are there' -f $hub.Name)\n"
           "    } else {\n"
           "        throw ('The connector of {0} or its account is not there yet: wait until the "
           "directory has it on all domain controllers.' -f $hub.Name)\n"
           "    }\n"
           "}\n",
           user, hub_variable(h, "Hubs", inbound), name);
    HUB_CHECK(h,
              "Get-ReceiveConnector | Where-Object { $_.Name -eq %s } | ForEach-Object { "
              "Get-ADPermission -Identity $_.DistinguishedName -User %s } | Format-Table "
              "Identity,User,Deny,ExtendedRights\n",
              name, user);
    HUB_UNDO(h,
             "Get-ReceiveConnector | Where-Object { $_.Name -eq %s } | ForEach-Object { "
             "Remove-ADPermission -Identity $_.DistinguishedName -User %s -ExtendedRights "
             "%s }\n",
             name, user, list_names(h, &in->rights));
}

void
hub_receive_rights(const struct hub *h)
{
    if (!hub_has_account(h))
        return;
    exchange_step(h->d, "Rights of the service account on the Receive connectors",
                  "What a session may do is decided by the rights of its account on the "
                  "connector, each of them by name. The permission group ExchangeUsers would not "
                  "do: it lacks Accept-Any-Sender, and it may relay anywhere.");
    exchange_unconfirmed(h->d, "that the null sender of reports needs "
                               "ms-Exch-SMTP-Accept-Any-Sender: it is granted anyway");
    exchange_unconfirmed(h->d, "that these rights are all that such a session needs to count as "
                               "internal: concluded from what each is for");
    for (size_t i = 0; i < h->p->inbound_count; i++)
        if (h->p->inbound[i].user != NULL)
            write_grants(h, i);
    explain_refused(h);
}

void
hub_send_rights_ways(const struct hub *h, const char *connector)
{
    const char *name = hub_quote(h, connector);
    HUB_CHECK(h,
              "Get-SendConnector | Where-Object { $_.Name -eq %s } | ForEach-Object { "
              "Get-ADPermission -Identity "
              "$_.DistinguishedName } | Where-Object { $_.ExtendedRights } | Format-Table User,"
              "Deny,ExtendedRights\n",
              name);
    HUB_UNDO(h,
             "Get-SendConnector | Where-Object { $_.Name -eq %s } | ForEach-Object { "
             "Remove-ADPermission -Identity "
             "$_.DistinguishedName -User 'NT AUTHORITY\\ANONYMOUS LOGON' -ExtendedRights %s }\n",
             name, list_names(h, &h->p->outbound.rights));
}

void
hub_send_rights(const struct hub *h)
{
    const struct exchange_outbound *out = &h->p->outbound;
    exchange_step(h->d, "Rights on the Send connector",
                  "What may leave by the connector is a right of whoever answers there. The "
                  "gateway has proved itself by its certificate, but to Windows it is nobody: "
                  "the rights are granted to ANONYMOUS LOGON (S-1-5-7), on this connector "
                  "alone.");
    exchange_unconfirmed(h->d, "that a smart host that was logged on to with Basic counts as "
                               "ANONYMOUS LOGON: concluded from the cross-forest script of later "
                               "versions");
    for (size_t i = 0; i < out->rights.count; i++)
        HUB_SAY(h, EXCHANGE_DO, "%s: %s.", out->rights.at[i].name, out->rights.at[i].why);
    write_list(h, &out->rights);
    HUB_DO(h, "Grant-Anonymous %s $rights\n", hub_quote(h, out->name));
    hub_send_rights_ways(h, out->name);
}
