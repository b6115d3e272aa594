/* Certificates: theirs as the gateway verifies it, the gateway's as they do (exchange-facts.md
 * 1.4, 2.5). */
#include "gateway/exchange/hub_private.h"

#include "config/config_value.h"

/* 2007 shows the certificates of the server that it runs on, 2010 those of any server. */
static const char get_2007[] =
    "function Get-ServerCertificate($Server) {\n"
    "    if (\"$($Server.Name)\" -eq $env:COMPUTERNAME) {\n"
    "        Get-ExchangeCertificate\n"
    "    } else {\n"
    "        Write-Concern ('{0}: its certificates can be seen on that server alone; run the "
    "script there with -WhatIf.' -f $Server.Name)\n"
    "    }\n"
    "}\n"
    "\n";

static const char get_2010[] = "function Get-ServerCertificate($Server) {\n"
                               "    Get-ExchangeCertificate -Server \"$($Server.Name)\"\n"
                               "}\n"
                               "\n";

static const char test[] =
    "# The name itself, or the wildcard of its domain.\n"
    "function Test-Covers($Certificate, [string]$Name) {\n"
    "    $names = @($Certificate.CertificateDomains | ForEach-Object { \"$_\" })\n"
    "    ($names -contains $Name) -or ($names -contains ('*' + "
    "$Name.Substring([Math]::Max(0, $Name.IndexOf('.')))))\n"
    "}\n"
    "\n"
    "function Test-Certificate($Server, [string]$Name, [string]$Verify) {\n"
    "    $all = @(Get-ServerCertificate $Server | Where-Object { $_ })\n"
    "    if ($all.Count -eq 0) {\n"
    "        return\n"
    "    }\n"
    "    $good = @($all | Where-Object { (Test-Covers $_ $Name) -and ($_.NotAfter -gt "
    "(Get-Date)) -and (\"$($_.Services)\" -match 'SMTP') })\n"
    "    if ($good.Count -eq 0) {\n"
    "        Write-Concern ('{0} has no valid certificate for {1} that is enabled for SMTP: it "
    "offers no STARTTLS on the connector (event 12014).' -f $Server.Name, $Name)\n"
    "        return\n"
    "    }\n"
    "    foreach ($one in $good) {\n"
    "        Write-Right ('{0}: certificate {1} for {2} until {3}' -f $Server.Name, "
    "$one.Thumbprint, $Name, $one.NotAfter)\n"
    "        if ((\"$($one.IsSelfSigned)\" -eq 'True') -and ($Verify -ne 'pin') -and "
    "($Verify -ne 'none')) {\n"
    "            Write-Concern ('{0}: certificate {1} is self-signed, and the gateway verifies "
    "by "
    "{2}: let it pin the key, or install one from a certification authority.' -f $Server.Name, "
    "$one.Thumbprint, $Verify)\n"
    "        }\n"
    "    }\n"
    "}\n"
    "\n";

const char *
hub_certificate_functions(struct exchange_document *d)
{
    return exchange_text(d, "%s%s", d->version == EXCHANGE_2007 ? get_2007 : get_2010, test);
}

/* ---- Theirs ---- */

static const char *
verify_text(const struct send_connector *s)
{
    static const char *const words[] = {[TLS_VERIFY_NAME] = "name",
                                        [TLS_VERIFY_CA] = "ca",
                                        [TLS_VERIFY_PIN] = "pin",
                                        [TLS_VERIFY_NONE] = "none"};
    return words[s->tls_verify];
}

static const char *
pin_text(const struct hub *h, const struct pin *pin)
{
    struct buf b;
    buf_init(&b, 128);
    value_show_pin(pin, &b);
    const char *text = exchange_text(h->d, "%s", buf_text(&b));
    buf_fini(&b);
    return text;
}

static void
explain_verify(const struct hub *h, const struct send_connector *s)
{
    static const char *const sentences[] = {
        [TLS_VERIFY_NAME] = "its chain must lead to a root that the gateway trusts, and it must "
                            "have the server's name",
        [TLS_VERIFY_CA] =
            "its chain must lead to a root in the gateway's own file; its name does "
            "not matter to the gateway, but to Exchange's choice of it",
        [TLS_VERIFY_PIN] = "its public key must be one of those in the gateway's configuration; "
                           "\"forestgate pin SERVER\" shows it. A new certificate with a new key "
                           "needs a new pin first, or mail waits",
        [TLS_VERIFY_NONE] = "the gateway does not look at it: whoever answers at that address "
                            "gets the mail"};
    HUB_SAY(h, EXCHANGE_DO, "The gateway's send connector %s has tls.verify %s: %s.", s->name,
            verify_text(s), sentences[s->tls_verify]);
    for (size_t i = 0; i < s->pin_count; i++)
        HUB_SAY(h, EXCHANGE_DO, "Its pin: %s", pin_text(h, &s->pins[i]));
}

static void
write_theirs(const struct hub *h)
{
    bool is_2007 = h->d->version == EXCHANGE_2007;
    exchange_step(h->d, "Certificates of the Exchange servers",
                  exchange_text(h->d,
                                "STARTTLS is offered only with a certificate that has the name "
                                "of the connector. The self-signed one that setup makes ends "
                                "after %s: STARTTLS then disappears from the server's reply "
                                "without a word, and mail waits. Nothing is changed here.",
                                is_2007 ? "one year" : "five years"));
    exchange_unconfirmed(h->d, "which events announce the end of a certificate (12018, 12019, "
                               "12024)");
    for (size_t i = 0; i < h->p->inbound_count; i++) {
        const struct send_connector *s = h->p->inbound[i].ours;
        explain_verify(h, s);
        if (is_2007 && s->tls_profile == TLS_PROFILE_MODERN)
            HUB_SAY(h, EXCHANGE_DO,
                    "The gateway's send connector %s has tls.profile modern (TLS 1.2). Windows "
                    "Server 2003 and 2008 speak TLS 1.0 and nothing later: there the gateway "
                    "needs profile exchange2003, and Windows Server 2003 needs KB 948963.",
                    s->name);
        HUB_DO(h,
               "foreach ($hub in $%s) {\n"
               "    Test-Certificate $hub %s '%s'\n"
               "}\n",
               hub_variable(h, "Hubs", i),
               s->tls_server_name != NULL ? hub_quote(h, s->tls_server_name) : "\"$($hub.Fqdn)\"",
               verify_text(s));
    }
    HUB_SAY(h, EXCHANGE_DO,
            "A certificate from a certification authority is installed with "
            "Import-ExchangeCertificate and Enable-ExchangeCertificate -Services SMTP; when "
            "Exchange asks whether to replace the default SMTP certificate, think first: its own "
            "servers use that one.");
    HUB_CHECK(h, "Get-ExchangeCertificate | Format-List Thumbprint,CertificateDomains,"
                 "Services,NotAfter,IsSelfSigned,Issuer,Status\n");
}

/* ---- The gateway's ---- */

static const char trust[] =
    "if ($GatewayCertificateFile) {\n"
    "    $path = (Resolve-Path $GatewayCertificateFile).Path\n"
    "    $root = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 "
    "-ArgumentList $path\n"
    "    if ($root.Subject -ne $root.Issuer) {\n"
    "        throw ('{0} is no root certificate: {1} signed it. Give the file of that one, or of "
    "the root above it.' -f $root.Subject, $root.Issuer)\n"
    "    }\n"
    "    $store = @(Get-ChildItem cert:\\LocalMachine\\Root | Where-Object { $_.Thumbprint -eq "
    "$root.Thumbprint })\n"
    "    if (@($Sources | Where-Object { \"$($_.Name)\" -eq $env:COMPUTERNAME }).Count -eq 0) {\n"
    "        Write-Host '  this computer is not one of the source servers: nothing is added "
    "here'\n"
    "    } elseif ($store.Count -gt 0) {\n"
    "        Write-Right ('root certificate {0} on this server' -f $root.Subject)\n"
    "    } else {\n"
    "        Write-Change ('root certificate {0} trusted on this server' -f $root.Subject)\n"
    "        if (-not $WhatIf) {\n"
    "            certutil.exe -addstore Root $path\n"
    "            if ($LASTEXITCODE -ne 0) {\n"
    "                throw ('certutil failed with {0}.' -f $LASTEXITCODE)\n"
    "            }\n"
    "        }\n"
    "    }\n"
    "    foreach ($hub in $Sources) {\n"
    "        if (\"$($hub.Name)\" -ne $env:COMPUTERNAME) {\n"
    "            Write-Concern ('on {0} run: certutil.exe -addstore Root <the same file>' -f "
    "$hub.Name)\n"
    "        }\n"
    "    }\n"
    "} else {\n"
    "    Write-Host '  no -GatewayCertificateFile: its root must be trusted on each source "
    "server "
    "already'\n"
    "}\n";

static void
write_ours(const struct hub *h)
{
    const char *host = h->p->outbound.smart_host;
    exchange_step(h->d, "Trust in the gateway's certificate",
                  exchange_text(h->d,
                                "With BasicAuthRequireTLS a server hands over mail only if the "
                                "gateway's certificate has the exact name %s and its chain leads "
                                "to a root in the store of the computer (not of the user). "
                                "Otherwise mail waits, and event 11005 says UntrustedRoot.",
                                host));
    HUB_SAY(h, EXCHANGE_DO,
            "With many servers a group policy (Trusted Root Certification Authorities) reaches "
            "all of them at once.");
    HUB_SAY(h, EXCHANGE_DO,
            "The names in the gateway's certificate are shown by \"forestgate preflight\" on the "
            "gateway.");
    HUB_DO(h, "%s", trust);
    HUB_CHECK(h, "Get-ChildItem cert:\\LocalMachine\\Root | Format-Table Thumbprint,Subject,"
                 "NotAfter\n");
    exchange_put(h->d, EXCHANGE_UNDO, EXCHANGE_COMMAND,
                 "On each source server, if nothing else needs that root:",
                 "certutil.exe -delstore Root <thumbprint of the root>\n");
}

void
hub_certificates(const struct hub *h)
{
    write_theirs(h);
    write_ours(h);
}
