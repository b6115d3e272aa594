/* The SMTP virtual server itself: one of its own, its log, its limits. */
#include "gateway/exchange/legacy_private.h"

static const char servers_smtp[] =
    "Exchange System Manager -> Servers -> BridgeheadServer -> Protocols -> SMTP";

static bool
is_other_port(const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        for (size_t k = 0; k < p->inbound[i].ours->server_count; k++)
            if (p->inbound[i].ours->servers[k].port != 25)
                return true;
    return false;
}

/* Needed where the settings would hurt others: no logging on, or another port. */
void
legacy_own_server(struct exchange_document *d, const struct exchange_plan *p)
{
    bool is_needed = legacy_comes_unnamed(p) || p->outbound.port != 25 || is_other_port(p);
    exchange_step(d, "A virtual server of its own",
                  "What follows changes who may connect and how. On the default virtual server "
                  "that is everybody: other Exchange servers of the organization, the Internet, "
                  "and directory replication. A virtual server of its own, on a second address "
                  "of the server, can be strict and can be taken away without a trace.");
    if (!is_needed)
        exchange_step_is_optional(d);
    exchange_parameter(d, "VirtualServerAddress", "string", NULL,
                       "A second, free address of the BridgeheadServer, if you make a virtual "
                       "server of its own.");
    LEGACY_DO(d, "Give the server VirtualServerAddress (Network Connections -> TCP/IP -> "
                 "Advanced) and a second name in DNS for it. The server's own name must not lead "
                 "there.");
    LEGACY_DO(d,
              "Let the gateway's send connector name the second host instead of that of step 1, "
              "and print these steps again: the certificate must carry that name.");
    LEGACY_DO(d, "%s -> right-click -> New -> SMTP Virtual Server.", servers_smtp);
    LEGACY_SET(d, "Name", "%s", p->inbound[0].name);
    LEGACY_SET(d, "Select the IP address", "VirtualServerAddress");
    if (is_other_port(p))
        LEGACY_SET(d, "General -> IP address -> Advanced -> TCP port", "the port of step 1");
    LEGACY_SET(d, "The default virtual server: General -> IP address",
               "the first address, no longer (All Unassigned)");
    LEGACY_SET(d, "Delivery -> Advanced -> Fully-qualified domain name", "the second name");
    LEGACY_DO(d, "From here on VirtualServer is this one.");
    LEGACY_CHECK(d, "Both virtual servers are started, and telnet to its port on either address "
                    "shows a banner.");
    LEGACY_UNDO(d, "Let the gateway's send connector name the first host again. Stop the virtual "
                   "server and delete it, then set the default one to (All Unassigned) again.");
    exchange_unconfirmed(d, "whether the default virtual server keeps the second address until "
                            "it, or the SMTP service, was started again");
}

static void
logging(struct exchange_document *d)
{
    exchange_step(d, "Log the first day",
                  "The protocol log shows what was said, when nobody knows why a message did not "
                  "come.");
    LEGACY_DO(d, "%s -> VirtualServer -> Properties -> General.", servers_smtp);
    LEGACY_SET(d, "Enable logging", "ticked");
    LEGACY_SET(d, "Active log format", "W3C Extended Log File Format");
    LEGACY_SET(d, "Properties -> New log time period", "Daily");
    LEGACY_SET(d,
               legacy_is_2000(d) ? "Properties -> Extended Properties" : "Properties -> Advanced",
               "all ticked");
    LEGACY_DO(d, "Servers -> BridgeheadServer -> Properties -> General: tick Enable message "
                 "tracking. Diagnostics Logging -> MSExchangeTransport: Connection Manager and "
                 "SMTP Protocol to Medium.");
    LEGACY_CHECK(d, "LogFiles\\SMTPSVC1 (2 and up: further virtual servers) in the system folder "
                    "has a file exYYMMDD.log that grows when you connect with telnet.");
    LEGACY_UNDO(d,
                "Clear Enable logging, set Diagnostics Logging to None. Keep message tracking.");
    exchange_unconfirmed(d,
                         "the name of the tab with the fields of the log (Advanced or Extended "
                         "Properties: it follows the version of Windows)");
}

static void
limits(struct exchange_document *d, const struct exchange_plan *p)
{
    unsigned long long most = legacy_kilobytes(p->config->limit_message_size);
    exchange_step(d, "Limits of the virtual server",
                  "A message that the gateway took and this server refuses comes back to its "
                  "sender as a report. The limits here should not be narrower than those of the "
                  "gateway, or it must be wanted.");
    LEGACY_DO(d, "%s -> VirtualServer -> Properties.", servers_smtp);
    LEGACY_SET(d, "Messages -> Limit message size to (KB)",
               "cleared, or %llu and more (what the gateway carries)", most);
    LEGACY_SET(d, "Messages -> Limit session size to (KB)",
               "cleared (at the limit the session is cut and mail is sent again and again)");
    LEGACY_SET(d, "Messages -> Limit number of messages per connection to",
               "cleared, or %u and more (what the gateway sends in one)",
               p->inbound[0].ours->messages_per_connection);
    LEGACY_SET(d, "Messages -> Limit number of recipients per message to",
               "%u or more (the gateway splits a message that is refused more)",
               p->config->limit_recipients);
    LEGACY_SET(d, "Delivery -> Advanced -> Maximum hop count", "30%s",
               legacy_is_2000(d) ? " (this version begins with 15, too few for mail that was "
                                   "forwarded between forests)"
                                 : "");
    LEGACY_SET(d, "Delivery -> Advanced -> Masquerade domain", "empty");
    LEGACY_SET(d, "Delivery -> Advanced -> Perform reverse DNS lookup on incoming messages",
               "cleared");
    LEGACY_CHECK(d, "EHLO x by telnet: 250-SIZE without a number, or with one of %llu or more.",
                 most * 1024);
    LEGACY_UNDO(d, "Set what you wrote down in step 2.");
    exchange_unconfirmed(d, "the values that were set when the server was installed differ by "
                            "version and service pack");
}

/* 2003 filters what was brought without logging on, and nothing else. */
static void
filters(struct exchange_document *d, const struct exchange_plan *p)
{
    bool is_exempt = !legacy_is_2000(d) && !legacy_comes_unnamed(p);
    exchange_step(
        d, "Nothing filters away reports",
        is_exempt ? "Reports have no sender: <>. A filter that refuses such mail loses them in "
                    "silence. This version filters only what was brought without logging on; "
                    "the gateway logs on, so this is for the day when it cannot."
                  : "Reports have no sender: <>. A filter that refuses such mail loses the "
                    "reports of all other forests, and out of office messages, in silence. And "
                    "what its own forest has filtered need not be filtered again.");
    if (is_exempt)
        exchange_step_is_optional(d);
    LEGACY_SET(d,
               legacy_is_2000(d)
                   ? "Global Settings -> Message Delivery -> Properties -> Filtering -> Filter "
                     "messages with blank sender"
                   : "Global Settings -> Message Delivery -> Properties -> Sender Filtering -> "
                     "Filter messages with blank sender",
               "cleared");
    LEGACY_SET(d,
               "VirtualServer, if it is one of its own: General -> Advanced -> Edit -> all Apply "
               "... Filter",
               "cleared");
    LEGACY_CHECK(d, "By telnet: MAIL FROM:<> is answered 250.");
    LEGACY_UNDO(d, "Set what you wrote down in step 2.");
    exchange_unconfirmed(d, legacy_is_2000(d)
                                ? "whether the filter of this version looks at sessions that "
                                  "logged on, and the name of the tab"
                                : "which filters your service pack has");
}

void
legacy_virtual_server(struct exchange_document *d, const struct exchange_plan *p)
{
    logging(d);
    limits(d, p);
    filters(d, p);
}
