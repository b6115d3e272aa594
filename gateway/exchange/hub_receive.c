/* Their Receive connectors: one for the gateway on each server (exchange-facts.md 1.3, 1.4,
 * 3.5). */
#include "gateway/exchange/hub_private.h"

#include "gateway/route/header_filter.h"

/* $Want: Name, Port, Fqdn ('': the server's own), Mechanism, Groups, Size, HeaderSize,
 * Recipients, PerSource, Percentage, Timeout. */
static const char finding[] =
    "# The connectors of one server, which their identity begins with: SERVER\\Name.\n"
    "function Get-Receive($Server) {\n"
    "    Get-ReceiveConnector | Where-Object { \"$($_.Identity)\".Split('\\')[0] -eq "
    "$Server.Name }\n"
    "}\n"
    "\n"
    "function Find-Receive($Server, [string]$Name) {\n"
    "    Get-Receive $Server | Where-Object { \"$($_.Name)\" -eq $Name }\n"
    "}\n"
    "\n"
    "# Exchange asks the connector with the most specific addresses and no other: two for the\n"
    "# same ones cannot be.\n"
    "function Test-Overlap($Server, $Want) {\n"
    "    foreach ($other in @(Get-Receive $Server)) {\n"
    "        if (\"$($other.Name)\" -eq $Want.Name) {\n"
    "            continue\n"
    "        }\n"
    "        $ports = @($other.Bindings | Where-Object { \"$_\".EndsWith(':' + $Want.Port) })\n"
    "        if ($ports.Count -eq 0) {\n"
    "            continue\n"
    "        }\n"
    "        $ranges = @($other.RemoteIPRanges | Where-Object { $GatewayAddress -contains \"$_\" "
    "})\n"
    "        if ($ranges.Count -gt 0) {\n"
    "            Write-Concern ('connector {0} is for {1} already: remove it or take that "
    "address "
    "out of it, else the gateway may meet it.' -f $other.Identity, $ranges[0])\n"
    "        }\n"
    "        $bound = @($ports | Where-Object { -not (\"$_\".StartsWith('0.0.0.0:') -or "
    "\"$_\".StartsWith('[::]:')) })\n"
    "        if ($bound.Count -gt 0) {\n"
    "            Write-Concern ('connector {0} is bound to {1} alone: if the gateway connects to "
    "that address it meets that connector.' -f $other.Identity, $bound[0])\n"
    "        }\n"
    "    }\n"
    "}\n"
    "\n";

static const char comparing[] =
    "# The names of the settings that are not what they must be.\n"
    "function Compare-Receive($Is, $Want, $Bindings, [string]$Fqdn) {\n"
    "    if (-not (Test-Same $Is.Bindings $Bindings)) { 'Bindings' }\n"
    "    if (-not (Test-Same $Is.RemoteIPRanges $GatewayAddress)) { 'RemoteIPRanges' }\n"
    "    if (-not (Test-Same (\"$($Is.AuthMechanism)\".Split(',')) "
    "($Want.Mechanism.Split(',')))) "
    "{ 'AuthMechanism' }\n"
    "    if (\"$($Is.RequireTLS)\" -ne 'True') { 'RequireTLS' }\n"
    "    if (\"$($Is.Fqdn)\" -ne $Fqdn) { 'Fqdn' }\n"
    "    if (\"$($Is.ConnectionTimeout)\" -ne $Want.Timeout) { 'ConnectionTimeout' }\n"
    "    if (\"$($Is.ProtocolLoggingLevel)\" -ne $ProtocolLogging) { 'ProtocolLoggingLevel' }\n"
    "    if (\"$($Is.Enabled)\" -ne 'True') { 'Enabled' }\n"
    "}\n"
    "\n";

static const char widening[] =
    "# Limits are raised to what the gateway needs; a wider one is somebody's decision.\n"
    "function Set-Limit($Is, $Want) {\n"
    "    $id = \"$($Is.Identity)\"\n"
    "    $octets = ConvertTo-Octets $Is.MaxMessageSize\n"
    "    if (($octets -ge 0) -and ($octets -lt (ConvertTo-Octets $Want.Size))) {\n"
    "        Write-Change ('{0}: MaxMessageSize {1}, was {2}' -f $id, $Want.Size, "
    "$Is.MaxMessageSize)\n"
    "        Set-ReceiveConnector -Identity $id -MaxMessageSize $Want.Size -WhatIf:$WhatIf\n"
    "    }\n"
    "    if ((ConvertTo-Octets $Is.MaxHeaderSize) -lt (ConvertTo-Octets $Want.HeaderSize)) {\n"
    "        Write-Change ('{0}: MaxHeaderSize {1}, was {2}' -f $id, $Want.HeaderSize, "
    "$Is.MaxHeaderSize)\n"
    "        Set-ReceiveConnector -Identity $id -MaxHeaderSize $Want.HeaderSize "
    "-WhatIf:$WhatIf\n"
    "    }\n"
    "    if ([int]\"$($Is.MaxRecipientsPerMessage)\" -lt $Want.Recipients) {\n"
    "        Write-Change ('{0}: MaxRecipientsPerMessage {1}, was {2}' -f $id, "
    "$Want.Recipients, $Is.MaxRecipientsPerMessage)\n"
    "        Set-ReceiveConnector -Identity $id -MaxRecipientsPerMessage $Want.Recipients "
    "-WhatIf:$WhatIf\n"
    "    }\n"
    "    $most = ConvertTo-Octets $Is.MaxInboundConnectionPerSource\n"
    "    if (($most -ge 0) -and ($most -lt $Want.PerSource)) {\n"
    "        Write-Change ('{0}: MaxInboundConnectionPerSource {1}, was {2}' -f $id, "
    "$Want.PerSource, $most)\n"
    "        Set-ReceiveConnector -Identity $id -MaxInboundConnectionPerSource $Want.PerSource "
    "-WhatIf:$WhatIf\n"
    "    }\n"
    "    if ([int]\"$($Is.MaxInboundConnectionPercentagePerSource)\" -lt $Want.Percentage) {\n"
    "        Write-Change ('{0}: MaxInboundConnectionPercentagePerSource {1}' -f $id, "
    "$Want.Percentage)\n"
    "        Set-ReceiveConnector -Identity $id -MaxInboundConnectionPercentagePerSource "
    "$Want.Percentage -WhatIf:$WhatIf\n"
    "    }\n"
    "}\n"
    "\n";

static const char setting[] =
    "# Permission groups, apart: after rights were granted one by one a connector shows Custom,\n"
    "# which is right.\n"
    "function Set-PermissionGroup($Is, $Want) {\n"
    "    $groups = @(\"$($Is.PermissionGroups)\".Split(',') | ForEach-Object { $_.Trim() } | "
    "Where-Object { $_ -ne 'Custom' })\n"
    "    if ($groups.Count -eq 0) {\n"
    "        $groups = @('None')\n"
    "    }\n"
    "    if (-not (Test-Same $groups @($Want.Groups))) {\n"
    "        Write-Change ('{0}: permission groups {1}, was {2}' -f $Is.Identity, $Want.Groups, "
    "$Is.PermissionGroups)\n"
    "        Set-ReceiveConnector -Identity \"$($Is.Identity)\" -PermissionGroups $Want.Groups "
    "-WhatIf:$WhatIf\n"
    "    }\n"
    "}\n"
    "\n"
    "function Set-Receive($Server, $Want) {\n"
    "    $bindings = @('0.0.0.0:' + $Want.Port)\n"
    "    if (@($GatewayAddress | Where-Object { $_ -match ':' }).Count -gt 0) {\n"
    "        $bindings += @('[::]:' + $Want.Port)\n"
    "    }\n"
    "    $fqdn = $Want.Fqdn\n"
    "    if (-not $fqdn) {\n"
    "        $fqdn = \"$($Server.Fqdn)\"\n"
    "    }\n"
    "    Test-Overlap $Server $Want\n"
    "    $found = @(Find-Receive $Server $Want.Name)\n"
    "    if ($found.Count -eq 0) {\n"
    "        Write-Change ('new Receive connector on {0} for {1}' -f $Server.Name, "
    "[string]::Join(', ', $GatewayAddress))\n"
    "        New-ReceiveConnector -Name $Want.Name -Server \"$($Server.Name)\" -Usage Custom `\n"
    "            -Bindings $bindings -RemoteIPRanges $GatewayAddress `\n"
    "            -AuthMechanism $Want.Mechanism -PermissionGroups $Want.Groups `\n"
    "            -RequireTLS $true -Fqdn $fqdn -MaxMessageSize $Want.Size `\n"
    "            -MaxHeaderSize $Want.HeaderSize -MaxRecipientsPerMessage $Want.Recipients `\n"
    "            -MaxInboundConnectionPerSource $Want.PerSource `\n"
    "            -MaxInboundConnectionPercentagePerSource $Want.Percentage `\n"
    "            -ConnectionTimeout $Want.Timeout -ProtocolLoggingLevel $ProtocolLogging `\n"
    "            -WhatIf:$WhatIf | Out-Null\n"
    "        return\n"
    "    }\n"
    "    Set-PermissionGroup $found[0] $Want\n"
    "    Set-Limit $found[0] $Want\n"
    "    $wrong = @(Compare-Receive $found[0] $Want $bindings $fqdn)\n"
    "    if ($wrong.Count -eq 0) {\n"
    "        Write-Right \"$($found[0].Identity)\"\n"
    "        return\n"
    "    }\n"
    "    Write-Change ('{0}: {1}' -f $found[0].Identity, [string]::Join(', ', "
    "[string[]]$wrong))\n"
    "    Set-ReceiveConnector -Identity \"$($found[0].Identity)\" -Bindings $bindings `\n"
    "        -RemoteIPRanges $GatewayAddress -AuthMechanism $Want.Mechanism -RequireTLS $true `\n"
    "        -Fqdn $fqdn -ConnectionTimeout $Want.Timeout -ProtocolLoggingLevel $ProtocolLogging "
    "`\n"
    "        -Enabled $true -WhatIf:$WhatIf\n"
    "}\n"
    "\n";

const char *
hub_receive_functions(struct exchange_document *d)
{
    return exchange_text(d, "%s%s%s%s", finding, comparing, widening, setting);
}

/* ---- The step ---- */

/* What 2007 allows from one source unless told otherwise, and of how many in all. */
enum { PER_SOURCE = 20, PERCENTAGE = 2, OF_ALL = 5000 };

/* What a message grows by on its way through the gateway, amply. */
enum { TRACE = 64 * 1024 };

/* A connection of ours may begin its last message at connection_age: time for that one, too. */
static unsigned
minutes_of(const struct send_connector *s)
{
    enum { LEAST = 30, LAST_MESSAGE = 10, MINUTE_MS = 60 * 1000 };
    unsigned minutes = (unsigned)(s->connection_age_ms / MINUTE_MS) + LAST_MESSAGE;
    return minutes > LEAST ? minutes : LEAST;
}

static void
write_wanted(const struct hub *h, const struct exchange_inbound *in)
{
    const struct send_connector *s = in->ours;
    unsigned most = s->connections > PER_SOURCE ? s->connections : PER_SOURCE;
    unsigned percentage = (most * 100 + OF_ALL - 1) / OF_ALL;
    unsigned minutes = minutes_of(s);
    HUB_DO(h,
           "$want = @{\n"
           "    Name = %s\n"
           "    Port = '%u'\n"
           "    Fqdn = %s\n"
           "    Mechanism = '%s'\n"
           "    Groups = '%s'\n"
           "    Size = %s\n"
           "    HeaderSize = '%uKB'\n"
           "    Recipients = %u\n"
           "    PerSource = %u\n"
           "    Percentage = %u\n"
           "    Timeout = '%02u:%02u:00'\n"
           "}\n",
           hub_quote(h, in->name), (unsigned)s->servers[0].port,
           hub_quote(h, s->tls_server_name != NULL ? s->tls_server_name : ""),
           in->user != NULL ? "Tls,BasicAuth,BasicAuthRequireTLS" : "Tls,ExternalAuthoritative",
           in->user != NULL ? "None" : "ExchangeServers",
           hub_size(h, h->p->config->limit_message_size + TRACE),
           ((unsigned)HEADER_FILTER_MAX + 1023) / 1024, h->p->config->limit_recipients, most,
           percentage > PERCENTAGE ? percentage : PERCENTAGE, minutes / 60, minutes % 60);
}

static void
explain_settings(const struct hub *h)
{
    HUB_SAY(
        h, EXCHANGE_DO,
        "Usage Custom presets nothing. Only the gateway's addresses are taken, STARTTLS must "
        "come before anything else, and a password only inside TLS. Where the gateway logs on, "
        "no permission group is given anything: the next step grants its account what it "
        "needs.");
    HUB_SAY(h, EXCHANGE_DO,
            "Fqdn is the name that the gateway finds in the certificate: the connector offers "
            "STARTTLS only if the server has a certificate with it.");
    HUB_SAY(
        h, EXCHANGE_DO,
        "MaxMessageSize, MaxHeaderSize and MaxRecipientsPerMessage: what the gateway takes from "
        "the other "
        "forests it must be able to hand over here, with the trace fields that are added. The "
        "organization's own limits hold too.");
    HUB_SAY(h, EXCHANGE_DO,
            "ConnectionTimeout: the default of 10 minutes cuts a large message over a slow "
            "line while it still flows, and the gateway begins it again.");
}

static void
explain_connector(const struct hub *h, const struct exchange_inbound *in)
{
    const struct send_connector *s = in->ours;
    HUB_SAY(h, EXCHANGE_DO,
            "For the gateway's send connector %s: at most %u connections to a server at once "
            "(Exchange allows 20 from one address by default; several gateways behind one NAT "
            "address add up).",
            s->name, s->connections);
    for (size_t i = 1; i < s->server_count; i++)
        if (s->servers[i].port != s->servers[0].port)
            HUB_SAY(h, EXCHANGE_DO,
                    "The gateway connects to %s at port %u: bind the connector of that server "
                    "to it afterwards.",
                    s->servers[i].host, (unsigned)s->servers[i].port);
    if (in->user != NULL)
        return;
    HUB_SAY(h, EXCHANGE_DO,
            "WARNING: the gateway does not log on here (auth: none). The connector is externally "
            "secured: WHOEVER can connect from the gateway's addresses is trusted like a server "
            "of this organization, may send as anybody and relay anywhere. Give the gateway an "
            "account instead, if it can be.");
}

void
hub_receive(const struct hub *h)
{
    exchange_step(h->d, "Receive connectors for the gateway",
                  "The gateway's connections must meet a connector of their own: the default one "
                  "knows only this organization's servers and users, refuses senders of other "
                  "forests (550 5.7.1 Client does not have permissions to send as this sender), "
                  "and changing it would change it for all.");
    exchange_unconfirmed(h->d, "that setting PermissionGroups on a connector that has them keeps "
                               "rights granted one by one: the next step grants what is missing");
    if (h->d->version == EXCHANGE_2007)
        exchange_unconfirmed(h->d, "IPv6 addresses: 2007 takes them from SP1 on Windows Server "
                                   "2008 only");
    explain_settings(h);
    for (size_t i = 0; i < h->p->inbound_count; i++) {
        const struct exchange_inbound *in = &h->p->inbound[i];
        explain_connector(h, in);
        write_wanted(h, in);
        HUB_DO(h,
               "foreach ($hub in $%s) {\n"
               "    Set-Receive $hub $want\n"
               "}\n",
               hub_variable(h, "Hubs", i));
        HUB_CHECK(h,
                  "Get-ReceiveConnector | Where-Object { $_.Name -eq %s } | Format-List Identity,"
                  "Bindings,RemoteIPRanges,AuthMechanism,PermissionGroups,RequireTLS,Fqdn,"
                  "MaxMessageSize,MaxRecipientsPerMessage,MaxInboundConnectionPerSource,"
                  "ConnectionTimeout,ProtocolLoggingLevel,Enabled\n",
                  hub_quote(h, in->name));
        HUB_UNDO(h,
                 "Get-ReceiveConnector | Where-Object { $_.Name -eq %s } | "
                 "Remove-ReceiveConnector\n",
                 hub_quote(h, in->name));
    }
    HUB_CHECK(h, "Get-TransportConfig | Format-List MaxReceiveSize,MaxSendSize,"
                 "MaxRecipientEnvelopeLimit\n");
}
