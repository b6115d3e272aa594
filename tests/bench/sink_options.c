#include "tests/bench/sink_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/program.h"

static void
help(void)
{
    puts("smtp-sink --listen ADDRESS:PORT [options]: takes mail and throws it away\n"
         "  --certificate PEM --key PEM   offer STARTTLS\n"
         "  --tls-required                refuse mail in clear\n"
         "  --user NAME --password WORD   require AUTH LOGIN\n"
         "  --hash-log FILE               a line for each message: sha256 mark recipients how "
         "...\n"
         "  --unknown WORD                550 for recipients that begin so\n"
         "  --expect N                    end after N answered messages\n"
         "  --refuse-percent P --drop-percent P --stall-percent P --seed N\n"
         "                                trouble for so many of 100 transactions\n"
         "SIGUSR1 ends the trouble. Counts are printed as JSON at the end (SIGTERM).");
    exit(0);
}

void
sink_read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"listen", 1, NULL, 'l'},
        {"certificate", 1, NULL, 'c'},
        {"key", 1, NULL, 'k'},
        {"tls-required", 0, NULL, 't'},
        {"user", 1, NULL, 'u'},
        {"password", 1, NULL, 'p'},
        {"hash-log", 1, NULL, 'h'},
        {"unknown", 1, NULL, 'U'},
        {"expect", 1, NULL, 'e'},
        {"refuse-percent", 1, NULL, 'r'},
        {"drop-percent", 1, NULL, 'd'},
        {"stall-percent", 1, NULL, 's'},
        {"seed", 1, NULL, 'S'},
        {"help", 0, NULL, 'H'},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){.listen = "127.0.0.1:0", .password = "", .seed = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        /* clang-format off */
        switch (c) {
        case 'l': o->listen = optarg; break;
        case 'c': o->certificate = optarg; break;
        case 'k': o->key = optarg; break;
        case 't': o->tls_required = true; break;
        case 'u': o->user = optarg; break;
        case 'p': o->password = optarg; break;
        case 'h': o->hash_log = optarg; break;
        case 'U': o->unknown = optarg; break;
        case 'e': o->expect = program_number(optarg); break;
        case 'r': o->refuse_percent = program_number(optarg); break;
        case 'd': o->drop_percent = program_number(optarg); break;
        case 's': o->stall_percent = program_number(optarg); break;
        case 'S': o->seed = program_number(optarg); break;
        case 'H': help(); break;
        default: exit(2);
        }
        /* clang-format on */
    }
}
