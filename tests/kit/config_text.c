#include "tests/kit/config_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config_load.h"
#include "tests/kit/test.h"

static const struct stub {
    const char *name, *content;
} stubs[] = {
    {"gw.pem", "a certificate\n"},
    {"gw.key", "a key\n"},
    {"in.hash", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"},
    {"out.password", "open sesame\n"},
};

static void
write_file(const char *name, const char *content)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct slice text = slice_str(content);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    assert_int_equal(close(fd), 0);
}

/* In the folder that is the current one. */
static struct config *
load_here(const char *text)
{
    struct complaints complaints;
    struct config *config = NULL;

    for (size_t i = 0; i < COUNT_OF(stubs); i++)
        write_file(stubs[i].name, stubs[i].content);
    write_file("forestgate.yaml", text);

    complaints_init(&complaints);
    bool loaded = config_load("forestgate.yaml", &config, &complaints);
    if (!loaded)
        print_error("%s\n", buf_text(&complaints.text));
    complaints_fini(&complaints);

    for (size_t i = 0; i < COUNT_OF(stubs); i++)
        unlink(stubs[i].name);
    unlink("forestgate.yaml");
    return config;
}

struct config *
config_of_text(const char *text)
{
    char folder[] = "/tmp/config-text-XXXXXX";
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* From inside, so that places in the file have the same name in every run. */
    assert_true(here >= 0 && mkdtemp(folder) != NULL && chdir(folder) == 0);
    struct config *config = load_here(text);
    assert_int_equal(fchdir(here), 0);
    close(here);
    rmdir(folder);
    assert_non_null(config);
    return config;
}
