/*
 * config_yaml.h - the bytes of a file as a tree of nodes, each with its place.
 *
 * Takes    YAML 1.1 in UTF-8, as libyaml reads it. libyaml lives here and nowhere else.
 * Gives    texts, lists and maps. A text is what stands there: no, 1.0 and 012 hold no surprise;
 *          what they mean is the schema's business.
 * Refuses  broken syntax (and then nothing else is told), tabs as indentation, anchors, aliases,
 *          tags, a second document, a key given twice, nesting deeper than 32, more than
 *          4096 entries in one list or map.
 */
#ifndef CONFIG_CONFIG_YAML_H
#define CONFIG_CONFIG_YAML_H

#include "config/config_report.h"

enum { YAML_DEPTH_MAX = 32, YAML_ENTRIES_MAX = 4096 };

enum node_kind {
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP,
    NODE_REFUSED, /* complained about already: pass over it in silence */
};

struct node {
    enum node_kind kind;
    struct where where;
    struct slice text;      /* of a NODE_TEXT; a NUL stands behind it */
    const struct node *key; /* in a map: the text in front of the colon */
    struct node *first;     /* of a list or map: what is in it, in the file's order */
    struct node *next;
    size_t count;
};

/* The top of the tree: a map, in memory. NULL: there is no tree; report says why. With a tree
 * there may be errors in the report as well. */
const struct node *config_yaml_read(struct slice source, struct arena *memory,
                                    struct report *report);

/* What the map holds under that key; NULL: nothing, or it is no map. */
const struct node *node_find(const struct node *map, struct slice key);

/* The node at the end of a path of keys, or NULL: NODE_AT(root, "send", name, "tls"). */
#define NODE_AT(root, ...) node_at((root), (const char *const[]){__VA_ARGS__, NULL})
const struct node *node_at(const struct node *root, const char *const *keys);

#endif
