#include <stdio.h>
#include <string.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/ops/control.h"
#include "gateway/ops/control_client.h"

/* "-c FILE" may stand anywhere; every other word goes to the daemon as it is. */
static bool
split(int argc, char **argv, const char **path, struct buf *request)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) {
            *path = i + 1 < argc ? argv[++i] : NULL;
            continue;
        }
        control_put_word(request, slice_str(argv[i]));
    }
    if (*path == NULL)
        fprintf(stderr, "forestgate %s: -c FILE is needed: the daemon's configuration\n",
                argv[0]);
    return *path != NULL && buf_ok(request);
}

static int
ask(const char *socket_path, struct slice request)
{
    struct buf answer;
    struct err err;
    int status = 2;
    buf_init(&answer, CONTROL_ANSWER_MAX + CONTROL_HINT_MAX);
    if (control_ask(socket_path, request, 0, &status, &answer, &err))
        options_print(&answer, status == 2 ? stderr : stdout);
    else
        fprintf(stderr, "forestgate: %s\n", err.text);
    buf_fini(&answer);
    return status;
}

int
command_control(int argc, char **argv)
{
    const char *path = NULL;
    char control[512] = "";
    struct buf request;
    struct complaints list;
    int status = 2;
    buf_init(&request, CONTROL_REQUEST_MAX);
    complaints_init(&list);
    if (split(argc, argv, &path, &request)) {
        bool found = config_load_control(path, control, sizeof control, &list);
        options_print(&list.text, stderr);
        if (found && control[0] == '\0')
            fprintf(stderr, "forestgate: %s names no control socket (control:)\n", path);
        else if (found)
            status = ask(control, buf_slice(&request));
    }
    complaints_fini(&list);
    buf_fini(&request);
    return status;
}
