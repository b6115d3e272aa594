/*
 * config_schema.h - the table of every key: what it is, where it goes, its range, its default and
 * the sentence that the manual says about it.
 *
 * Whoever reads (config_read.h), shows (config_show.h) or documents a configuration walks this
 * table. A new key is a new row; a new kind of value is a new value_type (config_type.h).
 */
#ifndef CONFIG_CONFIG_SCHEMA_H
#define CONFIG_CONFIG_SCHEMA_H

#include "config/config.h"
#include "gateway/base/arena.h"
#include "gateway/base/buf.h"
#include "gateway/base/err.h"

struct row;

/* What a value may need besides its own text. */
struct value_room {
    struct config *config; /* under construction: the names of all things are there already */
    struct arena *memory;
    const char *folder; /* of the file, absolute, with '/' at the end */
};

/* A kind of value: its grammar in both directions. */
struct value_type {
    const char *name; /* as the manual calls it */
    size_t size;      /* octets in memory */
    bool (*read)(const struct value_room *room, const struct row *row, struct slice text,
                 void *to, struct err *err);
    void (*show)(const struct row *row, const void *from, struct buf *out);
};

enum shape {
    SHAPE_ONE,      /* one value */
    SHAPE_LIST,     /* a list of values: a pointer and a count in memory */
    SHAPE_GATHERED, /* a list that is read into one value */
    SHAPE_SECTION,  /* a map of keys that are rows; members of the same struct */
    SHAPE_NAMED,    /* a map of names that the operator chooses: an array of structs in memory. A
                     * row "path.*" says what is behind each name; else they are sections. */
    SHAPE_NOT_YET,  /* planned; refused in so many words */
};

/* A word and what it means. The list ends with a NULL word. */
struct word {
    const char *text;
    unsigned value;
};

struct row {
    const char *path; /* "send.*.tls.verify" */
    enum shape shape;
    const struct value_type *type; /* of the value, of each in a list, or of the names */
    size_t at;                     /* the member: its offset in the struct of this level */
    size_t count_at;               /* lists and names: the member that counts them */
    size_t size;                   /* names: octets of one struct */
    size_t where_at;               /* the member of each struct (of a section or a gathered list:
                                    * of the struct of this level) that keeps its place; or 0 */
    const struct word *words;      /* when the type is one of words */
    const char *target;            /* when the type is a name of something: the path of that */
    uint64_t min, max;             /* of the value; of a list, how many; 0, 0 = any */
    uint16_t port;                 /* when the value may leave it out; 0 = it may not */
    const char *unset;             /* what is read when the key is not there; NULL = nothing */
    const char *none;              /* the word for nothing: "none", "system", "auto" */
    bool required;
    bool once;       /* a gathered list: nothing is said twice */
    const char *say; /* for the manual: a sentence without its first capital and full stop */
};

/* The row of a key below parent ("" = the top, "send.*" = a send connector), or NULL. */
const struct row *schema_find(const char *parent, struct slice key);

/* The rows below parent in order: begin with NULL; NULL at the end. */
const struct row *schema_next(const char *parent, const struct row *after);

/* A row with this key that stands in the same thing (a send connector, a forest, the top), but
 * not directly below parent; NULL: none. */
const struct row *schema_elsewhere(const char *parent, struct slice key);

/* The last part of a row's path. */
const char *row_key(const struct row *row);

/* The path of what is below row: "send" has "send.*" below, "limits" itself. */
enum { ROW_PATH = 96 };
const char *row_below(const struct row *row, char path[ROW_PATH]);

/* What stands behind each of row's names when it is not a section, or NULL. */
const struct row *row_of_each(const struct row *row);

/* The member of row in the struct at base. */
void *row_member(const struct row *row, void *base);
const void *row_member_const(const struct row *row, const void *base);

/* What a list or map of names has in memory. */
struct row_items {
    void *first;
    size_t count;
    size_t size; /* octets of one */
};
struct row_items row_items(const struct row *row, const void *base);

/* Is the row's value nothing (what its word for nothing says)? */
bool row_is_none(const struct row *row, const void *base);

#endif
