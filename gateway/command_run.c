#include "gateway/app.h"
#include "gateway/command.h"
#include "gateway/command_options.h"

int
command_run(int argc, char **argv)
{
    const char *path = NULL;
    bool debug = false;
    int rest;
    const struct option_spec specs[] = {{"debug", NULL, &debug}};
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    return app_run(path, debug ? LOG_DEBUG : LOG_INFO);
}
