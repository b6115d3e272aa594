#include "gateway/route/header_filter.h"

#include "config/config_rights.h"
#include "tests/kit/test.h"

enum { OUT_MAX = HEADER_FILTER_MAX + 4096 };

#define ORGANIZATION "X-MS-Exchange-Organization-SCL: 1\r\n"
#define FOREST "x-ms-exchange-forest-rules : a\r\n\tb\r\n"
#define ROUTING "Received: from a\r\n by b\r\nResent-To: c\r\n"
#define REST "Subject: x\r\nX-Forestgate-Trace: gw; t\r\n"

static const struct filter_row {
    const char *say;
    unsigned rights;
    const char *in;
    const char *header; /* as it goes on; what is behind BODY in `in` is the body */
    unsigned removed;
} rows[] = {
    {"no right: only what needs none", 0, ROUTING ORGANIZATION "A: 1\r\n" FOREST REST "\r\nBODY",
     "A: 1\r\n" REST "\r\n", 4},
    {"the defaults", RIGHTS_OF_SEND, ROUTING ORGANIZATION FOREST REST "\r\nBODY",
     ROUTING REST "\r\n", 2},
    {"organization", RIGHT_SEND_HEADERS_ORGANIZATION, ROUTING ORGANIZATION FOREST "\r\nBODY",
     ORGANIZATION "\r\n", 3},
    {"forest", RIGHT_SEND_HEADERS_FOREST, ROUTING ORGANIZATION FOREST "\r\nBODY", FOREST "\r\n",
     3},
    {"every right", ~0U, ROUTING ORGANIZATION FOREST REST "\r\nBODY",
     ROUTING ORGANIZATION FOREST REST "\r\n", 0},
    {"lines that LF alone ends", 0, "Received: a\n b\nA: 1\nX-MS-Exchange-Forest-X: 1\n\nBODY",
     "A: 1\n\n", 2},
    {"nothing is left", 0, ORGANIZATION FOREST "\r\nBODY", "\r\n", 2},
    {"a header without end", 0, "A: 1\r\n" ORGANIZATION, "A: 1\r\n\r\n", 1},
    {"a field without end", 0, "A: 1", "A: 1\r\n\r\n", 0},
    {"a body without header", 0, "no field at all\r\nBODY", "\r\n", 0},
    {"an empty message", 0, "", "\r\n", 0},
};

/* In two pieces. */
static void
run(const struct filter_row *r, size_t cut, struct header_filter *f, struct buf *out)
{
    struct err err;
    struct slice in = slice_str(r->in);
    struct slice pieces[] = {slice_head(in, cut), slice_from(in, cut)};
    buf_init(out, OUT_MAX);
    header_filter_init(f, r->rights, out);
    for (size_t i = 0; i < COUNT_OF(pieces) && !f->done; i++)
        if (!header_filter_take(f, pieces[i], &err))
            fail_row(r->say, "cut %zu: %s", cut, err.text);
    if (!header_filter_end(f, &err))
        fail_row(r->say, "cut %zu: %s", cut, err.text);
    header_filter_fini(f);
}

static void
header_filter_gives_what_the_rights_let_pass_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct filter_row *r = &rows[i];
        for (size_t cut = 0; cut <= strlen(r->in); cut++) {
            struct header_filter f;
            struct buf out;
            run(r, cut, &f, &out);
            /* What the scanner had taken of a body's first line is given with the header. */
            struct buf whole, want;
            const char *body = strstr(r->in, "BODY");
            if (strstr(r->say, "without header") != NULL)
                body = r->in;
            buf_init(&whole, OUT_MAX);
            buf_init(&want, OUT_MAX);
            buf_put(&whole, buf_slice(&out));
            buf_put_str(&whole, r->in + f.used);
            buf_printf(&want, "%s%s", r->header, body != NULL ? body : "");
            if (!slice_equal(buf_slice(&whole), buf_slice(&want)))
                fail_row(r->say, "cut %zu gave: %s", cut, buf_text(&whole));
            if (f.removed != r->removed)
                fail_row(r->say, "cut %zu removed %u", cut, f.removed);
            buf_fini(&want);
            buf_fini(&whole);
            buf_fini(&out);
        }
    }
}

/* As large as what intake takes and puts above it; and not larger. */
static void
header_filter_takes_the_largest_header_that_can_be_stored(void **state)
{
    (void)state;
    static char text[HEADER_FILTER_MAX + 1024];
    static const struct {
        size_t fields;
        bool taken;
    } sizes[] = {{HEADER_FILTER_MAX / 1024, true}, {HEADER_FILTER_MAX / 1024 + 1, false}};
    for (size_t i = 0; i < COUNT_OF(text); i++)
        text[i] = i % 1024 == 0 ? 'F' : i % 1024 == 1 ? ':' : i % 1024 == 1023 ? '\n' : 'v';
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct header_filter f;
        struct buf out;
        struct err err;
        buf_init(&out, OUT_MAX);
        header_filter_init(&f, 0, &out);
        bool taken = header_filter_take(&f, slice(text, sizes[i].fields * 1024), &err) &&
                     header_filter_end(&f, &err);
        assert_true(taken == sizes[i].taken);
        assert_true(taken || err.kind == ERR_LIMIT);
        header_filter_fini(&f);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_filter_gives_what_the_rights_let_pass_at_every_split),
        cmocka_unit_test(header_filter_takes_the_largest_header_that_can_be_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
