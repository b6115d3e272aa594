#include "gateway/relay/changes.h"

#include <stdio.h>

#include "gateway/relay/route_memory.h"
#include "tests/kit/config_text.h"
#include "tests/kit/custody.h"
#include "tests/kit/test.h"

/* One text for each of what may differ. */
static const char head[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso: { domains: { contoso.example: authoritative }, deliver: [to-contoso] }\n"
    "receive:\n"
    "  in: { listen: [main], networks: [10.1.0.0/16], speaks_for: [contoso], auth: none }\n"
    "send:\n"
    "  to-contoso: { servers: [a.example], tls: { verify: name }, auth: none }\n"
    "  other: { servers: [b.example], tls: { verify: name }, auth: none }\n";

struct room {
    struct custody custody;
    struct changes *changes;
    uint64_t generation;
};

static void
room_init(struct room *r)
{
    *r = (struct room){.generation = 0};
    custody_init(&r->custody);
    custody_open(&r->custody);
    r->changes = changes_new(r->custody.spool, NULL);
}

static void
room_fini(struct room *r)
{
    changes_free(&r->changes);
    custody_fini(&r->custody);
}

/* The next process, on the same spool. */
static void
room_restart(struct room *r)
{
    changes_free(&r->changes);
    custody_reopen(&r->custody);
    r->changes = changes_new(r->custody.spool, NULL);
}

static struct config *
config_with(struct room *r, const char *more)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "%s%s", head, more);
    assert_in_range(n, 1, sizeof text - 1);
    struct config *c = config_of_text(text);
    c->generation = ++r->generation;
    return c;
}

/* It comes into force at a single worker. */
static struct changes_task
use(struct room *r, const char *more)
{
    struct config *c = config_with(r, more);
    struct changes_task task = changes_begin(r->changes, c, 1);
    config_unref(&c);
    return task;
}

static bool
is_walking(struct room *r)
{
    struct changes_view v;
    changes_read(r->changes, &v);
    return v.is_walking;
}

static void
changes_walk_once_for_each_text(void **state)
{
    struct room r;
    (void)state;
    room_init(&r);
    struct changes_task first = use(&r, "");
    assert_true(first.walk != 0 && first.retime && is_walking(&r));
    changes_walked(r.changes, first.walk);
    assert_false(is_walking(&r));
    assert_true(use(&r, "").walk == first.walk); /* begun already: certificates were read anew */
    assert_false(is_walking(&r));
    struct changes_task second = use(&r, "limits: { recipients: 7 }\n");
    assert_true(second.walk != first.walk && !second.retime);
    struct changes_task third = use(&r, "retry: { message: [7m] }\n");
    assert_true(third.walk != second.walk && third.retime);
    changes_walked(r.changes, second.walk); /* overtaken: that is no end */
    assert_true(is_walking(&r));
    /* The walk of the timetable did not come to its end. */
    assert_true(use(&r, "retry: { message: [7m] }\nlimits: { recipients: 8 }\n").retime);
    room_fini(&r);
}

static void
changes_are_remembered_for_the_next_start(void **state)
{
    struct room r;
    (void)state;
    room_init(&r);
    changes_walked(r.changes, use(&r, "").walk);
    room_restart(&r);
    assert_true(use(&r, "").walk == 0);
    room_restart(&r);
    struct changes_task task = use(&r, "limits: { recipients: 7 }\n");
    assert_true(task.walk != 0 && !task.retime);
    room_restart(&r); /* in the middle of it: whatever comes, all is looked at */
    assert_true(use(&r, "").walk != 0);
    room_restart(&r);
    assert_true(use(&r, "limits: { recipients: 7 }\n").walk != 0);
    room_fini(&r);
}

static void
changes_end_with_the_last_worker(void **state)
{
    struct room r;
    (void)state;
    room_init(&r);
    struct config *a = config_with(&r, ""), *b = config_with(&r, "limits: { recipients: 7 }\n");
    struct changes_task first = changes_begin(r.changes, a, 2);
    assert_true(changes_begin(r.changes, a, 2).walk == first.walk);
    changes_walked(r.changes, first.walk);
    assert_true(is_walking(&r));
    /* The other one hears of the newer configuration before its own letters. */
    struct changes_task next = changes_begin(r.changes, b, 2);
    assert_true(changes_begin(r.changes, a, 2).walk == 0);
    assert_true(changes_begin(r.changes, b, 2).walk == next.walk && next.walk != first.walk);
    changes_walked(r.changes, next.walk);
    changes_walked(r.changes, next.walk);
    assert_false(is_walking(&r));
    config_unref(&a);
    config_unref(&b);
    room_fini(&r);
}

static void
changes_are_counted_by_pairs_and_begin_anew(void **state)
{
    struct room r;
    struct changes_view v;
    (void)state;
    room_init(&r);
    use(&r, "");
    changes_moved(r.changes, slice_str("a"), slice_str("b"));
    changes_moved(r.changes, slice_str("a"), slice_str("b"));
    changes_moved(r.changes, slice_str("a"), slice_str(""));
    changes_retimed(r.changes);
    changes_read(r.changes, &v);
    assert_true(v.moved == 2 && v.unreachable == 1 && v.retimed == 1 && v.row_count == 2);
    assert_string_equal(v.rows[0].to, "b");
    assert_true(v.rows[0].messages == 2);
    for (unsigned i = 0; i < 2 * CHANGES_ROWS; i++) {
        char name[16];
        snprintf(name, sizeof name, "q%u", i);
        changes_moved(r.changes, slice_str(name), slice_str("b"));
    }
    changes_read(r.changes, &v);
    assert_true(v.moved == 2 + 2 * CHANGES_ROWS && v.row_count == CHANGES_ROWS);
    use(&r, "limits: { recipients: 7 }\n");
    changes_read(r.changes, &v);
    assert_true(v.moved == 0 && v.row_count == 0);
    room_fini(&r);
}

/* ---- The memory of routes ----------------------------------------------------------------- */

static const char *
asked(struct route_memory *m, const struct config *c, const char *address)
{
    const struct envelope e = {.receive_connector = slice_str("in")};
    const struct envelope_recipient r = {.address = slice_str(address)};
    const struct send_connector *to = route_memory_ask(m, c, &e, &r);
    return to != NULL ? to->name : "";
}

static void
routes_are_remembered_until_the_configuration_changes(void **state)
{
    struct room r;
    (void)state;
    room_init(&r);
    struct route_memory *m = route_memory_new();
    struct config *a = config_with(&r, "");
    for (int i = 0; i < 2; i++) {
        assert_string_equal(asked(m, a, "x@elsewhere.example"), "");
        assert_string_equal(asked(m, a, "anna@contoso.example"), "to-contoso");
        assert_string_equal(asked(m, a, "\"a@b\"@contoso.example"), "to-contoso");
        assert_string_equal(asked(m, a, "nobody"), "");
    }
    a->forests[0].deliver[0] = config_send(a, slice_str("other"));
    assert_string_equal(asked(m, a, "anna@contoso.example"), "to-contoso");
    route_memory_forget(m);
    assert_string_equal(asked(m, a, "anna@contoso.example"), "other");
    route_memory_free(&m);
    config_unref(&a);
    room_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_walk_once_for_each_text),
        cmocka_unit_test(changes_are_remembered_for_the_next_start),
        cmocka_unit_test(changes_end_with_the_last_worker),
        cmocka_unit_test(changes_are_counted_by_pairs_and_begin_anew),
        cmocka_unit_test(routes_are_remembered_until_the_configuration_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
