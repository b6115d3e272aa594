#include "config/config_yaml.h"

#include <yaml.h>

#include "gateway/base/must.h"

/* A list or map that is still open. */
struct frame {
    struct node *node;
    struct node *last;      /* of node's entries */
    const struct node *key; /* of a map: read, its value is not there yet */
};

struct builder {
    yaml_parser_t parser;
    struct arena *memory;
    struct report *report;
    struct frame open[YAML_DEPTH_MAX];
    size_t depth;
    struct node *root;
    unsigned documents;
    bool stop;   /* nothing more is read */
    bool broken; /* the tree is not what the operator meant */
};

static struct where
where_of(const struct builder *b, yaml_mark_t mark)
{
    return (struct where){b->report->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* Where the line's indentation has a tab, or 0. */
static unsigned
column_of_tab(struct slice line)
{
    size_t i = 0;
    while (i < line.len && line.ptr[i] == ' ')
        i++;
    return i < line.len && line.ptr[i] == '\t' ? (unsigned)i + 1 : 0;
}

/* The reader knows only the offset of an octet that is not UTF-8 text. */
static struct where
where_of_octet(const struct builder *b, size_t offset)
{
    struct where at = {b->report->file, 1, 1};
    struct slice before = slice_head(b->report->source, offset);
    for (size_t i = 0; i < before.len; i++) {
        if (before.ptr[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)before.ptr[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

static void
complain_of_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    b->stop = b->broken = true;
    if (p->error == YAML_MEMORY_ERROR) {
        b->report->nomem = true;
        return;
    }
    if (p->error == YAML_READER_ERROR) {
        report_error(b->report, where_of_octet(b, p->problem_offset), "not text in UTF-8: %s",
                     p->problem);
        return;
    }
    struct where at = where_of(b, p->problem_mark);
    unsigned tab = column_of_tab(report_line(b->report, at.line));
    if (tab > 0) {
        at.column = tab;
        report_error(b->report, at, "tab used for indentation; use spaces");
    } else if (p->context != NULL && p->context_mark.line != p->problem_mark.line) {
        report_error(b->report, at, "%s %s that begins on line %zu", p->problem, p->context,
                     p->context_mark.line + 1);
    } else {
        report_error(b->report, at, "%s%s%s", p->problem, p->context != NULL ? " " : "",
                     p->context != NULL ? p->context : "");
    }
}

const struct node *
node_find(const struct node *map, struct slice key)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    for (const struct node *n = map->first; n != NULL; n = n->next)
        if (slice_equal(n->key->text, key))
            return n;
    return NULL;
}

const struct node *
node_at(const struct node *root, const char *const *keys)
{
    while (root != NULL && *keys != NULL)
        root = node_find(root, slice_str(*keys++));
    return root;
}

/* A value without a place in the tree is still read, so that its own errors are told. */
static bool
has_place(struct builder *b, const struct frame *parent, const struct node *key)
{
    if (parent->node->count >= YAML_ENTRIES_MAX) {
        if (parent->node->count == YAML_ENTRIES_MAX)
            report_error(b->report, parent->node->where, "more than %d entries",
                         YAML_ENTRIES_MAX);
        parent->node->count++;
        return false;
    }
    if (key == NULL)
        return true;
    if (key->kind != NODE_TEXT)
        return false;
    const struct node *first = node_find(parent->node, key->text);
    if (first == NULL)
        return true;
    report_error(b->report, key->where, "key \"%.*s\" given twice; first on line %u",
                 SLICE_ARG(slice_head(key->text, 60)), first->key->where.line);
    return false;
}

static void
append(struct builder *b, struct node *node)
{
    if (b->depth == 0) {
        b->root = node;
        return;
    }
    struct frame *parent = &b->open[b->depth - 1];
    const struct node *key = parent->key;
    if (parent->node->kind == NODE_MAP && key == NULL) {
        if (node->kind != NODE_TEXT && node->kind != NODE_REFUSED)
            report_error(b->report, node->where, "a key is one word, not a list or map");
        parent->key = node;
        return;
    }
    parent->key = NULL;
    if (!has_place(b, parent, key))
        return;
    node->key = key;
    *(parent->last != NULL ? &parent->last->next : &parent->node->first) = node;
    parent->last = node;
    parent->node->count++;
}

static void
push(struct builder *b, struct node *node)
{
    if (b->depth == YAML_DEPTH_MAX) {
        report_error(b->report, node->where, "nested deeper than %d", YAML_DEPTH_MAX);
        b->stop = b->broken = true;
        return;
    }
    b->open[b->depth++] = (struct frame){.node = node};
}

static struct node *
new_node(struct builder *b, enum node_kind kind, yaml_mark_t mark)
{
    struct node *node = arena_new(b->memory, sizeof *node);
    if (node == NULL) {
        b->report->nomem = b->stop = true;
        return NULL;
    }
    node->kind = kind;
    node->where = where_of(b, mark);
    return node;
}

static void
refuse_anchor_and_tag(struct builder *b, struct where at, const yaml_char_t *anchor,
                      const yaml_char_t *tag)
{
    if (anchor != NULL)
        report_error(b->report, at, "anchors (&%.60s) are not used in this file",
                     (const char *)anchor);
    if (tag != NULL)
        report_error(b->report, at, "tags (%.60s) are not used in this file", (const char *)tag);
}

static void
got_scalar(struct builder *b, const yaml_event_t *event)
{
    struct node *node = new_node(b, NODE_TEXT, event->start_mark);
    if (node == NULL)
        return;
    node->text = arena_copy(
        b->memory, slice((const char *)event->data.scalar.value, event->data.scalar.length));
    if (node->text.ptr == NULL) {
        b->report->nomem = b->stop = true;
        return;
    }
    refuse_anchor_and_tag(b, node->where, event->data.scalar.anchor, event->data.scalar.tag);
    append(b, node);
}

static void
got_collection(struct builder *b, const yaml_event_t *event)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    struct node *node = new_node(b, list ? NODE_LIST : NODE_MAP, event->start_mark);
    if (node == NULL)
        return;
    if (list)
        refuse_anchor_and_tag(b, node->where, event->data.sequence_start.anchor,
                              event->data.sequence_start.tag);
    else
        refuse_anchor_and_tag(b, node->where, event->data.mapping_start.anchor,
                              event->data.mapping_start.tag);
    append(b, node);
    push(b, node);
}

static void
got_alias(struct builder *b, const yaml_event_t *event)
{
    struct node *node = new_node(b, NODE_REFUSED, event->start_mark);
    if (node == NULL)
        return;
    report_error(b->report, node->where, "aliases (*%.60s) are not used in this file",
                 (const char *)event->data.alias.anchor);
    append(b, node);
}

static void
got_document(struct builder *b, const yaml_event_t *event)
{
    if (b->documents++ == 0)
        return;
    report_error(b->report, where_of(b, event->start_mark),
                 "a second document begins here; this file holds one");
    b->stop = b->broken = true;
}

static void
got_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        got_document(b, event);
        break;
    case YAML_SCALAR_EVENT:
        got_scalar(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        got_collection(b, event);
        break;
    case YAML_ALIAS_EVENT:
        got_alias(b, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        break;
    case YAML_STREAM_END_EVENT:
        b->stop = true;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

/* All events. False: there is no tree to go by. */
static bool
build(struct builder *b)
{
    while (!b->stop) {
        yaml_event_t event;
        if (yaml_parser_parse(&b->parser, &event) == 0) {
            complain_of_syntax(b);
            break;
        }
        got_event(b, &event);
        yaml_event_delete(&event);
    }
    return !b->broken && !b->report->nomem;
}

const struct node *
config_yaml_read(struct slice source, struct arena *memory, struct report *report)
{
    struct builder b = {.memory = memory, .report = report};
    if (yaml_parser_initialize(&b.parser) == 0) {
        report->nomem = true;
        return NULL;
    }
    /* Not to be guessed from the first octets. */
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    const char *text = source.len > 0 ? source.ptr : "";
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, source.len);
    bool whole = build(&b);
    yaml_parser_delete(&b.parser);

    if (!whole)
        return NULL;
    struct where top = {report->file, 0, 0};
    if (b.root == NULL || (b.root->kind == NODE_TEXT && b.root->text.len == 0)) {
        report_error(report, top, "nothing is configured");
        return NULL;
    }
    if (b.root->kind != NODE_MAP) {
        report_error(report, b.root->where, "keys are wanted here (\"version: 1\" is the first)");
        return NULL;
    }
    return b.root;
}
