#include "gateway/route/rights.h"

/* Each in the order of right_names; the reply texts are those that Exchange gives. */
static const struct right_meaning meanings[RIGHT_COUNT] = {
    {RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER,
     "A sender in a domain of the forests that the connector speaks for is accepted as theirs.",
     "Such a sender is refused: 550 5.7.1 Client does not have permissions to send as this "
     "sender."},
    {RIGHT_ACCEPT_ANY_SENDER,
     "The check against spoofing is skipped: a sender outside these forests is neither refused "
     "nor marked as external.",
     "foreign_sender decides: a sender outside these forests goes on as AUTH=<>, or is refused."},
    {RIGHT_ACCEPT_AUTHENTICATION_FLAG,
     "What the session says of its senders is believed: mail is from inside unless it says "
     "AUTH=<>, which stays.",
     "AUTH= in MAIL FROM is ignored, and all mail counts as from outside: it goes on as "
     "AUTH=<>."},
    {RIGHT_ACCEPT_ANY_RECIPIENT,
     "Address spaces may be used whatever their allow_from says; a logon and a route are still "
     "needed.",
     "Only domains of forests, and address spaces that allow_from grants; else 550 5.7.1 Unable "
     "to relay."},
    {RIGHT_ACCEPT_HEADERS_ROUTING, "Received and Resent-* fields stay in the header.",
     "They are removed, after the hops were counted; the gateway's own Received is added as "
     "ever."},
    {RIGHT_ACCEPT_HEADERS_ORGANIZATION,
     "X-MS-Exchange-Organization-* fields stay: these servers are believed about spam levels, "
     "authentication and more.",
     "They are removed."},
    {RIGHT_ACCEPT_HEADERS_FOREST, "X-MS-Exchange-Forest-* fields stay.", "They are removed."},
    {RIGHT_ACCEPT_EXCH50,
     "XEXCH50 is offered after the logon, and its blob kept with the message, unread.",
     "XEXCH50 is not offered and not known: 500. Messages come without their blob."},
    {RIGHT_BYPASS_MESSAGE_SIZE_LIMIT,
     "message_size of the connector does not apply; limits.message_size does, to all.",
     "A larger message is refused: 552 5.3.4 Message size exceeds fixed maximum message size."},
    {RIGHT_SEND_HEADERS_ROUTING, "Received and Resent-* fields leave with the message.",
     "They are removed, the gateway's own Received too; X-Forestgate-Trace stays, so that loops "
     "through here are found."},
    {RIGHT_SEND_HEADERS_ORGANIZATION,
     "X-MS-Exchange-Organization-* fields that a receive connector let in leave with the "
     "message.",
     "They are removed."},
    {RIGHT_SEND_HEADERS_FOREST,
     "X-MS-Exchange-Forest-* fields that a receive connector let in leave with the message.",
     "They are removed."},
    {RIGHT_SEND_EXCH50,
     "A blob that came with the message is passed on, where the server offers XEXCH50 and the "
     "recipients are the same.",
     "The message goes without its blob."},
};

const struct right_meaning *
right_meaning(enum right right)
{
    for (size_t i = 0; i < RIGHT_COUNT; i++)
        if (meanings[i].right == right)
            return &meanings[i];
    never("a right without a meaning");
}

uint64_t
rights_message_size(const struct config *config, const struct receive_connector *c)
{
    return rights_hold(c->rights, RIGHT_BYPASS_MESSAGE_SIZE_LIMIT) ? config->limit_message_size
                                                                   : c->message_size;
}

struct reply
rights_too_large(void)
{
    return reply_make(552, "5.3.4", "Message size exceeds fixed maximum message size");
}

struct where
rights_place(struct where rights_where, struct where connector)
{
    return rights_where.line > 0 ? rights_where : connector;
}

/* ---- The manual --------------------------------------------------------------------------- */

/* Exchange 2007's permission groups, for who knows them (exchange-facts.md 1.3). */
static const char groups[] =
    "Exchange's permission groups, as rights of a receive connector (there, ms-Exch-SMTP-Submit\n"
    "besides; here, whoever logs on to a connector may submit):\n"
    "\n"
    "    AnonymousUsers         accept-authoritative-domain-sender, accept-any-sender,\n"
    "                           accept-headers-routing\n"
    "    ExchangeUsers          accept-any-recipient, accept-headers-routing\n"
    "    ExchangeServers        all\n"
    "    ExchangeLegacyServers  all but accept-headers-organization and accept-headers-forest;\n"
    "                           so for servers that are secured externally\n"
    "    Partners               accept-headers-routing\n";

static bool
is_default(const struct right_name *name)
{
    return rights_hold(RIGHTS_OF_RECEIVE | RIGHTS_OF_SEND, name->right);
}

void
rights_manual(struct buf *out)
{
    buf_put_str(out,
                "RIGHTS\n\n"
                "receive.*.rights and send.*.rights are lists of these words. They are named "
                "after Exchange's\n"
                "extended rights (Get-ADPermission, Add-ADPermission). The word default "
                "stands for those marked\n"
                "as default: rights: [default, accept-headers-organization] adds one; a list "
                "without it is exactly\n"
                "what it says, and rights: none is no right at all.\n\n");
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        const struct right_name *name = &right_names[i];
        const struct right_meaning *meaning = right_meaning(name->right);
        buf_printf(out, "%s\n    %s; %s connectors%s\n    Held: %s\n    Not held: %s\n\n",
                   name->word, name->exchange, name->is_send ? "send" : "receive",
                   is_default(name) ? "; default" : "", meaning->held, meaning->not_held);
    }
    buf_put_str(out, groups);
}
