#include "config/config_rights.h"

#include "config/config_suggest.h"
#include "config/config_type.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"

const struct right_name right_names[RIGHT_COUNT] = {
    {RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER, "accept-authoritative-domain-sender",
     "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender", false},
    {RIGHT_ACCEPT_ANY_SENDER, "accept-any-sender", "ms-Exch-SMTP-Accept-Any-Sender", false},
    {RIGHT_ACCEPT_AUTHENTICATION_FLAG, "accept-authentication-flag",
     "ms-Exch-SMTP-Accept-Authentication-Flag", false},
    {RIGHT_ACCEPT_ANY_RECIPIENT, "accept-any-recipient", "ms-Exch-SMTP-Accept-Any-Recipient",
     false},
    {RIGHT_ACCEPT_HEADERS_ROUTING, "accept-headers-routing", "ms-Exch-Accept-Headers-Routing",
     false},
    {RIGHT_ACCEPT_HEADERS_ORGANIZATION, "accept-headers-organization",
     "ms-Exch-Accept-Headers-Organization", false},
    {RIGHT_ACCEPT_HEADERS_FOREST, "accept-headers-forest", "ms-Exch-Accept-Headers-Forest",
     false},
    {RIGHT_ACCEPT_EXCH50, "accept-exch50", "ms-Exch-SMTP-Accept-Exch50", false},
    {RIGHT_BYPASS_MESSAGE_SIZE_LIMIT, "bypass-message-size-limit",
     "ms-Exch-Bypass-Message-Size-Limit", false},
    {RIGHT_SEND_HEADERS_ROUTING, "send-headers-routing", "ms-Exch-Send-Headers-Routing", true},
    {RIGHT_SEND_HEADERS_ORGANIZATION, "send-headers-organization",
     "ms-Exch-Send-Headers-Organization", true},
    {RIGHT_SEND_HEADERS_FOREST, "send-headers-forest", "ms-Exch-Send-Headers-Forest", true},
    {RIGHT_SEND_EXCH50, "send-exch50", "ms-Exch-SMTP-Send-Exch50", true},
};

const char *
right_word(enum right right)
{
    for (size_t i = 0; i < RIGHT_COUNT; i++)
        if (right_names[i].right == right)
            return right_names[i].word;
    never("a right without a word");
}

/* ---- As a kind of value ------------------------------------------------------------------- */

static const char *
side_name(bool is_send)
{
    return is_send ? "send" : "receive";
}

/* What administrators bring along from Get-ADPermission, and what is not one of a list. */
static const struct {
    const char *word, *say;
} other_words[] = {
    {"ms-Exch-SMTP-Submit", "needs no word here: who logs on to a connector may submit"},
    {"ms-Exch-Bypass-Anti-Spam", "has no meaning here: nothing filters spam"},
    {"ms-Exch-Accept-Exch50", "is called \"accept-exch50\" here"},
    {"none", "stands alone, without a list: \"rights: none\""},
};

/* Exchange's own name, the other side's, or a slip of the fingers. */
static bool
no_such_right(bool is_send, struct slice text, struct err *err)
{
    struct suggest suggest;
    char near[SUGGEST_TEXT];

    for (size_t i = 0; i < COUNT_OF(other_words); i++)
        if (ascii_is(text, other_words[i].word))
            return err_set(err, ERR_CONFIG, "\"%.*s\" %s", QUOTED(text), other_words[i].say);
    suggest_init(&suggest, text);
    suggest_offer(&suggest, slice_str("default"));
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        const struct right_name *r = &right_names[i];
        if (r->is_send == is_send && ascii_is(text, r->exchange))
            return err_set(err, ERR_CONFIG, "\"%.*s\" is called \"%s\" here", QUOTED(text),
                           r->word);
        if (r->is_send != is_send && (slice_is(text, r->word) || ascii_is(text, r->exchange)))
            return err_set(err, ERR_CONFIG,
                           "\"%.*s\" is a right of %s connectors, not of %s "
                           "connectors",
                           QUOTED(text), side_name(r->is_send), side_name(is_send));
        if (r->is_send == is_send)
            suggest_offer(&suggest, slice_str(r->word));
    }
    return err_set(err, ERR_CONFIG,
                   "\"%.*s\" is not a right of %s connectors (forestgate manual names them)%s",
                   QUOTED(text), side_name(is_send), suggest_text(&suggest, near));
}

static bool
find_right(bool is_send, struct slice text, unsigned *found, struct err *err)
{
    if (slice_is(text, "default")) {
        *found = is_send ? (unsigned)RIGHTS_OF_SEND : (unsigned)RIGHTS_OF_RECEIVE;
        return true;
    }
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        *found = right_names[i].right;
        if (right_names[i].is_send == is_send && slice_is(text, right_names[i].word))
            return true;
    }
    return no_such_right(is_send, text, err);
}

/* Gathered: each word of the list adds to the member. */
static bool
read_right(bool is_send, struct slice text, void *to, struct err *err)
{
    unsigned all, more;
    TRY(find_right(is_send, text, &more, err));
    memcpy(&all, to, sizeof all);
    all |= more;
    memcpy(to, &all, sizeof all);
    return true;
}

static bool
read_receive_right(const struct value_room *room, const struct row *row, struct slice text,
                   void *to, struct err *err)
{
    (void)room, (void)row;
    return read_right(false, text, to, err);
}

static bool
read_send_right(const struct value_room *room, const struct row *row, struct slice text, void *to,
                struct err *err)
{
    (void)room, (void)row;
    return read_right(true, text, to, err);
}

static void
show_rights(const struct row *row, const void *from, struct buf *out)
{
    const char *between = "";
    unsigned all;
    (void)row;
    memcpy(&all, from, sizeof all);
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        if ((all & (unsigned)right_names[i].right) == 0)
            continue;
        buf_printf(out, "%s%s", between, right_names[i].word);
        between = ", ";
    }
}

const struct value_type type_receive_right = {"rights", sizeof(unsigned), read_receive_right,
                                              show_rights};
const struct value_type type_send_right = {"rights", sizeof(unsigned), read_send_right,
                                           show_rights};
