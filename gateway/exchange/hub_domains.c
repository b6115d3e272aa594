/* Accepted domains and remote domains (exchange-facts.md 5.1, 6.4). */
#include "gateway/exchange/hub_private.h"

#include <string.h>

#include "gateway/route/spaces.h"

static const char functions[] =
    "function Find-Accepted([string]$Domain) {\n"
    "    Get-AcceptedDomain | Where-Object { \"$($_.DomainName)\" -eq $Domain }\n"
    "}\n"
    "\n"
    "function Set-Accepted([string]$Domain, [string]$Name, [string]$Type) {\n"
    "    $found = @(Find-Accepted $Domain)\n"
    "    if ($found.Count -eq 0) {\n"
    "        Write-Change ('{0}: new accepted domain, {1}' -f $Domain, $Type)\n"
    "        New-AcceptedDomain -Name $Name -DomainName $Domain -DomainType $Type "
    "-WhatIf:$WhatIf | Out-Null\n"
    "    } elseif (\"$($found[0].DomainType)\" -ne $Type) {\n"
    "        if (-not $ChangeDomainType) {\n"
    "            Write-Concern ('{0} is {1} and should be {2}: left as it is. Authoritative: "
    "recipients that are not here get a non-delivery report. Relay: they are sent on. Run this "
    "with -ChangeDomainType once that is wanted.' -f $Domain, $found[0].DomainType, $Type)\n"
    "            return\n"
    "        }\n"
    "        Write-Change ('{0}: {1}, was {2}' -f $Domain, $Type, $found[0].DomainType)\n"
    "        Set-AcceptedDomain -Identity \"$($found[0].Identity)\" -DomainType $Type "
    "-WhatIf:$WhatIf\n"
    "    } else {\n"
    "        Write-Right ('{0}: {1}' -f $Domain, $Type)\n"
    "    }\n"
    "}\n"
    "\n"
    "function Find-Remote([string]$Domain) {\n"
    "    Get-RemoteDomain | Where-Object { \"$($_.DomainName)\" -eq $Domain }\n"
    "}\n"
    "\n"
    "function Set-Remote([string]$Domain, [string]$Name) {\n"
    "    $found = @(Find-Remote $Domain)\n"
    "    if (($found.Count -eq 0) -and (@(Find-Accepted $Domain).Count -gt 0)) {\n"
    "        Write-Concern ('{0} is an accepted domain here, which can have no remote domain: "
    "the "
    "default one holds for it.' -f $Domain)\n"
    "        return\n"
    "    }\n"
    "    if ($found.Count -eq 0) {\n"
    "        Write-Change ('{0}: new remote domain' -f $Domain)\n"
    "        New-RemoteDomain -Name $Name -DomainName $Domain -WhatIf:$WhatIf | Out-Null\n"
    "        if ($WhatIf) {\n"
    "            return\n"
    "        }\n"
    "        $found = @(Find-Remote $Domain)\n"
    "    }\n"
    "    $one = $found[0]\n"
    "    $is = @($one.AllowedOOFType, $one.AutoReplyEnabled, $one.AutoForwardEnabled,\n"
    "        $one.DeliveryReportEnabled, $one.NDREnabled, $one.TNEFEnabled)\n"
    "    if (Test-Same $is @('InternalLegacy', $true, $true, $true, $true, $true)) {\n"
    "        Write-Right ('{0}: remote domain' -f $Domain)\n"
    "        return\n"
    "    }\n"
    "    Write-Change ('{0}: replies, forwards, reports and rich text, was {1}' -f $Domain, "
    "[string]::Join(' ', [string[]]@($is | ForEach-Object { \"$_\" })))\n"
    "    Set-RemoteDomain -Identity \"$($found[0].Identity)\" `\n"
    "        -AllowedOOFType InternalLegacy -AutoReplyEnabled $true -AutoForwardEnabled $true `\n"
    "        -DeliveryReportEnabled $true -NDREnabled $true -TNEFEnabled $true "
    "-WhatIf:$WhatIf\n"
    "}\n"
    "\n";

const char *
hub_domain_functions(void)
{
    return functions;
}

const char *
hub_domain(const struct hub *h, const struct exchange_domain *domain)
{
    char room[SPACE_TEXT];
    return hub_quote(h, space_text(domain->name, domain->wildcard, room));
}

const char *
hub_domain_name(const struct hub *h, const struct exchange_domain *domain, size_t number)
{
    enum { NAME_MAX_THERE = 64, HEAD = 40 };
    const char *below = domain->wildcard ? " and below" : "";
    if (strlen(domain->name) + strlen(below) <= NAME_MAX_THERE)
        return hub_quote(h, exchange_text(h->d, "%s%s", domain->name, below));
    return hub_quote(
        h, exchange_text(h->d, "%.*s... (%zu)%s", (int)HEAD, domain->name, number + 1, below));
}

static const char *
type_text(enum domain_kind kind)
{
    static const char *const types[] = {[DOMAIN_AUTHORITATIVE] = "Authoritative",
                                        [DOMAIN_INTERNAL_RELAY] = "InternalRelay",
                                        [DOMAIN_EXTERNAL_RELAY] = "ExternalRelay"};
    return types[kind];
}

static bool
holds_kind(const struct exchange_domains *list, enum domain_kind kind)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].kind == kind)
            return true;
    return false;
}

static void
explain_accepted(const struct hub *h)
{
    const struct exchange_domains *list = &h->p->accepted;
    if (holds_kind(list, DOMAIN_AUTHORITATIVE))
        HUB_SAY(h, EXCHANGE_DO,
                "Authoritative: this organization has all recipients of the domain; mail for "
                "one that it does not find gets a non-delivery report. Mail can be relayed "
                "through a forest only where that forest has such a domain.");
    if (holds_kind(list, DOMAIN_INTERNAL_RELAY))
        HUB_SAY(h, EXCHANGE_DO,
                "InternalRelay: recipients are looked up here first, and mail for those that "
                "are not found is sent on by the Send connector of a later step. One system must "
                "be authoritative for the domain: where all relay, mail for an unknown recipient "
                "goes in circles until its hops run out.");
    if (holds_kind(list, DOMAIN_EXTERNAL_RELAY))
        HUB_SAY(h, EXCHANGE_DO,
                "ExternalRelay: recipients are not looked up; all mail for the "
                "domain is sent on.");
    if (h->p->behind_count > 0 && !holds_kind(list, DOMAIN_AUTHORITATIVE))
        HUB_SAY(h, EXCHANGE_DO,
                "WARNING: mail is to be relayed through this forest, and the gateway's "
                "configuration gives it no authoritative domain.");
    HUB_SAY(h, EXCHANGE_DO,
            "A domain that exists with another type is only pointed out: from InternalRelay to "
            "Authoritative, whoever is not in this organization yet no longer gets mail. "
            "-ChangeDomainType changes it, and the script says what it was. The default domain "
            "stays what it is.");
}

static void
write_accepted(const struct hub *h)
{
    const struct exchange_domains *list = &h->p->accepted;
    exchange_step(h->d, "Accepted domains",
                  "A server takes mail from the gateway only for accepted domains: for any other "
                  "it answers 550 5.7.1 Unable to relay. The type decides what becomes of mail "
                  "for a recipient who is not found here.");
    explain_accepted(h);
    for (size_t i = 0; i < list->count; i++)
        HUB_DO(h, "Set-Accepted %s %s '%s'\n", hub_domain(h, &list->at[i]),
               hub_domain_name(h, &list->at[i], i), type_text(list->at[i].kind));
    HUB_CHECK(h, "Get-AcceptedDomain | Format-Table Name,DomainName,DomainType,Default\n");
    HUB_SAY(h, EXCHANGE_UNDO,
            "Remove only what this script said it made, and set back what it said it changed. "
            "This forest's own domains have mailboxes and e-mail address policies: no command "
            "for them.");
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].home != h->p->forest)
            HUB_UNDO(
                h,
                "Get-AcceptedDomain | Where-Object { $_.Name -eq %s } | Remove-AcceptedDomain\n",
                hub_domain_name(h, &list->at[i], i));
}

static void
write_behind(const struct hub *h)
{
    exchange_step(h->d, "Send connectors to the forests behind this one",
                  "This forest carries mail for other forests that the gateway does not reach by "
                  "itself. The gateway knows their domains, not their servers: this is not made "
                  "here.");
    exchange_step_is_optional(h->d);
    for (size_t i = 0; i < h->p->behind_count; i++)
        HUB_SAY(h, EXCHANGE_DO,
                "Forest %s: this organization needs a Send connector with its domains as address "
                "spaces and its servers as smart hosts, and that forest needs one to here. Its "
                "domains are InternalRelay in the step before.",
                h->p->behind[i]->name);
    HUB_CHECK(h, "Get-SendConnector | Format-Table Name,AddressSpaces,SmartHosts,Enabled\n");
}

/* Exchange makes no remote domain for an accepted one; where mail goes on to the outside, what
 * holds for the outside holds. */
static bool
is_settable(const struct hub *h, const struct exchange_domain *domain)
{
    const struct exchange_domains *accepted = &h->p->accepted;
    for (size_t i = 0; i < accepted->count; i++)
        if (accepted->at[i].wildcard == domain->wildcard &&
            strcmp(accepted->at[i].name, domain->name) == 0)
            return false;
    return domain->kind != DOMAIN_EXTERNAL_RELAY;
}

static void
write_remote(const struct hub *h)
{
    const struct exchange_domains *list = &h->p->remote;
    exchange_step(h->d, "Remote domain settings for the other forests",
                  "The default remote domain stops automatic replies and forwards to the outside "
                  "and sends only the external out of office text. The other forests are "
                  "colleagues: they get the internal one, forwards, delivery and non-delivery "
                  "reports. Rich text (TNEF) stays on, so that meeting requests arrive as "
                  "meeting requests.");
    exchange_unconfirmed(h->d, "that TNEF between these forests is what their users want: with "
                               "it on, a recipient there without Outlook sees winmail.dat");
    if (h->d->version == EXCHANGE_2010)
        HUB_SAY(h, EXCHANGE_DO,
                "IsInternal, TrustedMailInboundEnabled, TrustedMailOutboundEnabled and "
                "TargetDeliveryDomain are left alone: not all service packs of 2010 have them, "
                "and they trust the other organization with more than mail needs.");
    for (size_t i = 0; i < list->count; i++)
        if (is_settable(h, &list->at[i]))
            HUB_DO(h, "Set-Remote %s %s\n", hub_domain(h, &list->at[i]),
                   hub_domain_name(h, &list->at[i], i));
    if (holds_kind(list, DOMAIN_EXTERNAL_RELAY))
        HUB_SAY(h, EXCHANGE_DO,
                "Domains that the other forests relay to the outside keep what "
                "the default remote domain says.");
    if (h->p->behind_count > 0)
        HUB_SAY(h, EXCHANGE_DO,
                "Domains that are accepted here for forests behind this one can "
                "have no remote domain: the default one holds.");
    HUB_CHECK(h, "Get-RemoteDomain | Format-List Name,DomainName,AllowedOOFType,"
                 "AutoReplyEnabled,AutoForwardEnabled,DeliveryReportEnabled,NDREnabled,"
                 "TNEFEnabled\n");
    HUB_SAY(h, EXCHANGE_UNDO,
            "Then the default remote domain holds for them again. Where one "
            "was here before, set back what the script said it was.");
    for (size_t i = 0; i < list->count; i++)
        if (is_settable(h, &list->at[i]))
            HUB_UNDO(h,
                     "Get-RemoteDomain | Where-Object { $_.Name -eq %s } | Remove-RemoteDomain\n",
                     hub_domain_name(h, &list->at[i], i));
}

void
hub_domains(const struct hub *h)
{
    write_accepted(h);
    if (h->p->behind_count > 0)
        write_behind(h);
    for (size_t i = 0; i < h->p->remote.count; i++)
        if (is_settable(h, &h->p->remote.at[i])) {
            write_remote(h);
            break;
        }
}
