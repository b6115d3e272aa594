#include "gateway/route/verdict.h"

#include "gateway/route/outcome.h"

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

/* ---- The exceptions: codes and words that mean something of their own ---------------------- */

#define BEFORE_MAIL (AT(BANNER) | AT(EHLO) | AT(STARTTLS) | AT(TLS) | AT(AUTH))
#define ENVELOPE (AT(MAIL) | AT(RCPT) | AT(DATA))
#define WHOLE (AT(MAIL) | AT(DATA) | AT(CONTENT))
#define MESSAGE (ENVELOPE | AT(CONTENT))

struct special {
    struct outcome_pattern pattern;
    enum meaning meaning;
};

/* The first row that fits decides; when none does, the plain meaning stands. */
/* clang-format off */
static const struct special specials[] = {
    /*  stages             who   code sub  det  words                    meaning */
    /* Before mail. */
    {{BEFORE_MAIL,         OURS, 0,   3,   ANY, NULL},                  NEXT},
    {{BEFORE_MAIL,         OURS, 0,   4,   ANY, NULL},                  NEXT},
    {{BEFORE_MAIL,         OURS, 0,   5,   ANY, NULL},                  NEXT},
    {{AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   "service not"},         NEXT},
    {{AT(BANNER)|AT(EHLO), PEER, 421, 3,   2,   NULL},                  NEXT_FEWER},
    {{AT(AUTH),            PEER, 504, ANY, ANY, NULL},                  NEXT_ALARM},
    {{AT(AUTH),            PEER, 530, ANY, ANY, NULL},                  NEXT_ALARM},
    /* The session as a whole, noticed late. */
    {{ENVELOPE,            OURS, 4,   3,   ANY, NULL},                  WAIT},
    {{ENVELOPE,            PEER, 503, ANY, ANY, NULL},                  NEXT},
    {{ENVELOPE,            PEER, 530, ANY, ANY, NULL},                  SUSPEND},
    /* The sender. */
    {{MESSAGE,             PEER, 5,   ANY, ANY, "send as this sender"}, WAIT_ALARM},
    {{AT(MAIL),            PEER, 5,   7,   ANY, NULL},                  WAIT_ALARM},
    {{AT(MAIL),            PEER, 452, 3,   1,   NULL},                  NEXT}, /* back pressure */
    /* The recipient. */
    {{AT(RCPT),            PEER, 4,   5,   3,   NULL},                  SPLIT},
    {{AT(RCPT),            PEER, 5,   5,   3,   NULL},                  SPLIT},
    {{AT(RCPT),            PEER, 452, ANY, ANY, "too many recipients"}, SPLIT},
    {{AT(RCPT),            PEER, 552, ANY, ANY, "too many recipients"}, SPLIT},
    {{AT(RCPT),            PEER, 5,   1,   1,   NULL},                  BOUNCE_ONE},
    {{AT(RCPT),            PEER, 5,   7,   ANY, "AuthRequired"},        BOUNCE_ONE},
    {{AT(RCPT),            PEER, 5,   ANY, ANY, "relay"},               BOUNCE_ONE_ALARM},
    {{AT(RCPT),            BOTH, 5,   4,   6,   NULL},                  BOUNCE_ONE_ALARM}, /* a loop */
    /* The content: a loop. */
    {{WHOLE,               BOTH, 5,   4,   6,   NULL},                  BOUNCE_ALARM},
    {{WHOLE,               PEER, 5,   ANY, ANY, "hop count"},           BOUNCE_ALARM},
};
/* clang-format on */

/* ---- Reading the tables ------------------------------------------------------------------- */

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

    for (size_t i = 0; i < COUNT_OF(specials); i++)
        if (outcome_fits(&specials[i].pattern, outcome))
            return verdicts[specials[i].meaning];
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
