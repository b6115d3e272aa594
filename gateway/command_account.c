#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/command.h"
#include "gateway/route/password.h"

/* One line from standard input, without echo when a person types it. */
static bool
read_password(char *line, size_t size)
{
    struct termios before;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        struct termios quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        fputs("Password: ", stderr);
    }
    bool ok = fgets(line, (int)size, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (ok)
        line[strcspn(line, "\r\n")] = '\0';
    return ok && line[0] != '\0';
}

int
command_account(int argc, char **argv)
{
    char password[260];
    struct err err;
    struct buf hash;
    if (argc != 2 || strcmp(argv[1], "hash") != 0) {
        fprintf(stderr, "forestgate account hash: reads a password, prints its hash\n");
        return 2;
    }
    if (!read_password(password, sizeof password)) {
        fprintf(stderr, "forestgate account hash: no password came on standard input\n");
        return 2;
    }
    buf_init(&hash, 1024);
    bool ok = password_hash(password, &hash, &err);
    mem_wipe(password, sizeof password);
    if (ok)
        printf("%s\n", buf_text(&hash));
    else
        fprintf(stderr, "forestgate account hash: %s\n", err.text);
    buf_fini(&hash);
    return ok ? 0 : 2;
}
