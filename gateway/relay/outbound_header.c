#include "gateway/relay/outbound_header.h"

#include "gateway/base/mem.h"
#include "gateway/route/header_filter.h"

enum { PIECE = 16 * 1024 }; /* most header sections are in the first one */

bool
outbound_header_is_filtered(const struct envelope *e, const struct send_connector *connector)
{
    return e->keeps_reserved || (connector->rights & RIGHT_SEND_HEADERS_ROUTING) == 0;
}

static bool
filter(const struct body *body, char *scratch, struct header_filter *f, struct err *err)
{
    uint64_t at = 0;
    while (!f->done) {
        struct slice piece;
        TRY(body_read(body, at, scratch, PIECE, &piece, err));
        if (piece.len == 0)
            return header_filter_end(f, err);
        at += piece.len;
        TRY(header_filter_take(f, piece, err));
    }
    return true;
}

bool
outbound_header_put(const struct body *body, unsigned rights, struct buf *out, uint64_t *offset,
                    struct err *err)
{
    struct header_filter f;
    char *scratch = body_is_file(body) ? mem_new(PIECE) : NULL;
    if (body_is_file(body) && scratch == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    header_filter_init(&f, rights, out);
    bool ok = filter(body, scratch, &f, err);
    *offset = f.used;
    header_filter_fini(&f);
    mem_free(&scratch);
    return ok;
}
