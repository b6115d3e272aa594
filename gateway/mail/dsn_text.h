/*
 * dsn_text.h - words of others on the lines of a report: no octet of theirs ends a line, a field
 * or a part.
 *
 * Follows  RFC 5322 2.2.3 (folding), 3464 2.1.2 (fields with a type), 6533 3 (addresses in
 * UTF-8).
 */
#ifndef MAIL_DSN_TEXT_H
#define MAIL_DSN_TEXT_H

#include <stdint.h>

#include "gateway/base/buf.h"

/* What is not printable ASCII becomes '?'. */
void dsn_put_safe(struct buf *out, struct slice text);

/* In lines of whole words that begin with margin. */
void dsn_put_wrapped(struct buf *out, const char *margin, struct slice text);

/* One field, "Name: type text", going on in lines that begin with a blank. */
void dsn_put_field(struct buf *out, const char *name, const char *type, struct slice text);

/* An address. Beyond ASCII it is put as it is in a report that is itself UTF-8, else in the ASCII
 * form of RFC 6533 3: "\\x{E9}". */
void dsn_put_address(struct buf *out, struct slice address, bool utf8);

/* "Name: rfc822; address" or "Name: utf-8; address" with CRLF. */
void dsn_put_address_field(struct buf *out, const char *name, struct slice address, bool utf8);

/* "Mon, 23 Nov 2026 01:02:03 +0000" */
void dsn_put_date(struct buf *out, int64_t unix_ms);

/* "Name: <id>" with CRLF, when id is one word of printable ASCII; else nothing. */
void dsn_put_message_id(struct buf *out, const char *name, struct slice id);

/* Original-Envelope-Id: what ENVID= said, decoded; nothing for "". */
void dsn_put_envelope_id(struct buf *out, struct slice envid);

/* Original-Recipient: what ORCPT= said, its type and its text decoded; nothing for "". */
void dsn_put_original_recipient(struct buf *out, struct slice orcpt, bool utf8);

#endif
