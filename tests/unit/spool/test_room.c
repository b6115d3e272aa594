#include "gateway/spool/room.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/kit/test.h"

/* A store that says what it uses, and nothing else. */
struct store_fake {
    struct spool_store base;
    uint64_t used;
    uint64_t reusable; /* of it */
    uint64_t size;
};

static uint64_t
used(struct spool_store *s, bool exact, uint64_t *size)
{
    const struct store_fake *f = (const struct store_fake *)s;
    *size = f->size;
    return exact ? f->used - f->reusable : f->used;
}

static const struct spool_store_functions calls = {.used = used};

/* Is there room on a disk with `disk` octets free, with this store and reserve? */
static bool
is_room(const struct store_fake *like, uint64_t reserve)
{
    struct store_fake store = *like;
    store.base.call = &calls;
    int folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct room *r = room_new(&store.base, folder, reserve, NULL);
    bool answer = room_is_left(r);
    room_free(&r);
    close(folder);
    return answer;
}

static uint64_t
free_on_disk(void)
{
    struct statvfs disk;
    assert_int_equal(statvfs("/tmp", &disk), 0);
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

static void
room_is_what_the_disk_and_the_map_have(void **state)
{
    (void)state;
    uint64_t disk = free_on_disk();
    assert_true(is_room(&(struct store_fake){.used = 10, .size = UINT64_MAX / 2}, disk / 2));
    assert_false(is_room(&(struct store_fake){.used = 10, .size = UINT64_MAX / 2}, disk * 2));
    assert_false(is_room(&(struct store_fake){.used = 900, .size = 1000}, 200));
    assert_true(is_room(&(struct store_fake){.used = 900, .reusable = 500, .size = 1000}, 200));
}

static void
room_counts_what_the_store_can_use_again_when_the_disk_is_full(void **state)
{
    (void)state;
    uint64_t disk = free_on_disk();
    const struct store_fake grown = {
        .used = disk * 3, .reusable = disk * 2, .size = UINT64_MAX / 2};
    assert_true(is_room(&grown, disk * 2));
    assert_false(is_room(&grown, disk * 4));
}

static void
room_load_tells_what_is_there_and_what_could_be_used_again(void **state)
{
    (void)state;
    struct store_fake store = {.used = 900, .reusable = 500, .size = 1000};
    store.base.call = &calls;
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a disk without any room */
    struct room *r = room_new(&store.base, folder, 0, NULL);
    struct spool_load load = room_load(r, false);
    assert_int_equal(load.disk_free, 0);
    assert_int_equal(load.database_used, 900);
    load = room_load(r, true);
    assert_int_equal(load.disk_free, 500);
    assert_int_equal(load.database_used, 400);
    room_free(&r);
    close(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_what_the_disk_and_the_map_have),
        cmocka_unit_test(room_counts_what_the_store_can_use_again_when_the_disk_is_full),
        cmocka_unit_test(room_load_tells_what_is_there_and_what_could_be_used_again),
    };
    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
