/* What holds for the whole organization: recipient policies, global settings. */
#include "gateway/exchange/legacy_private.h"

static const char policies[] =
    "Exchange System Manager -> Recipients -> Recipient Policies -> a policy that reaches the "
    "recipients (Default Policy: all) -> Properties -> E-Mail Addresses (Policy)";

/* ---- Recipient policies ---- */

/* Its mail ends elsewhere, and no mailbox here has such an address. */
static bool
is_carried(const struct exchange_plan *p, const struct exchange_domain *a)
{
    if (a->kind != DOMAIN_INTERNAL_RELAY)
        return false;
    for (size_t i = 0; i < p->behind_count; i++)
        if (p->behind[i] == a->home)
            return true;
    return false;
}

static bool
has_domain(const struct exchange_plan *p, bool is_authoritative)
{
    for (size_t i = 0; i < p->accepted.count; i++)
        if (!is_carried(p, &p->accepted.at[i]) &&
            (p->accepted.at[i].kind == DOMAIN_AUTHORITATIVE) == is_authoritative)
            return true;
    return false;
}

static void
put_addresses(struct exchange_document *d, const struct exchange_plan *p, bool is_authoritative)
{
    bool is_wild = false;
    LEGACY_DO(d, "%s -> New -> SMTP Address, or select the address -> Edit.", policies);
    for (size_t i = 0; i < p->accepted.count; i++) {
        const struct exchange_domain *a = &p->accepted.at[i];
        if (is_carried(p, a) || (a->kind == DOMAIN_AUTHORITATIVE) != is_authoritative)
            continue;
        LEGACY_SET(d, "Address", "@%s", legacy_domain(d, a));
        is_wild |= a->wildcard;
    }
    LEGACY_SET(d,
               "This Exchange Organization is responsible for all mail delivery to this address",
               is_authoritative ? "ticked" : "cleared");
    LEGACY_DO(d,
              "Leave the box before a new address as it is if recipients shall not get such an "
              "address; answer No when you are asked whether all addresses shall be updated, "
              "unless that is what you want.");
    if (is_wild)
        exchange_unconfirmed(d, "whether a policy takes an address with an asterisk; if not, "
                                "enter each subdomain by name");
}

static void
authoritative(struct exchange_document *d, const struct exchange_plan *p)
{
    if (!has_domain(p, true))
        return;
    exchange_step(d, "Recipient policy: domains that end here",
                  "The gateway delivers these domains to this forest. What is in no recipient "
                  "policy is refused as relaying; where the organization is responsible, unknown "
                  "recipients are answered with a report, and not sent round in a loop.");
    put_addresses(d, p, true);
    LEGACY_CHECK(d,
                 "No policy has an address that is the full name of an Exchange server: such an "
                 "entry stops mail between servers.");
    LEGACY_CHECK(
        d, "forestgate doctor or telnet: RCPT TO a mailbox of each domain is answered 250.");
    LEGACY_UNDO(d, "Delete the addresses that you added; those that were there stay.");
}

static void
shared(struct exchange_document *d, const struct exchange_plan *p)
{
    if (!has_domain(p, false))
        return;
    exchange_step(
        d, "Recipient policy: name spaces shared with others",
        "Mailboxes of these domains live here and elsewhere. Where the organization is "
        "not responsible, recipients that it does not know go on through the connector "
        "for the domain; ticked, they would be refused though they exist. Somewhere one "
        "organization must be responsible, or mail for nobody runs in a loop.");
    put_addresses(d, p, false);
    for (size_t i = 0; i < p->accepted.count; i++)
        if (p->accepted.at[i].kind != DOMAIN_AUTHORITATIVE && !is_carried(p, &p->accepted.at[i]))
            LEGACY_SET(d,
                       exchange_text(d, "%s: what is not found here goes to",
                                     legacy_domain(d, &p->accepted.at[i])),
                       "%s",
                       p->accepted.at[i].home != p->forest
                           ? exchange_text(d, "forest %s, through the gateway",
                                           p->accepted.at[i].home->name)
                           : "whatever connector you have for it; not the gateway");
    LEGACY_DO(d,
              "The primary SMTP address of the default policy cannot be cleared. If it is one of "
              "these: give the default policy another primary address first (one for inside, "
              "like @localhost), and a second policy with the same filter and a higher priority "
              "that has this domain as primary address, so that senders keep theirs.");
    LEGACY_CHECK(d,
                 "After the connector below exists: a message to an address that no forest knows "
                 "comes back once, as a report, and is not seen a second time in the log.");
    LEGACY_UNDO(d, "Tick the box again; delete what you added.");
}

static void
carried(struct exchange_document *d, const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->behind_count; i++) {
        const char *name = p->behind[i]->name;
        exchange_step(
            d, exchange_text(d, "Mail that this forest carries for forest %s", name),
            "The gateway reaches that forest only through this one. Mail for its domains "
            "comes in here and must find a connector that leads on; it must not be sent "
            "back to the gateway.");
        LEGACY_DO(d,
                  "Connectors -> the SMTP connector of this organization that leads to forest "
                  "%s (the gateway has no part in it) -> Properties -> Address Space.",
                  name);
        for (size_t k = 0; k < p->accepted.count; k++)
            if (is_carried(p, &p->accepted.at[k]) && p->accepted.at[k].home == p->behind[i])
                LEGACY_SET(d, "Add -> SMTP -> E-mail domain", "%s",
                           legacy_domain(d, &p->accepted.at[k]));
        LEGACY_SET(d, "Allow messages to be relayed to these domains", "ticked");
        LEGACY_DO(d, "Do not enter these domains in the connector to the gateway. In a recipient "
                     "policy they are needed only if recipients here have such addresses; then "
                     "with the box for responsibility cleared.");
        LEGACY_CHECK(d,
                     "A message from another forest to a mailbox of forest %s arrives, and its "
                     "header shows the gateway once.",
                     name);
        LEGACY_UNDO(d, "Remove the address spaces and clear the box.");
        exchange_unconfirmed(d,
                             "whether the box is needed beside the right to relay of whoever "
                             "logged on; the upgrade guide asks for an authoritative domain in "
                             "each forest that mail is relayed through");
    }
}

void
legacy_recipient_policies(struct exchange_document *d, const struct exchange_plan *p)
{
    authoritative(d, p);
    shared(d, p);
    carried(d, p);
}

/* ---- Global settings ---- */

static void
sizes(struct exchange_document *d, const struct exchange_plan *p)
{
    unsigned long long out = legacy_kilobytes(p->outbound.message_size);
    unsigned long long in = legacy_kilobytes(p->config->limit_message_size);
    exchange_step(
        d, "Sizes and recipients for the whole organization",
        "These limits count for all mailboxes. The narrowest on the way decides; one "
        "that the sender's own server applies is told at once, one at the far end comes "
        "back as a report. As installed or after an upgrade they may be 10240 KB and "
        "5000 recipients. Files grow by a third when they travel.");
    exchange_step_is_optional(d);
    LEGACY_DO(d,
              "Only if the limits shall be wider, or narrower, than now: Exchange System Manager "
              "-> Global Settings -> Message Delivery -> Properties -> Defaults.");
    LEGACY_SET(d, "Sending message size -> Maximum KB",
               "at most %llu: what the gateway takes from this forest", out);
    LEGACY_SET(d, "Receiving message size -> Maximum KB",
               "what mailboxes shall get; the gateway carries up to %llu", in);
    LEGACY_SET(d, "Recipient limits -> Maximum recipients",
               "%u: what the gateway takes in one "
               "message, or less",
               p->config->limit_recipients);
    LEGACY_CHECK(d, "A message with a file of three quarters of the limit passes each way.");
    LEGACY_UNDO(d, "Set what you wrote down in step 2.");
    exchange_unconfirmed(d,
                         "the values that stand there now: they depend on version and history");
}

static void
formats(struct exchange_document *d, const struct exchange_plan *p)
{
    if (p->remote.count == 0)
        return;
    exchange_step(
        d, "What may go to the other forests: message formats",
        "For Exchange the other forests are the Internet, where automatic replies are "
        "held back and meetings lose their form. An entry for each domain treats them as "
        "colleagues: rich text keeps meeting requests what they are, out of office "
        "messages arrive. What is not listed keeps the rules of the entry *.");
    LEGACY_DO(d, "Exchange System Manager -> Global Settings -> Internet Message Formats -> "
                 "right-click -> New -> Domain. One entry for each:");
    for (size_t i = 0; i < p->remote.count; i++)
        LEGACY_SET(d, "SMTP domain", "%s", legacy_domain(d, &p->remote.at[i]));
    LEGACY_DO(d, "In each of them, tab Advanced:");
    LEGACY_SET(d, "Exchange rich-text format", "Always use");
    LEGACY_SET(d, "Allow out of office responses", "ticked");
    LEGACY_SET(d, "Allow automatic replies", "ticked");
    LEGACY_SET(d, "Allow automatic forward", "ticked, if mailboxes may forward there");
    LEGACY_SET(d, "Allow delivery reports", "ticked");
    LEGACY_SET(d, "Allow non-delivery reports", "ticked (else lost mail is lost in silence)");
    LEGACY_SET(d, "Preserve sender's display name on message", "ticked");
    LEGACY_CHECK(d,
                 "A meeting request to TestRecipient can be accepted there, and no winmail.dat "
                 "is seen. An out of office message comes back. Outlook must be restarted after "
                 "the change.");
    LEGACY_UNDO(d, "Delete the entries: the rules of * count again.");
    exchange_unconfirmed(d, "the words of the boxes on the tab Advanced");
    if (legacy_is_2000(d))
        exchange_unconfirmed(d, "before Service Pack 3 the boxes may have other defaults");
}

void
legacy_global_settings(struct exchange_document *d, const struct exchange_plan *p)
{
    sizes(d, p);
    formats(d, p);
}
