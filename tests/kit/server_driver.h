/*
 * server_driver.h - a receiving conversation with somebody around it: what a gateway does, on a
 * hand-wound clock, with simple answers. For dialogues, table tests and fuzzing.
 *
 * Answers unless told otherwise: a logon with the password "secret" is good, every sender and
 * every recipient but <nobody@...> is taken, content may come and the message is accepted.
 */
#ifndef KIT_SERVER_DRIVER_H
#define KIT_SERVER_DRIVER_H

#include "gateway/base/buf.h"
#include "gateway/mail/smtp_server.h"

enum {
    DRIVER_PREPARED = 16,
    SERVER_DRIVER_START = 1000 /* ms: when the driver's clock begins */
};

struct server_driver {
    struct smtp_server *server;
    uint64_t now_ms;
    struct buf in;    /* sent by the client; does not move while a BODY question points into it */
    size_t in_used;   /* the first octets of in, used by the engine */
    struct buf said;  /* all that the server put on the wire */
    struct buf asked; /* one line for each question but BODY, in order */
    struct buf message; /* content of the message under way, or of the last one */
    bool deaf;          /* the client does not read: the output stays where it is */
    enum smtp_ask held; /* this question is left open; SMTP_ASK_NOTHING: none is */
    struct {
        enum smtp_ask ask; /* SMTP_ASK_NOTHING: used up */
        struct reply reply;
    } prepared[DRIVER_PREPARED]; /* BODY: refuse the content */
    bool noted;                  /* the open question is in `asked` */
    unsigned transactions;       /* open ones: 0 or 1 */
};

struct smtp_server_settings server_driver_settings(void); /* TLS and AUTH required, as shipped */

void server_driver_init(struct server_driver *d, const struct smtp_server_settings *settings);
/* With an engine that was made elsewhere, from now on ours. */
void server_driver_adopt(struct server_driver *d, struct smtp_server *server);
void server_driver_fini(struct server_driver *d);

/* The client sends this; all that follows from it happens. */
void server_driver_send(struct server_driver *d, struct slice octets);
void server_driver_send_str(struct server_driver *d, const char *text);

/* Go on: after a change of held or deaf, or of the clock. */
void server_driver_pump(struct server_driver *d);
void server_driver_wait(struct server_driver *d, uint64_t ms);

/* The next question of this kind gets this answer. */
void server_driver_prepare(struct server_driver *d, enum smtp_ask ask, const struct reply *reply);

enum smtp_ask server_driver_open_question(const struct server_driver *d);

#endif
