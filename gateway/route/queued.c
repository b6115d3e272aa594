#include "gateway/route/queued.h"

#include "gateway/mail/address.h"
#include "gateway/route/recipient.h"

const struct send_connector *
route_queued(const struct config *config, struct slice receive_connector, struct slice address,
             char *why, size_t size)
{
    const struct receive_connector *from = config_receive(config, receive_connector);
    struct address to;
    struct route route;
    if (!address_parse_utf8(address, &to)) {
        if (why != NULL)
            slice_copy_text(why, size, slice_str("what was accepted is no address any more"));
        return NULL;
    }
    if (from != NULL) {
        route_recipient(config, from, to, false, &route);
        if (route.connector != NULL)
            return route.connector;
    }
    route_recipient(config, NULL, to, false, &route);
    if (route.connector == NULL && why != NULL)
        slice_copy_text(why, size, slice_str(route.d.why));
    return route.connector;
}
