/*
 * config_secret.h - files that hold a secret, and who else can read them.
 *
 * Follows  design.md 10: a secret file holds one line, and the final newline is not part of it.
 *          Its owner is root or the user we run as; others have no access; the group has none but
 *          reading, when it is the group we run as. What systemd put below CREDENTIALS_DIRECTORY
 *          may be read by its group: systemd gives us access by an ACL, which shows as such.
 * Refuses  anything else, with a sentence that never holds what is in the file.
 */
#ifndef CONFIG_CONFIG_SECRET_H
#define CONFIG_CONFIG_SECRET_H

#include "config/config_yaml.h"
#include "gateway/base/err.h"

enum { SECRET_MAX = 512 };

/* The line of a secret file, in memory; wipe it before its memory goes. */
MUST_USE bool config_secret_read(const char *path, struct arena *memory, const char **line,
                                 struct err *err);

/* Does it look like a crypt(5) hash that is worth its name: $y$, $gy$, $7$, $2b$, $6$, $5$? */
MUST_USE bool config_secret_is_hash(const char *line);

/* Is it a file that we can read? */
MUST_USE bool config_secret_check_readable(const char *path, struct err *err);

/* As above, and nobody but its owner and group can: a private key. */
MUST_USE bool config_secret_check_key(const char *path, struct err *err);

/* Fill in all passwords and hashes that the configuration names. */
void config_secret_load(struct config *config, struct arena *memory, const struct node *root,
                        struct report *report);

/* Overwrite them all. */
void config_secret_wipe(struct config *config);

#endif
