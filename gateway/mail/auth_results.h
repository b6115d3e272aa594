/*
 * auth_results.h - whose Authentication-Results (RFC 8601 2.2) or Received-SPF (RFC 7208 9.1)
 * field is this?
 *
 * Hosts behind us believe such fields when they bear our name, so one that came from outside and
 * bears it is a forgery (RFC 8601 5).
 */
#ifndef MAIL_AUTH_RESULTS_H
#define MAIL_AUTH_RESULTS_H

#include "gateway/base/slice.h"

#define AUTH_RESULTS_NAME "Authentication-Results"
#define RECEIVED_SPF_NAME "Received-SPF"

/* value: what stands behind the colon, folding and all. Does it name authserv_id as its author?
 * Comments, folding, quotes, case and a full stop at the end make no difference. Of a value that
 * does not begin as RFC 8601 wants, nobody knows what a reader behind us makes: it counts as ours
 * as soon as the name stands anywhere in it, comments and blanks taken out or not. */
bool auth_results_claims(struct slice value, struct slice authserv_id);

/* The same of a Received-SPF field: receiver=host in it, wherever and however written, or a
 * comment that begins with "host:", as ours do. A host that is its helo is no receiver. */
bool received_spf_claims(struct slice value, struct slice host);

#endif
