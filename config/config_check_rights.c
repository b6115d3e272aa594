/* Trust between connectors: rights that contradict another key, that reach far or that lead
 * nowhere, and marks that cannot be passed on. */
#include "config/config_check_private.h"

#include "config/config_rights.h"

static bool
holds(unsigned rights, enum right right)
{
    return (rights & (unsigned)right) != 0;
}

/* The place of a word in a connector's list; of the list, when the word default stands for it or
 * it is not there. */
static struct where
place_of(const struct node *list, enum right right, struct where thing)
{
    for (const struct node *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
        if (slice_is(n->text, right_word(right)))
            return n->where;
    return check_place(list, thing);
}

/* ---- Receive connectors -------------------------------------------------------------------- */

static void
check_any_sender(struct check *check, const struct receive_connector *r, struct where place)
{
    if (r->foreign_sender == FOREIGN_SENDER_REFUSE)
        report_error(check->report, place,
                     "rights: accept-any-sender takes the senders that foreign_sender: refuse "
                     "refuses; say one of them");
    else
        report_warning(check->report, place,
                       "ANY SENDER is taken from \"%s\": mail that names a sender of another "
                       "forest, or of nobody, counts as from inside",
                       r->name);
}

/* Whom a network alone identifies is anybody there: with every address space that would be an
 * open relay (design.md 6.6). */
static void
check_any_recipient(struct check *check, const struct receive_connector *r, struct where place)
{
    if (!r->auth_required)
        report_error(
            check->report, place,
            "rights: accept-any-recipient needs accounts; with \"auth: none\" every host "
            "of the networks could relay anywhere");
    else
        report_warning(check->report, place,
                       "ANY RECIPIENT is taken from \"%s\": its accounts may use every address "
                       "space, whatever allow_from says",
                       r->name);
}

static void
check_receive_rights(struct check *check, const struct receive_connector *r)
{
    const struct node *list = NODE_AT(check->root, "receive", r->name, "rights");
    const struct config *c = check->config;

    if (holds(r->rights, RIGHT_ACCEPT_ANY_SENDER))
        check_any_sender(check, r, place_of(list, RIGHT_ACCEPT_ANY_SENDER, r->where));
    if (holds(r->rights, RIGHT_ACCEPT_ANY_RECIPIENT))
        check_any_recipient(check, r, place_of(list, RIGHT_ACCEPT_ANY_RECIPIENT, r->where));
    if (holds(r->rights, RIGHT_BYPASS_MESSAGE_SIZE_LIMIT) &&
        r->message_size == c->limit_message_size)
        report_warning(check->report, place_of(list, RIGHT_BYPASS_MESSAGE_SIZE_LIMIT, r->where),
                       "rights: bypass-message-size-limit has no effect: message_size is "
                       "limits.message_size, which nobody bypasses");
}

/* ---- Send connectors ----------------------------------------------------------------------- */

static void
check_send_rights(struct check *check, const struct send_connector *s)
{
    static const enum right own_fields[] = {RIGHT_SEND_HEADERS_ORGANIZATION,
                                            RIGHT_SEND_HEADERS_FOREST};
    const struct node *list = NODE_AT(check->root, "send", s->name, "rights");

    for (size_t i = 0; i < COUNT_OF(own_fields); i++)
        if (s->tls_profile == TLS_PROFILE_EXCHANGE2003 && holds(s->rights, own_fields[i]))
            report_warning(
                check->report, place_of(list, own_fields[i], s->where),
                "rights: %s has no effect on the servers of \"%s\" and leaks: Exchange "
                "2003 neither reads nor removes these fields",
                right_word(own_fields[i]), s->name);
    if (list != NULL && !holds(s->rights, RIGHT_SEND_HEADERS_ROUTING))
        report_warning(
            check->report, list->where,
            "rights: without send-headers-routing \"%s\" removes Received: the servers "
            "behind it cannot count hops, and find a loop late or never",
            s->name);
}

static bool
is_way_to_a_forest(const struct config *c, const struct send_connector *s)
{
    for (size_t i = 0; i < c->forest_count; i++)
        for (size_t k = 0; k < c->forests[i].deliver_count; k++)
            if (c->forests[i].deliver[k] == s)
                return true;
    return false;
}

/* AUTH=<> can be said only to a server that offers AUTH (RFC 4954 5); one that is "externally
 * secured" offers none and takes everything for internal (exchange-facts.md 4). */
static void
check_marks(struct check *check, const struct send_connector *s)
{
    const struct node *auth = NODE_AT(check->root, "send", s->name, "auth");

    if (auth != NULL && slice_is(auth->text, "none") && is_way_to_a_forest(check->config, s))
        report_warning(
            check->report, auth->where,
            "auth: none: where the servers of \"%s\" offer no AUTH, mail from outside cannot be "
            "marked AUTH=<>; Exchange takes it for internal if the gateway is secured externally "
            "there",
            s->name);
}

/* ---- Both sides ---------------------------------------------------------------------------- */

/* A field must be let in to leave, and leave to be of use. */
static const struct {
    enum right in, out;
} pairs[] = {
    {RIGHT_ACCEPT_HEADERS_ORGANIZATION, RIGHT_SEND_HEADERS_ORGANIZATION},
    {RIGHT_ACCEPT_HEADERS_FOREST, RIGHT_SEND_HEADERS_FOREST},
    {RIGHT_ACCEPT_EXCH50, RIGHT_SEND_EXCH50},
};

static const struct receive_connector *
first_that_accepts(const struct config *c, enum right right)
{
    for (size_t i = 0; i < c->receive_count; i++)
        if (holds(c->receive[i].rights, right))
            return &c->receive[i];
    return NULL;
}

static const struct send_connector *
first_that_sends(const struct config *c, enum right right)
{
    for (size_t i = 0; i < c->send_count; i++)
        if (holds(c->send[i].rights, right))
            return &c->send[i];
    return NULL;
}

static void
check_pair(struct check *check, enum right in, enum right out)
{
    const struct receive_connector *r = first_that_accepts(check->config, in);
    const struct send_connector *s = first_that_sends(check->config, out);

    if (r != NULL && s == NULL)
        report_warning(check->report,
                       place_of(NODE_AT(check->root, "receive", r->name, "rights"), in, r->where),
                       "rights: %s has no effect: no send connector holds %s", right_word(in),
                       right_word(out));
    if (s != NULL && r == NULL)
        report_warning(check->report,
                       place_of(NODE_AT(check->root, "send", s->name, "rights"), out, s->where),
                       "rights: %s has no effect: no receive connector holds %s", right_word(out),
                       right_word(in));
}

void
check_rights(struct check *check)
{
    const struct config *c = check->config;
    for (size_t i = 0; i < c->receive_count; i++)
        check_receive_rights(check, &c->receive[i]);
    for (size_t i = 0; i < c->send_count; i++) {
        check_send_rights(check, &c->send[i]);
        check_marks(check, &c->send[i]);
    }
}

void
check_right_pairs(struct check *check)
{
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        check_pair(check, pairs[i].in, pairs[i].out);
}
