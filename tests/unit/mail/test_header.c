#include "gateway/mail/header.h"

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

#define TEXT(s)                                                                                  \
    {                                                                                            \
        "" s "", sizeof(s) - 1                                                                   \
    }

/* What the scanner says, as text: names with ':' and their unfolded values in brackets, then how
 * it ended and what is body. */
static const struct header_row {
    const char *say;
    struct slice in;
    const char *want;
} rows[] = {
    {"two fields and a body", TEXT("From: kim\r\nTo:lee\r\n\r\nHello\r\n"),
     "From:[kim] To:[lee] end Hello\r\n"},
    {"folded", TEXT("Subject: a\r\n b\r\n\tc\r\nX: y\r\n\r\n"), "Subject:[a b\tc] X:[y] end "},
    {"folded with nothing in the first line", TEXT("X:\r\n a\r\n\r\n"), "X:[a] end "},
    {"fold of blanks only", TEXT("X: a\r\n  \r\n b\r\n\r\n"), "X:[a   b] end "},
    {"empty value", TEXT("X:\r\nY: \r\n\r\nz"), "X:[] Y:[] end z"},
    {"colons in the value", TEXT("X: a:b\r\n\r\n"), "X:[a:b] end "},
    {"blanks before the colon", TEXT("X-A \t: b\r\n\r\n"), "X-A:[b] end "},
    {"bare LF ends a line", TEXT("X: a\nY: b\n c\n\nbody"), "X:[a] Y:[b c] end body"},
    {"bare CR ends none", TEXT("X: a\rY: b\r\n\r\n"), "X:[aY: b] end "},
    {"no header section", TEXT("\r\nbody: x\r\n\r\n"), "end body: x\r\n\r\n"},
    {"8-bit value", TEXT("X: \xc3\xa9\r\n\r\n"), "X:[\xc3\xa9] end "},
    {"a line without colon", TEXT("X: a\r\nHello world\r\n\r\nY: b\r\n"),
     "X:[a] unmarked Hello world\r\n\r\nY: b\r\n"},
    {"a first line that begins with a blank", TEXT(" X: a\r\nY: b\r\n"),
     "unmarked  X: a\r\nY: b\r\n"},
    {"a first line that begins with a colon", TEXT(": a\r\n"), "unmarked : a\r\n"},
    {"mbox line", TEXT("From kim Sun Nov 22 20:33:00\r\nX: a\r\n"),
     "unmarked From kim Sun Nov 22 20:33:00\r\nX: a\r\n"},
    {"8-bit name", TEXT("X: a\r\n\xc3\xa9: b\r\n"), "X:[a] unmarked \xc3\xa9: b\r\n"},
    {"NUL in the name", TEXT("X\0: a\r\n"), "unmarked X"},
    {"CR that is no blank line", TEXT("X: a\r\n\rY: b\r\n"), "X:[a] unmarked \rY: b\r\n"},
    {"ends behind a field", TEXT("X: a\r\nY: b\r\n"), "X:[a] Y:[b] unmarked "},
    {"ends within a field", TEXT("X: a\r\nY: b"), "X:[a] Y:[b] unmarked "},
    {"ends within a name", TEXT("X: a\r\nYy"), "X:[a] unmarked Yy"},
    {"ends within the blank line", TEXT("X: a\r\n\r"), "X:[a] unmarked \r"},
    {"nothing", TEXT(""), "unmarked "},
};

struct told {
    struct buf text; /* as `want` */
    struct buf all;  /* every octet that came out */
};

static void
tell_field(struct told *told, const struct header_field *field)
{
    buf_put(&told->all, field->raw);
    buf_put(&told->text, field->name);
    buf_put_str(&told->text, ":[");
    header_unfold(&told->text, field);
    buf_put_str(&told->text, "] ");
}

static void
tell_end(struct told *told, enum header_event event, const struct header_field *field)
{
    buf_put(&told->all, field->raw);
    buf_put_str(&told->text, event == HEADER_END ? "end " : "unmarked ");
    if (event == HEADER_END_UNMARKED)
        buf_put(&told->text, field->raw);
}

/* Scans one piece; what is left of it is body. False: the section goes on. */
static bool
scan_piece(struct header_scanner *s, struct slice piece, struct told *told)
{
    struct header_field field;
    struct slice in = flush_copy(piece);
    enum header_event event;
    while ((event = header_scan(s, &in, &field)) == HEADER_FIELD)
        tell_field(told, &field);
    if (event == HEADER_MORE)
        return false;
    assert_true(event == HEADER_END || event == HEADER_END_UNMARKED);
    tell_end(told, event, &field);
    buf_put(&told->all, in);
    buf_put(&told->text, in);
    return true;
}

static void
check_row(const struct header_row *row, struct header_scanner *s, size_t first, size_t step)
{
    struct told told;
    buf_init(&told.text, 4096);
    buf_init(&told.all, 4096);
    bool in_body = false;
    for (size_t at = 0; at < row->in.len;) {
        struct slice piece = slice_head(slice_from(row->in, at), at == 0 ? first : step);
        at += piece.len;
        if (!in_body) {
            in_body = scan_piece(s, piece, &told);
            continue;
        }
        buf_put(&told.all, piece);
        buf_put(&told.text, piece);
    }
    struct header_field field;
    enum header_event event = in_body ? HEADER_END : HEADER_FIELD;
    while (event == HEADER_FIELD)
        if ((event = header_scan_end(s, &field)) == HEADER_FIELD)
            tell_field(&told, &field);
        else
            tell_end(&told, event, &field);

    if (strcmp(buf_text(&told.text), row->want) != 0)
        fail_row(row->say, "%zu octets, then by %zu: '%s'", first, step, buf_text(&told.text));
    if (!slice_equal(buf_slice(&told.all), row->in))
        fail_row(row->say, "%zu octets, then by %zu: not what went in", first, step);
    buf_fini(&told.text);
    buf_fini(&told.all);
    header_scanner_reset(s);
}

static void
header_reads_every_row_at_every_split(void **state)
{
    (void)state;
    struct header_scanner s;
    header_scanner_init(&s);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t cut = 1; cut <= rows[i].in.len + 1; cut++)
            check_row(&rows[i], &s, cut, rows[i].in.len);
        check_row(&rows[i], &s, 1, 1);
        check_row(&rows[i], &s, 2, 3);
    }
    header_scanner_fini(&s);
}

static void
header_gives_whole_fields_without_copying(void **state)
{
    (void)state;
    struct header_scanner s;
    struct header_field field;
    header_scanner_init(&s);
    const char *text = "A: b\r\nC: d\r\n\r\nbody";
    struct slice in = slice_str(text);
    assert_int_equal(header_scan(&s, &in, &field), HEADER_FIELD);
    assert_ptr_equal(field.raw.ptr, text);
    assert_int_equal(header_scan(&s, &in, &field), HEADER_FIELD);
    assert_ptr_equal(field.raw.ptr, text + 6);
    assert_int_equal(header_scan(&s, &in, &field), HEADER_END);
    assert_ptr_equal(in.ptr, text + 14);
    assert_null(s.pending.data);
    header_scanner_fini(&s);
}

/* A header section of `octets` octets: one long field after short ones, or one only. */
static enum header_event
scan_section(size_t octets, bool one_field, size_t step)
{
    static char text[HEADER_MAX + 64];
    memset(text, 'a', octets);
    memcpy(text, "X:", 2);
    for (size_t at = 100; !one_field && at < octets - 100; at += 100)
        memcpy(text + at, "\r\nX:", 4);
    memcpy(text + octets - 2, "\r\n\r\n", 4);

    struct header_scanner s;
    header_scanner_init(&s);
    struct header_field field;
    enum header_event event = HEADER_MORE;
    for (size_t at = 0; at < octets + 2 && event == HEADER_MORE; at += step) {
        struct slice in = slice_head(slice(text + at, octets + 2 - at), step);
        while ((event = header_scan(&s, &in, &field)) == HEADER_FIELD)
            ;
    }
    header_scanner_fini(&s);
    return event;
}

static void
header_keeps_its_limit_whole_or_in_pieces(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 4096, HEADER_MAX + 64};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(scan_section(HEADER_MAX, true, steps[i]), HEADER_END);
        assert_int_equal(scan_section(HEADER_MAX, false, steps[i]), HEADER_END);
        assert_int_equal(scan_section(HEADER_MAX + 1, true, steps[i]), HEADER_TOO_LONG);
        assert_int_equal(scan_section(HEADER_MAX + 1, false, steps[i]), HEADER_TOO_LONG);
    }
}

/* A body of one endless line must not be taken for a field name. */
static void
header_waits_one_line_for_a_colon(void **state)
{
    (void)state;
    static char text[HEADER_HEAD_MAX + 1];
    memset(text, 'a', sizeof text);
    for (size_t step = 1; step <= sizeof text; step += 331) {
        struct header_scanner s;
        struct header_field field;
        header_scanner_init(&s);
        enum header_event event = HEADER_MORE;
        size_t passed = 0;
        for (size_t at = 0; at < sizeof text && event == HEADER_MORE; at += step) {
            struct slice in = slice_head(slice(text + at, sizeof text - at), step);
            passed = at;
            event = header_scan(&s, &in, &field);
        }
        assert_int_equal(event, HEADER_END_UNMARKED);
        assert_int_equal(field.raw.len, passed);
        header_scanner_fini(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_reads_every_row_at_every_split),
        cmocka_unit_test(header_gives_whole_fields_without_copying),
        cmocka_unit_test(header_keeps_its_limit_whole_or_in_pieces),
        cmocka_unit_test(header_waits_one_line_for_a_colon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
