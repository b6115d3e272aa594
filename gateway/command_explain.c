#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/mail/header.h"
#include "gateway/route/explain.h"

/* The header section and a little more is all that anybody looks at. */
enum { MESSAGE_MAX = HEADER_MAX + 64 * 1024 };

/* Of the whole file; 0: it has no size that could be told (a pipe). */
static uint64_t
size_of(FILE *f)
{
    struct stat st;
    return fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* The beginning of the file, or of standard input for "-". */
static bool
read_message(const char *name, struct buf *out, uint64_t *size)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    char *room = buf_reserve(out, MESSAGE_MAX);
    size_t got = f != NULL && room != NULL ? fread(room, 1, MESSAGE_MAX, f) : 0;
    bool ok = f != NULL && room != NULL && !ferror(f);

    if (!ok)
        fprintf(stderr, "forestgate explain: %s cannot be read: %s\n", name, strerror(errno));
    buf_grew(out, got);
    *size = ok ? size_of(f) : 0;
    if (f != NULL && f != stdin)
        fclose(f);
    return ok;
}

static int
answer(const char *config_path, const struct explain_question *q)
{
    struct config *config = options_load(config_path);
    if (config == NULL)
        return 2;
    struct buf out;
    buf_init(&out, 1024 * 1024);
    bool accepted = explain(config, q, &out);
    options_print(&out, stdout);
    buf_fini(&out);
    config_unref(&config);
    return accepted ? 0 : 1;
}

int
command_explain(int argc, char **argv)
{
    const char *path = NULL, *message = NULL;
    struct explain_question q = {0};
    int rest;
    const struct option_spec specs[] = {
        {"from", &q.from, NULL, NULL},     {"to", &q.to, NULL, NULL},
        {"client", &q.client, NULL, NULL}, {"account", &q.account, NULL, NULL},
        {"message", &message, NULL, NULL},
    };
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    if (q.from == NULL || q.to == NULL) {
        fprintf(stderr, "forestgate explain: --from and --to are needed\n");
        return 2;
    }
    struct buf content;
    buf_init(&content, MESSAGE_MAX);
    q.has_message = message != NULL;
    bool ok = message == NULL || read_message(message, &content, &q.message_size);
    q.message = buf_slice(&content);
    int status = ok ? answer(path, &q) : 2;
    buf_fini(&content);
    return status;
}
