/*
 * explain_private.h - the inside of the explanation: explain.c is the journey, explain_ways.c who
 * could be asking, explain_message.c the fields of a message, explain_page.c how it looks.
 */
#ifndef ROUTE_EXPLAIN_PRIVATE_H
#define ROUTE_EXPLAIN_PRIVATE_H

#include "gateway/mail/smtp_server.h"
#include "gateway/route/accept.h"
#include "gateway/route/explain.h"
#include "gateway/route/firewall.h"

enum { EXPLAIN_PATH_ROOM = ADDRESS_MAX + 8 };

struct question {
    const struct config *config;
    const struct explain_question *asked;
    char from_path[EXPLAIN_PATH_ROOM], to_path[EXPLAIN_PATH_ROOM];
    struct smtp_mail mail;
    struct smtp_rcpt rcpt;
    struct buf *out;
};

/* ---- explain_page.c ---- */

void explain_heading(struct buf *out, const char *text);

/* "  label   text   [file:line]", the text wrapped; no place when no line of the file says so. */
void explain_row(struct buf *out, const char *label, struct where where, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

void explain_reply_row(struct buf *out, const char *label, const struct decision *d);

/* ---- explain_ways.c ---- */

/* A way in: a receive connector, and by what the client came to it. */
struct way_in {
    const struct receive_connector *connector;
    const struct listener *listener; /* this and network: NULL when no client was given */
    const struct network *network;
    const struct account *account; /* NULL: none was given */
};

/* The one way in that is meant, or false with the reason written. */
bool explain_find_way(const struct question *q, struct way_in *way);

/* ---- explain_message.c ---- */

/* The connectors that a message passes. */
struct explain_passage {
    const struct receive_connector *in;
    const struct send_connector *out;
};

/* Whether fields of this class, called so, pass; and if not, which right is missing where. */
void explain_fields(struct buf *out, const char *what, enum firewall_class class,
                    const struct explain_passage *by);

/* The fields of the message that was asked about, as far as anybody decides about them. False:
 * the message would be refused by *d. */
bool explain_message(const struct question *q, const struct explain_passage *by,
                     struct decision *d);

#endif
