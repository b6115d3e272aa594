/* Rows, each at every split, and a slow reader that must agree with the fast one on anything. */
#include "gateway/mail/content_scan.h"

#include <stdint.h>

#include "gateway/base/must.h"
#include "tests/kit/test.h"

#define S(text)                                                                                  \
    {                                                                                            \
        text, sizeof(text) - 1                                                                   \
    }

struct row {
    const char *say;
    struct slice content;
    bool is_8bit, is_bare, is_unended;
};

static const struct row rows[] = {
    {"nothing lacks nothing", S(""), false, false, false},
    {"a line", S("Subject: hi\r\n"), false, false, false},
    {"two lines", S("a\r\n\r\nb\r\n"), false, false, false},
    {"an 8-bit octet in the first eight", S("K\xC3\xA4se\r\n"), true, false, false},
    {"an 8-bit octet behind them", S("0123456789abcdef\xE4\r\n"), true, false, false},
    {"no line end at the end", S("a\r\nb"), false, false, true},
    {"one octet", S("a"), false, false, true},
    {"a bare LF", S("a\nb\r\n"), false, true, false},
    {"a bare LF at the start", S("\nb\r\n"), false, true, false},
    {"a bare LF behind a CRLF", S("a\r\n\nb\r\n"), false, true, false},
    {"a bare LF at the end", S("a\r\nb\n"), false, true, true},
    {"a bare CR", S("a\rb\r\n"), false, true, false},
    {"a bare CR at the end", S("a\r"), false, true, true},
    {"CR CR LF", S("a\r\r\n"), false, true, false},
    {"LF CR", S("a\r\n\n\r\n"), false, true, false},
    {"a NUL", S("a\0b\r\n"), false, true, false},
    {"a NUL at the end", S("a\r\n\0"), false, true, true},
    {"CRLF alone", S("\r\n"), false, false, false},
    {"LF alone", S("\n"), false, true, true},
};

static struct content_scan
scan_split(struct slice content, size_t first, size_t step)
{
    struct content_scan scan = {0};
    for (size_t size = first; content.len > 0; size = step) {
        struct slice piece = slice_head(content, size > 0 ? size : step);
        content_scan_take(&scan, piece);
        slice_skip(&content, piece.len);
    }
    content_scan_end(&scan);
    return scan;
}

static void
assert_row(const struct row *row, size_t first, size_t step)
{
    struct content_scan scan = scan_split(row->content, first, step);
    if (scan.has_8bit != row->is_8bit || scan.has_bare != row->is_bare ||
        content_scan_is_unended(&scan) != row->is_unended)
        fail_msg("%s, cut at %zu and then each %zu: 8bit %d bare %d unended %d", row->say, first,
                 step, scan.has_8bit, scan.has_bare, content_scan_is_unended(&scan));
}

static void
what_content_asks_of_its_way_does_not_depend_on_how_it_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t first = 0; first <= rows[i].content.len; first++)
            for (size_t step = 1; step <= 3; step++)
                assert_row(&rows[i], first, step);
}

static void
a_piece_by_itself_is_judged_with_its_end(void **state)
{
    (void)state;
    assert_false(content_has_bare(slice_str("Subject: a\r\n b\r\n")));
    assert_true(content_has_bare(slice_str("Subject: a\nX-Other: b\r\n")));
    assert_true(content_has_bare(slice_str("Subject: a\r")));
    assert_false(content_has_bare(slice_str("Subject: a")));
}

static bool
is_bare_octet_by_octet(struct slice content)
{
    for (size_t i = 0; i < content.len; i++) {
        char c = content.ptr[i];
        bool cr_before = i > 0 && content.ptr[i - 1] == '\r';
        bool lf_behind = i + 1 < content.len && content.ptr[i + 1] == '\n';
        if (c == '\0' || (c == '\n' && !cr_before) || (c == '\r' && !lf_behind))
            return true;
    }
    return false;
}

/* All contents of up to seven octets of this alphabet, in three ways of arriving. */
static void
the_fast_reader_agrees_with_a_slow_one(void **state)
{
    (void)state;
    static const char alphabet[] = {'a', '\r', '\n', '\0'};
    char room[7];
    for (size_t len = 0; len <= sizeof room; len++) {
        uint32_t all = 1U << (2 * len);
        for (uint32_t n = 0; n < all; n++) {
            for (size_t i = 0; i < len; i++)
                room[i] = alphabet[n >> (2 * i) & 3];
            struct slice content = slice(room, len);
            bool bare = is_bare_octet_by_octet(content);
            assert_true(scan_split(content, len, 1).has_bare == bare);
            assert_true(scan_split(content, 1, 1).has_bare == bare);
            assert_true(scan_split(content, 3, 2).has_bare == bare);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_content_asks_of_its_way_does_not_depend_on_how_it_arrives),
        cmocka_unit_test(a_piece_by_itself_is_judged_with_its_end),
        cmocka_unit_test(the_fast_reader_agrees_with_a_slow_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
