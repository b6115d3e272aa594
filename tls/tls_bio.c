#include "tls/tls_bio.h"

static int
wire_read(BIO *bio, char *to, size_t want, size_t *got)
{
    struct tls_wire *w = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (w->in == NULL || w->in->len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (w->allowance == 0) {
        w->is_exhausted = true;
        return 0;
    }
    size_t n = want < w->in->len ? want : w->in->len;
    if (n > w->allowance)
        n = w->allowance;
    memcpy(to, w->in->ptr, n);
    slice_skip(w->in, n);
    if (w->allowance != SIZE_MAX)
        w->allowance -= n;
    *got = n;
    return 1;
}

/* All or nothing: half a record in the output would have to be remembered here. */
static int
wire_write(BIO *bio, const char *from, size_t n, size_t *put)
{
    struct tls_wire *w = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (n > buf_room(w->out)) {
        w->is_stuck = true;
        BIO_set_retry_write(bio);
        return 0;
    }
    char *to = buf_reserve(w->out, n);
    if (to == NULL) {
        w->is_stuck = true;
        return 0;
    }
    memcpy(to, from, n);
    buf_grew(w->out, n);
    *put = n;
    return 1;
}

static long
wire_ctrl(BIO *bio, int command, long number, void *ptr)
{
    (void)bio, (void)number, (void)ptr;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *
tls_bio_method_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (m == NULL)
        return NULL;
    if (!BIO_meth_set_read_ex(m, wire_read) || !BIO_meth_set_write_ex(m, wire_write) ||
        !BIO_meth_set_ctrl(m, wire_ctrl)) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

BIO *
tls_bio_new(BIO_METHOD *method, struct tls_wire *wire)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}
