#include "tls/tls_roots.h"

#include "gateway/base/mem.h"
#include "tls/tls_err.h"
#include "tls/tls_private.h"

bool
tls_roots_new(struct tls_roots **out, struct err *err)
{
    struct tls_roots *r = mem_new(sizeof *r);
    if (r == NULL)
        return err_set(err, ERR_NOMEM, "the system's trusted roots: out of memory");
    tls_err_forget();
    r->store = X509_STORE_new();
    if (r->store == NULL || X509_STORE_set_default_paths(r->store) != 1) {
        tls_err_take(err, "the system's trusted roots");
        tls_roots_free(&r);
        return false;
    }
    /* A root whose name looks strange to OpenSSL is left out, with a word in its queue. */
    tls_err_forget();
    *out = r;
    return true;
}

void
tls_roots_free(struct tls_roots **r)
{
    if (*r == NULL)
        return;
    X509_STORE_free((*r)->store);
    mem_free(r);
}
