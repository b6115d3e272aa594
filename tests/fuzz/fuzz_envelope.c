/* What decodes can be encoded and decodes to the same again; its front can be read; a check and a
 * decode never disagree. */
#include "gateway/spool/envelope.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { ROOM = 4 << 20 };

static void
check_front(struct slice record, const struct envelope *e)
{
    struct envelope_front front;
    struct envelope_destination d;
    struct err err;
    must(envelope_read_front(record, &front, &err));
    must(front.id == e->id && front.size == e->size);
    must(front.received_unix_ms == e->received_unix_ms && front.received_unix_ms >= 0);
    while (envelope_next_destination(&front.destinations, &d))
        must(d.connector.len <= ENVELOPE_CONNECTOR_MAX && d.due_unix_ms >= 0);
    must(front.destinations.len == 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice in = slice((const char *)data, size);
    struct arena arena;
    struct buf first, second;
    struct envelope e;
    struct err err;
    arena_init(&arena, ROOM);
    buf_init(&first, ROOM);
    buf_init(&second, ROOM);
    bool ok = envelope_decode(in, &arena, &e, &err);
    must(ok == envelope_check(in, &err));
    if (ok) {
        check_front(in, &e);
        envelope_encode(&e, &first);
        must(buf_ok(&first) && envelope_decode(buf_slice(&first), &arena, &e, &err));
        check_front(buf_slice(&first), &e);
        envelope_encode(&e, &second);
        must(slice_equal(buf_slice(&first), buf_slice(&second)));
    }
    buf_fini(&first);
    buf_fini(&second);
    arena_fini(&arena);
    return 0;
}
