#include "gateway/spool/body.h"

#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/spool/body_files.h"
#include "gateway/spool/body_private.h"

static struct body *
resize(struct body *old, size_t cap)
{
    struct body *b = mem_resize(old, sizeof *b + cap);
    if (b != NULL)
        b->cap = cap;
    return b;
}

struct body *
body_new(size_t cap)
{
    struct body *b = resize(NULL, cap);
    if (b == NULL)
        return NULL;
    atomic_init(&b->refs, 1);
    b->fd = -1;
    b->size = 0;
    return b;
}

bool
body_append(struct body **b, struct slice octets)
{
    size_t len = (size_t)(*b)->size;
    if (octets.len > (*b)->cap - len) {
        size_t cap = (*b)->cap ? (*b)->cap : 1;
        while (cap - len < octets.len)
            cap *= 2;
        struct body *grown = resize(*b, cap);
        if (grown == NULL)
            return false;
        *b = grown;
    }
    if (octets.len > 0)
        memcpy((*b)->octets + len, octets.ptr, octets.len);
    (*b)->size += octets.len;
    return true;
}

struct body *
body_of_file(int fd, uint64_t size)
{
    struct body *b = body_new(0);
    if (b == NULL)
        return NULL;
    b->fd = fd;
    b->size = size;
    return b;
}

struct body *
body_ref(struct body *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void
body_unref(struct body **b)
{
    if (*b == NULL)
        return;
    if (atomic_fetch_sub_explicit(&(*b)->refs, 1, memory_order_acq_rel) == 1) {
        if ((*b)->fd >= 0)
            close((*b)->fd);
        mem_release(*b);
    }
    *b = NULL;
}

bool
body_is_file(const struct body *b)
{
    return b->fd >= 0;
}

uint64_t
body_size(const struct body *b)
{
    return b->size;
}

struct slice
body_octets(const struct body *b)
{
    must(b->fd < 0);
    return slice(b->octets, (size_t)b->size);
}

bool
body_read(const struct body *b, uint64_t offset, char *scratch, size_t max, struct slice *out,
          struct err *err)
{
    uint64_t left = offset < b->size ? b->size - offset : 0;
    size_t want = left < max ? (size_t)left : max;
    *out = slice(NULL, 0);
    if (want == 0)
        return true;
    if (b->fd < 0) {
        *out = slice(b->octets + offset, want);
        return true;
    }
    size_t got;
    TRY(body_files_read(b->fd, offset, scratch, want, &got, err));
    if (got < want)
        return err_set(err, ERR_IO, "body file is shorter than recorded");
    *out = slice(scratch, got);
    return true;
}
