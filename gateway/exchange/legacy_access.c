/* The Access tab of the SMTP virtual server, and Send As: who may come in, and as whom. */
#include "gateway/exchange/legacy_private.h"

static const char access_tab[] = "Exchange System Manager -> Servers -> BridgeheadServer -> "
                                 "Protocols -> SMTP -> VirtualServer "
                                 "-> Properties -> Access";

/* ---- Authentication ---- */

static void
put_basic(struct exchange_document *d, const struct exchange_plan *p)
{
    LEGACY_SET(d, "Basic authentication (password is sent in clear text)", "ticked");
    LEGACY_SET(d, "Requires TLS encryption", "%s", legacy_tls_box(d));
    LEGACY_SET(d, "Default domain", "%s", legacy_default_domain(d, p));
    LEGACY_SET(d, "Integrated Windows Authentication",
               "as it is (the gateway does not use it; "
               "other Exchange servers do)");
}

static void
put_anonymous(struct exchange_document *d, const struct exchange_plan *p)
{
    if (!legacy_comes_unnamed(p)) {
        LEGACY_SET(d, "Anonymous access",
                   "virtual server of its own: cleared; default virtual server: as it is");
        LEGACY_DO(d,
                  "Cleared, it keeps out everybody without a password: right on a virtual "
                  "server of its own. On a virtual server that takes mail from the Internet it "
                  "would end that. Ticked, it does no harm to what the gateway brings: it logs "
                  "on whenever it is offered LOGIN.");
        return;
    }
    LEGACY_SET(d, "Anonymous access",
               "ticked (the gateway's connector has auth: none), on a virtual server of its own");
    LEGACY_DO(d, "Without logging on, whoever can use the gateway's address is believed. It is "
                 "supported and not recommended; give the gateway's connector an account if you "
                 "can.");
}

static void
put_resolve(struct exchange_document *d, const struct exchange_plan *p)
{
    if (legacy_is_2000(d)) {
        LEGACY_DO(d, "This version has no box Resolve anonymous e-mail: it came with 2003. What "
                     "is resolved is set in the registry (ResolveP2, below).");
        return;
    }
    LEGACY_SET(d, "Resolve anonymous e-mail", "%s",
               legacy_comes_unnamed(p)
                   ? "ticked, on this virtual server only (else senders stay plain addresses)"
                   : "cleared (ticked, anybody who can connect passes for a colleague)");
}

static void
authentication(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "Who may log on to the virtual server",
                  legacy_logs_on(p)
                      ? "The gateway logs on with AUTH LOGIN, after STARTTLS and never before. "
                        "That is Basic authentication; the box beside it keeps passwords out of "
                        "clear text for everybody."
                      : "The gateway's connectors have auth: none: it does not log on, and its "
                        "address alone says who it is.");
    LEGACY_DO(d, "%s -> Access control -> Authentication.", access_tab);
    if (legacy_logs_on(p))
        put_basic(d, p);
    put_anonymous(d, p);
    put_resolve(d, p);
    LEGACY_SET(d, "Secure communication -> Communication -> Require secure channel",
               "virtual server of its own: ticked; default virtual server: cleared");
    LEGACY_DO(d, "A secure channel required on the default virtual server would refuse every "
                 "server that does not use TLS, those of the organization too.");
    LEGACY_CHECK(d,
                 "EHLO x by telnet shows no LOGIN, and no AUTH=LOGIN, before TLS. doctor on the "
                 "gateway shows \"AUTH LOGIN\" after TLS, and that the account was accepted.");
    LEGACY_UNDO(d, "Set the boxes to what you wrote down in step 2.");
    exchange_unconfirmed(d, "the exact words and places of the boxes");
    if (legacy_is_2000(d))
        exchange_unconfirmed(d, "whether LOGIN is hidden before TLS by this version");
}

/* ---- Connection and relay ---- */

static void
connection(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "From where the virtual server takes connections",
                  "On a virtual server of its own nobody but the gateway has business. A stolen "
                  "password is then worth nothing elsewhere.");
    if (!legacy_comes_unnamed(p))
        exchange_step_is_optional(d);
    LEGACY_DO(d,
              "%s -> Connection control -> Connection. On a virtual server of its own only: on "
              "the default one it would lock out everybody else.",
              access_tab);
    LEGACY_SET(d, "Select which computers may access this virtual server", "Only the list below");
    LEGACY_SET(d, "Add -> Single computer", "%s", legacy_gateway_addresses(d, p));
    LEGACY_CHECK(d, "doctor on the gateway still works; telnet from another computer is cut.");
    LEGACY_UNDO(d, "All except the list below, with an empty list.");
}

static void
relay(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "Who may relay through the virtual server",
                  p->behind_count > 0
                      ? "Mail for forests behind this one comes in here and goes on: that is "
                        "relaying, and without it the gateway is told 550 5.7.1 Unable to relay."
                      : "Mail for the domains of this forest is not relayed. Shared name spaces "
                        "and forwarding addresses may need it; anonymous relaying must never be "
                        "allowed.");
    LEGACY_DO(d, "%s -> Relay restrictions -> Relay.", access_tab);
    LEGACY_SET(d, "Select which computers may relay through this virtual server",
               "Only the list below");
    if (legacy_comes_unnamed(p) && p->behind_count > 0)
        LEGACY_SET(d, "Add -> Single computer", "%s", legacy_gateway_addresses(d, p));
    else
        LEGACY_SET(d, "The list", "empty, or as it was");
    LEGACY_SET(d,
               "Allow all computers which successfully authenticate to relay, regardless of "
               "the list above",
               "ticked");
    LEGACY_CHECK(d,
                 "By telnet from another computer, without logging on: RCPT TO:<x@example.com> "
                 "is answered 550 5.7.1 Unable to relay.");
    LEGACY_UNDO(d, "Set what you wrote down in step 2; never a list with everybody in it.");
}

/* ---- Send As ---- */

static void
send_as(struct exchange_document *d, const char *user)
{
    exchange_step(d, exchange_text(d, "Send As for %s", user),
                  "The server compares the sender of each message with the account that brought "
                  "it. The gateway brings mail of many senders; without Send As it is told 550 "
                  "5.7.1 Client does not have permissions to send as this sender. Who has the "
                  "account's password can then write in anybody's name: that is why it has a "
                  "strong one.");
    LEGACY_DO(d,
              "Exchange System Manager -> Servers -> BridgeheadServer -> Properties -> Security "
              "-> Add. (Rights on the server reach its virtual servers; they can be set on "
              "Protocols -> SMTP or on VirtualServer alone.)");
    LEGACY_SET(d, "Group or user name", "%s", user);
    LEGACY_SET(d, "Permissions -> Send As", "Allow");
    LEGACY_SET(d, "All other permissions", "as they are inherited: nothing ticked by you");
    LEGACY_DO(d,
              "Wait until the directory has been replicated, then stop and start VirtualServer.");
    LEGACY_CHECK(d,
                 "The first test below: a message with a sender of another forest is taken. If "
                 "it is refused as above, grant Send As on the organization (the top object, "
                 "whose Security tab must be switched on first) and mind that Deny beats "
                 "Allow.");
    LEGACY_UNDO(d, "Security -> select the account -> Remove.");
    exchange_unconfirmed(d,
                         "whether the right on the server is enough: the help of Exchange 2000 "
                         "says the SMTP virtual server must give it, a description for 2003 "
                         "asks for it for everyone in the organization");
}

void
legacy_access(struct exchange_document *d, const struct exchange_plan *p)
{
    authentication(d, p);
    connection(d, p);
    relay(d, p);
    for (size_t i = 0; i < p->inbound_count; i++)
        if (legacy_is_new_account(p, i))
            send_as(d, p->inbound[i].user);
}
