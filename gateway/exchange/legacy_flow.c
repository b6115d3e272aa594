/* The first test, queues, the days after, and the way back. */
#include "gateway/exchange/legacy_private.h"

static const char *
queues(const struct exchange_document *d)
{
    return legacy_is_2000(d)
               ? "Servers -> BridgeheadServer -> Protocols -> SMTP -> VirtualServer "
                 "-> Queues (each virtual server has its own)"
               : "Servers -> BridgeheadServer -> Queues";
}

void
legacy_first_test(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "First test, both ways",
                  "One message each way, and its report, shows what no check of settings can. "
                  "Before it everybody's mail is at risk, after it nobody's.");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_COMMAND, "on the gateway",
                 "forestgate preflight -c FILE --forest \"%s\"\n", p->forest->name);
    LEGACY_DO(d,
              "From TestSender to TestRecipient: a plain message, then a meeting request, then a "
              "file of some megabytes. Let TestRecipient answer each.");
    LEGACY_DO(d, "From TestSender to an address of another forest that does not exist.");
    LEGACY_CHECK(d,
                 "All arrive. The sender is shown with the name of the address list, not as "
                 "\"Name [address]\". The meeting can be accepted. The last one brings a report "
                 "5.1.1 within minutes.");
    LEGACY_CHECK(d,
                 "%s: the queue of the connector is empty and not in Retry. \"The remote SMTP "
                 "service does not support TLS\" there means that STARTTLS did not reach the "
                 "gateway.",
                 queues(d));
    exchange_put(d, EXCHANGE_CHECK, EXCHANGE_COMMAND, "on the gateway",
                 "forestgate queue -c FILE list\n");
    LEGACY_CHECK(d, "If it fails and is not found quickly, take the way back: the last step.");
    if (legacy_is_2000(d))
        exchange_unconfirmed(d, "whether names are resolved by this version because the session "
                                "logged on; if not, see ResolveP2 below");
}

static void
queues_step(struct exchange_document *d)
{
    exchange_step(
        d, "After an outage: force the queue",
        legacy_is_2000(d)
            ? "When the gateway could not be reached, this version tries again after 15, "
              "30 and 60 minutes, then only every 240 minutes, tells the sender after 12 "
              "hours and gives up after 2 days. After a long outage mail may wait four "
              "hours more than it must."
            : "When the gateway could not be reached, this version tries again after some "
              "minutes at first, and at longer intervals then, up to 240 minutes; it "
              "tells the sender after 12 hours and gives up after 2 days. After a long "
              "outage mail may wait longer than it must.");
    exchange_step_is_optional(d);
    LEGACY_DO(d, "%s -> right-click the queue of the connector -> Force Connection.", queues(d));
    LEGACY_SET(d,
               "VirtualServer -> Properties -> Delivery -> retry intervals, if wanted "
               "(minutes)",
               "10, 10, 10, 15");
    LEGACY_CHECK(d, "The queue becomes Active and then empty. Where it goes back to Retry, its "
                    "column or the application log (MSExchangeTransport) says why.");
    LEGACY_UNDO(d, "Set the intervals that you wrote down in step 2.");
    exchange_unconfirmed(d, legacy_is_2000(d)
                                ? "the intervals on a server that was upgraded"
                                : "the intervals that this version has as installed (10, 10, 10 "
                                  "and 15 minutes)");
}

static void
after_the_first_day(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "After the first day",
                  "What was opened or logged for the change is closed again, and what can fail "
                  "later is watched.");
    LEGACY_DO(d, "Switch the protocol log off (see above), keep message tracking.");
    if (p->outbound.ours->tls_require)
        LEGACY_DO(d, "If the gateway's connector %s had clear_reply: 454, take it out.",
                  p->outbound.ours->name);
    LEGACY_DO(d,
              "Note three dates: when the server's certificate ends, when the gateway's ends, "
              "and when the two passwords are changed. With an expired certificate STARTTLS may "
              "vanish, and mail waits.");
    LEGACY_DO(d, "Remove this forest's part when its last server of this version goes: the steps "
                 "for 2007 and 2010 take its place.");
    LEGACY_CHECK(d, "forestgate doctor for each connector is green; the application log has no "
                    "errors of MSExchangeTransport but 7004 and 7010 (XEXCH50, harmless).");
}

/* Each step that changed something, the last one first. */
static void
way_back(struct exchange_document *d)
{
    size_t last = d->step_count;
    exchange_step(
        d, "The way back",
        "If it does not work: undo the steps in the reverse order, first what sends, "
        "then what receives. Stop after the connector if only sending is wrong. Before "
        "the certificate and the account go, the gateway must have no mail left for this "
        "forest.");
    for (size_t i = last; i > 0; i--)
        if (d->steps[i - 1].parts[EXCHANGE_UNDO].count > 0)
            LEGACY_DO(d, "Step %zu%s: %s", i, d->steps[i - 1].is_optional ? ", if done" : "",
                      d->steps[i - 1].title);
    LEGACY_CHECK(d,
                 "No connector names the gateway, its queue holds nothing for this forest, and "
                 "mail leaves as it did before.");
}

void
legacy_afterwards(struct exchange_document *d, const struct exchange_plan *p)
{
    queues_step(d);
    after_the_first_day(d, p);
    way_back(d);
}
