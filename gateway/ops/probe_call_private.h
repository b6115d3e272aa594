/*
 * probe_call_private.h - the inside of a probe's conversation:
 *
 *   probe_call.c        connecting, the conversation, time, the end
 *   probe_call_notes.c  what of it is written down in the result
 */
#ifndef OPS_PROBE_CALL_PRIVATE_H
#define OPS_PROBE_CALL_PRIVATE_H

#include "gateway/net/conn.h"
#include "gateway/net/timer.h"
#include "gateway/ops/probe_call.h"

enum probe_phase { PHASE_CONNECT, PHASE_TALK, PHASE_HANDSHAKE, PHASE_OVER };

struct probe_call {
    const struct probe_settings *settings;
    struct probe_result *result;
    struct loop *loop;
    struct timer *timer;
    struct conn *conn;
    struct smtp_client *engine; /* NULL until connected */
    enum probe_phase phase;
    const struct sockaddr_storage *addresses;
    size_t address_count;
    size_t address;       /* the one that is tried */
    char dead_ends[256];  /* addresses before it, and why not */
    uint64_t begun_us;    /* all of it */
    uint64_t mark_us;     /* this step */
    uint64_t deadline_ms; /* of all */
    uint64_t attempt_ms;  /* of the present address */
    size_t mails_asked;   /* envelopes */
    bool quitting;
    size_t rcpt_count; /* answered */
    struct smtp_outcome outcomes[PROBE_TO_MAX];
    void (*on_over)(void *context);
    void *context;
};

/* How long it is since the last step. */
uint64_t probe_call_lap(struct probe_call *c);

/* Of smtp_client_settings: context is the call. */
void probe_call_on_reply(void *context, enum smtp_stage stage, const struct reply *r);
void probe_call_on_hello_line(void *context, struct slice line);

/* What went wrong here, in the shape of a reply. */
void probe_call_note_local(struct probe_call *c, enum smtp_stage stage, const char *enhanced,
                           const char *text);

/* The engine failed: a refusal is a step already; what it found out by itself becomes one. */
void probe_call_note_failure(struct probe_call *c);

/* The handshake is done, or failed while the conn is still there. */
void probe_call_note_tls(struct probe_call *c);
void probe_call_note_tls_failure(struct probe_call *c, const char *why);

/* Version and cipher are agreed on by the time that a certificate comes, refused or not. */
void probe_call_note_session(struct probe_call *c);

#endif
