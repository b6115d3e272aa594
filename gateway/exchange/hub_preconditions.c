/* What must be so before anything is changed, and the look at it afterwards. */
#include "gateway/exchange/hub_private.h"

static const char shell_check[] =
    "if (@(Get-Command -Name 'New-ReceiveConnector*').Count -eq 0) {\n"
    "    throw 'Start the Exchange Management Shell of this version; if this is it, your roles "
    "do "
    "not include connectors.'\n"
    "}\n";

/* The groups that hold the rights, of those whose name the directory still knows. */
static const char group_check[] =
    "function Get-MyGroup {\n"
    "    [System.Security.Principal.WindowsIdentity]::GetCurrent().Groups | ForEach-Object {\n"
    "        trap { continue }\n"
    "        $_.Translate([System.Security.Principal.NTAccount]).Value\n"
    "    }\n"
    "}\n"
    "if (@(Get-MyGroup | Where-Object { $_ -like $AdminGroup }).Count -eq 0) {\n"
    "    Write-Concern ('You are not in {0}: expect refusals.' -f $AdminGroup)\n"
    "}\n";

static const char name_check[] =
    "function Test-Name([string]$Name) {\n"
    "    trap { continue }\n"
    "    $addresses = @()\n"
    "    $addresses = @([System.Net.Dns]::GetHostAddresses($Name))\n"
    "    if ($addresses.Count -eq 0) {\n"
    "        Write-Concern ('{0} has no address in DNS here: mail to it would wait.' -f $Name)\n"
    "    }\n"
    "}\n";

static void
find_servers(const struct hub *h)
{
    const char *all = "";
    for (size_t i = 0; i < h->p->inbound_count; i++) {
        const char *hubs = hub_variable(h, "Hubs", i);
        HUB_DO(h, "$%s = @(Find-Hub $%s)\n", hubs, hub_variable(h, "Server", i));
        all = exchange_text(h->d, "%s%s$%s", all, i > 0 ? " + " : "", hubs);
    }
    HUB_DO(h,
           "$Sources = @(%s)\n"
           "if ($SourceServer.Count -gt 0) {\n"
           "    $Sources = @(Find-Hub $SourceServer)\n"
           "}\n",
           all);
}

void
hub_preconditions(const struct hub *h)
{
    const struct exchange_plan *p = h->p;
    bool is_2007 = h->d->version == EXCHANGE_2007;
    exchange_step(h->d, "Preconditions",
                  "The wrong shell, version or server, or too few rights, would stop the script "
                  "half way. Nothing is changed in this step.");
    HUB_SAY(h, EXCHANGE_DO,
            is_2007 ? "You need the role Exchange Organization Administrator (Send connectors, "
                      "domains) and Exchange Server Administrator with local Administrators on "
                      "each server (Receive connectors)."
                    : "You need the role group Organization Management: connectors, domains and "
                      "Active Directory permissions (Add-ADPermission).");
    if (!p->addresses_are_given && p->gateway_address_count > 0)
        HUB_SAY(h, EXCHANGE_DO,
                "-GatewayAddress is a proposal: ask the gateway's administrator from which "
                "addresses it connects.");
    HUB_DO(h, "%s", shell_check);
    HUB_DO(h, "$AdminGroup = '*\\%s'\n",
           is_2007 ? "Exchange Organization Administrators" : "Organization Management");
    HUB_DO(h, "%s", group_check);
    find_servers(h);
    HUB_DO(h, "%s", name_check);
    HUB_DO(h, "Test-Name %s\n", hub_quote(h, p->outbound.smart_host));
    if (!p->addresses_are_given && p->gateway_address_count > 0)
        HUB_DO(h, "Write-Host ('  the gateway connects from ' + [string]::Join(', ', "
                  "$GatewayAddress) + ': a proposal unless you gave it')\n");
    HUB_CHECK(h, "Get-ExchangeServer | Format-Table Name,Fqdn,ServerRole,"
                 "AdminDisplayVersion\n");
}

static void
write_logging_off(const struct hub *h)
{
    for (size_t i = 0; i < h->p->inbound_count; i++)
        HUB_UNDO(h,
                 "Get-ReceiveConnector | Where-Object { $_.Name -eq %s } | Set-ReceiveConnector "
                 "-ProtocolLoggingLevel None\n",
                 hub_quote(h, h->p->inbound[i].name));
    HUB_UNDO(h,
             "Get-SendConnector | Where-Object { $_.Name -eq %s } | Set-SendConnector "
             "-ProtocolLoggingLevel None\n",
             hub_quote(h, h->p->outbound.name));
}

void
hub_test(const struct hub *h)
{
    exchange_step(h->d, "First test, and when to switch the protocol logs off",
                  "Each direction is tested with one message before users depend on it. The "
                  "protocol logs of the connectors show every command and reply; they are on "
                  "from the start and cost disk.");
    exchange_unconfirmed(h->d, "how soon a server notices changed connectors and rights: wait "
                               "some minutes, or restart Microsoft Exchange Transport");
    HUB_SAY(h, EXCHANGE_DO,
            "On the gateway: \"forestgate preflight\" looks at both directions without mail; "
            "with --round-trip it sends a marked message each way.");
    HUB_SAY(h, EXCHANGE_DO,
            "From a mailbox here to one of another forest and back: the name must be resolved "
            "(no bare SMTP address), a meeting request must stay one. What waits shows in the "
            "queues with the gateway's last reply. Event 11005: the gateway's certificate is not "
            "trusted or does not name it. Events 12014 and 12015: this server has no certificate "
            "for the name of its connector, or it has expired.");
    HUB_SAY(
        h, EXCHANGE_DO,
        "After a day without trouble switch the logs off by the commands under Undo of this "
        "step. A further run of this script switches them on again unless -ProtocolLogging None "
        "is among its parameters, which otherwise must be the same as before: left out, "
        "-GatewayAddress and the servers would be the proposals again.");
    HUB_DO(h, "foreach ($concern in $Concerns) {\n"
              "    Write-Host ('  look at this: ' + $concern)\n"
              "}\n"
              "Write-Host ('  {0} changes, {1} to look at.' -f $Changes, $Concerns.Count)\n");
    HUB_CHECK(h, "Get-TransportServer | Format-List Name,ReceiveProtocolLogPath,"
                 "SendProtocolLogPath\n"
                 "Get-Queue | Format-Table Identity,NextHopDomain,Status,MessageCount,"
                 "LastError\n"
                 "Get-EventLog Application -Newest 500 | Where-Object { $_.Source -like "
                 "'MSExchangeTransport*' -and (11005, 12014, 12015, 12018) -contains "
                 "$_.EventID } | Format-List TimeGenerated,EventID,Message\n");
    write_logging_off(h);
}
