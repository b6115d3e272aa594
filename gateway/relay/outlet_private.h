/*
 * outlet_private.h - the inside of an outlet, shared by outlet.c (ready list and pump),
 * outlet_life.c (begin, reload, end), outlet_servers.c (addresses), outlet_health.c (what came of
 * them), outlet_decide.c and outlet_settle.c (outcomes), outlet_check.c (quiet looks),
 * outlet_notice.c (what the board says) and outbound.c.
 */
#ifndef RELAY_OUTLET_PRIVATE_H
#define RELAY_OUTLET_PRIVATE_H

#include "gateway/relay/outlet.h"
#include "gateway/route/diagnosis.h"
#include "gateway/route/evidence.h"
#include "gateway/route/limits.h"
#include "gateway/route/verdict.h"

enum {
    READY_MAX = 2000,                /* deliveries in memory */
    READY_LOW = READY_MAX / 2,       /* below this the spool is looked at again */
    READY_OCTETS = 48 * 1024 * 1024, /* beyond this only ids are kept */
    LANES_MAX = 64,
    ID_BUCKETS = 4096,
    MAKING_MAX = 3, /* connections being made: each may log on with a password that has just
                       become wrong, and directories lock accounts after five or so */
    ADDRESSES_FRESH_MS = 60 * 1000, /* names are looked up again after this (cache: resolver) */
    SUSPENDED_MS =
        CREDENTIAL_REFUSED_MS,        /* the slow retry of a connector with the wrong password */
    LOOK_MS = 8 * 1000,               /* all of a quiet look at a server */
    LOGON_AGAIN_MS = 10 * 60 * 1000,  /* a logon by a look, after one without a clear answer */
    EXCH50_AGAIN_MS = 60 * 60 * 1000, /* blobs, where one was answered by 421 */
    RECORD_AGAIN_MS = 5 * 1000,
    LOOK_AGAIN_MS = 60 * 1000, /* at what could not be read, or opened, for want of memory */
};

/* What ended connections to a server, and is not sent there again; forgotten with a reload. */
struct lane_avoids {
    uint64_t exch50_until_ms; /* blobs; UINT64_MAX: until the reload */
    bool unended;             /* chunks whose last line has no end */
};

/* One address of one server. */
struct lane {
    size_t server;  /* index in the connector's list */
    char host[256]; /* as the configuration calls it: survives a reload */
    uint16_t port;
    struct sockaddr_storage addr;
    char name[CREDENTIAL_SERVER_TEXT]; /* "[192.0.2.1]:25" */
    uint64_t logon_refused_until_ms;   /* there, and perhaps nowhere else */
    struct server_limits limits;
    bool current;       /* found by the last look-up */
    uint64_t last_turn; /* of the outlet's count of messages, when it last got one */
    struct evidence evidence;
    char last_error[BOARD_ERROR_MAX]; /* "" = none since the last success */
    char tls[16];                     /* these four of the last connection; "" = in clear */
    char cipher[64];
    char verified[16];
    int64_t peer_expires_unix_s;
    int64_t tls_unix_s; /* the last TLS session with it; 0 = none yet */
    struct hop_offers offers;
    struct lane_avoids avoids;
};

/* A quiet look whether a server takes mail. */
struct outlet_check {
    bool wanted;                     /* asked for, not answered yet */
    uint64_t tried;                  /* a bit for each lane that was looked at */
    struct outbound *connection;     /* under way, at most one */
    uint64_t logon_refused_until_ms; /* by any connector that uses the same credential */
    uint64_t patience_ms;            /* with each server: LOOK_MS but in tests */
    uint64_t logon_doubted_until_ms; /* the last one of a look got no clear answer */
};

/* Steps of a connection, and of a message on it, as the metrics call them. */
enum delivery_stage {
    DELIVERY_CONNECT,
    DELIVERY_GREETING,
    DELIVERY_TLS,
    DELIVERY_LOGON,
    DELIVERY_ENVELOPE,
    DELIVERY_CONTENT,
    DELIVERY_STAGES
};

struct outlet_counters {
    counter *delivered;
    counter *deferred;
    counter *bounced;
    counter *expired;
    counter *connected;
    counter *failed;
    counter *open;
    counter *checked_up;
    counter *checked_down;
    counter *logons_refused;
    struct histogram *stages[DELIVERY_STAGES];
    struct histogram *queue_seconds;
    struct histogram *seconds;
};

struct outlet {
    struct outlet *next; /* of the same worker */
    struct worker *worker;
    struct runtime *runtime; /* connector is in its config */
    const struct send_connector *connector;
    char name[64];
    struct outlet_counters count;

    struct delivery *ready_first; /* fresh and due, oldest first */
    struct delivery *ready_last;
    size_t ready_count;
    size_t ready_octets;
    struct delivery *by_id[ID_BUCKETS]; /* ready and in flight */
    size_t in_flight;                   /* at a connection or being recorded */
    bool behind;                        /* the spool may hold more that is due */
    int64_t next_due_unix_ms;
    uint64_t found_to; /* the highest id that came out of the spool and not in a parcel */

    struct lane lanes[LANES_MAX];
    size_t lane_count;
    size_t next_lane; /* round-robin */
    uint64_t turn;    /* counts messages given to connections */
    uint64_t addresses_at_ms;
    size_t look_ups; /* under way */
    struct outlet_look_up *look_up_list;

    struct outbound *connections; /* all, intrusive list */
    size_t connection_count;
    size_t making_count; /* of them: not yet ready for the first time */

    struct settlement *unrecorded; /* the spool had no room for their outcomes: tried again */

    bool is_queue_suspended; /* by an operator: nothing is tried until resumed */
    uint64_t suspended_until_ms;
    struct credential_id credential; /* of the connector in force */
    bool waits_for_credential;       /* suspended until it may be tried again, and no longer */
    bool on_probation;        /* was suspended: one connection at a time until a server works */
    unsigned senders_refused; /* different ones in a row */
    uint64_t refused_senders[VERDICT_SENDERS_IN_A_ROW]; /* their hashes */
    bool was_tried;
    bool retiring;
    char last_error[BOARD_ERROR_MAX];
    uint64_t last_error_ms;
    uint64_t last_delivery_ms;
    uint64_t names_failed_ms; /* the last look-up of a name failed */
    struct outlet_check check;
    struct board_place *place;

    struct timer *timer; /* next_due, blocked lanes, suspension: whatever comes first */
};

/* ---- outlet.c ---- */
void outlet_on_timer(void *outlet);
/* The spool keeps what is ready. */
void outlet_drop_ready(struct outlet *o);
/* Give work to connections, open what may be opened, arm the timer. */
void outlet_pump(struct outlet *o);
/* The next delivery with something open, taken from the ready list; NULL: none, or not now. */
struct delivery *outlet_next(struct outlet *o);
/* Back to the front of the ready list: not tried, or to be tried at the next server at once. An
 * outlet that retires leaves it to the spool. */
void outlet_put_back(struct outlet *o, struct delivery *d);
/* It is decided and recorded (or the record is gone): forget it, but not the recipients that are
 * due later. */
void outlet_forget(struct outlet *o, struct delivery **d);

/* ---- outlet_servers.c ---- */
void outlet_find_servers(struct outlet *o); /* start look-ups if the addresses are stale */
void outlet_stop_look_ups(struct outlet *o);
struct lane *outlet_choose_lane(struct outlet *o, uint64_t now_ms);
/* Round-robin: a server that has no connection and may have one; NULL: none. */
struct lane *outlet_unvisited_lane(struct outlet *o, uint64_t now_ms);
/* When the first blocked lane may be tried again; UINT64_MAX: none is blocked. */
uint64_t outlet_lane_wake_ms(const struct outlet *o);
/* Until when this one must wait; may be past. */
uint64_t outlet_blocked_until_ms(const struct lane *lane);
/* When a server may be asked with this credential again; 0: one may be now, or none is known. */
uint64_t outlet_logon_wake_ms(struct outlet *o, const struct credential_state *state);
/* How many addresses there are to try. */
size_t outlet_lanes_known(const struct outlet *o);

/* ---- outlet_health.c ---- */
/* What to say about an outcome, with all that is known here; lane and by may be NULL. */
struct diagnosis outlet_diagnosis(const struct outlet *o, const struct lane *lane,
                                  const struct outbound *by, const struct smtp_outcome *why);
/* It becomes the connector's last error. */
void outlet_remember_error(struct outlet *o, const struct lane *lane, const struct outbound *by,
                           const struct smtp_outcome *why);
/* A TLS session is open: should STARTTLS be gone one day, that and its certificate are known. */
void outlet_met_tls(struct outlet *o, struct lane *lane, const struct outbound *by);
/* A connection (or an attempt at one, by NULL) failed as a whole. */
void outlet_server_failed(struct outlet *o, struct lane *lane, const struct outbound *by,
                          const struct smtp_outcome *why);
void outlet_server_works(struct outlet *o, struct lane *lane, const struct outbound *by);
/* is_alarm: somebody must be told, and was not yet. */
void outlet_suspend(struct outlet *o, const char *why, uint64_t until_ms, bool is_alarm);
/* Another connector may have met, or repaired, what concerns this one's credential too: what
 * waits is held back from it, or let go. */
void outlet_heed_credential(struct outlet *o);
struct timetable outlet_connection_timetable(const struct outlet *o);
/* The same for one that only looked: no suspension, and a server that was blocked already is not
 * blocked for longer; one that would have had more time from mail is not blocked at all. */
void outlet_look_failed(struct outlet *o, struct lane *lane, const struct outbound *by,
                        const struct smtp_outcome *why);

/* It was ready, but nothing is known of the logon: only evidence. */
void outlet_look_worked(struct outlet *o, struct lane *lane, const struct outbound *by);

/* ---- outlet_check.c ---- */
/* Go on with a look: an address became known, or the connection before has ended. */
void outlet_check_go(struct outlet *o);
/* What a quiet connection found: NULL: the server is ready for mail. */
void outlet_checked(struct outlet *o, struct outbound *by,
                    const struct smtp_outcome *why_or_null);
void outlet_check_stop(struct outlet *o);
bool outlet_may_log_on(const struct outlet *o); /* on a quiet connection */

/* ---- outlet_notice.c ---- */
/* Something about the connector or a server has changed: tell the board. */
void outlet_notice(struct outlet *o);
void outlet_notice_counts(struct outlet *o);
void outlet_notice_connections(struct outlet *o, const struct lane *lane);
void outlet_notice_delivered(struct outlet *o, struct lane *lane);

/* ---- outlet_settle.c ---- */
/* Every open recipient of d has an outcome: log it, decide, record. d is taken. When the spool
 * has recorded, outbound_recorded() is called on `by` if that connection still exists. */
void outlet_settle(struct outlet *o, struct delivery **take_d, struct smtp_outcome *outcomes,
                   struct outbound *by);
/* The gateway ends: what could not be recorded is given up; it is delivered once more after. */
void outlet_drop_settlements(struct outlet *o);

#endif
