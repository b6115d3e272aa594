/*
 * queued.h - where mail that was accepted already goes by the configuration in force. Pure.
 *
 * As recipient.h, but custody was taken: what the session's connector may no longer do (or the
 * connector itself is gone) does not strand the message; it is then routed like our own reports,
 * without the own-forest rule and allow_from.
 */
#ifndef ROUTE_QUEUED_H
#define ROUTE_QUEUED_H

#include "config/config.h"

/* receive_connector: the name that the envelope has, "" for our own reports. NULL: no way leads
 * there; why (size octets, may be NULL) says so in a sentence. */
const struct send_connector *route_queued(const struct config *config,
                                          struct slice receive_connector, struct slice address,
                                          char *why, size_t size);

#endif
