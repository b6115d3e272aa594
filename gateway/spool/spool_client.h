/*
 * spool_client.h - the spool's side of a client: whoever hands in holds it until the answer.
 */
#ifndef SPOOL_SPOOL_CLIENT_H
#define SPOOL_SPOOL_CLIENT_H

#include "gateway/spool/request.h"

struct spool *spool_client_spool(const struct spool_client *c);

struct spool_client *spool_client_ref(struct spool_client *c);

/* A settled request goes home; the reference it held goes with it. When this is the first answer
 * since the last spool_client_wake_all(), the client joins the list *to_wake. */
void spool_client_answer(struct request *request, struct spool_client **to_wake);

/* Wake each of the list, once, and empty it. */
void spool_client_wake_all(struct spool_client **to_wake);

#endif
