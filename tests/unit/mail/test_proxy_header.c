/* Every row is read whole, cut in two at every place, and octet by octet, with a command behind
 * it that must be left alone. Each piece ends where the memory ends. */
#include "gateway/mail/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define FOUR_TO "\x0a\x00\x09\x01\x0a\x00\x09\x02"
#define SIX_FROM "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05"
#define ZERO_16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

struct row {
    const char *say;
    const char *octets;
    size_t len;
    const char *want; /* "10.1.20.4 4567", a word for no client, "more", or "bad: ..." */
};

#define IN(text) text, sizeof(text) - 1

static const struct row rows[] = {
    {"a client over IPv4", IN("PROXY TCP4 10.1.20.4 10.1.0.5 4567 25\r\n"), "10.1.20.4 4567"},
    {"a client over IPv6", IN("PROXY TCP6 2001:db8::5 2001:db8::1 4567 25\r\n"),
     "2001:db8::5 4567"},
    {"the longest line",
     IN("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "unknown"},
    {"unknown, in short", IN("PROXY UNKNOWN\r\n"), "unknown"},
    {"as check_smtp -r", IN("PROXY TCP4 0.0.0.0 0.0.0.0 25 25\r\n"), "zero"},
    {"zero over IPv6", IN("PROXY TCP6 :: :: 25 25\r\n"), "zero"},
    {"zero, mapped", IN("PROXY TCP6 ::ffff:0.0.0.0 :: 25 25\r\n"), "zero"},
    {"mapped", IN("PROXY TCP6 ::ffff:10.1.20.4 :: 25 25\r\n"), "::ffff:10.1.20.4 25"},
    {"half a line", IN("PROXY TCP4 10.1.20.4 10.1"), "more"},
    {"half a beginning", IN("PRO"), "more"},
    {"nothing", IN(""), "more"},
    {"no header", IN("EHLO mx.example\r\n"), "bad: the connection does not begin"},
    {"a lower-case one", IN("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"),
     "bad: the connection does not"},
    {"a bare LF", IN("PROXY TCP4 10.1.20.4 10.1.0.5 4567 25\n"), "bad: the line does not end"},
    {"a line without end",
     IN("PROXY UNKNOWN "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
     "bad: the line is over 107 octets"},
    {"another family", IN("PROXY UDP4 10.1.20.4 10.1.0.5 1 2\r\n"), "bad: the line is not"},
    {"a missing port", IN("PROXY TCP4 10.1.20.4 10.1.0.5 4567\r\n"), "bad: the line"},
    {"two blanks", IN("PROXY TCP4  10.1.20.4 10.1.0.5 4567 25\r\n"), "bad: the line is not"},
    {"a word too many", IN("PROXY TCP4 10.1.20.4 10.1.0.5 4567 25 x\r\n"),
     "bad: the line has a p"},
    {"a port too large", IN("PROXY TCP4 10.1.20.4 10.1.0.5 65536 25\r\n"),
     "bad: the line has a p"},
    {"a port with zeros", IN("PROXY TCP4 10.1.20.4 10.1.0.5 025 25\r\n"),
     "bad: the line has a po"},
    {"an address with zeros", IN("PROXY TCP4 10.1.20.04 10.1.0.5 1 25\r\n"),
     "bad: the line has a"},
    {"a name", IN("PROXY TCP4 mx.example 10.1.0.5 1 25\r\n"), "bad: the line has an address"},
    {"IPv6 as IPv4", IN("PROXY TCP4 ::1 ::1 1 25\r\n"), "bad: the line has an address"},
    {"a NUL in an address", IN("PROXY TCP4 10.1.20.4\0x 10.1.0.5 1 25\r\n"),
     "bad: the line has an"},

    {"v2: a client over IPv4", IN(V2 "\x21\x11\0\x0c" FOUR_TO "\x11\xd7\0\x19"), "10.0.9.1 4567"},
    {"v2: a client over IPv6", IN(V2 "\x21\x21\0\x24" SIX_FROM ZERO_16 "\x11\xd7\0\x19"),
     "2001:db8::5 4567"},
    {"v2: with TLVs",
     IN(V2 "\x21\x11\0\x13" FOUR_TO "\x11\xd7\0\x19"
           "\x04\0\4abcd"),
     "10.0.9.1 4567"},
    {"v2: local, without addresses", IN(V2 "\x20\0\0\0"), "local"},
    {"v2: local, with addresses", IN(V2 "\x20\x11\0\x0c" FOUR_TO "\x11\xd7\0\x19"), "local"},
    {"v2: unspecified", IN(V2 "\x21\0\0\0"), "unknown"},
    {"v2: unspecified, with octets", IN(V2 "\x21\0\0\3abc"), "unknown"},
    {"v2: a datagram", IN(V2 "\x21\x12\0\x0c" FOUR_TO "\x11\xd7\0\x19"), "unknown"},
    {"v2: zero", IN(V2 "\x21\x11\0\x0c\0\0\0\0\0\0\0\0\0\x19\0\x19"), "zero"},
    {"v2: zero over IPv6", IN(V2 "\x21\x21\0\x24" ZERO_16 ZERO_16 "\0\x19\0\x19"), "zero"},
    {"v2: too short for its family", IN(V2 "\x21\x11\0\x0b"), "bad: the header is shorter"},
    {"v2: another version", IN(V2 "\x11\x11\0\x0c"), "bad: a version"},
    {"v2: another command", IN(V2 "\x22\x11\0\x0c"), "bad: a version"},
    {"v2: half a signature", IN("\r\n\r\n\0\r\nQU"), "more"},
    {"v2: a wrong signature", IN("\r\n\r\n\0\r\nQUIT\r\n"), "bad: the connection does not begin"},
    {"v2: half of its TLVs", IN(V2 "\x20\0\xff\xff too few"), "more"},
};

static const char behind[] = "EHLO mx.example\r\n";

static void
put_result(const struct proxy_reader *r, enum proxy_result result, char *to, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (result == PROXY_MORE) {
        snprintf(to, size, "more");
    } else if (result == PROXY_BAD) {
        snprintf(to, size, "bad: %s", r->fault);
    } else if (r->client != PROXY_CLIENT) {
        snprintf(to, size, "%s", proxy_client_text(r->client));
    } else {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        memcpy(&v4, &r->source, sizeof v4);
        memcpy(&v6, &r->source, sizeof v6);
        bool is_v4 = r->source.ss_family == AF_INET;
        inet_ntop(r->source.ss_family, is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, text,
                  sizeof text);
        snprintf(to, size, "%s %d", text, ntohs(is_v4 ? v4.sin_port : v6.sin6_port));
    }
}

/* What was read, and how much was left of row->octets and what is behind them. */
static void
check_row(const struct row *row, size_t first, size_t step)
{
    char all[400], got[160];
    size_t len = row->len + sizeof behind - 1, left = len;
    bool is_cut_short = strcmp(row->want, "more") == 0;
    memcpy(all, row->octets, row->len);
    memcpy(all + row->len, behind, sizeof behind - 1);
    if (is_cut_short)
        left = len = row->len;

    struct proxy_reader r;
    enum proxy_result result = PROXY_MORE;
    proxy_reader_init(&r);
    for (size_t at = 0, n = first; at < len && result == PROXY_MORE; n = step) {
        struct slice piece = flush_copy(slice_head(slice(all + at, len - at), n));
        size_t before = piece.len;
        result = proxy_read(&r, &piece);
        at += before;
        left -= before - piece.len;
        if (result == PROXY_MORE && piece.len > 0)
            fail_row(row->say, "octets were left while more are wanted");
    }
    put_result(&r, result, got, sizeof got);
    bool same = result == PROXY_BAD ? strncmp(got, row->want, strlen(row->want)) == 0
                                    : strcmp(got, row->want) == 0;
    if (!same)
        fail_row(row->say, "cut at %zu: wanted %s, got %s", first, row->want, got);
    if (result == PROXY_DONE && left != sizeof behind - 1)
        fail_row(row->say, "cut at %zu: %zu octets left", first, left);
}

static void
headers_are_read_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], SIZE_MAX, SIZE_MAX);
        check_row(&rows[i], 1, 1);
        for (size_t cut = 1; cut < rows[i].len; cut++)
            check_row(&rows[i], cut, SIZE_MAX);
    }
}

static void
the_longest_header_is_skipped_without_being_kept(void **state)
{
    (void)state;
    static char octets[16 + 0xffff + 1];
    memcpy(octets, V2 "\x20\0\xff\xff", 16);
    octets[sizeof octets - 1] = 'E';
    struct proxy_reader r;
    proxy_reader_init(&r);
    struct slice in = slice(octets, sizeof octets);
    assert_int_equal(proxy_read(&r, &in), PROXY_DONE);
    assert_int_equal(in.len, 1);
}

static void
a_header_nobody_asked_for_is_recognised(void **state)
{
    (void)state;
    assert_true(proxy_header_begins(slice_str("PROXY TCP4 1.2.3.4")));
    assert_true(proxy_header_begins(slice(V2 "\x20", 13)));
    assert_false(proxy_header_begins(slice_str("EHLO PROXY \r\n")));
    assert_false(proxy_header_begins(slice_str("\r\n\r\n")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_however_they_are_cut),
        cmocka_unit_test(the_longest_header_is_skipped_without_being_kept),
        cmocka_unit_test(a_header_nobody_asked_for_is_recognised),
    };
    return cmocka_run_group_tests_name("proxy_header", tests, NULL, NULL);
}
