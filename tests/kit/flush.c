#include "tests/kit/flush.h"

#include <sys/mman.h>

#include "gateway/base/must.h"

struct slice
flush_copy(struct slice text)
{
    enum { PAGE = 4096 };
    static char *end; /* of the readable pages; made once, kept until the test ends */

    must(text.len <= FLUSH_MAX);
    if (end == NULL) {
        char *start = mmap(NULL, FLUSH_MAX + PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(start != MAP_FAILED);
        end = start + FLUSH_MAX;
        must(mprotect(end, PAGE, PROT_NONE) == 0);
    }
    if (text.len > 0)
        memcpy(end - text.len, text.ptr, text.len);
    return slice(end - text.len, text.len);
}
