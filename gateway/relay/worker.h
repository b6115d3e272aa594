/*
 * worker.h - one thread of the gateway: a loop with its sessions, its outlets and their shared
 * means. What must be one per process (spool, log, metrics, memory of logons) is borrowed here.
 *
 * Ownership (design.md 4): each send connector has one owner among the workers (ownership.h). A
 * session that took custody of a message offers the parcel to the owners of its connectors; only
 * ids and reference-counted parcels cross between workers, through mailboxes. Whatever else is
 * asked of a worker comes as a letter (crew.c): nobody touches another's sessions or outlets.
 */
#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include "gateway/base/log.h"
#include "gateway/base/metrics.h"
#include "gateway/net/job.h"
#include "gateway/net/loop.h"
#include "gateway/net/mailbox.h"
#include "gateway/net/resolve.h"
#include "gateway/net/timer.h"
#include "gateway/net/waker.h"
#include "gateway/relay/answers.h"
#include "gateway/relay/board.h"
#include "gateway/relay/credentials.h"
#include "gateway/relay/ownership.h"
#include "gateway/relay/parcel.h"
#include "gateway/relay/runtime.h"
#include "gateway/route/admission.h"
#include "gateway/route/logon_memory.h"
#include "tls/keyed_hash.h"

struct auth_job;
struct changes;
struct giving_up;
struct inbound;
struct journal;
struct outlet;
struct pressure_watch;
struct protocol_log;
struct report_limit;
struct queue_walk;
struct rerouting;
struct roundtrips;
struct route_memory;
struct tls_diary;

enum { WORKERS_MAX = 64 };

/* What all workers share; borrowed from app.c, which outlives them. */
struct workshop {
    struct log *log;
    struct metrics *metrics;
    struct board *board; /* what the owners of connectors say of them; NULL: nobody reads it */
    struct spool *spool;
    struct logon_memory *logons;
    struct credentials *credentials; /* what we log on with elsewhere; NULL: nothing is known */
    struct admission *admission;
    struct keyed_hash_key trace_key;
    struct ownership *ownership;
    struct roundtrips *roundtrips;       /* NULL: nobody asks for any */
    struct report_limit *report_limit;   /* NULL: no limit */
    struct protocol_log *protocol_log;   /* NULL: none is kept */
    struct journal *tracking;            /* NULL: no tracking log is kept */
    struct pressure_watch *pressure;     /* NULL: nobody watches */
    struct changes *changes;             /* NULL in tests: nobody asks */
    struct tls_diary *diary;             /* worker 0 looks at it; NULL in tests */
    struct worker *workers[WORKERS_MAX]; /* filled by worker_new */
    size_t worker_count;
};

struct worker {
    struct workshop *shop;
    size_t index;
    struct loop *loop;
    struct runtime *runtime; /* in force */
    struct spool_client *spool_client;
    struct waker *answers_waker;
    struct answers *answers;
    struct mailbox *mailbox;     /* parcels offered by other workers */
    _Atomic bool mailbox_missed; /* one was refused, for want of room: it is in the spool */
    struct resolver *resolver;
    struct job_gate *password_gate;
    struct auth_job *auth_jobs; /* password checks under way; inbound_auth.c */
    struct timer *tick;         /* once a minute: deadlines, unreachable mail, gauges */

    struct inbound *sessions;      /* intrusive list */
    size_t sender_checks;          /* of these: those whose sender is asked about in DNS */
    size_t refused_count;          /* of these: connections that are told no, and wait for QUIT */
    _Atomic size_t session_count;  /* changed here, read by whoever shares out connections */
    struct outlet *outlets;        /* intrusive list */
    struct spool_place noticed_to; /* deadlines.c: how far each index was looked through */
    struct spool_place expired_to;
    struct giving_up *giving_up; /* giveup.c: what is being recorded, intrusive list */
    struct route_memory *routes; /* of the configuration in force */
    struct queue_walk *walk;     /* through what it may have changed */
    uint64_t configurations;     /* that were used, while nobody else counts */
    struct rerouting *rerouting; /* reroute.c: what is being recorded, intrusive list */
    size_t rerouting_count;
    bool draining;
    void (*on_idle)(void *context); /* draining and nothing is under way any more */
    void *on_idle_context;
};

/* Makes worker number `index` and enters it in the shop. */
MUST_USE bool worker_new(struct workshop *shop, size_t index, struct loop *loop,
                         struct runtime *runtime, struct worker **out, struct err *err);
/* Sessions and connections are cut. NULL is fine. */
void worker_free(struct worker **w);

/* A configuration comes into force: new sessions and the next messages use it. False: w->runtime
 * is as it was; or it is the new one, and there was no memory for some of its connectors, whose
 * mail waits until this is called again. */
MUST_USE bool worker_use(struct worker *w, struct runtime *runtime, struct err *err);

/* A message came into custody here: every owner of one of its connectors gets to know. */
void worker_offer(struct worker *w, struct parcel *parcel);

/* Finish what is under way, take nothing new; on_idle is called once, from the loop. */
void worker_drain(struct worker *w, void (*on_idle)(void *context), void *context);
/* Called by sessions when one of them ended. */
void worker_look_idle(struct worker *w);
/* Something ended at an outlet that takes nothing new: the worker may be idle, or the mail of a
 * connector that is gone can be given another one. */
void worker_outlet_ebbs(struct worker *w);

/* forestgate queue retry: the connector of that name, or all with "". How many were woken. */
size_t worker_retry(struct worker *w, struct slice connector);

/* As outlet_heed_edit(), for all outlets. Without ids: whole queues were changed, or an operator
 * is done with many messages; ages and routes are looked at anew. */
size_t worker_heed_edit(struct worker *w, const uint64_t *ids, size_t count);

/* Somebody asks whether mail could go through this connector of ours: look, if nothing fresh is
 * known. The answer comes to the board. */
void worker_check(struct worker *w, struct slice connector);

/* Does this worker look after recipients of that connector? Also when it is in no configuration
 * any more; those without any ("") are worker 0's. */
bool worker_owns(const struct worker *w, struct slice connector);

/* The outlet of a connector if it is this worker's; NULL otherwise. */
struct outlet *worker_outlet(const struct worker *w, struct slice connector);

#endif
