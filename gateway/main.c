#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/command.h"
#include "gateway/version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *sentence;
    const char *help; /* what --help says besides; NULL: nothing */
} commands[] = {
    {"run", command_run, "-c FILE [--debug]", "the gateway, in the foreground", NULL},
    {"check", command_check, "-c FILE [--print]",
     "every complaint about the configuration and what it names", NULL},
    {"explain", command_explain,
     "-c FILE --from A --to B [--client IP] [--account NAME] [--message FILE]",
     "the route and every decision in order; of a message's header, what would be removed", NULL},
    {"queue", command_queue, "list -c FILE [--messages] [SELECTORS] [--after ID] [--json]",
     "the queues, or the messages in them", command_queue_help},
    {"queue", command_queue, "show ID -c FILE [--headers] [--body] [--json]",
     "one message and what happened to it, or what it says", command_queue_help},
    {"queue", command_queue, "suspend | resume -c FILE QUEUE | ID... | SELECTORS",
     "hold it back, or let it go", command_queue_help},
    {"queue", command_queue, "retry -c FILE QUEUE | ID... | SELECTORS | --all [--reroute]",
     "try it again now", command_queue_help},
    {"queue", command_queue, "remove -c FILE QUEUE | ID... | SELECTORS --dsn | --no-dsn [--yes]",
     "take it out of the queue, with or without a report to its sender", command_queue_help},
    {"queue", command_queue, "export -c FILE QUEUE | ID... | SELECTORS --to FOLDER",
     "copies in files, with all that is known of them", command_queue_help},
    {"queue", command_queue, "import -c FILE --from FOLDER",
     "messages that another queue exported", command_queue_help},
    {"track", command_track,
     "[WHAT] -c FILE [--sender A] [--recipient A] [--since TIME] [--until TIME] [--json]",
     "what happened to a message, from the tracking log", command_track_help},
    {"log", command_control,
     "protocol -c FILE on CONNECTOR|NETWORK [--for 1h] | off CONNECTOR|NETWORK|--all | list",
     "write conversations down, secrets masked (protocol_log.path)", NULL},
    {"status", command_control, "-c FILE [--json]",
     "connectors, queues, certificates, and what somebody should look at (exit status 1)", NULL},
    {"reload", command_control, "-c FILE", "read the configuration again", NULL},
    {"drain", command_control, "-c FILE", "take nothing new, finish, end", NULL},
    {"account", command_account, "hash", "a password on standard input to a hash", NULL},
    {"pin", command_pin, "[--json] HOST[:PORT]",
     "a server's certificate, its pin, and the line of the configuration that pins it", NULL},
    {"probe", command_probe, "[OPTIONS] HOST[:PORT]",
     "a server as a client sees it; a monitoring plugin (exit status 0 to 3)",
     command_probe_help},
    {"probe", command_probe, "[OPTIONS] -c FILE --connector NAME [--server HOST[:PORT]]",
     "the servers of a send connector, with its policy and credential", command_probe_help},
    {"doctor", command_doctor, "[OPTIONS] HOST[:PORT] [-c FILE --connector NAME]",
     "everything about a server, with cause and remedy where it is not well (exit status 0 to "
     "3)",
     command_doctor_help},
    {"preflight", command_preflight,
     "-c FILE [--forest F]... [--connector NAME]... [--no-auth] [--timeout T]\n      "
     "[--round-trip FROM,TO]... [--round-trip-wait T] [--json]",
     "is everything ready for mail between the forests? A list, and who has to act",
     command_preflight_help},
    {"exchange-setup", command_exchange_setup,
     "-c FILE --forest F --version 2000|2003|2007|2010 [--format script|steps|html]",
     "what must stand in that forest's Exchange, as a script or as steps",
     command_exchange_setup_help},
    {"exchange-setup", command_exchange_setup,
     "-c FILE --forest F --version 2007|2010 --verify-commands | --verify FILE [--json]",
     "what there differs from what the gateway needs (exit status 1)",
     command_exchange_setup_help},
    {"manual", command_manual, "", "every key of the configuration, with default and meaning",
     NULL},
};

static void
put_usage(FILE *out)
{
    fprintf(out, "forestgate " FORESTGATE_VERSION ": a relay host between Exchange forests\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(out, "  forestgate %s%s%s\n      %s\n", commands[i].name,
                commands[i].usage[0] ? " " : "", commands[i].usage, commands[i].sentence);
    fprintf(out, "\nExit status: 0 done or fine, 1 a negative finding, 2 usage or failure; probe "
                 "and doctor as monitoring plugins.\n");
}

static int
put_help_of(const char *name)
{
    const char *help = NULL;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0) {
            printf("forestgate %s%s%s\n    %s\n", name, commands[i].usage[0] ? " " : "",
                   commands[i].usage, commands[i].sentence);
            help = commands[i].help;
        }
    fputs(help != NULL ? help : "", stdout);
    return 0;
}

int
main(int argc, char **argv)
{
    /* Before libuv looks at it: password checks must never wait behind other work. */
    setenv("UV_THREADPOOL_SIZE", "8", 0);
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2) {
        put_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        put_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("forestgate " FORESTGATE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        for (int k = 2; k < argc; k++)
            if (strcmp(argv[k], "--help") == 0)
                return put_help_of(argv[1]);
        return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "forestgate: no command \"%s\"; try forestgate --help\n", argv[1]);
    return 2;
}
