#include "gateway/mail/stuffer.h"

#include "gateway/mail/dot.h"
#include "tests/kit/flush.h"
#include "tests/kit/test.h"

static const struct stuffer_row {
    const char *say;
    const char *message;
    const char *wire;
} rows[] = {
    {"no dots", "a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
    {"a dot first of all", ".a\r\n", "..a\r\n.\r\n"},
    {"a dot alone", ".\r\n", "..\r\n.\r\n"},
    {"two dots", "..\r\n", "...\r\n.\r\n"},
    {"dots in a line", "a.b.\r\n", "a.b.\r\n.\r\n"},
    {"lines of dots", ".\r\n.\r\n\r\n.\r\n", "..\r\n..\r\n\r\n..\r\n.\r\n"},
    {"a dot behind a bare LF", "a\n.\r\n", "a\n..\r\n.\r\n"},
    {"no line end", "a", "a\r\n.\r\n"},
    {"a dot and no line end", "a\r\n.", "a\r\n..\r\n.\r\n"},
    {"nothing", "", ".\r\n"},
};

/* Stuff in pieces of `step` into an output of `room` that is emptied whenever it is full. */
static void
stuff(struct slice message, size_t step, size_t room, struct buf *wire)
{
    struct stuffer s;
    struct buf out;
    stuffer_init(&s);
    buf_init(&out, room);
    while (message.len > 0) {
        struct slice piece = flush_copy(slice_head(message, step));
        slice_skip(&message, piece.len);
        while (piece.len > 0) {
            size_t before = piece.len;
            stuffer_put(&s, &out, &piece);
            if (piece.len == before || piece.len > 0) {
                buf_put(wire, buf_slice(&out));
                buf_clear(&out);
            }
        }
    }
    stuffer_end(&s, &out);
    assert_true(buf_ok(&out));
    buf_put(wire, buf_slice(&out));
    buf_fini(&out);
}

static void
stuffer_writes_every_row_in_every_piece_and_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice message = slice_str(rows[i].message);
        for (size_t step = 1; step <= message.len + 1; step++) {
            for (size_t room = STUFFER_END_ROOM + 2; room < 40; room++) {
                struct buf wire;
                buf_init(&wire, 256);
                stuff(message, step, room, &wire);
                if (!slice_is(buf_slice(&wire), rows[i].wire))
                    fail_row(rows[i].say, "by %zu into %zu: '%s'", step, room, buf_text(&wire));
                buf_fini(&wire);
            }
        }
    }
}

static void
stuffer_is_undone_by_the_dot_reader(void **state)
{
    (void)state;
    const char *message = ".\r\n..a\r\n\r\n.\r\nb.\r\n...\r\n";
    struct buf wire, back;
    buf_init(&wire, 256);
    buf_init(&back, 256);
    stuff(slice_str(message), 4, 16, &wire);
    struct dot_reader reader;
    dot_reader_init(&reader, false);
    struct slice in = buf_slice(&wire), run;
    enum dot_result got;
    while ((got = dot_read(&reader, &in, &run)) == DOT_RUN)
        buf_put(&back, run);
    assert_int_equal(got, DOT_END);
    assert_int_equal(in.len, 0);
    assert_string_equal(buf_text(&back), message);
    buf_fini(&wire);
    buf_fini(&back);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stuffer_writes_every_row_in_every_piece_and_room),
        cmocka_unit_test(stuffer_is_undone_by_the_dot_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
