/*
 * params.h - the parameters behind the path in MAIL and RCPT (RFC 5321 4.1.2).
 *
 * Takes    what stands behind the '>': nothing, or blanks and KEYWORD[=value], any times.
 * Follows  RFC 1870 (SIZE), RFC 6152 and 3030 (BODY), RFC 4954 5 (AUTH), RFC 6531 (SMTPUTF8), RFC
 *          3461 4 (RET, ENVID, NOTIFY, ORCPT). Keywords in any case.
 * Refuses  each keyword that the settings do not offer (555 5.5.4), BODY=BINARYMIME where it is
 *          not offered (555 as well), values that are none and keywords said twice (501 5.5.4).
 *          ENVID and ORCPT stay xtext, but must decode to printable ASCII.
 * Touches  nothing but what it is given.
 */
#ifndef MAIL_PARAMS_H
#define MAIL_PARAMS_H

#include "gateway/mail/smtp_server.h"

/* Fill mail but for its address, which begins all zero. room takes the decoded AUTH= and must
 * have been given memory for as many octets as text is long: mail->auth points there, mail->envid
 * into text. False: *refusal is the reply line. */
MUST_USE bool params_read_mail(struct slice text, const struct smtp_server_settings *offers,
                               struct buf *room, struct smtp_mail *mail, const char **refusal);

/* The same for rcpt; rcpt->orcpt points into text, and room is as it was. */
MUST_USE bool params_read_rcpt(struct slice text, struct buf *room, struct smtp_rcpt *rcpt,
                               const char **refusal);

#endif
