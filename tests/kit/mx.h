/*
 * mx.h - a mail server in clear, in a thread of its own: a test says how one session goes.
 */
#ifndef KIT_MX_H
#define KIT_MX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/must.h"

struct mx {
    int listener;
    uint16_t port; /* on 127.0.0.1 */
    void (*serve)(int fd, void *context);
    void *context;
    pthread_t thread;
};

/* serve is called for one session after the other, and fd closed behind it. */
void mx_open(struct mx *m, void (*serve)(int fd, void *context), void *context);
void mx_close(struct mx *m);

/* Appends what comes, up to the end of a line, to the text that is in line. False: the client is
 * gone, or the room is full. */
MUST_USE bool mx_hear_line(int fd, char *line, size_t room);

#endif
