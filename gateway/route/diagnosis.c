#include "gateway/route/diagnosis_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/route/outcome.h"

/* ---- Sentences that are always the same ---- */

static const char no_address[] =
    "the server's name cannot be resolved: check it under servers, and the name servers under "
    "dns, which must know the names of the other forest";
static const char no_connection[] =
    "the server does not answer: check that it runs (Exchange 2007: the Microsoft Exchange "
    "Transport service; 2000/2003: the SMTP virtual server) and that no firewall closes the port";
static const char mute[] =
    "the server takes the connection, then ends the connection or says nothing: its connection "
    "restrictions may keep this gateway out, it may wait for a name server that knows our "
    "address, "
    "or something else listens at this port";
static const char not_smtp[] =
    "there is no SMTP server at this port: look at the port under servers, and at what listens "
    "there";
static const char out_of_service[] =
    "the server answers but has been taken out of service: somebody maintains it, or its "
    "transport service is paused";
static const char too_many[] =
    "the server limits the connections of one source (Exchange 2007: 20, "
    "MaxInboundConnectionPerSource): fewer are used for a while; lower connections on this send "
    "connector";
static const char shut_out[] =
    "the server takes no connections from this gateway: add its address to RemoteIPRanges of a "
    "receive connector (Exchange 2007), or allow it under Access, Connection of the SMTP virtual "
    "server (2000/2003)";
static const char ehlo_refused[] =
    "the server refuses our EHLO: it does not like the name under hostname, or its connection "
    "restrictions keep this gateway out";
static const char ehlo_masked[] =
    "the server does not know EHLO: a firewall that inspects SMTP (fixup, MailGuard) masks it "
    "and TLS cannot work; turn the inspection off between the gateway and this server";
static const char broken_starttls[] =
    "the server offers STARTTLS and then cannot start it: its certificate or the right to read "
    "the private key is broken (Exchange 2007 event 12014; renew with New-ExchangeCertificate)";
static const char basic_missing[] =
    "Require basic authentication: the server offers no AUTH LOGIN behind STARTTLS; enable it "
    "with Set-ReceiveConnector -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS (Exchange 2007) "
    "or tick Basic authentication on the virtual server (2000/2003)";
static const char auth_unsettled[] =
    "the server cannot check our logon now: its domain controller may be out of reach";
static const char logon_wanted[] =
    "the server wants a logon that it did not get: give this send connector an auth, or find the "
    "receive connector whose narrower RemoteIPRanges took the connection in place of the one for "
    "this gateway";
static const char tls_wanted[] =
    "the server wants TLS before it takes mail: remove require: false under tls of this send "
    "connector";
static const char relay_right[] =
    "the other forest does not take mail for this domain: make it an authoritative domain there "
    "(accepted domain, recipient policy), or grant our account "
    "ms-Exch-SMTP-Accept-Any-Recipient on the receive connector";
static const char members_only[] =
    "the recipient takes mail from authenticated senders only, and this one counted as "
    "anonymous: grant our account ms-Exch-SMTP-Accept-Authentication-Flag on the receive "
    "connector, or lift the restriction";
static const char unknown_user[] =
    "the other forest has no such recipient: if the mailbox moved or its address changed, run "
    "GALSync so that the contact's targetAddress is right again";
static const char back_pressure[] =
    "the server is short of disk or memory and takes no mail for now (Exchange 2007 back "
    "pressure, events 15002 and 15004 there)";
static const char too_big[] =
    "the message is larger than the other side takes: compare limits.message_size here with "
    "MaxMessageSize of its connectors and organization (10 MB by default; sent as mail a file "
    "grows by a third)";
static const char is_loop[] =
    "the message goes round in circles: two systems each take the other for the home of this "
    "domain; the last one in the chain must be authoritative for it";
static const char out_of_step[] =
    "the server's replies do not fit our commands: something between us and it may change or "
    "hold back parts of the conversation";
static const char in_doubt[] =
    "the connection ended before the server said whether it has the message: it is sent again, "
    "and the recipients may get it twice";
static const char our_trouble[] =
    "the trouble is on this gateway, see its log; the message waits";

static const char tls_silent[] =
    "the server takes STARTTLS and then says nothing: a firewall in between may swallow TLS, or "
    "packets that are too large for the way (let ICMP fragmentation needed through); else "
    "restart the server's transport service";

/* ---- Sentences that name what was found ---- */

static bool
is_known(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void
say_bad_credential(struct diagnosis *d, const struct diagnosis_context *c)
{
    char time[DIAGNOSIS_TIME], name[DIAGNOSIS_NAME];
    const char *user = is_known(c->user) ? c->user : "our account";
    if (c->logon_unix_s != 0)
        diagnosis_say(
            d,
            "the server refuses the password of %s, which worked until %s: it was changed, "
            "the "
            "account is locked or expired, or it lost ms-Exch-SMTP-Submit on the receive "
            "connector; correct auth here, or repair it there and run forestgate queue retry",
            diagnosis_name(user, 40, name), diagnosis_time(c->logon_unix_s, time));
    else
        diagnosis_say(
            d,
            "the server refuses the logon of %s: check name and password under auth of this "
            "send connector, that the account is neither locked nor expired, and that it holds "
            "ms-Exch-SMTP-Submit on the receive connector (Exchange 2007)",
            diagnosis_name(user, 64, name));
}

static void
say_sender_right(struct diagnosis *d, const struct diagnosis_context *c)
{
    char name[DIAGNOSIS_NAME];
    diagnosis_say(
        d,
        "%s may not send as this sender: grant it ms-Exch-SMTP-Accept-Any-Sender (and "
        "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender for senders of that forest's own "
        "domains) with Add-ADPermission on the receive connector there",
        diagnosis_name(is_known(c->user) ? c->user : "the account that we log on with", 48,
                       name));
}

static void
say_sender_policy(struct diagnosis *d, const struct diagnosis_context *c)
{
    char name[DIAGNOSIS_NAME];
    diagnosis_say(
        d,
        "a policy of the other side refuses this sender or account: on Exchange 2007 grant %s "
        "ms-Exch-SMTP-Accept-Any-Sender with Add-ADPermission on the receive connector; the "
        "message waits until then",
        diagnosis_name(is_known(c->user) ? c->user : "our account", 64, name));
}

/* ---- Which sentence ---- */

#define BEFORE_AUTH (AT(CONNECT) | AT(BANNER) | AT(EHLO) | AT(STARTTLS) | AT(TLS))
#define BEFORE_MAIL (BEFORE_AUTH | AT(AUTH))
#define ENVELOPE (AT(MAIL) | AT(RCPT) | AT(DATA))
#define WHOLE (AT(MAIL) | AT(DATA) | AT(CONTENT))
#define MESSAGE (ENVELOPE | AT(CONTENT))

struct row {
    struct outcome_pattern pattern;
    const char *text; /* or say; neither: nothing to add */
    void (*say)(struct diagnosis *d, const struct diagnosis_context *c);
};

/* The first row that fits. */
/* clang-format off */
static const struct row rows[] = {
    /*  stages             who   code sub  det  words */
    /* The connection. */
    {{BEFORE_MAIL,         OURS, 0,   3,   ANY, NULL},                  our_trouble,     NULL},
    {{AT(CONNECT),         OURS, 0,   4,   3,   NULL},                  no_address,      NULL},
    {{AT(CONNECT),         OURS, 0,   4,   4,   NULL},                  no_address,      NULL},
    {{AT(CONNECT),         BOTH, 0,   ANY, ANY, NULL},                  no_connection,   NULL},
    {{AT(BANNER),          OURS, 0,   4,   ANY, NULL},                  mute,            NULL},
    {{AT(TLS),             OURS, 0,   4,   1,   NULL},                  tls_silent,      NULL},
    {{BEFORE_MAIL,         OURS, 0,   4,   ANY, NULL},                  NULL,            NULL},
    {{AT(BANNER),          OURS, 0,   5,   ANY, NULL},                  not_smtp,        NULL},
    {{BEFORE_MAIL,         OURS, 0,   5,   ANY, NULL},                  out_of_step,     NULL},
    {{AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   "service not"},         out_of_service,  NULL},
    {{AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   NULL},                  too_many,        NULL},
    {{AT(BANNER),          PEER, 5,   ANY, ANY, NULL},                  shut_out,        NULL},
    {{AT(EHLO),            PEER, 500, ANY, ANY, NULL},                  ehlo_masked,     NULL},
    {{AT(EHLO),            PEER, 502, ANY, ANY, NULL},                  ehlo_masked,     NULL},
    {{AT(EHLO),            PEER, 5,   ANY, ANY, NULL},                  ehlo_refused,    NULL},
    /* TLS. */
    {{AT(STARTTLS),        OURS, 0,   ANY, ANY, NULL},                  NULL, diagnosis_no_starttls},
    {{AT(STARTTLS),        PEER, 421, ANY, ANY, NULL},                  NULL,            NULL},
    {{AT(STARTTLS),        PEER, 4,   ANY, ANY, NULL},                  broken_starttls, NULL},
    {{AT(STARTTLS),        PEER, 5,   ANY, ANY, NULL},                  broken_starttls, NULL},
    {{AT(TLS),             OURS, 0,   ANY, ANY, NULL},                  NULL, diagnosis_handshake},
    /* The logon. */
    {{AT(AUTH),            OURS, 0,   7,   3,   NULL},                  basic_missing,   NULL},
    {{AT(AUTH),            OURS, 0,   7,   ANY, NULL},                  out_of_step,     NULL},
    {{AT(AUTH),            PEER, 504, ANY, ANY, NULL},                  basic_missing,   NULL},
    {{AT(AUTH),            PEER, 530, ANY, ANY, NULL},                  basic_missing,   NULL},
    {{AT(AUTH),            PEER, 5,   ANY, ANY, NULL},                  NULL, say_bad_credential},
    {{AT(AUTH),            PEER, 421, ANY, ANY, NULL},                  NULL,            NULL},
    {{AT(AUTH),            PEER, 4,   ANY, ANY, NULL},                  auth_unsettled,  NULL},
    /* The session as a whole, noticed late. */
    {{ENVELOPE,            OURS, 4,   3,   ANY, NULL},                  our_trouble,     NULL},
    {{ENVELOPE,            PEER, 503, ANY, ANY, NULL},                  out_of_step,     NULL},
    {{ENVELOPE,            PEER, 530, ANY, ANY, "TLS"},                 tls_wanted,      NULL},
    {{ENVELOPE,            PEER, 530, ANY, ANY, NULL},                  logon_wanted,    NULL},
    /* The sender. */
    {{MESSAGE,             PEER, 5,   ANY, ANY, "send as this sender"}, NULL, say_sender_right},
    {{AT(MAIL),            PEER, 5,   7,   ANY, NULL},                  NULL, say_sender_policy},
    {{AT(MAIL),            PEER, 452, 3,   1,   NULL},                  back_pressure,   NULL},
    /* The recipient. */
    {{AT(RCPT),            PEER, 5,   1,   1,   NULL},                  unknown_user,    NULL},
    {{AT(RCPT),            PEER, 5,   7,   ANY, "AuthRequired"},        members_only,    NULL},
    {{AT(RCPT),            PEER, 5,   ANY, ANY, "relay"},               relay_right,     NULL},
    {{AT(RCPT),            BOTH, 5,   4,   6,   NULL},                  is_loop,         NULL},
    {{AT(RCPT),            BOTH, 5,   3,   4,   NULL},                  too_big,         NULL},
    /* The content. 552 without an enhanced code is RFC 5321's "exceeded storage allocation". */
    {{WHOLE,               BOTH, 5,   3,   4,   NULL},                  too_big,         NULL},
    {{WHOLE,               BOTH, 552, 0,   0,   NULL},                  too_big,         NULL},
    {{WHOLE,               BOTH, 5,   4,   6,   NULL},                  is_loop,         NULL},
    {{WHOLE,               PEER, 5,   ANY, ANY, "hop count"},           is_loop,         NULL},
    {{AT(CONTENT),         OURS, 4,   ANY, ANY, NULL},                  in_doubt,        NULL},
};
/* clang-format on */

void
diagnosis_say(struct diagnosis *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(d->text, sizeof d->text, fmt, args);
    va_end(args);
    /* Names come from the peer, and from a configuration that may hold UTF-8. */
    for (char *at = d->text; *at != '\0'; at++)
        if (!ascii_is_print(*at))
            *at = '?';
}

const char *
diagnosis_name(const char *text, size_t max, char room[DIAGNOSIS_NAME])
{
    must(max < DIAGNOSIS_NAME);
    if (strlen(text) <= max)
        return text;
    snprintf(room, DIAGNOSIS_NAME, "%.*s...", (int)max - 3, text);
    return room;
}

const char *
diagnosis_day(int64_t unix_s, char text[DIAGNOSIS_DAY])
{
    char iso[CLOCK_TEXT];
    clock_iso(unix_s * 1000, iso);
    snprintf(text, DIAGNOSIS_DAY, "%.10s", iso);
    return text;
}

const char *
diagnosis_time(int64_t unix_s, char text[DIAGNOSIS_TIME])
{
    char iso[CLOCK_TEXT];
    clock_iso(unix_s * 1000, iso);
    snprintf(text, DIAGNOSIS_TIME, "%.10s %.5s UTC", iso, iso + 11);
    return text;
}

struct diagnosis
diagnosis_of(const struct smtp_outcome *outcome, const struct diagnosis_context *context_or_null)
{
    static const struct diagnosis_context nothing = {.user = NULL};
    const struct diagnosis_context *c = context_or_null != NULL ? context_or_null : &nothing;
    struct diagnosis d = {.text = ""};
    const struct row *row = NULL;
    for (size_t i = 0; i < COUNT_OF(rows) && row == NULL; i++)
        if (outcome_fits(&rows[i].pattern, outcome))
            row = &rows[i];
    if (row != NULL && row->say != NULL)
        row->say(&d, c);
    else if (row != NULL && row->text != NULL)
        diagnosis_say(&d, "%s", row->text);
    return d;
}

struct diagnosis
diagnosis_of_shared(const char *user, const char *refused_by)
{
    char name[DIAGNOSIS_NAME], by[DIAGNOSIS_NAME];
    struct diagnosis d = {.text = ""};
    diagnosis_say(&d,
                  "a server refused the password of %s to send connector %s, so it is not "
                  "tried here either: correct auth of both, or repair the account there and run "
                  "forestgate queue retry",
                  diagnosis_name(user, 48, name), diagnosis_name(refused_by, 48, by));
    return d;
}

void
diagnosis_put_line(struct buf *out, const struct reply *reply, const struct diagnosis *d)
{
    struct reply shown = *reply;
    size_t len = strlen(d->text);
    if (d->tells_all)
        shown.len = 0;
    else if (len > 0 && shown.len + len + 3 > REPLY_TEXT)
        shown.len = (unsigned short)(REPLY_TEXT - len - 3);
    shown.text[shown.len] = '\0';
    reply_put(out, &shown);
    if (d->tells_all)
        buf_printf(out, " %s", d->text);
    else if (len > 0)
        buf_printf(out, " (%s)", d->text);
}
