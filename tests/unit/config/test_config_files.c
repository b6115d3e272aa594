#include "config/config_files.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

struct fixture {
    struct config_folder folder;
    struct config *config;
};

static void
fixture_init(struct fixture *f)
{
    struct complaints complaints;
    config_folder_new(&f->folder);
    if (!config_folder_load(&f->folder, config_folder_small, &f->config, &complaints))
        fail_msg("%s", buf_text(&complaints.text));
    complaints_fini(&complaints);
}

static void
fixture_fini(struct fixture *f)
{
    config_unref(&f->config);
    config_folder_remove(&f->folder);
}

static void
config_files_are_looked_at_when_they_are_read(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    assert_true(f.config->files == config_files_look(f.config));
    assert_true(slice_is(f.config->source, config_folder_small));
    fixture_fini(&f);
}

/* Each kind of file that a configuration can name, and each way in which it changes. */
static void
config_files_show_every_change(void **state)
{
    static const char *const names[] = {"tls/gw.pem", "tls/gw.key", "secrets/contoso",
                                        "secrets/contoso.hash"};
    struct fixture f;
    char room[2 * CONFIG_FOLDER_PATH], other[2 * CONFIG_FOLDER_PATH + 8];
    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        uint64_t before = config_files_look(f.config);
        assert_true(config_files_look(f.config) == before);
        config_folder_write(&f.folder, names[i], slice_str("longer than what was there before"),
                            0600);
        uint64_t written = config_files_look(f.config);
        config_folder_file(&f.folder, names[i], room);
        snprintf(other, sizeof other, "%s.new", room);
        config_folder_write(&f.folder, "tls/elsewhere", slice_str("longer than what was there"),
                            0600);
        char elsewhere[2 * CONFIG_FOLDER_PATH];
        config_folder_file(&f.folder, "tls/elsewhere", elsewhere);
        assert_int_equal(symlink(elsewhere, other), 0);
        assert_int_equal(rename(other, room), 0);
        uint64_t linked = config_files_look(f.config);
        config_folder_write(&f.folder, "tls/elsewhere", slice_str("behind the link"), 0600);
        uint64_t behind = config_files_look(f.config);
        assert_int_equal(unlink(room), 0);
        uint64_t removed = config_files_look(f.config);
        if (written == before || linked == written || behind == linked || removed == behind)
            fail_msg("%s: a change was not seen", names[i]);
    }
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_files_are_looked_at_when_they_are_read),
        cmocka_unit_test(config_files_show_every_change),
    };
    return cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
}
