#include "config/config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "config/config_check.h"
#include "config/config_files.h"
#include "config/config_read.h"
#include "config/config_report.h"
#include "config/config_secret.h"
#include "config/config_yaml.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"

enum {
    FILE_MAX = 1 << 20,
    TREE_MAX = 256 << 20,   /* a file of nothing but short values */
    CONFIG_MAX = 256 << 20, /* the same in memory */
};

/* An empty config with one reference, in an arena that ends with it. */
static struct config *
new_config(const char *path)
{
    struct arena *memory = mem_new(sizeof *memory);
    if (memory == NULL)
        return NULL;
    arena_init(memory, CONFIG_MAX);
    struct config *config = arena_new(memory, sizeof *config);
    const char *file = arena_copy(memory, slice_str(path)).ptr;
    if (config == NULL || file == NULL) {
        arena_fini(memory);
        mem_free(&memory);
        return NULL;
    }
    atomic_init(&config->refs, 1);
    config->memory = memory;
    config->file = file;
    return config;
}

/* The folder of path with '/' at its end, absolute: what is relative must not mean another file
 * after a chdir. NULL: errno says why. */
static const char *
folder_of(const char *path, struct arena *memory)
{
    char room[2 * PATH_MAX];
    char cwd[PATH_MAX] = "";
    const char *slash = strrchr(path, '/');
    int len = slash != NULL ? (int)(slash - path) + 1 : 0;

    if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
        return NULL;
    int n = snprintf(room, sizeof room, "%s%s%.*s", cwd, path[0] == '/' ? "" : "/", len, path);
    if (n < 0 || (size_t)n >= sizeof room) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    const char *kept = arena_copy(memory, slice_str(room)).ptr;
    if (kept == NULL)
        errno = ENOMEM;
    return kept;
}

/* The tree becomes config, as far as it goes; all that is wrong goes to report. */
static void
read_tree(const struct node *root, struct config *config, struct report *report)
{
    struct arena *memory = config->memory;
    struct where nowhere = {config->file, 0, 0};
    struct value_room room = {config, memory, folder_of(config->file, memory)};

    if (room.folder == NULL) {
        report_error(report, nowhere, "cannot tell its folder: %s", strerror(errno));
        return;
    }
    config_read(root, &room, report);
    if (report->nomem)
        return;
    config->files = config_files_look(config);
    config_secret_load(config, memory, root, report);
    config_check(config, root, report);
}

bool
config_load_text(const char *path, struct slice text, struct config **out,
                 struct complaints *complaints)
{
    struct arena tree;
    struct report report;
    struct config *config = new_config(path);

    /* Some editors begin a file with a byte order mark. */
    if (slice_starts(text, slice_str("\xef\xbb\xbf")))
        slice_skip(&text, 3);
    arena_init(&tree, TREE_MAX);
    report_init(&report, config != NULL ? config->file : path, text);
    if (config == NULL) {
        report.nomem = true;
    } else {
        const struct node *root = config_yaml_read(text, &tree, &report);
        config->source = arena_copy(config->memory, text);
        report.nomem = report.nomem || config->source.ptr == NULL;
        if (root != NULL)
            read_tree(root, config, &report);
    }
    report_write(&report, complaints);
    bool good = report.errors == 0;
    report_fini(&report);
    arena_fini(&tree);

    if (good)
        *out = config;
    else
        config_unref(&config);
    return good;
}

/* All of the file, at most FILE_MAX octets, in text. */
static bool
read_file(const char *path, struct buf *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, ERR_IO, "cannot open it");
    for (;;) {
        char room[16384];
        ssize_t n = read(fd, room, sizeof room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err_sys(err, ERR_IO, "cannot read it");
        if (n <= 0) {
            close(fd);
            return n == 0;
        }
        buf_put(text, slice(room, (size_t)n));
        if (!buf_ok(text)) {
            close(fd);
            return text->len + (size_t)n > FILE_MAX
                       ? err_set(err, ERR_LIMIT, "larger than %d octets", FILE_MAX)
                       : err_set(err, ERR_NOMEM, "out of memory");
        }
    }
}

/* The file's content into text; a complaint if it cannot be had. */
static bool
take_file(const char *path, struct buf *text, struct complaints *complaints)
{
    struct err err;
    if (read_file(path, text, &err))
        return true;
    buf_printf(&complaints->text, "%s: error: %s\n", path, err.text);
    complaints->errors++;
    return false;
}

bool
config_load(const char *path, struct config **out, struct complaints *complaints)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    bool good = take_file(path, &text, complaints) &&
                config_load_text(path, buf_slice(&text), out, complaints);
    buf_fini(&text);
    return good;
}

/* The value of `control` as a whole path; "" when there is none. */
static bool
control_path(const struct node *root, const char *path, struct arena *memory, char *room,
             size_t size)
{
    const struct node *control = node_find(root, slice_str("control"));
    struct buf whole;
    buf_init(&whole, size - 1);
    if (control != NULL && control->kind == NODE_TEXT && !slice_is(control->text, "none")) {
        const char *folder = folder_of(path, memory);
        if (!slice_starts(control->text, slice_str("/")))
            buf_put_str(&whole, folder != NULL ? folder : "");
        buf_put(&whole, control->text);
    }
    bool fits = buf_ok(&whole);
    slice_copy_text(room, size, buf_slice(&whole));
    buf_fini(&whole);
    return fits;
}

bool
config_load_control(const char *path, char *room, size_t size, struct complaints *complaints)
{
    struct arena tree;
    struct report report;
    struct buf text;
    bool good = false;
    buf_init(&text, FILE_MAX);
    arena_init(&tree, TREE_MAX);
    if (take_file(path, &text, complaints)) {
        report_init(&report, path, buf_slice(&text));
        const struct node *root = config_yaml_read(buf_slice(&text), &tree, &report);
        if (root == NULL)
            report_write(&report, complaints);
        good = root != NULL && control_path(root, path, &tree, room, size);
        report_fini(&report);
    }
    arena_fini(&tree);
    buf_fini(&text);
    return good;
}
