/*
 * config_value.h - the small grammars of values: durations, sizes, addresses, networks, pins.
 *
 * Takes    the text of one value.
 * Gives    what it means, and the way back: value_show_x writes what value_read_x reads to the
 *          same.
 * Refuses  with a sentence that says how to write it. All of it is pure.
 */
#ifndef CONFIG_CONFIG_VALUE_H
#define CONFIG_CONFIG_VALUE_H

#include "config/config.h"
#include "gateway/base/buf.h"
#include "gateway/base/err.h"

/* How much of a value is quoted in a sentence about it. */
#define QUOTED(s) SLICE_ARG(slice_head((s), 60))

/* "500ms", "30s", "5m", "4h", "2d". */
MUST_USE bool value_read_duration(struct slice text, uint64_t *ms, struct err *err);
void value_show_duration(uint64_t ms, struct buf *out);

/* "65536", "512KiB", "25MiB", "4GiB", "1TiB". */
MUST_USE bool value_read_size(struct slice text, uint64_t *octets, struct err *err);
void value_show_size(uint64_t octets, struct buf *out);

/* "10.1.0.5:25", "[::1]:25"; without a port when default_port is not 0. Never a name. */
MUST_USE bool value_read_endpoint(struct slice text, uint16_t default_port, struct endpoint *out,
                                  struct err *err);

/* "10.2.0.0/16", "2001:db8::/32", or one address. No bits behind the prefix. */
MUST_USE bool value_read_network(struct slice text, struct network *out, struct err *err);

/* "hub1.fabrikam.example", "10.1.1.1:26", "[::1]:25": the host part (in text, without brackets)
 * and the port. */
MUST_USE bool value_read_server(struct slice text, uint16_t default_port, struct slice *host,
                                uint16_t *port, struct err *err);
void value_show_server(const char *host, uint16_t port, struct buf *out);

/* "sha256:" and base64 or hex of 32 octets. */
MUST_USE bool value_read_pin(struct slice text, struct pin *out, struct err *err);
void value_show_pin(const struct pin *pin, struct buf *out);

/* "4x1m" or "1m": appended to steps. */
MUST_USE bool value_read_retry_step(struct slice text, struct retry_steps *steps,
                                    struct err *err);
/* "4x1m, 6x5m, 10m" */
void value_show_retry_steps(const struct retry_steps *steps, struct buf *out);

#endif
