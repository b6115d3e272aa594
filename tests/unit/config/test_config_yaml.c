#include "config/config_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/kit/complaint_rows.h"
#include "tests/kit/flush.h"
#include "tests/kit/test.h"

static const struct complaint_row syntax[] = {
    {"a tab as indentation", "  main: { certificate", "\tmain: { certificate",
     "6:1: error: tab used for indentation; use spaces\n"},
    {"a tab behind blanks",
     "    listen: [main]\n"
     "    networks: [10.1",
     "    listen: [main]\n"
     "  \tnetworks: [10.1",
     "19:3: error: tab used for indentation; use spaces\n"},
    {"a bracket left open", "deliver: [contoso-hub]", "deliver: [contoso-hub",
     "13:11: error: did not find expected ',' or ']' while parsing a flow "
     "sequence that begins on line 12\n"},
    {"a quote left open", "\"10.1.0.5:25\"", "\"10.1.0.5:25",
     "22:30: error: found unknown escape character while parsing a quoted scalar "
     "that begins on line 8\n"},
    {"a colon too many", "version: 1", "version: 1: 2",
     "1:11: error: mapping values are not allowed in this context\n"},
    {"a key given twice", "version: 1",
     "version: 1\n"
     "version: 1",
     "2:1: error: key \"version\" given twice; first on line 1\n"},
    {"a name given twice",
     "  fabrikam-hub:\n"
     "    servers",
     "  contoso-hub: none\n"
     "  fabrikam-hub:\n"
     "    servers",
     "33:3: error: key \"contoso-hub\" given twice; first on line 30\n"},
    {"an anchor", "spool: {", "spool: &here {",
     "4:8: error: anchors (&here) are not used in this file\n"},
    {"an alias, and its anchor", "[contoso-hub]", "[&a contoso-hub, *a]",
     "12:15: error: anchors (&a) are not used in this file\n"
     "12:31: error: aliases (*a) are not used in this file\n"},
    {"a tag", "version: 1", "version: !!int 1",
     "1:10: error: tags (tag:yaml.org,2002:int) are not used in this file\n"},
    {"a second document", "version: 1",
     "version: 1\n"
     "---\n"
     "hostname: other",
     "2:1: error: a second document begins here; this file holds one\n"},
    {"a list where keys are wanted", "spool: { path: spool }", "spool: [spool]",
     "4:8: error: spool: keys are wanted below it\n"},
    {"a key that is a list", "spool: { path: spool }", "spool: { path: spool, [a]: b }",
     "4:23: error: a key is one word, not a list or map\n"},
    {"a merge key", "spool: { path: spool }", "spool: { path: spool, <<: { map_size: 1GiB } }",
     "4:23: error: unknown key \"<<\"\n"},
};

static void
config_yaml_says_where_the_syntax_is_broken(void **state)
{
    (void)state;
    complaint_rows_check(syntax, COUNT_OF(syntax));
}

/* A text read by itself: the tree, and what is said about it. */
struct reading {
    struct arena memory;
    struct report report;
    struct complaints complaints;
    const struct node *root;
};

static void
read_text(struct reading *r, struct slice text)
{
    arena_init(&r->memory, 64 << 20);
    report_init(&r->report, "gw.yaml", text);
    complaints_init(&r->complaints);
    r->root = config_yaml_read(text, &r->memory, &r->report);
    report_write(&r->report, &r->complaints);
}

static void
forget(struct reading *r)
{
    complaints_fini(&r->complaints);
    report_fini(&r->report);
    arena_fini(&r->memory);
}

static void
config_yaml_gives_every_node_its_place(void **state)
{
    struct reading r;
    (void)state;
    read_text(&r, slice_str("# comment\na: one\nb:\n  - two\n  - { c: three, d: [] }\n"));
    assert_non_null(r.root);
    assert_int_equal(r.root->kind, NODE_MAP);
    assert_int_equal(r.root->count, 2);

    const struct node *a = node_find(r.root, slice_str("a"));
    assert_int_equal(a->kind, NODE_TEXT);
    assert_true(slice_is(a->text, "one"));
    assert_int_equal(a->where.line, 2);
    assert_int_equal(a->where.column, 4);
    assert_int_equal(a->key->where.column, 1);
    assert_string_equal(a->where.file, "gw.yaml");

    const struct node *b = a->next;
    assert_int_equal(b->kind, NODE_LIST);
    assert_int_equal(b->count, 2);
    assert_null(b->next);
    const struct node *inner = b->first->next;
    assert_int_equal(inner->kind, NODE_MAP);
    assert_ptr_equal(NODE_AT(inner, "c"), inner->first);
    assert_int_equal(inner->first->where.line, 5);
    assert_int_equal(inner->first->where.column, 10);
    assert_int_equal(NODE_AT(inner, "d")->count, 0);
    assert_null(NODE_AT(r.root, "b", "c"));
    assert_null(NODE_AT(r.root, "x", "c"));
    forget(&r);
}

/* What other readers turn into numbers and truth stays what was written. */
static void
config_yaml_leaves_texts_as_they_stand(void **state)
{
    static const char *const texts[] = {"no",   "1.0", "012", "0x10",
                                        "null", "~",   "1e3", "2001-12-14"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct reading r;
        char source[64];
        snprintf(source, sizeof source, "a: %s\n", texts[i]);
        read_text(&r, slice_str(source));
        if (!slice_is(NODE_AT(r.root, "a")->text, texts[i]))
            fail_row(texts[i], "is \"%.*s\"", SLICE_ARG(NODE_AT(r.root, "a")->text));
        forget(&r);
    }
}

/* n lists in one another, in a map. */
static char *
nested(size_t n)
{
    char *text = malloc(2 * n + 4);
    assert_non_null(text);
    memcpy(text, "a: ", 3);
    memset(text + 3, '[', n);
    memset(text + 3 + n, ']', n);
    text[3 + 2 * n] = '\0';
    return text;
}

static void
config_yaml_refuses_nesting_deeper_than_32(void **state)
{
    struct reading r;
    (void)state;
    char *text = nested(YAML_DEPTH_MAX - 1);
    read_text(&r, slice_str(text));
    assert_non_null(r.root);
    assert_int_equal(r.report.errors, 0);
    forget(&r);
    free(text);

    text = nested(YAML_DEPTH_MAX);
    read_text(&r, slice_str(text));
    assert_null(r.root);
    assert_non_null(
        strstr(buf_text(&r.complaints.text), "gw.yaml:1:35: error: nested deeper than 32"));
    forget(&r);
    free(text);

    text = nested(400000); /* and it does not take for ever to say so */
    read_text(&r, slice_str(text));
    assert_null(r.root);
    assert_int_equal(r.report.errors, 1);
    forget(&r);
    free(text);
}

static void
config_yaml_refuses_more_than_4096_entries(void **state)
{
    (void)state;
    for (size_t n = YAML_ENTRIES_MAX; n <= YAML_ENTRIES_MAX + 2; n++) {
        struct reading r;
        struct buf text;
        buf_init(&text, 1 << 20);
        buf_put_str(&text, "a: [");
        for (size_t i = 0; i < n; i++)
            buf_put_str(&text, "x, ");
        buf_put_str(&text, "]\n");
        read_text(&r, buf_slice(&text));
        assert_int_equal(r.report.errors, n > YAML_ENTRIES_MAX ? 1 : 0);
        if (n > YAML_ENTRIES_MAX)
            assert_non_null(
                strstr(buf_text(&r.complaints.text), ":1:4: error: more than 4096 entries"));
        forget(&r);
        buf_fini(&text);
    }
}

static const struct top_row {
    const char *say, *text, *said;
} tops[] = {
    {"nothing", "", "gw.yaml: error: nothing is configured\n"},
    {"only comments", "# nothing\n", "gw.yaml: error: nothing is configured\n"},
    {"an empty document", "---\n", "gw.yaml: error: nothing is configured\n"},
    {"a list", "- a\n",
     "gw.yaml:1:1: error: keys are wanted here (\"version: 1\" is the first)\n  - a\n  ^\n"},
    {"a word", "version\n",
     "gw.yaml:1:1: error: keys are wanted here (\"version: 1\" is the first)\n  version\n  ^\n"},
};

static void
config_yaml_wants_keys_at_the_top(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tops); i++) {
        struct reading r;
        read_text(&r, slice_str(tops[i].text));
        if (r.root != NULL || strcmp(buf_text(&r.complaints.text), tops[i].said) != 0)
            fail_row(tops[i].say, "said %s", buf_text(&r.complaints.text));
        forget(&r);
    }
}

/* Wherever a file ends, nothing behind its end is read. */
static void
config_yaml_reads_every_beginning_of_a_file(void **state)
{
    (void)state;
    struct slice whole = slice_str(config_folder_small);
    for (size_t n = 0; n <= whole.len; n++) {
        struct reading r;
        read_text(&r, flush_copy(slice_head(whole, n)));
        assert_true((r.root != NULL) == (r.report.errors == 0));
        forget(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_yaml_says_where_the_syntax_is_broken),
        cmocka_unit_test(config_yaml_gives_every_node_its_place),
        cmocka_unit_test(config_yaml_leaves_texts_as_they_stand),
        cmocka_unit_test(config_yaml_refuses_nesting_deeper_than_32),
        cmocka_unit_test(config_yaml_refuses_more_than_4096_entries),
        cmocka_unit_test(config_yaml_wants_keys_at_the_top),
        cmocka_unit_test(config_yaml_reads_every_beginning_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
