#include "tests/bench/load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/program.h"

static void
help(void)
{
    puts("smtp-load --connect ADDRESS:PORT [options]: sends mail and measures\n"
         "  --sessions N (50)  --messages N (20000)  --size OCTETS (4096)\n"
         "  --user NAME --password WORD   AUTH LOGIN\n"
         "  --clear                       without STARTTLS if it is not offered\n"
         "  --from A --to B[,B...]        addresses; each % becomes the message's number\n"
         "  --per-connection K            a new connection after K messages\n"
         "  --rate R                      at most R messages a second\n"
         "  --ledger FILE --mark WORD     a line for each recipient: mark sha256 address how ms\n"
         "  --retry                       go on until --messages were accepted\n"
         "  --timeout S (600)             then stop, with exit code 1\n"
         "The result is printed as JSON.");
    exit(0);
}

void
load_read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"connect", 1, NULL, 'c'},        {"sessions", 1, NULL, 's'}, {"messages", 1, NULL, 'm'},
        {"size", 1, NULL, 'o'},           {"user", 1, NULL, 'u'},     {"password", 1, NULL, 'p'},
        {"clear", 0, NULL, 'C'},          {"from", 1, NULL, 'f'},     {"to", 1, NULL, 't'},
        {"per-connection", 1, NULL, 'k'}, {"rate", 1, NULL, 'r'},     {"ledger", 1, NULL, 'l'},
        {"mark", 1, NULL, 'M'},           {"retry", 0, NULL, 'R'},    {"timeout", 1, NULL, 'T'},
        {"help", 0, NULL, 'H'},           {NULL, 0, NULL, 0},
    };
    *o = (struct options){
        .to_endpoint = "",
        .sessions = 50,
        .messages = 20000,
        .size = 4096,
        .timeout_s = 600,
        .user = "",
        .password = "",
        .from = "sender@contoso.example",
        .to = "user%@fabrikam.example",
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        /* clang-format off */
        switch (c) {
        case 'c': o->to_endpoint = optarg; break;
        case 's': o->sessions = program_number(optarg); break;
        case 'm': o->messages = program_number(optarg); break;
        case 'o': o->size = program_number(optarg); break;
        case 'u': o->user = optarg; break;
        case 'p': o->password = optarg; break;
        case 'C': o->in_clear = true; break;
        case 'f': o->from = optarg; break;
        case 't': o->to = optarg; break;
        case 'k': o->per_connection = program_number(optarg); break;
        case 'r': o->rate = program_number(optarg); break;
        case 'l': o->ledger = optarg; break;
        case 'M': o->mark = optarg; break;
        case 'R': o->retry = true; break;
        case 'T': o->timeout_s = program_number(optarg); break;
        case 'H': help(); break;
        default: exit(2);
        }
        /* clang-format on */
    }
    if (o->ledger != NULL && o->mark == NULL)
        o->mark = "m";
}
