/* Their Send connector: mail for the other forests goes to the gateway (exchange-facts.md 1.1,
 * 1.4, 3.4, 5.2). */
#include "gateway/exchange/hub_private.h"

#include "gateway/route/spaces.h"

/* Exchange keeps the password: it is asked for when a connector is made, its user is another one
 * or -NewPassword says so. -WhatIf shows the command with a stand-in. */
static const char credential[] =
    "function Find-Send([string]$Name) {\n"
    "    Get-SendConnector | Where-Object { \"$($_.Name)\" -eq $Name }\n"
    "}\n"
    "\n"
    "$Credential = $null\n"
    "function Get-Logon([string]$User) {\n"
    "    if ($script:Credential) {\n"
    "        return $script:Credential\n"
    "    }\n"
    "    if ($WhatIf) {\n"
    "        $password = New-Object System.Security.SecureString\n"
    "        $password.AppendChar('-')\n"
    "    } else {\n"
    "        Write-Host ('  The password of {0}, the account that this organization has at the "
    "gateway:' -f $User)\n"
    "        $typed = Get-Credential -Credential $User\n"
    "        if (-not $typed) {\n"
    "            throw 'No password was given.'\n"
    "        }\n"
    "        $password = $typed.Password\n"
    "    }\n"
    "    $script:Credential = New-Object System.Management.Automation.PSCredential -ArgumentList "
    "$User, $password\n"
    "    $script:Credential\n"
    "}\n"
    "\n";

/* $Want: Name, Spaces, SmartHost, Port, Size, Mechanism, User ('': none). */
static const char comparing[] =
    "# Other connectors with one of these address spaces: the lowest cost wins, then the name.\n"
    "function Test-Rival($Want) {\n"
    "    $mine = @($Want.Spaces | ForEach-Object { $_.Split(';')[0].ToLower() })\n"
    "    foreach ($other in @(Get-SendConnector | Where-Object { \"$($_.Name)\" -ne $Want.Name "
    "})) {\n"
    "        $same = @($other.AddressSpaces | Where-Object { $mine -contains "
    "\"$_\".Split(';')[0].ToLower() })\n"
    "        if ($same.Count -gt 0) {\n"
    "            Write-Concern ('Send connector {0} has {1} too: mail may take that one.' -f "
    "$other.Name, $same[0])\n"
    "        }\n"
    "    }\n"
    "}\n"
    "\n"
    "function Compare-Send($Is, $Want, $Servers) {\n"
    "    if (-not (Test-Same $Is.AddressSpaces $Want.Spaces)) { 'AddressSpaces' }\n"
    "    if (\"$($Is.DNSRoutingEnabled)\" -ne 'False') { 'DNSRoutingEnabled' }\n"
    "    if (-not (Test-Same $Is.SmartHosts @($Want.SmartHost))) { 'SmartHosts' }\n"
    "    if (\"$($Is.Port)\" -ne $Want.Port) { 'Port' }\n"
    "    if (\"$($Is.RequireTLS)\" -ne 'True') { 'RequireTLS' }\n"
    "    if (\"$($Is.IgnoreSTARTTLS)\" -ne 'False') { 'IgnoreSTARTTLS' }\n"
    "    if (\"$($Is.ForceHELO)\" -ne 'False') { 'ForceHELO' }\n"
    "    if (\"$($Is.DomainSecureEnabled)\" -ne 'False') { 'DomainSecureEnabled' }\n"
    "    if ((ConvertTo-Octets $Is.MaxMessageSize) -ne (ConvertTo-Octets $Want.Size)) "
    "{ 'MaxMessageSize' }\n"
    "    $names = @($Is.SourceTransportServers | ForEach-Object { \"$_\".Split('/')[-1] })\n"
    "    if (-not (Test-Same $names $Servers)) { 'SourceTransportServers' }\n"
    "    if (\"$($Is.ProtocolLoggingLevel)\" -ne $ProtocolLogging) { 'ProtocolLoggingLevel' }\n"
    "    if (\"$($Is.Enabled)\" -ne 'True') { 'Enabled' }\n"
    "}\n"
    "\n"
    "function Test-Logon($Is, $Want) {\n"
    "    if (\"$($Is.SmartHostAuthMechanism)\" -ne $Want.Mechanism) {\n"
    "        return $false\n"
    "    }\n"
    "    if (-not $Want.User) {\n"
    "        return $true\n"
    "    }\n"
    "    $user = \"$($Is.AuthenticationCredential.UserName)\"\n"
    "    (-not $NewPassword) -and ((-not $user) -or ($user -eq $Want.User))\n"
    "}\n"
    "\n";

static const char making[] =
    "function New-Send($Want, $Servers) {\n"
    "    Write-Change ('new Send connector {0} to {1}' -f $Want.Name, $Want.SmartHost)\n"
    "    if ($Want.User) {\n"
    "        New-SendConnector -Name $Want.Name -Usage Custom -AddressSpaces $Want.Spaces `\n"
    "            -DNSRoutingEnabled $false -SmartHosts $Want.SmartHost -Port $Want.Port `\n"
    "            -SmartHostAuthMechanism $Want.Mechanism `\n"
    "            -AuthenticationCredential (Get-Logon $Want.User) -RequireTLS $true `\n"
    "            -MaxMessageSize $Want.Size -SourceTransportServers $Servers `\n"
    "            -ProtocolLoggingLevel $ProtocolLogging -WhatIf:$WhatIf | Out-Null\n"
    "    } else {\n"
    "        New-SendConnector -Name $Want.Name -Usage Custom -AddressSpaces $Want.Spaces `\n"
    "            -DNSRoutingEnabled $false -SmartHosts $Want.SmartHost -Port $Want.Port `\n"
    "            -SmartHostAuthMechanism None -RequireTLS $true -MaxMessageSize $Want.Size `\n"
    "            -SourceTransportServers $Servers -ProtocolLoggingLevel $ProtocolLogging `\n"
    "            -WhatIf:$WhatIf | Out-Null\n"
    "    }\n"
    "}\n"
    "\n"
    "function Set-Logon($Is, $Want) {\n"
    "    if (Test-Logon $Is $Want) {\n"
    "        return\n"
    "    }\n"
    "    Write-Change ('{0}: {1} {2}' -f $Is.Name, $Want.Mechanism, $Want.User)\n"
    "    if ($Want.User) {\n"
    "        Set-SendConnector -Identity \"$($Is.Identity)\" `\n"
    "            -SmartHostAuthMechanism $Want.Mechanism `\n"
    "            -AuthenticationCredential (Get-Logon $Want.User) -WhatIf:$WhatIf\n"
    "    } else {\n"
    "        Set-SendConnector -Identity \"$($Is.Identity)\" -SmartHostAuthMechanism None "
    "-WhatIf:$WhatIf\n"
    "    }\n"
    "}\n"
    "\n"
    "function Set-Send($Want) {\n"
    "    $servers = @($Sources | ForEach-Object { \"$($_.Name)\" } | Sort-Object -Unique)\n"
    "    Test-Rival $Want\n"
    "    $found = @(Find-Send $Want.Name)\n"
    "    if ($found.Count -eq 0) {\n"
    "        New-Send $Want $servers\n"
    "        return\n"
    "    }\n"
    "    $wrong = @(Compare-Send $found[0] $Want $servers)\n"
    "    if ($wrong.Count -eq 0) {\n"
    "        Write-Right \"$($found[0].Identity)\"\n"
    "    } else {\n"
    "        Write-Change ('{0}: {1}' -f $Want.Name, [string]::Join(', ', [string[]]$wrong))\n"
    "        Set-SendConnector -Identity \"$($found[0].Identity)\" `\n"
    "            -AddressSpaces $Want.Spaces -DNSRoutingEnabled $false `\n"
    "            -SmartHosts $Want.SmartHost -Port $Want.Port -RequireTLS $true `\n"
    "            -IgnoreSTARTTLS $false -ForceHELO $false -DomainSecureEnabled $false `\n"
    "            -MaxMessageSize $Want.Size `\n"
    "            -SourceTransportServers $servers -ProtocolLoggingLevel $ProtocolLogging `\n"
    "            -Enabled $true -WhatIf:$WhatIf\n"
    "    }\n"
    "    Set-Logon $found[0] $Want\n"
    "}\n"
    "\n"
    "# Its name is another one in each language of Windows.\n"
    "function Grant-Anonymous([string]$Connector, $Rights) {\n"
    "    $sid = New-Object System.Security.Principal.SecurityIdentifier -ArgumentList "
    "'S-1-5-7'\n"
    "    $nobody = $sid.Translate([System.Security.Principal.NTAccount]).Value\n"
    "    $found = @(Find-Send $Connector)\n"
    "    if ($found.Count -gt 0) {\n"
    "        Grant-Right \"$($found[0].DistinguishedName)\" $nobody $Rights\n"
    "    } elseif ($WhatIf) {\n"
    "        foreach ($right in $Rights) {\n"
    "            Write-Change ('{0} on {1}, once it is there: {2}' -f $right[0], $Connector, "
    "$right[1])\n"
    "        }\n"
    "    } else {\n"
    "        throw ('Send connector {0} is not there yet: wait until the directory has it on all "
    "domain controllers.' -f $Connector)\n"
    "    }\n"
    "}\n";

const char *
hub_send_functions(struct exchange_document *d)
{
    return exchange_text(d, "%s%s%s", credential, comparing, making);
}

/* ---- Steps ---- */

static void
write_wanted(const struct hub *h, const char *name, const struct exchange_domains *spaces)
{
    const struct exchange_outbound *out = &h->p->outbound;
    char room[SPACE_TEXT];
    HUB_DO(h, "$spaces = @()\n");
    for (size_t i = 0; i < spaces->count; i++) {
        const char *space = space_text(spaces->at[i].name, spaces->at[i].wildcard, room);
        HUB_DO(h, "$spaces += @(%s)\n", hub_quote(h, exchange_text(h->d, "SMTP:%s;1", space)));
    }
    HUB_DO(h,
           "$want = @{\n"
           "    Name = %s\n"
           "    Spaces = $spaces\n"
           "    SmartHost = %s\n"
           "    Port = '%u'\n"
           "    Size = %s\n"
           "    Mechanism = '%s'\n"
           "    User = %s\n"
           "}\n",
           hub_quote(h, name), hub_quote(h, out->smart_host), (unsigned)out->port,
           hub_size(h, out->message_size), out->account != NULL ? "BasicAuthRequireTLS" : "None",
           hub_quote(h, out->account != NULL ? out->user : ""));
}

static void
write_check(const struct hub *h, const char *name)
{
    HUB_CHECK(h,
              "Get-SendConnector | Where-Object { $_.Name -eq %s } | Format-List "
              "Name,AddressSpaces,SmartHosts,"
              "Port,DNSRoutingEnabled,SmartHostAuthMechanism,RequireTLS,MaxMessageSize,"
              "SourceTransportServers,ProtocolLoggingLevel,Enabled\n",
              hub_quote(h, name));
    HUB_UNDO(h, "Get-SendConnector | Where-Object { $_.Name -eq %s } | Remove-SendConnector\n",
             hub_quote(h, name));
}

static void
explain(const struct hub *h)
{
    const struct exchange_outbound *out = &h->p->outbound;
    if (out->account != NULL)
        HUB_SAY(h, EXCHANGE_DO,
                "BasicAuthRequireTLS: the password goes out inside TLS alone, and only to a "
                "server whose certificate names the smart host and is trusted here. So the smart "
                "host is the gateway's name, never its address. The password is asked for once; "
                "Exchange keeps it, and -NewPassword asks again.");
    else
        HUB_SAY(h, EXCHANGE_DO,
                "The gateway takes this organization's mail by its addresses alone (auth: none): "
                "no user, no password. RequireTLS encrypts, but does not look at whose "
                "certificate it is.");
    HUB_SAY(h, EXCHANGE_DO,
            "The most specific address space wins, then the lowest cost: mail for these domains "
            "comes here and nowhere else. A message that is larger than every connector's "
            "MaxMessageSize gets a non-delivery report.");
    for (size_t i = 0; i < out->ours->network_count; i++)
        HUB_SAY(h, EXCHANGE_DO,
                "The gateway's receive connector %s takes %s: each source server's address must "
                "lie in a network of it.",
                out->ours->name, out->ours->networks[i].text);
    if (h->d->version == EXCHANGE_2007 && out->ours->tls_profile == TLS_PROFILE_MODERN)
        HUB_SAY(h, EXCHANGE_DO,
                "The gateway's receive connector %s has tls.profile modern (TLS 1.2). Windows "
                "Server 2003 and 2008 speak TLS 1.0 and nothing later: there the gateway needs "
                "profile exchange2003, and Windows Server 2003 needs KB 948963.",
                out->ours->name);
}

/* 2007 has no such setting: there a permanent refusal of the password is a report at once. */
static void
write_error_policy(const struct hub *h)
{
    HUB_SAY(h, EXCHANGE_DO,
            "ErrorPolicies (from SP1): when the gateway refuses the password or its name is not "
            "found, mail waits for repair instead of going back to its senders.");
    HUB_DO(h,
           "$command = Get-Command Set-SendConnector\n"
           "$found = @(Find-Send $want.Name)\n"
           "if ($command.Parameters -and $command.Parameters.ContainsKey('ErrorPolicies') -and "
           "($found.Count -gt 0)) {\n"
           "    $policies = @('DowngradeAuthFailures', 'DowngradeDnsFailures')\n"
           "    if (-not (Test-Same (\"$($found[0].ErrorPolicies)\".Split(',')) $policies)) {\n"
           "        Write-Change 'ErrorPolicies'\n"
           "        Set-SendConnector -Identity \"$($found[0].Identity)\" -ErrorPolicies "
           "'DowngradeAuthFailures,DowngradeDnsFailures' -WhatIf:$WhatIf\n"
           "    }\n"
           "}\n");
}

void
hub_send(const struct hub *h)
{
    const struct exchange_outbound *out = &h->p->outbound;
    exchange_step(h->d, "Send connector to the gateway",
                  "Mail for the domains of the other forests must leave to the gateway, inside "
                  "TLS and logged on: only then it counts as sent by this forest.");
    exchange_unconfirmed(h->d, "that a user name of the form DOMAIN\\user is sent as it is "
                               "typed");
    if (out->account != NULL)
        exchange_unconfirmed(h->d, "RequireTLS beside BasicAuthRequireTLS: each of them is "
                                   "described, both at once are not");
    explain(h);
    write_wanted(h, out->name, &out->spaces);
    HUB_DO(h, "Set-Send $want\n");
    if (h->d->version == EXCHANGE_2010)
        write_error_policy(h);
    write_check(h, out->name);
    HUB_SAY(h, EXCHANGE_UNDO,
            "Mail for these domains then takes another connector that covers "
            "them, or waits in the queue Unreachable.");
}

void
hub_extra(const struct hub *h)
{
    static const char name[] = "To other domains (forestgate)";
    const struct exchange_outbound *out = &h->p->outbound;
    exchange_step(h->d, "Send connector for domains of no forest",
                  "The gateway would also carry mail of this forest to domains that belong to "
                  "none of the forests. That is a decision of its own, and may take mail away "
                  "from a connector to the Internet: only with -ExtraSpaces.");
    exchange_step_is_optional(h->d);
    write_wanted(h, name, &out->extra);
    HUB_SAY(h, EXCHANGE_DO, "With the rights of the step before.");
    HUB_DO(h,
           "if ($ExtraSpaces) {\n"
           "    Set-Send $want\n"
           "    Grant-Anonymous %s $rights\n"
           "} else {\n"
           "    Write-Host '  left out: -ExtraSpaces was not given'\n"
           "}\n",
           hub_quote(h, name));
    write_check(h, name);
}
