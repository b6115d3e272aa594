/*
 * outbound_private.h - the inside of a connection to a server: outbound.c is the connection,
 * outbound_steps.c what it does next, outbound_message.c the message on it.
 */
#ifndef RELAY_OUTBOUND_PRIVATE_H
#define RELAY_OUTBOUND_PRIVATE_H

#include "gateway/net/conn.h"
#include "gateway/relay/outbound.h"
#include "gateway/relay/protocol_log.h"
#include "gateway/route/header_filter.h"

/* Whose deadline it is. */
enum waits_for {
    WAITS_FOR_CONNECT,
    WAITS_FOR_SERVER, /* the engine's own deadlines (RFC 5321 4.5.3.2) */
    WAITS_FOR_TLS,
    WAITS_FOR_LOGON, /* others log on with the same credential */
    WAITS_FOR_WORK,  /* idle, ready for a message */
    WAITS_FOR_QUIT,
};

enum {
    OUTBOUND_PREFIX_MAX = HEADER_FILTER_MAX + 4096, /* a filtered header behind our trace field */
    OUTBOUND_PREFIX_KEPT = 8192, /* octets of memory that stay for the next message */
};

struct outbound {
    struct outbound *next; /* of the same outlet */
    struct outlet *outlet;
    struct runtime *runtime; /* what it was opened with */
    const struct send_connector *connector;
    struct lane *lane;
    uint64_t serial;
    struct conn *conn;
    struct smtp_client *engine;        /* NULL until connected */
    struct protocol_session *protocol; /* NULL: it is not written down */
    struct timer *timer;
    uint64_t opened_ms;
    uint64_t lap_us; /* when the stage that is under way began */
    enum waits_for waits_for;
    uint64_t deadline_ms; /* unless it waits for the server */
    uint32_t sent_count;
    char server_text[128];
    struct tls_trouble trouble; /* of the handshake; kind NONE: it has not failed */

    struct delivery *d; /* under way */
    struct smtp_outcome *outcomes;
    struct slice *addresses; /* of the open recipients: what the trace field is made of ... */
    struct smtp_to *to;      /* ... and as the engine wants them */
    size_t room_count;       /* how many fit into outcomes and to */
    struct buf prefix;       /* our trace field, and the header where it was filtered */
    size_t prefix_sent;
    size_t unrecorded; /* messages before whose outcomes are not on disk yet: one that was taken,
                          and any that were refused before their dot was due */
    uint64_t body_sent;
    char *scratch; /* for bodies in files; only while one is sent */

    struct credential_id credential; /* that it logs on with */
    uint64_t lease;                  /* to do so; 0: none, or settled */
    uint64_t logon_by_ms;            /* how long it waits for one */
    bool had_turn;                   /* may say what belongs to AUTH */

    bool is_quiet;       /* looks whether the server takes mail, and brings none */
    bool may_log_on;     /* was asked to, if there is an account; what it found says so much */
    bool lost_patience;  /* a look had to end before the server's own time was over */
    bool was_ready;      /* counted as made */
    bool in_content;     /* the server has taken the envelope */
    bool body_done;      /* all octets given; the dot may be held back */
    bool failed_counted; /* the lane knows that this connection failed */
    bool retiring;       /* QUIT when idle */
    bool over;           /* closed; only its place is kept until all is recorded */
    bool driving;        /* drive() is on the stack: inner calls leave the work to it */
};

/* On until the engine waits. May end b: nothing behind a call of this, but where driving is set.
 */
void outbound_drive(struct outbound *b);

void outbound_wait_for(struct outbound *b, enum waits_for what, uint64_t ms);

/* A stage has ended, and the next one begins. */
void outbound_lap(struct outbound *b, enum delivery_stage stage);

/* ---- outbound_logon.c ---- */

/* Connected: is it to log on? b->may_log_on says so. */
void outbound_plan_logon(struct outbound *b);
/* Before each write: AUTH, the password with it, is held back until it is this connection's turn.
 * However long a server took to get there, nobody holds a lease for it before. */
enum outbound_turn {
    TURN_GO,    /* or this is not about AUTH */
    TURN_LATER, /* WAITS_FOR_LOGON, to ask again */
    TURN_NEVER, /* it is refused meanwhile, or others took too long */
};
enum outbound_turn outbound_turn_to_log_on(struct outbound *b);
/* What became of it: the server is ready, it said no, or there is no connection any more. */
void outbound_logon_worked(struct outbound *b);
void outbound_logon_refused(struct outbound *b);
void outbound_logon_over(struct outbound *b);

/* ---- outbound_steps.c ---- */

/* What one step of the conversation came to. */
enum outbound_step {
    STEP_AGAIN,
    STEP_WAIT,
    STEP_OVER, /* the connection is to be ended */
};

/* Do one thing that the engine asks for. */
enum outbound_step outbound_step(struct outbound *b);

/* ---- outbound_message.c ---- */

/* Give the engine as much of the message as it takes now. False: it takes no more for the moment,
 * or its final dot is held back. */
bool outbound_give_body(struct outbound *b, uint64_t now_ms);
/* Hand the delivery and its outcomes to the outlet. */
void outbound_settle(struct outbound *b);
/* Hand the delivery back untried. */
void outbound_give_back(struct outbound *b);

/* ---- outbound_exch50.c ---- */

/* What goes along with the message by XEXCH50; "" = nothing, and if there was something, that is
 * counted. */
struct slice outbound_exch50(const struct outbound *b);
/* The engine has the outcomes of a transaction: what became of it? */
void outbound_note_exch50(const struct outbound *b);

#endif
