/*
 * certificate_json.h - a server's certificate as probe, doctor and pin show it; its keys are an
 * interface: subject issuer names[] not_before not_after days key_bits signature self_signed pin
 * thumbprint.
 */
#ifndef OPS_CERTIFICATE_JSON_H
#define OPS_CERTIFICATE_JSON_H

#include <jansson.h>

#include "tls/tls_identity.h"

/* days: until it expires. The reference is the caller's. */
json_t *certificate_json(const struct tls_identity *who, int64_t days);

/* "9F86D081...": forty hexadecimal digits, as Get-ExchangeCertificate shows them. */
void certificate_put_thumbprint(struct buf *out, const struct tls_identity *who);

#endif
