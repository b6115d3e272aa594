#include "config/config_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

static struct config_folder folder;
static struct arena memory;

static int
set_up(void **state)
{
    (void)state;
    config_folder_new(&folder);
    arena_init(&memory, 1 << 20);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_fini(&memory);
    config_folder_remove(&folder);
    return 0;
}

/* Octets with embedded NUL keep their length. */
#define TEXT(s)                                                                                  \
    {                                                                                            \
        "" s "", sizeof(s) - 1                                                                   \
    }

static const struct content_row {
    const char *say;
    struct slice content;
    const char *line;    /* NULL: refused */
    const char *refused; /* behind the path */
} contents[] = {
    {"one line", TEXT("hunter2\n"), "hunter2", NULL},
    {"without its newline", TEXT("hunter2"), "hunter2", NULL},
    {"blanks belong to it", TEXT(" hunter 2 \n"), " hunter 2 ", NULL},
    {"UTF-8", TEXT("p\xc3\xa4ss\n"), "p\xc3\xa4ss", NULL},
    {"empty", TEXT(""), NULL, " is empty"},
    {"only a newline", TEXT("\n"), NULL, " is empty"},
    {"two newlines", TEXT("hunter2\n\n"), NULL, " holds more than one line"},
    {"two lines", TEXT("hunter2\nhunter3\n"), NULL, " holds more than one line"},
    {"written on Windows", TEXT("hunter2\r\n"), NULL, " ends in CR LF; write it with LF alone"},
    {"a tab", TEXT("hun\tter2\n"), NULL, " holds a control character"},
    {"a NUL", TEXT("hun\0ter2\n"), NULL, " holds a control character"},
};

static void
config_secret_is_one_line_without_its_newline(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH];
    (void)state;
    config_folder_file(&folder, "secrets/new", path);
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        const struct content_row *row = &contents[i];
        const char *line = NULL;
        struct err err;
        config_folder_write(&folder, "secrets/new", row->content, 0600);
        bool good = config_secret_read(path, &memory, &line, &err);
        if (good != (row->line != NULL))
            fail_row(row->say, "%s", good ? "was taken" : err.text);
        if (good && strcmp(line, row->line) != 0)
            fail_row(row->say, "read as \"%s\"", line);
        if (!good && strcmp(err.text + strlen(path), row->refused) != 0)
            fail_row(row->say, "said \"%s\"", err.text);
    }
}

static void
config_secret_has_a_greatest_length(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH], text[SECRET_MAX + 10];
    const char *line = NULL;
    struct err err;
    (void)state;
    memset(text, 'x', sizeof text);
    text[SECRET_MAX] = '\n';
    config_folder_file(&folder, "secrets/new", path);
    config_folder_write(&folder, "secrets/new", slice(text, SECRET_MAX + 1), 0600);
    assert_true(config_secret_read(path, &memory, &line, &err));
    assert_int_equal(strlen(line), SECRET_MAX);
    text[SECRET_MAX] = 'x';
    for (size_t n = SECRET_MAX + 1; n <= sizeof text; n++) {
        config_folder_write(&folder, "secrets/new", slice(text, n), 0600);
        assert_false(config_secret_read(path, &memory, &line, &err));
        assert_non_null(strstr(err.text, "is longer than 512 octets"));
    }
}

static const struct mode_row {
    const char *say;
    mode_t mode;
    bool good;
} modes[] = {
    {"its owner", 0600, true},
    {"its owner, reading", 0400, true},
    {"our group, reading", 0640, true},
    {"our group, reading a file that nobody writes", 0440, true},
    {"our group, writing", 0660, false},
    {"our group, executing", 0650, false},
    {"others, reading", 0644, false},
    {"others alone", 0604, false},
    {"others, writing", 0602, false},
    {"others, executing", 0601, false},
};

static void
config_secret_is_refused_when_somebody_else_can_reach_it(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH];
    (void)state;
    config_folder_file(&folder, "secrets/new", path);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const char *line = NULL;
        struct err err;
        config_folder_write(&folder, "secrets/new", slice_str("hunter2\n"), modes[i].mode);
        if (config_secret_read(path, &memory, &line, &err) != modes[i].good)
            fail_row(modes[i].say, "mode %04o", (unsigned)modes[i].mode);
        if (!modes[i].good && strstr(err.text, "hunter2") != NULL)
            fail_row(modes[i].say, "the secret is told");
    }
}

/* Another owner or group can only be given by root, who runs this in CI. */
static void
config_secret_is_refused_when_it_belongs_to_somebody_else(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH];
    const char *line = NULL;
    struct err err;
    (void)state;
    config_folder_file(&folder, "secrets/new", path);
    config_folder_write(&folder, "secrets/new", slice_str("hunter2\n"), 0640);
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(path, 0, getegid() + 1), 0);
    assert_false(config_secret_read(path, &memory, &line, &err));
    assert_non_null(strstr(err.text, "the group may only read it"));

    /* What systemd hands over shows its ACL as access of the group. */
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder.path, 1), 0);
    assert_true(config_secret_read(path, &memory, &line, &err));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/tmp/forestgate", 1), 0);
    assert_false(config_secret_read(path, &memory, &line, &err));
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);

    config_folder_write(&folder, "secrets/new", slice_str("hunter2\n"), 0600);
    assert_int_equal(chown(path, 4711, 0), 0);
    assert_false(config_secret_read(path, &memory, &line, &err));
    assert_non_null(strstr(err.text, "belongs to user 4711; chown it to root or user 0"));
    assert_int_equal(chown(path, 0, getegid()), 0);
}

/* Opening a FIFO without a writer must not hang the daemon. */
static void
config_secret_is_a_file_and_nothing_else(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH];
    const char *line = NULL;
    struct err err;
    (void)state;
    assert_int_equal(mkfifo(config_folder_file(&folder, "fifo", path), 0600), 0);
    assert_false(config_secret_read(path, &memory, &line, &err));
    assert_non_null(strstr(err.text, "/fifo is not a file"));
    assert_false(config_secret_check_readable(path, &err));
    assert_false(config_secret_read(folder.path, &memory, &line, &err));
    assert_false(
        config_secret_read(config_folder_file(&folder, "none", path), &memory, &line, &err));
    assert_non_null(strstr(err.text, "No such file or directory"));
}

static void
config_secret_key_may_be_read_by_its_group_and_not_by_others(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH];
    struct err err;
    (void)state;
    config_folder_file(&folder, "tls/new.key", path);
    config_folder_write(&folder, "tls/new.key", slice_str(""), 0640);
    assert_true(config_secret_check_key(path, &err));
    config_folder_write(&folder, "tls/new.key", slice_str(""), 0644);
    assert_false(config_secret_check_key(path, &err));
    assert_true(config_secret_check_readable(path, &err));
}

static const struct hash_row {
    const char *say, *line;
    bool is_hash;
} hashes[] = {
    {"yescrypt", CONFIG_FOLDER_HASH, true},
    {"gost-yescrypt", "$gy$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
     true},
    {"bcrypt", "$2b$12$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", true},
    {"SHA-512",
     "$6$rounds=5000$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterL"
     "p8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
     true},
    {"a password", "hunter2", false},
    {"a password that begins like one", "$y$hunter2", false},
    {"MD5", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", false},
    {"DES", "rEK1ecacw.7.c", false},
    {"a line of /etc/shadow", "svc:$y$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuv:1:0",
     false},
    {"a locked account", "!$y$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuv", false},
    {"blank behind it", CONFIG_FOLDER_HASH " ", false},
};

static void
config_secret_knows_a_hash_by_its_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        if (config_secret_is_hash(hashes[i].line) != hashes[i].is_hash)
            fail_row(hashes[i].say, "%s", hashes[i].line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_secret_is_one_line_without_its_newline),
        cmocka_unit_test(config_secret_has_a_greatest_length),
        cmocka_unit_test(config_secret_is_refused_when_somebody_else_can_reach_it),
        cmocka_unit_test(config_secret_is_refused_when_it_belongs_to_somebody_else),
        cmocka_unit_test(config_secret_is_a_file_and_nothing_else),
        cmocka_unit_test(config_secret_key_may_be_read_by_its_group_and_not_by_others),
        cmocka_unit_test(config_secret_knows_a_hash_by_its_shape),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
