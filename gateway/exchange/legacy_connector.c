/* The SMTP connectors: this forest's mail to the gateway. */
#include "gateway/exchange/legacy_private.h"

/* The address space of an extra: mail that leaves this way today keeps its way. */
static const char extra_cost[] = "ExtraCost";

static void
put_general(struct exchange_document *d, const char *name, const char *smart_host)
{
    LEGACY_SET(d, "General -> Name", "%s", name);
    LEGACY_SET(d,
               "General -> Forward all mail through this connector to the following smart hosts",
               "%s", smart_host);
    LEGACY_SET(d, "General -> Local bridgeheads -> Add",
               "VirtualServer of each BridgeheadServer");
    LEGACY_SET(d, "General -> Do not allow public folder referrals", "ticked");
}

static void
put_spaces(struct exchange_document *d, const struct exchange_domains *spaces, const char *cost)
{
    for (size_t i = 0; i < spaces->count; i++)
        LEGACY_SET(
            d, exchange_text(d, "Address Space -> Add -> SMTP -> E-mail domain, Cost %s", cost),
            "%s", legacy_domain(d, &spaces->at[i]));
    LEGACY_SET(d, "Address Space -> Connector scope", "Entire organization");
    LEGACY_SET(d, "Address Space -> Allow messages to be relayed to these domains", "cleared");
    LEGACY_DO(d, "Relaying ticked would let everybody who can connect, without logging on, send "
                 "through this server to the other forests.");
}

static void
put_outbound_security(struct exchange_document *d, const struct exchange_outbound *out)
{
    if (out->user == NULL) {
        LEGACY_SET(d, "Advanced -> Outbound Security",
                   "Anonymous access (the gateway's connector "
                   "has auth: none)");
    } else {
        LEGACY_SET(d, "Advanced -> Outbound Security",
                   "Basic authentication (password is sent in clear text): TLS hides it");
        LEGACY_SET(d, "Advanced -> Outbound Security -> Modify -> Account", "%s", out->user);
        LEGACY_SET(d, "Advanced -> Outbound Security -> Modify -> Password, Confirm password",
                   "ConnectorPassword");
    }
    LEGACY_SET(d, "Advanced -> Outbound Security -> TLS encryption", "%s", legacy_tls_box(d));
}

static void
put_other_tabs(struct exchange_document *d, const struct exchange_plan *p)
{
    LEGACY_SET(d, "Advanced -> Send HELO instead of EHLO", "cleared (HELO knows no TLS)");
    LEGACY_SET(d, "Advanced -> Do not send ETRN/TURN", "selected");
    LEGACY_SET(d, "Content Restrictions -> Allowed priorities, Allowed types",
               "all ticked: System messages carry the reports");
    LEGACY_SET(d, "Content Restrictions -> Only messages less than (KB)",
               "cleared (the gateway announces its limit, %llu KB, and Exchange returns what is "
               "larger)",
               legacy_kilobytes(p->outbound.message_size));
    LEGACY_SET(d, "Delivery Options -> Specify when messages are sent through this connector",
               "Always run");
    LEGACY_SET(d, "Delivery Options -> Use different delivery times for oversize messages",
               "cleared");
}

static void
put_smart_host_note(struct exchange_document *d, const struct exchange_plan *p)
{
    LEGACY_DO(
        d,
        "The smart host is the gateway's name, which its certificate carries. An address "
        "would have to stand in square brackets, and no certificate could be compared with "
        "it. If the name is not in DNS here, enter it there, not in the connector: A record "
        "%s, address GatewayAddress.",
        p->gateway);
    if (p->outbound.ours->tls_require)
        LEGACY_DO(d,
                  "The gateway's connector %s answers %d to mail in clear. At 530 this version "
                  "returns the message to its sender; at 454 it waits. %s",
                  p->outbound.ours->name, p->outbound.ours->tls_clear_reply,
                  p->outbound.ours->tls_clear_reply == 530
                      ? "Let it say tls: { clear_reply: 454 } until the first test has passed."
                      : "Take clear_reply: 454 out again when the first test has passed.");
}

static void
put_checks(struct exchange_document *d, const char *name)
{
    LEGACY_CHECK(d,
                 "Open the connector again: TLS encryption is ticked, the account stands there, "
                 "and no address space of it is served by another connector at the same cost.");
    LEGACY_UNDO(d,
                "Raise the cost of the address spaces to 100, or remove them, and wait until the "
                "queue is empty; then delete the connector \"%s\". Mail in its queue is routed "
                "again.",
                name);
    exchange_unconfirmed(
        d, "the order of the tabs, and the words of boxes that were found in no "
           "description: public folder referrals, ETRN/TURN, the password dialogue");
}

static void
connector(struct exchange_document *d, const struct exchange_plan *p)
{
    const struct exchange_outbound *out = &p->outbound;
    exchange_step(
        d, "SMTP connector to the gateway",
        "It sends what belongs to the other forests to the gateway, and nothing else. "
        "TLS here is not tried but set: with the box ticked all mail of the connector "
        "goes by TLS, without it none does. The gateway refuses mail in clear with 530, "
        "which this version turns into reports to the senders: tick the box BEFORE the "
        "connector is saved for the first time.");
    LEGACY_DO(d,
              "Exchange System Manager -> Administrative Groups and Routing Groups, if they are "
              "shown, -> Connectors -> right-click -> New -> SMTP Connector. Fill in all tabs; "
              "click OK once, at the end.");
    put_smart_host_note(d, p);
    put_general(d, out->name, out->smart_host);
    put_outbound_security(d, out);
    put_other_tabs(d, p);
    put_spaces(d, &out->spaces, "1");
    put_checks(d, out->name);
}

static void
extra(struct exchange_document *d, const struct exchange_plan *p)
{
    if (p->outbound.extra.count == 0)
        return;
    const char *name = "To the world (forestgate)";
    exchange_step(d, "SMTP connector for mail to no forest",
                  "The gateway lets this forest use a way out for more domains. Only if that is "
                  "wanted: the cost decides between this connector and those that send such mail "
                  "today, and * means everything that has no nearer connector.");
    exchange_step_is_optional(d);
    exchange_parameter(
        d, extra_cost, "int", "10",
        "The cost of the optional connector for mail to no forest: higher than that "
        "of the connector that sends it today keeps this one as a second way, lower "
        "makes it the first.");
    LEGACY_DO(d, "As the connector to the gateway, with these values:");
    put_general(d, name, p->outbound.smart_host);
    put_outbound_security(d, &p->outbound);
    put_other_tabs(d, p);
    put_spaces(d, &p->outbound.extra, extra_cost);
    put_checks(d, name);
    exchange_unconfirmed(d,
                         "equal costs share the mail, and mail that was queued does not change "
                         "over to the other connector by itself");
}

/* A connector has no port: the virtual server that it sends from has. */
static void
port(struct exchange_document *d, const struct exchange_plan *p)
{
    if (p->outbound.port == 25)
        return;
    exchange_step(
        d, exchange_text(d, "Port %u for mail to the gateway", p->outbound.port),
        "The gateway listens for this forest on another port than 25. This version keeps "
        "the port with the virtual server, not with the connector: all mail of that "
        "virtual server would go to it. So it must be the virtual server of its own, "
        "and the local bridgehead of no other connector. Simpler: let the gateway listen "
        "on port 25 as well.");
    LEGACY_DO(d, "Servers -> BridgeheadServer -> Protocols -> SMTP -> VirtualServer (never the "
                 "default one) -> Properties -> Delivery -> Outbound connections.");
    LEGACY_SET(d, "TCP port", "%u", p->outbound.port);
    LEGACY_CHECK(d,
                 "Mail between this server and the others of the organization still flows, and "
                 "no other connector names this virtual server as bridgehead.");
    LEGACY_UNDO(d, "Set 25.");
    exchange_unconfirmed(d, "that the default virtual server alone carries mail inside the "
                            "organization when there are two");
}

void
legacy_connectors(struct exchange_document *d, const struct exchange_plan *p)
{
    port(d, p);
    connector(d, p);
    extra(d, p);
}
