/*
 * What lives in the registry alone (exchange-facts.md 1.5, 1.6, 2.2, 3.5). The set-up needs none
 * of it on a sound server: every step is optional, says when it has a use, and what it risks.
 */
#include "gateway/exchange/legacy_private.h"

struct value {
    const char *file; /* "resolve-p2": .reg, and -undo.reg */
    const char *key;
    const char *name;
    unsigned number;
    const char *takes_effect;
};

/* why says what it changes, only when it has a use, and the risk. */
static void
begin(struct exchange_document *d, const struct value *v, const char *title, const char *why)
{
    exchange_step(d, title, why);
    exchange_step_is_optional(d);
    LEGACY_DO(d,
              "Registry Editor: export the key first, if it is there. A value that you find set "
              "has a reason: find it before you change it.");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_REGISTRY, exchange_text(d, "%s.reg", v->file),
                 "Windows Registry Editor Version 5.00\n\n[%s]\n\"%s\"=dword:%08x\n", v->key,
                 v->name, v->number);
    LEGACY_DO(d, "%s", v->takes_effect);
    exchange_put(d, EXCHANGE_UNDO, EXCHANGE_REGISTRY, exchange_text(d, "%s-undo.reg", v->file),
                 "Windows Registry Editor Version 5.00\n\n[%s]\n\"%s\"=-\n", v->key, v->name);
    LEGACY_UNDO(d, "Or import what you exported, if the value was there before. %s",
                v->takes_effect);
}

static const char restart_smtp[] =
    "Then restart the service Simple Mail Transfer Protocol (SMTP); mail waits meanwhile.";

/* ---- Message properties: XEXCH50 ---- */

static bool
takes_blobs(const struct exchange_plan *p)
{
    return (p->outbound.ours->rights & RIGHT_ACCEPT_EXCH50) != 0;
}

static bool
gives_blobs(const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if ((p->inbound[i].ours->rights & RIGHT_SEND_EXCH50) != 0)
            return true;
    return false;
}

static void
exch50_from_anybody(struct exchange_document *d, const struct exchange_plan *p)
{
    static const struct value v = {
        "exch50-auth-check",
        "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SMTPSVC\\XEXCH50",
        "Exch50AuthCheckEnabled", 0, restart_smtp};
    if (legacy_is_2000(d))
        return;
    begin(
        d, &v, "Registry: message properties from who has not logged on (Exch50AuthCheckEnabled)",
        exchange_text(
            d,
            "What it changes: the server takes and gives the properties that Exchange sends "
            "beside a message (XEXCH50) without a log on. Only if %s; %s. Risk: it counts for "
            "all virtual servers and for the Internet too: anybody can then mark his mail as no "
            "spam, or as checked.",
            legacy_comes_unnamed(p) ? "the gateway stays at auth: none and properties must cross"
                                    : "somebody else than the gateway, which logs on, needs it",
            gives_blobs(p) ? "the gateway has the right send-exch50 towards this forest"
                           : "the gateway has no right send-exch50 towards this forest, so it "
                             "brings no properties whatever is set here"));
    LEGACY_CHECK(d,
                 "Events 7004 and 7010 with \"504 Need to authenticate first\" end at the other "
                 "side.");
}

static void
suppress_external(struct exchange_document *d, const struct exchange_plan *p)
{
    static const struct value v = {
        "suppress-external",
        "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SMTPSVC\\XEXCH50",
        "SuppressExternal", 1, restart_smtp};
    begin(
        d, &v, "Registry: no message properties to other organizations (SuppressExternal)",
        exchange_text(
            d,
            "What it changes: the server no longer sends XEXCH50 to external domains (KB "
            "818222). Only if a firewall on the way lets the verb through and swallows what "
            "follows, so that mail stays in the queue until it is returned; %s. Risk: spam "
            "levels and other properties are lost towards all other organizations. Never switch "
            "XEXCH50 off as a whole: public folders are replicated with it.",
            takes_blobs(p) ? "the gateway has the right accept-exch50 here, and would get no "
                             "properties any more"
                           : "the gateway has no right accept-exch50 here and does not offer "
                             "the verb, so this version does not use it: not needed"));
    LEGACY_CHECK(d, "The protocol log shows no XEXCH50 to the gateway; public folders are still "
                    "replicated between the servers of the organization.");
    if (legacy_is_2000(d))
        exchange_unconfirmed(d, "the fix that Exchange 2000 SP3 needs beside the value");
}

/* ---- Names ---- */

static void
resolve_p2(struct exchange_document *d)
{
    static const struct value v = {
        "resolve-p2",
        "HKEY_LOCAL_"
        "MACHINE\\SYSTEM\\CurrentControlSet\\Services\\MsExchangeTransport\\Parameters\\1",
        "ResolveP2", 2, restart_smtp};
    if (!legacy_is_2000(d))
        return;
    exchange_parameter(
        d, "VirtualServerNumber", "int", "1",
        "The number of VirtualServer, at the end of the key for ResolveP2: 1 is the "
        "default one.");
    begin(
        d, &v, "Registry: resolve senders to names (ResolveP2, KB 288635)",
        "What it changes: the virtual server shows the name of the address list instead of the "
        "bare address, for the fields whose numbers are added up (From 2, To and Cc 16, Reply-To "
        "32). Only if the first test showed senders of other forests as \"Name [address]\". "
        "Risk: it does so for mail from everybody who reaches that virtual server: a forged "
        "message from the Internet then looks like one of a colleague. On a virtual server of "
        "its own that is nobody but the gateway.");
    LEGACY_DO(d, "The last part of the key is VirtualServerNumber: change it before you import. "
                 "Service Pack 1 or later; create the keys where they are missing.");
    LEGACY_CHECK(d,
                 "A new message from TestRecipient shows the name; double-click opens the entry "
                 "of the address list.");
    exchange_unconfirmed(d,
                         "the numbers of the fields: the description names 2, 16 and 32 for 5.5 "
                         "with other meanings (there the sender is 1)");
}

/* ---- Delays, protocols, tools ---- */

static void
tar_pit(struct exchange_document *d, const struct exchange_plan *p)
{
    static const struct value v = {
        "tarpit", "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SMTPSVC\\Parameters",
        "TarpitTime", 5, restart_smtp};
    if (legacy_is_2000(d))
        return;
    begin(
        d, &v, "Registry: the tar pit (TarpitTime, KB 842851)",
        exchange_text(
            d,
            "What it changes: the server waits so many seconds before each answer that begins "
            "with 5. %s Only if the server refuses unknown recipients and is asked for them from "
            "the Internet (Windows Server 2003 SP1 or later). Risk: large values slow down "
            "everybody who has not logged on, and a server with many such sessions runs out of "
            "connections.",
            legacy_comes_unnamed(p)
                ? "The gateway does not log on everywhere, so its mail is slowed down too."
                : "Sessions that logged on are exempt, so the gateway does not notice: not "
                  "needed for it."));
    LEGACY_CHECK(d,
                 "telnet from another computer: RCPT TO an unknown mailbox is answered 550 after "
                 "5 seconds.");
}

static void
tls_1_0(struct exchange_document *d)
{
    static const char *const roles[] = {"Server", "Client"};
    if (legacy_is_2000(d))
        return;
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const struct value v = {
            exchange_text(d, "tls-1.0-%s", i == 0 ? "server" : "client"),
            exchange_text(
                d,
                "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders"
                "\\SCHANNEL\\Protocols\\TLS 1.0\\%s",
                roles[i]),
            "Enabled", 0xffffffffu, "Then restart the server."};
        begin(
            d, &v,
            exchange_text(d, "Registry: TLS 1.0 as %s (Schannel)", i == 0 ? "server" : "client"),
            "What it changes: TLS 1.0 is switched on for all of Windows. Only if somebody "
            "switched it off: Windows Server 2003 has no newer version, so without it no mail "
            "can pass. Risk: web sites and other services of this server offer TLS 1.0 again, "
            "which is why it may have been switched off: ask who did it.");
        LEGACY_CHECK(d, "forestgate doctor shows TLSv1.");
        exchange_unconfirmed(d, "the number: KB 187498 has the key and says that 0 switches off");
    }
}

static void
security_tab(struct exchange_document *d)
{
    static const struct value v = {
        "security-tab", "HKEY_CURRENT_USER\\Software\\Microsoft\\Exchange\\EXAdmin",
        "ShowSecurityPage", 1, "Then close Exchange System Manager and open it again."};
    begin(
        d, &v, "Registry: the Security tab of the organization (ShowSecurityPage, KB 264733)",
        "What it changes: Exchange System Manager shows the Security tab on all objects, for the "
        "Windows user who imports it alone. Only if Send As must be granted on the organization. "
        "Risk: rights that you change there reach all servers and mailboxes; a Deny by mistake "
        "stops mail for everybody.");
    LEGACY_CHECK(d, "The properties of the organization have a tab Security.");
    exchange_unconfirmed(d, "the spelling of the key (EXAdmin)");
}

void
legacy_registry(struct exchange_document *d, const struct exchange_plan *p)
{
    if (legacy_logs_on(p))
        security_tab(d);
    resolve_p2(d);
    exch50_from_anybody(d, p);
    suppress_external(d, p);
    tar_pit(d, p);
    tls_1_0(d);
}
