/*
 * legacy_private.h - what the files of the set-up of Exchange 2000 and 2003 share. Each function
 * adds the steps of one subject; legacy_setup.c has their order.
 */
#ifndef EXCHANGE_LEGACY_PRIVATE_H
#define EXCHANGE_LEGACY_PRIVATE_H

#include "gateway/exchange/document.h"
#include "gateway/exchange/plan.h"

/* A sentence, or a value in a dialogue, of the step that was begun last. */
#define LEGACY_DO(d, ...) exchange_put((d), EXCHANGE_DO, EXCHANGE_TEXT, NULL, __VA_ARGS__)
#define LEGACY_SET(d, place, ...)                                                                \
    exchange_put((d), EXCHANGE_DO, EXCHANGE_FIELD, (place), __VA_ARGS__)
#define LEGACY_CHECK(d, ...) exchange_put((d), EXCHANGE_CHECK, EXCHANGE_TEXT, NULL, __VA_ARGS__)
#define LEGACY_UNDO(d, ...) exchange_put((d), EXCHANGE_UNDO, EXCHANGE_TEXT, NULL, __VA_ARGS__)

static inline bool
legacy_is_2000(const struct exchange_document *d)
{
    return d->version == EXCHANGE_2000;
}

/* "*.contoso.example" */
const char *legacy_domain(struct exchange_document *d, const struct exchange_domain *domain);

/* Octets as the dialogues count them. */
unsigned long long legacy_kilobytes(uint64_t octets);

/* Does the gateway log on to at least one of the forest's servers; does it come to at least one
 * without; is TLS required towards all of them? */
bool legacy_logs_on(const struct exchange_plan *p);
bool legacy_comes_unnamed(const struct exchange_plan *p);
bool legacy_needs_tls_in(const struct exchange_plan *p);

/* What the boxes for TLS are set to: "ticked", but for the last resort of Exchange 2000. */
const char *legacy_tls_box(const struct exchange_document *d);

/* Does inbound i log on with an account that none before it logs on with? */
bool legacy_is_new_account(const struct exchange_plan *p, size_t i);

/* What is known, or the name of the parameter that asks for it. */
const char *legacy_gateway_addresses(struct exchange_document *d, const struct exchange_plan *p);
const char *legacy_default_domain(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_ready.c */
void legacy_ready(struct exchange_document *d, const struct exchange_plan *p);
void legacy_accounts(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_certificate.c */
void legacy_certificates(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_server.c, legacy_access.c */
void legacy_own_server(struct exchange_document *d, const struct exchange_plan *p);
void legacy_virtual_server(struct exchange_document *d, const struct exchange_plan *p);
void legacy_access(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_organization.c */
void legacy_recipient_policies(struct exchange_document *d, const struct exchange_plan *p);
void legacy_global_settings(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_connector.c */
void legacy_connectors(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_registry.c */
void legacy_registry(struct exchange_document *d, const struct exchange_plan *p);

/* legacy_flow.c */
void legacy_first_test(struct exchange_document *d, const struct exchange_plan *p);
void legacy_afterwards(struct exchange_document *d, const struct exchange_plan *p);

#endif
