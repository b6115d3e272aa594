#include <stdio.h>

#include "config/config_show.h"
#include "gateway/command.h"
#include "gateway/route/rights.h"

int
command_manual(int argc, char **argv)
{
    struct buf out;
    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "forestgate manual takes no arguments\n");
        return 2;
    }
    buf_init(&out, 1024 * 1024);
    config_manual(&out);
    rights_manual(&out);
    fwrite(out.data, 1, out.len, stdout);
    buf_fini(&out);
    return 0;
}
