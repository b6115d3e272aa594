/*
 * hub_private.h - what the files of the set-up of 2007 and 2010 share. Each hub_*() writes the
 * steps of its subject behind those that are there: hub.c has the order.
 */
#ifndef EXCHANGE_HUB_PRIVATE_H
#define EXCHANGE_HUB_PRIVATE_H

#include "gateway/exchange/hub.h"
#include "gateway/exchange/quote.h"

struct hub {
    struct exchange_document *d;
    const struct exchange_plan *p;
};

/* Lines of PowerShell that do, check (read-only) and undo; sentences for people. */
#define HUB_DO(h, ...) exchange_put((h)->d, EXCHANGE_DO, EXCHANGE_SHELL, NULL, __VA_ARGS__)
#define HUB_CHECK(h, ...) exchange_put((h)->d, EXCHANGE_CHECK, EXCHANGE_SHELL, NULL, __VA_ARGS__)
#define HUB_UNDO(h, ...) exchange_put((h)->d, EXCHANGE_UNDO, EXCHANGE_SHELL, NULL, __VA_ARGS__)
#define HUB_SAY(h, part, ...) exchange_put((h)->d, part, EXCHANGE_TEXT, NULL, __VA_ARGS__)

static inline const char *
hub_quote(const struct hub *h, const char *value)
{
    return exchange_quote_shell(h->d, value);
}

/* The variable "Server" (parameter) or "Hubs" (objects) of one inbound connector: a number behind
 * it when there are several. */
const char *hub_variable(const struct hub *h, const char *name, size_t inbound);

/* 'contoso.example' or '*.contoso.example', quoted. */
const char *hub_domain(const struct hub *h, const struct exchange_domain *domain);

/* A name for the object of a domain in the directory, quoted: at most 64 characters there, and
 * without the asterisk. */
const char *hub_domain_name(const struct hub *h, const struct exchange_domain *domain,
                            size_t number);

/* Octets as '25600KB', within what a connector's limit can be. */
const char *hub_size(const struct hub *h, uint64_t octets);

/* Does one of our send connectors log on with an account of theirs? */
bool hub_has_account(const struct hub *h);

/* Put into the step: how the rights of mail that leaves by that Send connector are checked and
 * undone. */
void hub_send_rights_ways(const struct hub *h, const char *connector);

const char *hub_prelude(struct exchange_document *d);
void hub_preconditions(const struct hub *h);
void hub_account(const struct hub *h);
void hub_domains(const struct hub *h);
void hub_receive(const struct hub *h);
void hub_receive_rights(const struct hub *h);
void hub_certificates(const struct hub *h);
void hub_send(const struct hub *h);
void hub_send_rights(const struct hub *h);
void hub_extra(const struct hub *h);
void hub_test(const struct hub *h);

/* Parts of the prelude: functions of PowerShell that one subject needs. */
const char *hub_domain_functions(void);
const char *hub_receive_functions(struct exchange_document *d);
const char *hub_certificate_functions(struct exchange_document *d);
const char *hub_send_functions(struct exchange_document *d);

#endif
