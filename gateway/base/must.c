#include "gateway/base/must.h"

#include <stdio.h>
#include <stdlib.h>

noreturn void
must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "level=error event=program-wrong what=\"%s\" at=%s:%d\n", what, file, line);
    fflush(stderr);
    abort();
}
