/*
 * tracking.h - what happened to messages, as Exchange 2007's message tracking log says it: one
 * line an event, the fields and their order as in exchange-facts.md 7.1.
 *
 * The subject is never logged: that field stays empty.
 */
#ifndef JOURNAL_TRACKING_H
#define JOURNAL_TRACKING_H

#include "gateway/journal/journal.h"

#define TRACKING_PREFIX "MSGTRK"
#define TRACKING_LOG_TYPE "Message Tracking Log"
#define TRACKING_FIELDS                                                                          \
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id," \
    "source,event-id,internal-message-id,message-id,recipient-address,recipient-status,"         \
    "total-bytes,recipient-count,related-recipient-address,reference,message-subject,"           \
    "sender-address,return-path,message-info"

/* Which field is which. */
enum tracking_field {
    TRACKING_TIME,
    TRACKING_CLIENT_IP,
    TRACKING_CLIENT_HOSTNAME,
    TRACKING_SERVER_IP,
    TRACKING_SERVER_HOSTNAME,
    TRACKING_SOURCE_CONTEXT,
    TRACKING_CONNECTOR,
    TRACKING_SOURCE,
    TRACKING_EVENT,
    TRACKING_ID,
    TRACKING_MESSAGE_ID,
    TRACKING_RECIPIENTS,
    TRACKING_STATUS,
    TRACKING_BYTES,
    TRACKING_RECIPIENT_COUNT,
    TRACKING_RELATED,
    TRACKING_REFERENCE,
    TRACKING_SUBJECT,
    TRACKING_SENDER,
    TRACKING_RETURN_PATH,
    TRACKING_INFO,
    TRACKING_FIELD_COUNT
};

struct tracking_event {
    int64_t unix_ms;
    const char *source; /* "SMTP", "ROUTING", "DSN", "ADMIN" */
    const char *event;  /* "RECEIVE", "SEND", "DEFER", "FAIL", "DSN", "REDIRECT" ... */
    struct slice client_ip, client_hostname;
    struct slice server_ip, server_hostname; /* SEND, DEFER, FAIL: the peer's */
    struct slice context, connector;
    uint64_t id; /* queue id */
    struct slice message_id;
    struct slice recipients, status; /* lists with ';' between them */
    uint64_t bytes;
    size_t recipient_count;
    struct slice related;   /* a recipient that the event is about, of another message */
    struct slice reference; /* Message-ID of that other message */
    struct slice sender;    /* the envelope's */
};

/* The line, without CR LF, appended. */
void tracking_put(struct buf *line, const struct tracking_event *e);

/* The fields of such a line, with their quotes and doubled quotes as they stand. False: it is
 * none (a head line, a line that was cut). */
bool tracking_split(struct slice line, struct slice fields[TRACKING_FIELD_COUNT]);

/* A field's value without its quotes, in room (as long as the field). */
struct slice tracking_value(struct slice field, char *room);

#endif
