#include "gateway/command_options.h"

#include <getopt.h>

enum { OPTIONS_MAX = 12 };

bool
options_read(int argc, char **argv, const char **config_path, const struct option_spec *specs,
             size_t count, int *rest)
{
    struct option list[OPTIONS_MAX + 2] = {{0}};
    must(count <= OPTIONS_MAX);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct option){specs[i].name, specs[i].value ? required_argument : no_argument,
                                  NULL, (int)i + 256};
    list[count] = (struct option){"config", required_argument, NULL, 'c'};

    int found;
    optind = 1;
    while ((found = getopt_long(argc, argv, config_path ? "c:" : "", list, NULL)) != -1) {
        if (found == '?' || (found == 'c' && config_path == NULL))
            return false; /* getopt has said why */
        if (found == 'c')
            *config_path = optarg;
        else if (specs[found - 256].value != NULL)
            *specs[found - 256].value = optarg;
        else
            *specs[found - 256].flag = true;
    }
    *rest = optind;
    if (config_path != NULL && *config_path == NULL) {
        fprintf(stderr, "forestgate %s: -c FILE is needed: the configuration\n", argv[0]);
        return false;
    }
    return true;
}

void
options_print(const struct buf *text, FILE *to)
{
    if (text->len > 0)
        fwrite(text->data, 1, text->len, to);
}

struct config *
options_load(const char *config_path)
{
    struct config *config = NULL;
    struct complaints list;
    complaints_init(&list);
    bool ok = config_load(config_path, &config, &list);
    /* Warnings are for check and run; here they would stand between the user and the answer. */
    if (!ok)
        options_print(&list.text, stderr);
    complaints_fini(&list);
    return ok ? config : NULL;
}
