/* A listing has records with names and values, none of which holds a line end, in the order of
 * its lines; printed in its own form it reads the same again. */
#include "gateway/base/buf.h"
#include "gateway/exchange/listing.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static bool
count(void *context, struct slice item)
{
    must(item.len > 0);
    ++*(size_t *)context;
    return true;
}

static void
check_record(const struct listing_record *r, unsigned after)
{
    must(r->count > 0 && r->line > after);
    for (size_t i = 0; i < r->count; i++) {
        size_t items = 0;
        must(r->fields[i].name[0] != '\0' && strpbrk(r->fields[i].value, "\r\n") == NULL);
        must(listing_value(r, r->fields[i].name) != NULL);
        listing_each(r->fields[i].value, count, &items);
        listing_is_cut(r->fields[i].value);
    }
}

static void
check_reads_back(const struct listing *l)
{
    struct buf b;
    struct listing again;
    struct err err;
    buf_init(&b, LISTING_MAX);
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->records[i].count; k++)
            buf_printf(&b, "%s : %s\n", l->records[i].fields[k].name,
                       l->records[i].fields[k].value);
        buf_put_char(&b, '\n');
    }
    must(listing_read(buf_slice(&b), &again, &err) && again.count == l->count);
    for (size_t i = 0; i < l->count; i++)
        must(again.records[i].count == l->records[i].count &&
             again.records[i].kind == l->records[i].kind);
    listing_free(&again);
    buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct listing l;
    struct err err;
    if (size > 64 * 1024)
        return 0;
    if (listing_read(slice((const char *)data, size), &l, &err)) {
        for (size_t i = 0; i < l.count; i++)
            check_record(&l.records[i], i > 0 ? l.records[i - 1].line : 0);
        check_reads_back(&l);
    }
    listing_free(&l);
    return 0;
}
