#include <sys/resource.h>

#include "gateway/app.h"
#include "gateway/command.h"
#include "gateway/command_options.h"

/* Passwords and mail must not end in a core file (design.md 6.11); and each session, connection
 * and large body is a descriptor: take as many as the system allows us. */
static void
set_limits(void)
{
    const struct rlimit no_core = {0, 0};
    struct rlimit files;
    setrlimit(RLIMIT_CORE, &no_core);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int
command_run(int argc, char **argv)
{
    const char *path = NULL;
    bool debug = false;
    int rest;
    const struct option_spec specs[] = {{"debug", NULL, &debug, NULL}};
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    set_limits();
    return app_run(path, debug ? LOG_DEBUG : LOG_INFO);
}
