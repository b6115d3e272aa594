#include "config/config_read.h"

#include <stdio.h>

#include "config/config_suggest.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"

struct reading {
    const struct value_room *room;
    struct report *report;
};

/* The recursion goes as deep as the schema, not as the file. */
static void read_keys(struct reading *rd, const char *parent, const struct node *map, void *base);

static void *
new_items(struct reading *rd, size_t count, size_t size)
{
    void *items = arena_new(rd->room->memory, count * size);
    if (items == NULL)
        rd->report->nomem = true;
    return items;
}

/* The key as it stands in the file, which for the operator's own names the row does not know. */
static struct slice
label_of(const struct row *row, const struct node *node)
{
    return node->key != NULL ? node->key->text : slice_str(row_key(row));
}

static bool
is_nothing(const struct node *node)
{
    return node->kind == NODE_TEXT && node->text.len == 0;
}

/* Is the node of that kind? If not, complain that `wanted` is. */
static bool
expect(struct reading *rd, const struct node *node, enum node_kind kind, struct slice label,
       const char *wanted)
{
    if (node->kind == NODE_REFUSED)
        return false;
    if (node->kind == kind && !is_nothing(node))
        return true;
    if (is_nothing(node))
        report_error(rd->report, node->where, "%.*s: nothing is given", QUOTED(label));
    else if (kind == NODE_LIST && node->kind == NODE_TEXT)
        report_error(rd->report, node->where, "%.*s: a list is wanted; write [%.*s]",
                     QUOTED(label), QUOTED(node->text));
    else
        report_error(rd->report, node->where, "%.*s: %s", QUOTED(label), wanted);
    return false;
}

static bool
read_text(struct reading *rd, const struct row *row, struct slice text, void *to,
          struct where where, struct slice label)
{
    struct err err;
    if (row->type->read(rd->room, row, text, to, &err))
        return true;
    if (err.kind == ERR_NOMEM)
        rd->report->nomem = true;
    else
        report_error(rd->report, where, "%.*s: %s", QUOTED(label), err.text);
    return false;
}

static bool
read_value(struct reading *rd, const struct row *row, const struct node *node, void *to,
           struct slice label)
{
    return expect(rd, node, NODE_TEXT, label, "one value is wanted") &&
           read_text(rd, row, node->text, to, node->where, label);
}

static void
put_where(const struct row *row, struct where where, void *item)
{
    if (row->where_at != 0)
        memcpy((char *)item + row->where_at, &where, sizeof where);
}

static void
put_items(const struct row *row, void *base, void *items, size_t count)
{
    memcpy(row_member(row, base), &items, sizeof items);
    memcpy((char *)base + row->count_at, &count, sizeof count);
}

/* Did the list say this already? */
static bool
is_repeated(struct reading *rd, const struct node *node, const struct node *list,
            struct slice label)
{
    for (const struct node *n = list->first; n != node; n = n->next)
        if (n->kind == NODE_TEXT && node->kind == NODE_TEXT && slice_equal(n->text, node->text)) {
            report_error(rd->report, node->where, "%.*s: \"%.*s\" given twice", QUOTED(label),
                         QUOTED(node->text));
            return true;
        }
    return false;
}

/* What is refused is not counted, so that nobody meets half a value later. */
static void
read_list(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    struct slice label = label_of(row, node);
    if (!expect(rd, node, NODE_LIST, label, "a list is wanted"))
        return;
    if (node->count == 0 && row->required)
        report_error(rd->report, node->where, "%.*s: at least one is needed", QUOTED(label));
    if (row->max > 0 && node->count > row->max)
        report_error(rd->report, node->where, "%.*s: at most %u may be given", QUOTED(label),
                     (unsigned)row->max);
    char *items = new_items(rd, node->count, row->type->size);
    if (items == NULL)
        return;
    size_t count = 0;
    for (const struct node *n = node->first; n != NULL; n = n->next) {
        char *item = items + count * row->type->size;
        if (is_repeated(rd, n, node, label) || !read_value(rd, row, n, item, label))
            continue;
        put_where(row, n->where, item);
        count++;
    }
    put_items(row, base, items, count);
}

static void
read_gathered(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    struct slice label = label_of(row, node);
    if (!expect(rd, node, NODE_LIST, label, "a list is wanted"))
        return;
    put_where(row, node->where, base);
    if (node->count == 0)
        report_error(rd->report, node->where, "%.*s: at least one is needed%s%s", QUOTED(label),
                     row->none != NULL ? ", or the word " : "",
                     row->none != NULL ? row->none : "");
    for (const struct node *n = node->first; n != NULL; n = n->next)
        if (!row->once || !is_repeated(rd, n, node, label))
            (void)read_value(rd, row, n, row_member(row, base), label);
}

static void
read_default(struct reading *rd, const struct row *row, void *base)
{
    struct where nowhere = {rd->report->file, 0, 0};
    struct slice rest = slice_str(row->unset);
    while (rest.len > 0) {
        size_t comma = row->shape == SHAPE_ONE ? rest.len : slice_find(rest, ',');
        bool fits = read_text(rd, row, ascii_trim(slice_head(rest, comma)), row_member(row, base),
                              nowhere, slice_str(row->path));
        must(fits || rd->report->nomem);
        rest = slice_from(rest, comma + 1);
    }
}

/* Name the items of a map, so that others can refer to them before they are read themselves. */
static void
name_items(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    if (!expect(rd, node, NODE_MAP, label_of(row, node), "names are wanted, with a colon each"))
        return;
    if (node->count == 0 && row->required)
        report_error(rd->report, node->where, "%s: at least one is needed", row_key(row));
    char *item = new_items(rd, node->count, row->size);
    if (item == NULL)
        return;
    put_items(row, base, item, node->count);
    for (const struct node *n = node->first; n != NULL; n = n->next, item += row->size) {
        put_where(row, n->key->where, item);
        /* A bad name is still a name: what refers to it needs no complaint of its own. */
        if (!read_text(rd, row, n->key->text, item, n->key->where, slice_str(row_key(row))))
            memcpy(item, &n->key->text.ptr, sizeof n->key->text.ptr);
    }
}

static void read_row(struct reading *rd, const struct row *row, const struct node *node,
                     void *base);

/* What is behind each name, after name_items(). */
static void
read_items(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    struct row_items items = row_items(row, base);
    const struct row *each = row_of_each(row);
    const struct node *n = node->first;
    char below[ROW_PATH];

    if (items.count == 0)
        return;
    row_below(row, below);
    for (char *item = items.first; n != NULL; n = n->next, item += items.size) {
        if (each != NULL)
            read_row(rd, each, n, item);
        else if (expect(rd, n, NODE_MAP, n->key->text, "keys are wanted below it"))
            read_keys(rd, below, n, item);
    }
}

static void
read_section(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    char below[ROW_PATH];
    if (!expect(rd, node, NODE_MAP, label_of(row, node), "keys are wanted below it"))
        return;
    put_where(row, node->where, base);
    read_keys(rd, row_below(row, below), node, base);
}

/* Only the things at the top are referred to from elsewhere; config_read() named them. */
static bool
is_named_already(const struct row *row)
{
    return strchr(row->path, '.') == NULL;
}

static void
read_row(struct reading *rd, const struct row *row, const struct node *node, void *base)
{
    if (row->none != NULL && node->kind == NODE_TEXT && slice_is(node->text, row->none)) {
        if (row->shape == SHAPE_GATHERED)
            put_where(row, node->where, base);
        return;
    }
    switch (row->shape) {
    case SHAPE_ONE:
        (void)read_value(rd, row, node, row_member(row, base), label_of(row, node));
        break;
    case SHAPE_LIST:
        read_list(rd, row, node, base);
        break;
    case SHAPE_GATHERED:
        read_gathered(rd, row, node, base);
        break;
    case SHAPE_SECTION:
        read_section(rd, row, node, base);
        break;
    case SHAPE_NAMED:
        if (!is_named_already(row))
            name_items(rd, row, node, base);
        read_items(rd, row, node, base);
        break;
    case SHAPE_NOT_YET:
        report_error(rd->report, node->key->where, "\"%s\" is not available yet", row_key(row));
        break;
    }
}

/* The key below parent that was probably meant. */
static struct suggest
nearest_key(const char *parent, struct slice typed)
{
    struct suggest suggest;
    suggest_init(&suggest, typed);
    for (const struct row *row = NULL; (row = schema_next(parent, row)) != NULL;)
        if (row->shape != SHAPE_NOT_YET)
            suggest_offer(&suggest, slice_str(row_key(row)));
    return suggest;
}

/* One slip, one complaint: a key that is there with a slip is not missing as well. */
static bool
is_misspelt(const struct row *row, const char *parent, const struct node *map)
{
    for (const struct node *n = map->first; n != NULL; n = n->next)
        if (schema_find(parent, n->key->text) == NULL &&
            slice_is(nearest_key(parent, n->key->text).best, row_key(row)))
            return true;
    return false;
}

static void
complain_of_missing_key(struct reading *rd, const struct row *row, const char *parent,
                        const struct node *map)
{
    struct where nowhere = {rd->report->file, 0, 0};
    if (map != NULL && is_misspelt(row, parent, map))
        return;
    report_error(rd->report, map != NULL && map->key != NULL ? map->key->where : nowhere,
                 "\"%s\" is missing", row_key(row));
}

/* A key that is not in the file. map is where it could have been; NULL: not even that is. */
static void
read_absent(struct reading *rd, const struct row *row, const char *parent, const struct node *map,
            void *base)
{
    char below[ROW_PATH];

    if (row->required)
        complain_of_missing_key(rd, row, parent, map);
    else if (row->unset != NULL)
        read_default(rd, row, base);
    else if (row->shape == SHAPE_SECTION && row->none == NULL) {
        put_where(row, (struct where){rd->report->file, 0, 0}, base);
        read_keys(rd, row_below(row, below), NULL, base);
    }
}

static void
complain_of_unknown_key(struct reading *rd, const char *parent, const struct node *key)
{
    struct suggest suggest = nearest_key(parent, key->text);
    char near[SUGGEST_TEXT];

    const struct row *elsewhere = schema_elsewhere(parent, key->text);
    if (suggest.best.len == 0 && elsewhere != NULL)
        report_error(rd->report, key->where, "unknown key \"%.*s\" here; it is known as \"%s\"%s",
                     QUOTED(key->text), elsewhere->path,
                     strchr(elsewhere->path, '.') == NULL ? " at the top" : "");
    else if (suggest.best.len == 0 && ascii_starts(key->text, "password"))
        report_error(rd->report, key->where,
                     "unknown key \"%.*s\"; a password stands in a file of its own, which "
                     "\"password_file\" names",
                     QUOTED(key->text));
    else
        report_error(rd->report, key->where, "unknown key \"%.*s\"%s", QUOTED(key->text),
                     suggest_text(&suggest, near));
}

static void
read_keys(struct reading *rd, const char *parent, const struct node *map, void *base)
{
    for (const struct row *row = NULL; (row = schema_next(parent, row)) != NULL;) {
        const struct node *node = node_find(map, slice_str(row_key(row)));
        if (node != NULL)
            read_row(rd, row, node, base);
        else
            read_absent(rd, row, parent, map, base);
    }
    if (map == NULL)
        return;
    for (const struct node *n = map->first; n != NULL; n = n->next)
        if (schema_find(parent, n->key->text) == NULL)
            complain_of_unknown_key(rd, parent, n->key);
}

/* Defaults that are another key's value. */
static void
settle(struct config *config)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (config->receive[i].message_size == 0)
            config->receive[i].message_size = config->limit_message_size;
}

void
config_read(const struct node *root, const struct value_room *room, struct report *report)
{
    struct reading rd = {room, report};
    for (const struct row *row = NULL; (row = schema_next("", row)) != NULL;) {
        const struct node *node = node_find(root, slice_str(row_key(row)));
        if (row->shape == SHAPE_NAMED && node != NULL)
            name_items(&rd, row, node, room->config);
    }
    read_keys(&rd, "", root, room->config);
    settle(room->config);
}
