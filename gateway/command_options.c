#include "gateway/command_options.h"

#include <getopt.h>

enum { OPTIONS_MAX = 32, FIRST_LONG = 256 };

/* Which of them is --config, and with it -c; count: none. */
static size_t
find_config(const struct option_spec *specs, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(specs[i].name, "config") != 0)
        i++;
    return i;
}

static bool
take(const char *command, const struct option_spec *spec, const char *argument)
{
    if (spec->value == NULL) {
        *spec->flag = true;
    } else if (spec->count == NULL) {
        *spec->value = argument;
    } else if (*spec->count < OPTION_TIMES_MAX) {
        spec->value[(*spec->count)++] = argument;
    } else {
        fprintf(stderr, "forestgate %s: --%s more than %d times\n", command, spec->name,
                OPTION_TIMES_MAX);
        return false;
    }
    return true;
}

bool
options_read(int argc, char **argv, const char **config_path, const struct option_spec *specs,
             size_t count, int *rest)
{
    struct option list[OPTIONS_MAX + 2] = {{0}};
    const struct option_spec config = {"config", config_path, NULL, NULL};
    size_t own_config = find_config(specs, count);
    bool has_config = config_path != NULL || own_config < count;
    must(count <= OPTIONS_MAX && (config_path == NULL || own_config == count));
    for (size_t i = 0; i < count; i++)
        list[i] = (struct option){specs[i].name, specs[i].value ? required_argument : no_argument,
                                  NULL, (int)i + FIRST_LONG};
    if (config_path != NULL)
        list[count] = (struct option){"config", required_argument, NULL, 'c'};

    int found;
    optind = 1;
    while ((found = getopt_long(argc, argv, has_config ? "c:" : "", list, NULL)) != -1) {
        if (found == '?')
            return false; /* getopt has said why */
        size_t i = found == 'c' ? own_config : (size_t)(found - FIRST_LONG);
        if (!take(argv[0], i < count ? &specs[i] : &config, optarg))
            return false;
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
