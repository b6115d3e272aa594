/*
 * config_type.h - the kinds of values in the schema table: each reads its text into a member and
 * shows the member as text.
 *
 * What a text means by itself is config_value.h's; here it meets the row's range, words and
 * folder. What a member points to is in the room's memory.
 */
#ifndef CONFIG_CONFIG_TYPE_H
#define CONFIG_CONFIG_TYPE_H

#include "config/config_schema.h"

extern const struct value_type type_mailbox, type_host, type_name, type_login;
extern const struct value_type type_duration, type_size, type_count;
extern const struct value_type type_bool, type_words, type_switch;
extern const struct value_type type_path, type_file, type_key_file, type_secret_file;
extern const struct value_type type_endpoint, type_endpoint_new, type_network, type_server;
extern const struct value_type type_pin, type_retry_steps;
extern const struct value_type type_domain, type_address_space, type_zone;
extern const struct value_type type_name_of;
extern const struct value_type type_receive_right, type_send_right;

/* ---- What several of them do --------------------------------------------------------------- */

/* Keep text, as it is or in lower case, in the member at `to`, which is a const char *. */
MUST_USE bool type_keep_text(const struct value_room *room, struct slice text, void *to,
                             struct err *err);
MUST_USE bool type_keep_lower(const struct value_room *room, struct slice text, void *to,
                              struct err *err);

/* The member at `from`, which is a const char *; and to show it. */
const char *type_text_at(const void *from);
void type_show_text(const struct row *row, const void *from, struct buf *out);

/* One line that can be shown: no control characters, at most max octets. */
MUST_USE bool type_check_line(struct slice text, size_t max, struct err *err);

/* ERR_NOMEM; false. */
bool type_no_memory(struct err *err);

#endif
