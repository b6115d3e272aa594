#include "gateway/relay/outbound_header.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config/config_rights.h"
#include "gateway/route/header_filter.h"
#include "gateway/spool/body_private.h"
#include "tests/kit/test.h"

#define RESERVED "X-MS-Exchange-Organization-SCL: 1\r\n"

/* A header section larger than a piece that is read at once, then a body. */
static void
put_message(struct buf *out, struct buf *filtered)
{
    for (unsigned i = 0; i < 3000; i++) {
        buf_put_str(out, RESERVED);
        buf_printf(out, "F%u: value\r\n", i);
        buf_printf(filtered, "F%u: value\r\n", i);
    }
    buf_put_str(out, "\r\nbody\r\n" RESERVED);
    buf_put_str(filtered, "\r\n");
    assert_true(buf_ok(out) && buf_ok(filtered));
}

static struct body *
body_in_memory(struct slice octets)
{
    struct body *b = body_new(octets.len);
    assert_true(b != NULL && body_append(&b, octets));
    return b;
}

/* Of `size` octets, it says. */
static struct body *
body_in_file(struct slice octets, uint64_t size)
{
    int fd = memfd_create("body", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets.ptr, octets.len), octets.len);
    struct body *b = body_of_file(fd, size);
    assert_non_null(b);
    return b;
}

static void
outbound_header_is_the_same_from_memory_and_from_a_file(void **state)
{
    struct buf message, want;
    (void)state;
    buf_init(&message, HEADER_FILTER_MAX);
    buf_init(&want, HEADER_FILTER_MAX);
    put_message(&message, &want);
    struct slice all = buf_slice(&message);
    struct body *bodies[] = {body_in_memory(all), body_in_file(all, all.len)};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct buf out;
        uint64_t offset;
        struct err err;
        buf_init(&out, HEADER_FILTER_MAX + 1024);
        buf_put_str(&out, "Ours: 1\r\n");
        assert_true(outbound_header_put(bodies[i], RIGHTS_OF_SEND, &out, &offset, &err));
        assert_true(slice_equal(slice_from(buf_slice(&out), 9), buf_slice(&want)));
        assert_true(slice_is(slice_from(all, offset), "body\r\n" RESERVED));
        buf_fini(&out);
        body_unref(&bodies[i]);
    }
    buf_fini(&want);
    buf_fini(&message);
}

static void
outbound_header_says_when_the_file_is_broken(void **state)
{
    struct slice octets = slice_str("F: a file that ends too soon\r\n");
    struct body *body = body_in_file(octets, octets.len + 1);
    struct buf out;
    uint64_t offset;
    struct err err;
    (void)state;
    buf_init(&out, HEADER_FILTER_MAX);
    assert_false(outbound_header_put(body, RIGHTS_OF_SEND, &out, &offset, &err));
    assert_int_equal(err.kind, ERR_IO);
    buf_fini(&out);
    body_unref(&body);
}

static void
outbound_header_is_filtered_for_reserved_fields_or_want_of_routing(void **state)
{
    (void)state;
    for (unsigned reserved = 0; reserved < 2; reserved++)
        for (unsigned routing = 0; routing < 2; routing++) {
            const struct envelope e = {.keeps_reserved = reserved == 1};
            const struct send_connector c = {.rights = routing ? RIGHT_SEND_HEADERS_ROUTING : 0U};
            assert_true(outbound_header_is_filtered(&e, &c) == (reserved == 1 || routing == 0));
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbound_header_is_the_same_from_memory_and_from_a_file),
        cmocka_unit_test(outbound_header_says_when_the_file_is_broken),
        cmocka_unit_test(outbound_header_is_filtered_for_reserved_fields_or_want_of_routing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
