/* What must be true before anything is set, and the account that the gateway logs on with. */
#include "gateway/exchange/legacy_private.h"

#include <string.h>

/* ---- Which servers ---- */

static void
servers(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "Find the bridgehead servers",
                  "The gateway brings this forest's mail to the hosts that its configuration "
                  "names, and to no others; only what answers there needs to be set. It should "
                  "be the server that sends to the gateway too.");
    for (size_t i = 0; i < p->inbound_count; i++) {
        const struct send_connector *s = p->inbound[i].ours;
        for (size_t k = 0; k < s->server_count; k++)
            LEGACY_SET(d, exchange_text(d, "Host of the gateway's send connector %s", s->name),
                       "%s, port %u", s->servers[k].host, s->servers[k].port);
    }
    LEGACY_SET(d, "Gateway, as these servers must find it", "%s, port %u", p->gateway,
               p->outbound.port);
    LEGACY_DO(d, "Find out which Exchange servers answer there and write their names down as "
                 "BridgeheadServer. Where a host is a load balancer or an alias, all servers "
                 "behind it must be set alike.");
    exchange_put(d, EXCHANGE_CHECK, EXCHANGE_COMMAND, "on a bridgehead server",
                 "nslookup %s\ntelnet %s %u\n", p->gateway, p->gateway, p->outbound.port);
    LEGACY_CHECK(
        d,
        "The name leads to the gateway, and its banner begins with \"220 %s\". A banner "
        "of asterisks, or rows of X in the answer to EHLO, is a firewall that inspects SMTP: "
        "no TLS will pass until that is switched off there.",
        p->gateway);
    LEGACY_CHECK(d, "The gateway's name is not the name of an Exchange server: mail would be "
                    "returned with 5.3.5, it loops back to itself.");
}

static void
rights(struct exchange_document *d)
{
    exchange_step(d, "Have the rights, and write down what is set now",
                  "Half of what follows is kept in Active Directory and half on the server; "
                  "without the rights a dialogue shows values and forgets them. What was set "
                  "before is what you go back to.");
    LEGACY_SET(d, "On each BridgeheadServer", "member of the local group Administrators");
    LEGACY_SET(d, "In the administrative group of the servers and connectors",
               "role Exchange Administrator");
    LEGACY_SET(d, "In the organization (recipient policies, global settings, rights)",
               "role Exchange Full Administrator");
    LEGACY_SET(d, "In the Windows domain (the account)", "Account Operators");
    LEGACY_DO(d,
              "Where Exchange System Manager shows administrative groups, Servers stands under "
              "Administrative Groups -> the group, and Connectors there under Routing Groups -> "
              "the group. The steps leave that part out.");
    LEGACY_DO(d,
              "Take a backup of the system state of each BridgeheadServer, and pictures of all "
              "tabs of VirtualServer and of all SMTP connectors before you change them.");
    LEGACY_CHECK(d, "Exchange System Manager -> right-click the organization -> Delegate control "
                    "shows the roles.");
    exchange_unconfirmed(d, "the smallest role for each dialogue: Microsoft's procedures name "
                            "Exchange Administrator, rights (Send As) may need the full one");
}

/* ---- Windows ---- */

static void
put_profile(struct exchange_document *d, const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (p->inbound[i].ours->tls_profile != TLS_PROFILE_EXCHANGE2003)
            LEGACY_DO(d,
                      "The gateway's send connector %s has tls: { profile: modern }, TLS 1.2 and "
                      "up. Windows Server 2003 and 2000 stop at TLS 1.0: let it say profile: "
                      "exchange2003.",
                      p->inbound[i].ours->name);
    if (p->outbound.ours->tls_profile != TLS_PROFILE_EXCHANGE2003)
        LEGACY_DO(d,
                  "The gateway's receive connector %s has tls: { profile: modern }, TLS 1.2 and "
                  "up. Windows Server 2003 and 2000 stop at TLS 1.0: let it say profile: "
                  "exchange2003.",
                  p->outbound.ours->name);
}

static void
windows_2003(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "Teach Windows Server 2003 AES (KB 948963)",
                  "As installed, TLS of Windows Server 2003 knows RC4, DES and 3DES alone, which "
                  "the gateway's OpenSSL no longer has: the two have no cipher in common and no "
                  "message passes. KB 948963 adds AES with 128 and 256 bits. It cannot be done "
                  "on Windows 2000: an Exchange server there cannot be a bridgehead to the "
                  "gateway.");
    put_profile(d, p);
    LEGACY_SET(d, "Each BridgeheadServer, update", "KB 948963, then restart the server");
    LEGACY_SET(d, "Each BridgeheadServer, protocol", "TLS 1.0 not switched off (Schannel)");
    for (size_t i = 0; i < p->inbound_count; i++)
        exchange_put(d, EXCHANGE_CHECK, EXCHANGE_COMMAND, "on the gateway",
                     "forestgate doctor -c FILE --connector \"%s\"\n", p->inbound[i].ours->name);
    LEGACY_CHECK(d, "Once a certificate is installed (below), doctor shows TLSv1 with AES128-SHA "
                    "or AES256-SHA. Without the update it says that no cipher is in common.");
    LEGACY_UNDO(d, "Not needed: the update only adds ciphers. Control Panel -> Add or Remove "
                   "Programs removes it, and with it all mail through the gateway.");
    exchange_unconfirmed(d, "which service pack the update asks for, and where it can still be "
                            "had: it is not on Windows Update");
}

/* Whether mail in clear is what the configuration wants. */
static void
windows_2000(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(
        d, "Decide how mail is protected: Windows 2000 cannot",
        "Exchange 2000 runs on Windows 2000 Server, whose TLS knows RC4, DES and 3DES "
        "alone; no update brought it AES. The gateway's OpenSSL has none of these: the "
        "two have no cipher in common, so no mail can flow by TLS between this gateway "
        "and an Exchange 2000 server, in either direction. This must be decided first.");
    LEGACY_DO(d, "Best: put one Exchange Server 2003 on Windows Server 2003 with KB 948963 into "
                 "this organization and make it the BridgeheadServer of all that follows. "
                 "Mailboxes stay on Exchange 2000; all mail to and from the gateway passes the "
                 "new server. Print the set-up for --version 2003 then.");
    LEGACY_DO(d, "Or: put another relay that both sides can talk to (one that still has 3DES and "
                 "takes AUTH) beside the Exchange 2000 server, inside a network that you trust; "
                 "the gateway talks TLS with the relay, the relay with Exchange.");
    LEGACY_DO(d,
              "Or, the last resort: IPsec between the Exchange 2000 server and the gateway, and "
              "TLS not required by the gateway (send and receive connectors with tls: { require: "
              "false }, and send_password_unverified: true). Now it %s. Without IPsec, passwords "
              "and mail would travel in clear for everybody on the way.",
              legacy_needs_tls_in(p) || p->outbound.ours->tls_require
                  ? "is required: mail waits, or is returned"
                  : "is not required");
    LEGACY_CHECK(d, "It is written down which of the three it is, and who agreed to it.");
    exchange_unconfirmed(d, "that no update for AES exists for Windows 2000; none was found");
}

/* ---- The account ---- */

static void
put_account(struct exchange_document *d, const struct exchange_plan *p, const char *user)
{
    const char *at = strchr(user, '@'), *slash = strchr(user, '\\');
    const char *short_name = at != NULL ? exchange_text(d, "%.*s", (int)(at - user), user)
                                        : (slash != NULL ? slash + 1 : user);
    LEGACY_SET(d, "New -> User -> Full name", "Mail of other forests (%s)", p->gateway);
    LEGACY_SET(d, "New -> User -> User logon name", "%s", at != NULL ? user : short_name);
    LEGACY_SET(d, "New -> User -> User logon name (pre-Windows 2000)", "%s",
               at != NULL ? exchange_text(d, "%.20s", short_name) : user);
    LEGACY_SET(d, "Password", "ServicePassword (strong: it opens the way in for all forests)");
    LEGACY_SET(d, "User must change password at next logon", "cleared");
    LEGACY_SET(d, "User cannot change password", "ticked");
    LEGACY_SET(d, "Password never expires", "ticked, with a date on which you change it");
    LEGACY_SET(d, "Create an Exchange mailbox", "cleared");
    LEGACY_SET(d, "Member Of", "Domain Users, and nothing else");
}

void
legacy_accounts(struct exchange_document *d, const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++) {
        const char *user = p->inbound[i].user;
        if (!legacy_is_new_account(p, i))
            continue;
        exchange_step(d, exchange_text(d, "The account %s", user),
                      "Mail from other forests is resolved to names of the global address list, "
                      "and may reach groups that want authenticated senders, only when whoever "
                      "brings it has logged on. The gateway does so with this account.");
        LEGACY_DO(d, "Active Directory Users and Computers -> an organizational unit for service "
                     "accounts -> New -> User. If the account is there already, compare.");
        put_account(d, p, user);
        LEGACY_CHECK(d, "The account can log on from no other place that matters: deny it log on "
                        "locally and through Terminal Services by group policy.");
        LEGACY_CHECK(d, "Account tab: not disabled, not locked. Three wrong passwords end a "
                        "session, and more may lock it: give the gateway the right one first.");
        LEGACY_UNDO(d, "Disable the account; delete it when the gateway no longer needs it. The "
                       "gateway then keeps this forest's mail in its queue and says 535 5.7.3.");
        if (strchr(user, '@') != NULL)
            exchange_unconfirmed(d, "whether AUTH LOGIN of this version takes user@domain; else "
                                    "give the gateway the form DOMAIN\\user");
    }
}

void
legacy_ready(struct exchange_document *d, const struct exchange_plan *p)
{
    servers(d, p);
    rights(d);
    if (legacy_is_2000(d))
        windows_2000(d, p);
    else
        windows_2003(d, p);
}
