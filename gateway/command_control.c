#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/command.h"
#include "gateway/command_options.h"

enum { REQUEST_MAX = 1000 };

/* "-c FILE" may stand anywhere; every other word goes to the daemon as it is. */
static bool
split(int argc, char **argv, const char **path, struct buf *request)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) {
            *path = i + 1 < argc ? argv[++i] : NULL;
            continue;
        }
        if (request->len > 0)
            buf_put_char(request, ' ');
        buf_put_str(request, argv[i]);
    }
    bool one_line = slice_find(buf_slice(request), '\n') == request->len;
    buf_put_char(request, '\n');
    if (*path == NULL)
        fprintf(stderr, "forestgate %s: -c FILE is needed: the daemon's configuration\n",
                argv[0]);
    return *path != NULL && one_line && buf_ok(request);
}

static int
connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || len >= sizeof to.sun_path) {
        fprintf(stderr, "forestgate: control socket %s: the path is too long\n", path);
    } else {
        memcpy(to.sun_path, path, len);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
            return fd;
        fprintf(stderr, "forestgate: control socket %s: %s; is the daemon running?\n", path,
                strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The first line is the exit status, the rest is for the reader. */
static int
show_answer(FILE *in)
{
    char line[64];
    char piece[8192];
    size_t n;
    if (fgets(line, sizeof line, in) == NULL || line[0] < '0' || line[0] > '2') {
        fprintf(stderr, "forestgate: the daemon gave no answer\n");
        return 2;
    }
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, n, line[0] == '2' ? stderr : stdout);
    return line[0] - '0';
}

static int
ask(const char *socket_path, struct slice request)
{
    int fd = connect_to(socket_path);
    if (fd < 0)
        return 2;
    int status = 2;
    FILE *in = fdopen(fd, "r");
    if (in == NULL) {
        close(fd);
        return 2;
    }
    if (send(fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len)
        status = show_answer(in);
    else
        fprintf(stderr, "forestgate: the daemon does not take the request: %s\n",
                strerror(errno));
    fclose(in);
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
    buf_init(&request, REQUEST_MAX);
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
