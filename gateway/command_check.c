#include <stdio.h>

#include "config/config_show.h"
#include "gateway/base/clock.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/relay/runtime.h"
#include "gateway/route/password.h"
#include "tls/tls_identity.h"

enum { EXPIRY_WARNING_S = 30 * 24 * 3600 };

static size_t
warn(const struct where *where, const char *level, const char *text)
{
    fprintf(stderr, "%s:%u:%u: %s: %s\n", where->file, where->line, where->column, level, text);
    return 1;
}

/* Dates of our own certificates (design.md: warn 30 days ahead). Gives the number of complaints.
 */
static size_t
check_certificate(const struct certificate *c, int64_t now_s)
{
    struct err err;
    struct tls_identity identity;
    char text[300], date[CLOCK_TEXT];
    if (!tls_identity_of_file(c->certificate_file, &identity, &err))
        return warn(&c->where, "error", err.text);
    clock_iso(identity.not_after_unix_s * 1000, date);
    if (identity.not_after_unix_s < now_s) {
        snprintf(text, sizeof text, "certificate %s expired on %.10s", c->name, date);
        return warn(&c->where, "error", text);
    }
    if (identity.not_after_unix_s < now_s + EXPIRY_WARNING_S) {
        snprintf(text, sizeof text, "certificate %s expires on %.10s", c->name, date);
        warn(&c->where, "warning", text);
    }
    return 0;
}

static size_t
check_hashes(const struct account *a)
{
    size_t bad = 0;
    struct err err;
    for (size_t i = 0; i < a->hash_count; i++) {
        if (password_hash_is_usable(a->hashes[i], &err))
            continue;
        err_within(&err, "account %s, %s", a->name, a->hash_files[i]);
        bad += warn(&a->where, "error", err.text);
    }
    return bad;
}

/* What the file alone cannot tell: certificates, keys, trust files, hashes. */
static size_t
check_deep(struct config **take_config)
{
    struct config *c = config_ref(*take_config);
    struct runtime *r = NULL;
    struct err err;
    size_t bad = 0;
    for (size_t i = 0; i < c->certificate_count; i++)
        bad += check_certificate(&c->certificates[i], clock_unix_ms() / 1000);
    for (size_t i = 0; i < c->receive_count; i++)
        for (size_t k = 0; k < c->receive[i].account_count; k++)
            bad += check_hashes(&c->receive[i].accounts[k]);
    if (!runtime_new(take_config, &r, &err)) {
        fprintf(stderr, "%s: error: %s\n", c->file, err.text);
        bad++;
    }
    runtime_unref(&r);
    config_unref(&c);
    return bad;
}

static void
print_config(const struct config *c)
{
    struct buf out;
    buf_init(&out, 4 * 1024 * 1024);
    config_show(c, &out);
    options_print(&out, stdout);
    buf_fini(&out);
}

int
command_check(int argc, char **argv)
{
    const char *path = NULL;
    bool print = false;
    int rest;
    const struct option_spec specs[] = {{"print", NULL, &print, NULL}};
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    struct config *config = NULL;
    struct complaints list;
    complaints_init(&list);
    bool ok = config_load(path, &config, &list);
    options_print(&list.text, stderr);
    complaints_fini(&list);
    if (!ok)
        return 1;
    if (print)
        print_config(config);
    size_t bad = check_deep(&config);
    if (bad > 0)
        return 1;
    fprintf(stderr, "%s: fine\n", path);
    return 0;
}
