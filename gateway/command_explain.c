#include <stdio.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/route/explain.h"

int
command_explain(int argc, char **argv)
{
    const char *path = NULL;
    struct explain_question q = {0};
    int rest;
    const struct option_spec specs[] = {
        {"from", &q.from, NULL, NULL},
        {"to", &q.to, NULL, NULL},
        {"client", &q.client, NULL, NULL},
        {"account", &q.account, NULL, NULL},
    };
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    if (q.from == NULL || q.to == NULL) {
        fprintf(stderr, "forestgate explain: --from and --to are needed\n");
        return 2;
    }
    struct config *config = options_load(path);
    if (config == NULL)
        return 2;
    struct buf out;
    buf_init(&out, 1024 * 1024);
    bool accepted = explain(config, &q, &out);
    options_print(&out, stdout);
    buf_fini(&out);
    config_unref(&config);
    return accepted ? 0 : 1;
}
