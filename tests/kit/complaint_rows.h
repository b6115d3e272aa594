/*
 * complaint_rows.h - slips in a configuration, and all that is said about each.
 *
 * said is every complaint in order, a line each: "LINE:COLUMN: error: text", or "error: text"
 * without a place; "@" is the folder. That the line itself and the caret follow is checked for
 * all of them.
 */
#ifndef KIT_COMPLAINT_ROWS_H
#define KIT_COMPLAINT_ROWS_H

#include "tests/kit/config_folder.h"

struct complaint_row {
    const char *say;
    const char *from; /* the first of it in config_folder_small is replaced ... */
    const char *to;   /* ... by this */
    const char *said;
};

void complaint_rows_check(const struct complaint_row *rows, size_t count);

#endif
