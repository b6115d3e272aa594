/* What was in flight outlives the process, and only a crash makes it count. */
#include "gateway/spool/in_flight.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kit/test.h"

struct place {
    char path[64];
    int folder;
};

static int
open_place(void **state)
{
    static struct place p;
    snprintf(p.path, sizeof p.path, "/tmp/in-flight.XXXXXX");
    assert_non_null(mkdtemp(p.path));
    p.folder = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &p;
    return 0;
}

static int
close_place(void **state)
{
    struct place *p = *state;
    unlinkat(p->folder, "in-flight", 0);
    close(p->folder);
    return rmdir(p->path);
}

static struct in_flight *
open_in(struct place *p)
{
    struct in_flight *f = NULL;
    struct err err;
    assert_true(in_flight_open(p->folder, &f, &err));
    return f;
}

/* A process that ends while 7 and 9 are in flight and 8 has landed. */
static void
end_in_flight(struct place *p, bool crashes)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct in_flight *f = NULL;
        struct err err;
        if (!in_flight_open(p->folder, &f, &err))
            _exit(1);
        (void)in_flight_enter(f, 7);
        uint32_t landed = in_flight_enter(f, 8);
        (void)in_flight_enter(f, 9);
        in_flight_leave(f, landed);
        if (crashes)
            in_flight_note_crash(f);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void
what_was_in_flight_at_a_crash_is_told_once(void **state)
{
    uint64_t ids[IN_FLIGHT_MAX];
    end_in_flight(*state, true);
    struct in_flight *f = open_in(*state);
    assert_int_equal(in_flight_at_crash(f, ids), 2);
    assert_true(ids[0] == 7 && ids[1] == 9);
    assert_int_equal(in_flight_at_crash(f, ids), 0);
    assert_false(in_flight_has(f, 7));
    in_flight_close(&f);
}

static void
an_end_from_outside_is_no_crash(void **state)
{
    uint64_t ids[IN_FLIGHT_MAX];
    end_in_flight(*state, false);
    struct in_flight *f = open_in(*state);
    assert_int_equal(in_flight_at_crash(f, ids), 0);
    in_flight_note_crash(f); /* nothing was in flight any more */
    in_flight_close(&f);
    f = open_in(*state);
    assert_int_equal(in_flight_at_crash(f, ids), 0);
    in_flight_close(&f);
}

static void
places_are_used_again_and_bounded(void **state)
{
    struct in_flight *f = open_in(*state);
    for (uint64_t id = 1; id <= 3 * IN_FLIGHT_MAX; id++)
        in_flight_leave(f, in_flight_enter(f, id));
    for (uint64_t id = 1; id <= IN_FLIGHT_MAX; id++)
        assert_int_not_equal(in_flight_enter(f, id), 0);
    assert_int_equal(in_flight_enter(f, 77777), 0);
    in_flight_leave(f, 0);
    assert_true(in_flight_has(f, 1) && in_flight_has(f, IN_FLIGHT_MAX));
    assert_false(in_flight_has(f, 77777));
    in_flight_close(&f);
}

static void
a_file_of_something_else_is_no_crash(void **state)
{
    struct place *p = *state;
    uint64_t ids[IN_FLIGHT_MAX];
    char octets[5000];
    memset(octets, 0xff, sizeof octets);
    int fd = openat(p->folder, "in-flight", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, octets, sizeof octets), sizeof octets);
    close(fd);
    struct in_flight *f = open_in(p);
    assert_int_equal(in_flight_at_crash(f, ids), 0);
    in_flight_close(&f);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)
    const struct CMUnitTest tests[] = {
        TEST(what_was_in_flight_at_a_crash_is_told_once),
        TEST(an_end_from_outside_is_no_crash),
        TEST(places_are_used_again_and_bounded),
        TEST(a_file_of_something_else_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
