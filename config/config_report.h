/*
 * config_report.h - what is wrong with a file: gathered in any order, told in the file's order.
 *
 * Takes    a place and a sentence for each thing found.
 * Gives    "file:line:column: error: text", the line itself and a caret below the column.
 * Refuses  to tell more than REPORT_MAX things; it says how many more there are.
 *          To show a password that somebody wrote into the file: the line ends before it.
 */
#ifndef CONFIG_CONFIG_REPORT_H
#define CONFIG_CONFIG_REPORT_H

#include "config/config_load.h"
#include "gateway/base/arena.h"

enum { REPORT_MAX = 200 };

struct report_note;

struct report {
    const char *file;    /* as the operator named it; borrowed */
    struct slice source; /* the content of the file; borrowed */
    struct arena memory;
    struct report_note *notes; /* newest first */
    size_t count;
    size_t errors;
    size_t warnings;
    bool nomem; /* somebody ran out of memory: this alone makes the file unusable */
};

void report_init(struct report *r, const char *file, struct slice source);
void report_fini(struct report *r);

/* Without a line (at.line 0) only the file is named. */
void report_error(struct report *r, struct where at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void report_warning(struct report *r, struct where at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Line n of the file (from 1), without its end. */
struct slice report_line(const struct report *r, unsigned n);

/* Append all of it to out, by line and column. */
void report_write(struct report *r, struct complaints *out);

#endif
