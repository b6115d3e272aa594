/*
 * config_load.h - a file to a config, or to a list of complaints.
 *
 * Takes    the path of a YAML file (design.md 5), read through the schema table
 *          (config_schema.h).
 * Gives    the immutable struct config; or every complaint at once, each with file, line, column,
 *          the line itself with a caret, and a suggestion for a misspelt word.
 * Refuses  unknown keys, aliases, tags, more than one document, files over 1 MiB, depth over 32;
 *          secret files that others can read (design.md 10); what only the whole can tell
 *          (config_check.h).
 * Touches  the file and the files that it names (secrets, certificates' existence); no network.
 *
 * To print what was loaded: config_show.h.
 */
#ifndef CONFIG_CONFIG_LOAD_H
#define CONFIG_CONFIG_LOAD_H

#include "config/config.h"
#include "gateway/base/buf.h"

enum complaint_level { COMPLAINT_WARNING, COMPLAINT_ERROR };

struct complaints {
    struct buf text; /* as forestgate check prints them */
    size_t errors;
    size_t warnings;
};

void complaints_init(struct complaints *c);
void complaints_fini(struct complaints *c);

/* The configuration in *out (one reference, the caller's), or false with complaints->errors > 0.
 * Warnings may be there in both cases. Blocks for file reading: at start and on reload only. */
MUST_USE bool config_load(const char *path, struct config **out, struct complaints *complaints);

/* As config_load, with the content at hand; path is for names and for the folder. */
MUST_USE bool config_load_text(const char *path, struct slice text, struct config **out,
                               struct complaints *complaints);

/*
 * Only where the daemon of this file listens for control, into room (of size octets); "" =
 * nowhere. The tools must reach a daemon also while its file is being edited, and by a user who
 * may use the socket but not read the secrets: nothing else in the file is judged. False: the
 * file cannot be read, or is no YAML, or the path does not fit; complaints say why.
 */
MUST_USE bool config_load_control(const char *path, char *room, size_t size,
                                  struct complaints *complaints);

#endif
