/* What a spool finds when it opens, and how it behaves when there is no room. */
#include "gateway/spool/spool.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/kit/custody.h"
#include "tests/kit/test.h"

static int
open_custody(void **state)
{
    static struct custody c;
    custody_init(&c);
    custody_open(&c);
    *state = &c;
    return 0;
}

static int
close_custody(void **state)
{
    custody_fini(*state);
    return 0;
}

/* A path below the spool folder. */
static const char *
below(const struct custody *c, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", c->path, name);
    return path;
}

static void
make_file(const char *path, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

/* Put a value into a database of a closed spool, as damage or a newer program would. */
static void
put_raw(const struct custody *c, const char *database, struct slice key, struct slice value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char room[2][256];
    memcpy(room[0], key.ptr, key.len);
    memcpy(room[1], value.ptr, value.len);
    MDB_val k = {key.len, room[0]}, v = {value.len, room[1]};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, c->path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, database, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void
put_number(char room[8], uint64_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 8)
        room[i] = (char)(n & 0xff);
}

static void
expect_refusal(struct custody *c, enum err_kind kind, const char *words)
{
    struct spool *s = NULL;
    struct spool_found found;
    struct err err;
    assert_false(spool_open(&c->settings, &s, &found, &err));
    assert_null(s);
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

/* ---- Folder, lock, key -------------------------------------------------------------------- */

static void
spool_is_nobody_elses_business(void **state)
{
    struct custody *c = *state;
    struct stat st;
    assert_int_equal(stat(c->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    static const char *const files[] = {"key", "lock", "data.mdb"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        assert_int_equal(stat(below(c, files[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void
spool_is_open_only_once(void **state)
{
    struct custody *c = *state;
    char words[40];
    snprintf(words, sizeof words, "in use by process %ld", (long)getpid());
    expect_refusal(c, ERR_STATE, words);
    assert_true(custody_accept_plain(c, "hub", 10, 0) != 0);
}

static void
spool_keeps_its_key(void **state)
{
    struct custody *c = *state;
    unsigned char key[32];
    memcpy(key, spool_key(c->spool), sizeof key);
    custody_reopen(c);
    assert_memory_equal(key, spool_key(c->spool), sizeof key);
}

static void
spool_refuses_a_key_that_is_not_right(void **state)
{
    struct custody *c = *state;
    custody_close(c);
    assert_int_equal(chmod(below(c, "key"), 0640), 0);
    expect_refusal(c, ERR_CONFIG, "read by others");
    assert_int_equal(chmod(below(c, "key"), 0600), 0);
    assert_int_equal(truncate(below(c, "key"), 31), 0);
    expect_refusal(c, ERR_CONFIG, "31 octets instead of 32");
}

static void
put_version(const struct custody *c, uint64_t n)
{
    char version[8];
    put_number(version, n);
    put_raw(c, "meta", slice_str("version"), slice(version, 8));
}

static void
spool_refuses_a_newer_version(void **state)
{
    struct custody *c = *state;
    custody_close(c);
    put_version(c, 4);
    expect_refusal(c, ERR_STATE, "version 4");
}

static bool
has_version(const struct custody *c, uint64_t n)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char name[] = "version", wanted[8];
    MDB_val k = {sizeof name - 1, name}, v;
    put_number(wanted, n);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, c->path, MDB_RDONLY, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
    bool is = slice_equal(slice(v.mv_data, v.mv_size), slice(wanted, 8));
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return is;
}

/* Older programs refuse it from then on. */
static void
spool_of_the_version_before_is_opened_and_raised(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 1);
    custody_close(c);
    put_version(c, 2);
    custody_open(c);
    assert_int_equal(c->found.recovered, 1);
    assert_true(custody_body_is(c, id, 100, 1));
    custody_close(c);
    assert_true(has_version(c, 3));
    custody_open(c);
}

static void
spool_refuses_what_is_not_a_spool(void **state)
{
    struct custody *c = *state;
    custody_close(c);
    make_file(below(c, "data.mdb"), 20000);
    expect_refusal(c, ERR_IO, "spool database: open");
}

/* ---- Recovery ----------------------------------------------------------------------------- */

static void
spool_gives_ids_that_were_never_given(void **state)
{
    struct custody *c = *state;
    uint64_t last = 0;
    for (int i = 0; i < 5; i++) {
        uint64_t id = custody_accept_plain(c, "hub", 10, 0);
        assert_true(id > last);
        last = id;
        custody_reopen(c);
        assert_int_equal(c->found.highest_id, last);
    }
}

static void
spool_discards_files_that_no_record_names(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 20000, 1);
    custody_close(c);
    make_file(below(c, "large/0000000000001"), 30000);
    make_file(below(c, "large/0000000000002.part"), 5);
    make_file(below(c, "large/what-is-this"), 0);
    custody_open(c);
    assert_int_equal(c->found.recovered, 1);
    assert_int_equal(c->found.discarded, 3);
    assert_int_equal(custody_large_files(c), 1);
    assert_true(custody_body_is(c, id, 20000, 1));
}

static void
spool_puts_broken_records_aside(void **state)
{
    struct custody *c = *state;
    uint64_t ids[3];
    for (size_t i = 0; i < 3; i++)
        ids[i] = custody_accept_plain(c, "hub", i == 1 ? 20000 : 100, 0);
    for (int newer = 0; newer <= 1; newer++) {
        custody_close(c);
        char key[8];
        put_number(key, ids[newer]);
        put_raw(c, "msg", slice(key, 8), slice_str(newer ? "FGE\011 of a later day" : "rubbish"));
        custody_open(c);
        assert_int_equal(c->found.quarantined, 1);
        assert_int_equal(c->found.recovered, 2 - newer);

        struct spool_place out[4];
        int64_t next_due;
        struct envelope e;
        assert_false(custody_read(c, ids[newer], &e));
        assert_int_equal(spool_due(c->spool, slice_str("hub"), (struct spool_place){0, 0}, 9, out,
                                   4, &next_due),
                         2 - newer);
    }
    /* It is aside, not gone, and so is its body. */
    custody_reopen(c);
    assert_int_equal(c->found.quarantined, 0);
    assert_int_equal(c->found.discarded, 0);
    assert_int_equal(custody_large_files(c), 1);
    assert_true(custody_body_is(c, ids[2], 100, 0));
}

/* ---- No room ------------------------------------------------------------------------------ */

/* Accept until it is refused; how many there were, the last one's id. */
static size_t
fill(struct custody *c, size_t size, uint64_t *last)
{
    size_t count = 0;
    for (;;) {
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", 1, 0);
        struct err err;
        uint64_t id = custody_accept(c, &e, size, 0, &err);
        if (id == 0) {
            assert_int_equal(err.kind, ERR_FULL);
            return count;
        }
        *last = id;
        count++;
    }
}

static void
spool_refuses_mail_when_the_map_is_full(void **state)
{
    struct custody *c = *state;
    custody_close(c);
    c->settings.map_size = 1 << 20;
    c->settings.reserve = 0;
    custody_open(c);
    uint64_t last;
    size_t count = fill(c, 9000, &last);
    assert_true(count > 30 && count < 100);
    assert_int_equal(c->failures, 0);
    assert_true(custody_body_is(c, last, 9000, 0));
    custody_reopen(c);
    assert_int_equal(c->found.recovered, count);
}

static void
spool_keeps_a_reserve_for_outcomes(void **state)
{
    struct custody *c = *state;
    custody_close(c);
    c->settings.map_size = 4 << 20;
    c->settings.reserve = 1 << 20;
    custody_open(c);
    uint64_t last;
    (void)fill(c, 9000, &last);
    custody_reopen(c); /* measures anew */
    assert_false(spool_has_room(c->spool));
    struct spool_draft *d;
    struct err err;
    assert_false(spool_begin(c->spool, &d, &err));
    assert_int_equal(err.kind, ERR_FULL);

    uint64_t after = 0, id;
    while (spool_list(c->spool, after, &id, 1) == 1) {
        assert_true(custody_record_one(c, id, 0, RECIPIENT_WAITING, "hub", 77).ok);
        assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
        after = id;
    }
    custody_reopen(c);
    assert_true(spool_has_room(c->spool));
    assert_true(custody_accept_plain(c, "hub", 9000, 0) != 0);
}

static void
spool_refuses_mail_when_the_disk_is_nearly_full(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    custody_close(c);
    c->settings.reserve = UINT64_MAX / 2;
    custody_open(c);
    assert_false(spool_has_room(c->spool));
    assert_int_equal(custody_accept_plain(c, "hub", 100, 0), 0);
    assert_int_equal(custody_accept_plain(c, "hub", 20000, 0), 0);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    custody_reopen(c);
    assert_int_equal(c->found.recovered, 0);
    assert_int_equal(custody_large_files(c), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_custody, close_custody)
    const struct CMUnitTest tests[] = {
        TEST(spool_is_nobody_elses_business),
        TEST(spool_is_open_only_once),
        TEST(spool_keeps_its_key),
        TEST(spool_refuses_a_key_that_is_not_right),
        TEST(spool_refuses_a_newer_version),
        TEST(spool_of_the_version_before_is_opened_and_raised),
        TEST(spool_refuses_what_is_not_a_spool),
        TEST(spool_gives_ids_that_were_never_given),
        TEST(spool_discards_files_that_no_record_names),
        TEST(spool_puts_broken_records_aside),
        TEST(spool_refuses_mail_when_the_map_is_full),
        TEST(spool_keeps_a_reserve_for_outcomes),
        TEST(spool_refuses_mail_when_the_disk_is_nearly_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
