/*
 * auth_results.h - whose Authentication-Results field is this (RFC 8601 2.2)?
 *
 * Hosts behind us believe such fields when they bear our name, so one that came from outside and
 * bears it is a forgery (RFC 8601 5).
 */
#ifndef MAIL_AUTH_RESULTS_H
#define MAIL_AUTH_RESULTS_H

#include "gateway/base/slice.h"

#define AUTH_RESULTS_NAME "Authentication-Results"

/* value: what stands behind the colon, folding and all. Does it name authserv_id as its author?
 * Comments, folding, quotes, case and a full stop at the end make no difference. Of a value that
 * does not begin as RFC 8601 wants, nobody knows what a reader behind us makes: it counts as ours
 * as soon as the name stands anywhere in it, comments and blanks taken out or not. */
bool auth_results_claims(struct slice value, struct slice authserv_id);

#endif
