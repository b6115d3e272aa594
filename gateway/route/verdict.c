#include "gateway/route/verdict.h"

#include "gateway/base/ascii.h"

/* Everything that a failure can mean. */
enum meaning {
    TAKEN,        /* delivered */
    NEXT,         /* the server's trouble: another one, else the connection timetable */
    NEXT_ALARM,   /* and somebody must repair it */
    NEXT_FEWER,   /* and we opened too many connections there */
    SUSPEND,      /* the connector's trouble */
    WAIT,         /* this message, later */
    WAIT_ALARM,   /* and somebody must repair something first */
    WAIT_ONE,     /* this recipient, later */
    SPLIT,        /* this recipient, at once, apart */
    BOUNCE,       /* this message */
    BOUNCE_ALARM, /* and somebody must repair something */
    BOUNCE_ONE,   /* this recipient */
    BOUNCE_ONE_ALARM,
};

/* clang-format off */
static const struct verdict verdicts[] = {
    [TAKEN]            = {SCOPE_RECIPIENT, CONSEQUENCE_DELIVERED,   .alarm = false},
    [NEXT]             = {SCOPE_SERVER,    CONSEQUENCE_NEXT_SERVER, .alarm = false},
    [NEXT_ALARM]       = {SCOPE_SERVER,    CONSEQUENCE_NEXT_SERVER, .alarm = true},
    [NEXT_FEWER]       = {SCOPE_SERVER,    CONSEQUENCE_NEXT_SERVER, .fewer_connections = true},
    [SUSPEND]          = {SCOPE_CONNECTOR, CONSEQUENCE_SUSPEND,     .alarm = true},
    [WAIT]             = {SCOPE_MESSAGE,   CONSEQUENCE_DEFER,       .alarm = false},
    [WAIT_ALARM]       = {SCOPE_MESSAGE,   CONSEQUENCE_DEFER,       .alarm = true},
    [WAIT_ONE]         = {SCOPE_RECIPIENT, CONSEQUENCE_DEFER,       .alarm = false},
    [SPLIT]            = {SCOPE_RECIPIENT, CONSEQUENCE_SPLIT,       .alarm = false},
    [BOUNCE]           = {SCOPE_MESSAGE,   CONSEQUENCE_BOUNCE,      .alarm = false},
    [BOUNCE_ALARM]     = {SCOPE_MESSAGE,   CONSEQUENCE_BOUNCE,      .alarm = true},
    [BOUNCE_ONE]       = {SCOPE_RECIPIENT, CONSEQUENCE_BOUNCE,      .alarm = false},
    [BOUNCE_ONE_ALARM] = {SCOPE_RECIPIENT, CONSEQUENCE_BOUNCE,      .alarm = true},
};
/* clang-format on */

/* ---- The plain meaning: what a reply of this class means at this stage -------------------- */

enum reply_class {
    SUCCESS,   /* 2xx; expected as an outcome only behind the content */
    ODD,       /* 3xx or no code: not an answer to anything */
    CLOSING,   /* 421: the server hangs up */
    TRANSIENT, /* other 4xx */
    PERMANENT, /* 5xx */
    LOCAL,     /* ours: nothing usable was said */
    CLASS_COUNT
};

enum { STAGE_COUNT = SMTP_STAGE_IDLE + 1 };

/* clang-format off */
static const enum meaning plain[STAGE_COUNT][CLASS_COUNT] = {
    /*                        2xx    3xx    421    4xx         5xx          local       */
    [SMTP_STAGE_CONNECT]  = { NEXT,  NEXT,  NEXT,  NEXT,       NEXT,        NEXT       },
    [SMTP_STAGE_BANNER]   = { NEXT,  NEXT,  NEXT,  NEXT,       NEXT_ALARM,  NEXT       },
    [SMTP_STAGE_EHLO]     = { NEXT,  NEXT,  NEXT,  NEXT,       NEXT_ALARM,  NEXT       },
    [SMTP_STAGE_STARTTLS] = { NEXT,  NEXT,  NEXT,  NEXT_ALARM, NEXT_ALARM,  NEXT_ALARM },
    [SMTP_STAGE_TLS]      = { NEXT,  NEXT,  NEXT,  NEXT,       NEXT_ALARM,  NEXT_ALARM },
    [SMTP_STAGE_AUTH]     = { NEXT,  NEXT,  NEXT,  NEXT,       SUSPEND,     NEXT_ALARM },
    [SMTP_STAGE_MAIL]     = { NEXT,  NEXT,  NEXT,  WAIT,       BOUNCE,      NEXT       },
    [SMTP_STAGE_RCPT]     = { NEXT,  NEXT,  NEXT,  WAIT_ONE,   BOUNCE_ONE,  NEXT       },
    [SMTP_STAGE_DATA]     = { NEXT,  NEXT,  NEXT,  WAIT,       BOUNCE,      NEXT       },
    [SMTP_STAGE_CONTENT]  = { TAKEN, WAIT,  NEXT,  WAIT,       BOUNCE,      WAIT       },
    [SMTP_STAGE_IDLE]     = { NEXT,  NEXT,  NEXT,  NEXT,       NEXT,        NEXT       },
};
/* clang-format on */

/* ---- What an administrator should know ---------------------------------------------------- */

static const char no_address[] =
    "the server's name cannot be resolved: check it under servers, and the name servers under "
    "dns, which must know the names of the other forest";
static const char no_connection[] =
    "the server does not answer: check that it runs (Exchange 2007: the Microsoft Exchange "
    "Transport service; 2000/2003: the SMTP virtual server) and that no firewall closes the port";
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
static const char no_starttls[] =
    "the server offers no STARTTLS: its certificate has expired or does not carry the receive "
    "connector's FQDN (Exchange 2007 events 12014 and 12015), none is installed on the virtual "
    "server (2000/2003), or a firewall inspects SMTP";
static const char broken_starttls[] =
    "the server offers STARTTLS and then cannot start it: its certificate or the right to read "
    "the private key is broken (Exchange 2007 event 12014; renew with New-ExchangeCertificate)";
static const char tls_failed[] =
    "no trusted TLS session: renew the server's certificate, or correct verify, ca or pins of "
    "this send connector; a Windows 2003 server needs KB 948963 for ciphers that are still safe";
static const char bad_credential[] =
    "the server refused our logon: check auth of this send connector, that the account is "
    "neither locked nor expired, and that it holds ms-Exch-SMTP-Submit on the receive connector "
    "(Exchange 2007)";
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
static const char sender_right[] =
    "the account that we log on with may not send as this sender: grant it "
    "ms-Exch-SMTP-Accept-Any-Sender (and ms-Exch-SMTP-Accept-Authoritative-Domain-Sender for "
    "senders of that forest's own domains) with Add-ADPermission on the receive connector";
static const char sender_policy[] =
    "a policy of the other side refuses this sender or this account: on Exchange 2007 grant the "
    "account ms-Exch-SMTP-Accept-Any-Sender with Add-ADPermission on the receive connector; the "
    "message waits until then";
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

/* ---- The exceptions: codes and words that mean something of their own ---------------------- */

#define AT(stage) (1U << SMTP_STAGE_##stage)
#define BEFORE_AUTH (AT(CONNECT) | AT(BANNER) | AT(EHLO) | AT(STARTTLS) | AT(TLS))
#define BEFORE_MAIL (BEFORE_AUTH | AT(AUTH))
#define ENVELOPE (AT(MAIL) | AT(RCPT) | AT(DATA))
#define WHOLE (AT(MAIL) | AT(DATA) | AT(CONTENT))
#define MESSAGE (ENVELOPE | AT(CONTENT))

enum speaker { BOTH, PEER, OURS };
enum { ANY = -1 };

struct special {
    unsigned stages; /* of AT() */
    enum speaker speaker;
    int code;          /* 0 = any, 4 and 5 = the class, else the very code */
    int subject;       /* of the enhanced code, or ANY (then it may be missing) */
    int detail;        /* likewise */
    const char *words; /* somewhere in the text, without case; NULL = whatever it says */
    enum meaning meaning;
    const char *diagnosis;
};

/* The first row that fits decides; when none does, the plain meaning stands. */
/* clang-format off */
static const struct special specials[] = {
    /* stages             who   code sub  det  words                  meaning           diagnosis */
    /* The connection. */
    {BEFORE_MAIL,         OURS, 0,   3,   ANY, NULL,                  NEXT,             our_trouble},
    {AT(CONNECT),         OURS, 0,   4,   3,   NULL,                  NEXT,             no_address},
    {AT(CONNECT),         OURS, 0,   4,   4,   NULL,                  NEXT,             no_address},
    {AT(CONNECT),         BOTH, 0,   ANY, ANY, NULL,                  NEXT,             no_connection},
    {BEFORE_MAIL,         OURS, 0,   4,   ANY, NULL,                  NEXT,             NULL},
    {BEFORE_MAIL,         OURS, 0,   5,   ANY, NULL,                  NEXT,             out_of_step},
    {AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   "service not",         NEXT,             out_of_service},
    {AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   NULL,                  NEXT_FEWER,       too_many},
    {AT(BANNER),          PEER, 5,   ANY, ANY, NULL,                  NEXT_ALARM,       shut_out},
    {AT(EHLO),            PEER, 500, ANY, ANY, NULL,                  NEXT_ALARM,       ehlo_masked},
    {AT(EHLO),            PEER, 502, ANY, ANY, NULL,                  NEXT_ALARM,       ehlo_masked},
    {AT(EHLO),            PEER, 5,   ANY, ANY, NULL,                  NEXT_ALARM,       ehlo_refused},
    /* TLS. */
    {AT(STARTTLS),        OURS, 0,   ANY, ANY, NULL,                  NEXT_ALARM,       no_starttls},
    {AT(STARTTLS),        PEER, 421, ANY, ANY, NULL,                  NEXT,             NULL},
    {AT(STARTTLS),        PEER, 4,   ANY, ANY, NULL,                  NEXT_ALARM,       broken_starttls},
    {AT(STARTTLS),        PEER, 5,   ANY, ANY, NULL,                  NEXT_ALARM,       broken_starttls},
    {AT(TLS),             OURS, 0,   ANY, ANY, NULL,                  NEXT_ALARM,       tls_failed},
    /* The logon. */
    {AT(AUTH),            OURS, 0,   7,   3,   NULL,                  NEXT_ALARM,       basic_missing},
    {AT(AUTH),            OURS, 0,   7,   ANY, NULL,                  NEXT_ALARM,       out_of_step},
    {AT(AUTH),            PEER, 504, ANY, ANY, NULL,                  NEXT_ALARM,       basic_missing},
    {AT(AUTH),            PEER, 530, ANY, ANY, NULL,                  NEXT_ALARM,       basic_missing},
    {AT(AUTH),            PEER, 5,   ANY, ANY, NULL,                  SUSPEND,          bad_credential},
    {AT(AUTH),            PEER, 421, ANY, ANY, NULL,                  NEXT,             NULL},
    {AT(AUTH),            PEER, 4,   ANY, ANY, NULL,                  NEXT,             auth_unsettled},
    /* The session as a whole, noticed late. */
    {ENVELOPE,            OURS, 4,   3,   ANY, NULL,                  WAIT,             our_trouble},
    {ENVELOPE,            PEER, 503, ANY, ANY, NULL,                  NEXT,             out_of_step},
    {ENVELOPE,            PEER, 530, ANY, ANY, "TLS",                 SUSPEND,          tls_wanted},
    {ENVELOPE,            PEER, 530, ANY, ANY, NULL,                  SUSPEND,          logon_wanted},
    /* The sender. */
    {MESSAGE,             PEER, 5,   ANY, ANY, "send as this sender", WAIT_ALARM,       sender_right},
    {AT(MAIL),            PEER, 5,   7,   ANY, NULL,                  WAIT_ALARM,       sender_policy},
    {AT(MAIL),            PEER, 452, 3,   1,   NULL,                  NEXT,             back_pressure},
    /* The recipient. */
    {AT(RCPT),            PEER, 4,   5,   3,   NULL,                  SPLIT,            NULL},
    {AT(RCPT),            PEER, 5,   5,   3,   NULL,                  SPLIT,            NULL},
    {AT(RCPT),            PEER, 452, ANY, ANY, "too many recipients", SPLIT,            NULL},
    {AT(RCPT),            PEER, 552, ANY, ANY, "too many recipients", SPLIT,            NULL},
    {AT(RCPT),            PEER, 5,   1,   1,   NULL,                  BOUNCE_ONE,       unknown_user},
    {AT(RCPT),            PEER, 5,   7,   ANY, "AuthRequired",        BOUNCE_ONE,       members_only},
    {AT(RCPT),            PEER, 5,   ANY, ANY, "relay",               BOUNCE_ONE_ALARM, relay_right},
    {AT(RCPT),            BOTH, 5,   4,   6,   NULL,                  BOUNCE_ONE_ALARM, is_loop},
    {AT(RCPT),            BOTH, 5,   3,   4,   NULL,                  BOUNCE_ONE,       too_big},
    /* The content. 552 without an enhanced code is RFC 5321's "exceeded storage allocation". */
    {WHOLE,               BOTH, 5,   3,   4,   NULL,                  BOUNCE,           too_big},
    {WHOLE,               BOTH, 552, 0,   0,   NULL,                  BOUNCE,           too_big},
    {WHOLE,               BOTH, 5,   4,   6,   NULL,                  BOUNCE_ALARM,     is_loop},
    {WHOLE,               PEER, 5,   ANY, ANY, "hop count",           BOUNCE_ALARM,     is_loop},
    {AT(CONTENT),         OURS, 4,   ANY, ANY, NULL,                  WAIT,             in_doubt},
};
/* clang-format on */

/* ---- Reading the tables ------------------------------------------------------------------- */

/* The words somewhere in the text, without case. */
static bool
says(const struct reply *r, const char *words)
{
    for (struct slice rest = slice(r->text, r->len); rest.len > 0; slice_skip(&rest, 1))
        if (ascii_starts(rest, words))
            return true;
    return false;
}

static bool
code_fits(int code, const struct reply *r)
{
    if (code == 0)
        return true;
    return code < 10 ? r->code / 100 == code : r->code == code;
}

static bool
fits(const struct special *row, const struct smtp_outcome *outcome)
{
    const struct reply *r = &outcome->reply;

    return (row->stages & 1U << outcome->stage) != 0 &&
           (row->speaker == BOTH || (row->speaker == OURS) == r->local) &&
           code_fits(row->code, r) && (row->subject == ANY || row->subject == r->enhanced[1]) &&
           (row->detail == ANY || row->detail == r->enhanced[2]) &&
           (row->words == NULL || says(r, row->words));
}

static enum reply_class
class_of(const struct smtp_outcome *outcome)
{
    const struct reply *r = &outcome->reply;

    if (r->local && !(reply_is_permanent(r) && outcome->stage >= SMTP_STAGE_MAIL))
        return LOCAL;
    if (r->code == 421)
        return CLOSING;
    return reply_is_success(r)     ? SUCCESS
           : reply_is_transient(r) ? TRANSIENT
           : reply_is_permanent(r) ? PERMANENT
                                   : ODD;
}

struct verdict
verdict_of(const struct smtp_outcome *outcome)
{
    must(outcome->stage <= SMTP_STAGE_IDLE);

    for (size_t i = 0; i < COUNT_OF(specials); i++) {
        if (!fits(&specials[i], outcome))
            continue;
        struct verdict special = verdicts[specials[i].meaning];
        special.diagnosis = specials[i].diagnosis;
        return special;
    }
    return verdicts[plain[outcome->stage][class_of(outcome)]];
}

const char *
verdict_scope_text(enum verdict_scope scope)
{
    switch (scope) {
    case SCOPE_RECIPIENT:
        return "recipient";
    case SCOPE_MESSAGE:
        return "message";
    case SCOPE_SERVER:
        return "server";
    case SCOPE_CONNECTOR:
        return "connector";
    }
    never("a scope without a name");
}

const char *
verdict_consequence_text(enum verdict_consequence consequence)
{
    switch (consequence) {
    case CONSEQUENCE_DELIVERED:
        return "delivered";
    case CONSEQUENCE_NEXT_SERVER:
        return "next-server";
    case CONSEQUENCE_DEFER:
        return "defer";
    case CONSEQUENCE_SPLIT:
        return "split";
    case CONSEQUENCE_BOUNCE:
        return "bounce";
    case CONSEQUENCE_SUSPEND:
        return "suspend";
    }
    never("a consequence without a name");
}
