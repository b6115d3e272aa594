/* Which extended rights an account of theirs needs, and what happens without (exchange-facts.md
 * 1.3): no more of them than the configuration has a use for. */
#include "gateway/exchange/plan_private.h"

static void
add(struct exchange_rights *rights, const char *name, const char *why)
{
    must(rights->count < EXCHANGE_RIGHTS_MAX);
    rights->at[rights->count++] = (struct exchange_right){.name = name, .why = why};
}

static void
add_vital(struct exchange_rights *rights, const char *name, const char *why)
{
    add(rights, name, why);
    rights->at[rights->count - 1].is_vital = true;
}

void
plan_rights_of_inbound(struct exchange_inbound *in)
{
    struct exchange_rights *r = &in->rights;
    unsigned ours = in->ours->rights;
    add_vital(r, "ms-Exch-SMTP-Submit",
              "without it AUTH fails with the right password, and so does MAIL FROM");
    add_vital(
        r, "ms-Exch-SMTP-Accept-Any-Sender",
        "without it senders of the other forests, and perhaps reports with the null sender, are "
        "refused: 550 5.7.1 Client does not have permissions to send as this sender");
    add(r, "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender",
        "without it mail is refused that comes back with a sender of this forest: forwarded by a "
        "mailbox of another one, or from a shared name space");
    add(r, "ms-Exch-SMTP-Accept-Authentication-Flag",
        "without it all mail counts as from outside: names are not resolved, groups that take "
        "authenticated senders only refuse it; the gateway still marks with AUTH=<> what is not "
        "from a forest's own servers");
    add(r, "ms-Exch-Accept-Headers-Routing",
        "without it all Received fields are removed: nobody can follow a message, and loops are "
        "found late");
    add(r, "ms-Exch-Bypass-Anti-Spam",
        "without it mail that its own forest has filtered is filtered again");
    if (ours & RIGHT_SEND_HEADERS_ORGANIZATION)
        add(r, "ms-Exch-Accept-Headers-Organization",
            "the gateway has send-headers-organization; without this the fields "
            "X-MS-Exchange-Organization-* are removed here");
    if (ours & RIGHT_SEND_HEADERS_FOREST)
        add(r, "ms-Exch-Accept-Headers-Forest",
            "the gateway has send-headers-forest; without this the fields X-MS-Exchange-Forest-* "
            "are removed here");
    if (ours & RIGHT_SEND_EXCH50)
        add(r, "ms-Exch-SMTP-Accept-Exch50",
            "the gateway has send-exch50; without this the blob of XEXCH50 is dropped here");
}

void
plan_rights_of_outbound(struct exchange_outbound *out)
{
    struct exchange_rights *r = &out->rights;
    unsigned ours = out->ours->rights;
    add(r, "ms-Exch-Send-Headers-Routing",
        "a Send connector for custom use has no such right by default; without it all Received "
        "fields are removed: nobody can follow a message, and loops are found late");
    if (ours & RIGHT_ACCEPT_HEADERS_ORGANIZATION)
        add(r, "ms-Exch-Send-Headers-Organization",
            "the gateway has accept-headers-organization; without this the fields "
            "X-MS-Exchange-Organization-* never leave");
    if (ours & RIGHT_ACCEPT_HEADERS_FOREST)
        add(r, "ms-Exch-Send-Headers-Forest",
            "the gateway has accept-headers-forest; without this the fields "
            "X-MS-Exchange-Forest-* never leave");
    if (ours & RIGHT_ACCEPT_EXCH50)
        add(r, "ms-Exch-SMTP-Send-Exch50",
            "the gateway has accept-exch50; without this messages leave without their blob");
}
