/* Limits of the whole organization, which hold whatever a connector allows
 * (exchange-facts.md 3.5: 10 MB from Service Pack 1 of 2007 on). */
#include "gateway/exchange/verify_private.h"

void
verify_transport(struct verifier *v)
{
    if (!verify_has_any(v, LISTING_TRANSPORT, "how large a message the organization takes"))
        return;
    struct verify_place place = {verify_next(v, LISTING_TRANSPORT, NULL), "organization", "",
                                 "MaxReceiveSize"};
    verify_size(v, &place, v->plan->config->limit_message_size, EXCHANGE_HARMS,
                "what the gateway took and is larger comes back to its sender");
    place.field = "MaxSendSize";
    verify_size(v, &place, v->plan->outbound.message_size, EXCHANGE_WORTH,
                "what the gateway would take cannot be sent from here");
}
