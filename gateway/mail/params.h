/*
 * params.h - the parameters behind the path in MAIL and RCPT (RFC 5321 4.1.2).
 *
 * Takes    what stands behind the '>': nothing, or blanks and KEYWORD[=value], any times.
 * Follows  RFC 1870 (SIZE), RFC 6152 (BODY), RFC 4954 5 (AUTH). Keywords in any case.
 * Refuses  each keyword we did not advertise (555 5.5.4), values that are none and keywords said
 *          twice (501 5.5.4). BODY=BINARYMIME where it is not offered: 555 as well.
 * Touches  nothing but what it is given.
 */
#ifndef MAIL_PARAMS_H
#define MAIL_PARAMS_H

#include "gateway/mail/smtp_server.h"

/* Fill mail but for its address. room takes the decoded AUTH= and must have been given memory for
 * as many octets as text is long: mail->auth points there. False: *refusal is the reply line. */
MUST_USE bool params_read_mail(struct slice text, const struct smtp_server_settings *offers,
                               struct buf *room, struct smtp_mail *mail, const char **refusal);

/* RCPT has no parameters: DSN is not advertised. */
MUST_USE bool params_read_rcpt(struct slice text, const char **refusal);

#endif
