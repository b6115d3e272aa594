/* Who could be asking. */
#include "gateway/route/explain_private.h"

static const struct where nowhere = {.line = 0};

struct ways_in {
    struct way_in list[ACCEPT_CANDIDATES];
    size_t count;
    bool is_account_unknown; /* there are connectors, but none has this account */
};

/* One way for each connector: a second listener that leads to it changes nothing. */
static void
add_way(struct ways_in *ways, struct way_in way)
{
    for (size_t i = 0; i < ways->count; i++)
        if (ways->list[i].connector == way.connector)
            return;
    if (ways->count < COUNT_OF(ways->list))
        ways->list[ways->count++] = way;
}

/* What these candidates of one listener come to, with the account if there is one. */
static void
add_candidates(const struct question *q, const struct listener *listener,
               const struct accept_candidates *candidates, struct ways_in *ways)
{
    struct way_in way = {.listener = listener, .network = candidates->network};

    if (q->asked->account == NULL) {
        for (size_t i = 0; i < candidates->count; i++) {
            way.connector = candidates->list[i];
            add_way(ways, way);
        }
        return;
    }
    way.account = accept_account(candidates, slice_str(q->asked->account), &way.connector);
    if (way.account != NULL)
        add_way(ways, way);
    else if (candidates->count > 0)
        ways->is_account_unknown = true;
}

static void
ways_of_client(const struct question *q, const struct sockaddr *client, struct ways_in *ways)
{
    for (size_t i = 0; i < q->config->listener_count; i++) {
        const struct listener *listener = &q->config->listeners[i];
        struct accept_candidates candidates;
        accept_find(q->config, listener, client, &candidates);
        add_candidates(q, listener, &candidates, ways);
    }
}

/* Without a client: the connectors that speak for the sender's forest. */
static void
ways_of_sender(const struct question *q, struct ways_in *ways)
{
    for (size_t i = 0; i < q->config->receive_count; i++) {
        const struct receive_connector *connector = &q->config->receive[i];
        struct accept_candidates one = {.list = {connector}, .count = 1};
        struct sender_decision sender;
        accept_sender(q->config, connector, &q->mail, &sender);
        if (sender.trust != SENDER_EXTERNAL)
            add_candidates(q, NULL, &one, ways);
    }
}

/* There is not exactly one way in: say why. */
static void
tell_no_way(const struct question *q, const struct ways_in *ways)
{
    struct buf *out = q->out;
    bool has_client = q->asked->client != NULL;

    if (ways->count > 1)
        explain_heading(out, "Receiving");
    for (size_t i = 0; i < ways->count; i++)
        explain_row(out, i == 0 ? "could be" : "", ways->list[i].connector->where,
                    "receive connector %s", ways->list[i].connector->name);

    explain_heading(out, "Result");
    if (ways->count > 1)
        explain_row(out, "not decided", nowhere, "say which one is meant with --%s",
                    has_client ? "account" : "client");
    else if (ways->is_account_unknown)
        explain_row(out, "refused", nowhere,
                    "535 5.7.3 Authentication unsuccessful (nobody there has the name %.60s)",
                    q->asked->account);
    else if (has_client)
        explain_row(out, "refused", nowhere,
                    "554 at the banner: no receive connector has a network that holds %.60s",
                    q->asked->client);
    else
        explain_row(
            out, "not decided", nowhere,
            "no receive connector speaks for the sender's forest: say which client is meant with "
            "--client");
}

bool
explain_find_way(const struct question *q, struct way_in *way)
{
    struct ways_in ways = {.count = 0};
    struct sockaddr_storage client;

    if (q->asked->client != NULL && !accept_address(q->asked->client, &client)) {
        explain_heading(q->out, "Result");
        explain_row(q->out, "not decided", nowhere, "%.60s is not an IP address",
                    q->asked->client);
        return false;
    }
    if (q->asked->client != NULL)
        ways_of_client(q, (const struct sockaddr *)&client, &ways);
    else
        ways_of_sender(q, &ways);
    if (ways.count != 1) {
        tell_no_way(q, &ways);
        return false;
    }
    *way = ways.list[0];
    return true;
}
