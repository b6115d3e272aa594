#include "gateway/relay/bounce.h"

#include <stdio.h>

#include "gateway/relay/bounce_original.h"
#include "tests/kit/bounce_house.h"
#include "tests/kit/test.h"

static const char *
reports_itself(struct fake_server *f, const char *line)
{
    (void)f;
    return strncmp(line, "EHLO", 4) == 0 ? "250-fake\r\n250-PIPELINING\r\n250 DSN\r\n" : NULL;
}

static void
send_to(struct house *h, struct envelope e, const char *const *to, const unsigned *notify,
        size_t count, struct slice content)
{
    struct parcel *p = bounce_house_hand_in(h, e, to, notify, count, content, 0);
    worker_offer(h->worker, p);
    parcel_unref(&p);
}

static void
send_one(struct house *h, struct envelope e, const char *to, unsigned notify,
         struct slice content)
{
    send_to(h, e, &to, &notify, 1, content);
}

/* RFC 3461 5.2.2 b. */
static void
bounce_tells_of_success_when_the_next_server_will_not(void **state)
{
    struct house h;
    struct envelope e;
    struct buf text;
    (void)state;
    bounce_house_init(&h);
    struct envelope from = bounce_house_from_kim();
    from.envid = slice_str("QQ+2B1");
    send_one(&h, from, "lee@fabrikam.example", DSN_NOTIFY_SUCCESS, bounce_house_no_content);
    const char *all = bounce_house_report(&h, &e, &text);
    assert_int_equal(fake_server_took(&h.first, "lee@fabrikam.example"), 1);
    assert_non_null(strstr(all, "\r\nOriginal-Envelope-Id: QQ+1\r\n"));
    assert_non_null(strstr(all, "\r\nAction: relayed\r\nStatus: 2.1.9\r\n"));
    assert_non_null(strstr(all, "\r\nRemote-MTA: dns; [127.0.0.1]\r\n"));
    assert_non_null(strstr(all, "\r\nDiagnostic-Code: smtp; 250 2.0.0 fine\r\n"));
    assert_non_null(strstr(all, "text/rfc822-headers\r\n\r\n" BOUNCE_HOUSE_SHOWN "\r\n--="));
    assert_null(strstr(all, "X-MS-Exchange"));
    buf_fini(&text);
    house_fini(&h);
}

static void
bounce_tells_of_no_success_when_the_next_server_does(void **state)
{
    struct house h;
    (void)state;
    bounce_house_init(&h);
    h.first.answer = reports_itself;
    send_one(&h, bounce_house_from_kim(), "lee@fabrikam.example", DSN_NOTIFY_SUCCESS,
             bounce_house_no_content);
    house_until_left(&h, 0);
    assert_int_equal(fake_server_took(&h.first, "lee@fabrikam.example"), 1);
    assert_int_equal(h.home.connections, 0);
    house_fini(&h);
}

/* Nothing comes of it, and the message is over. */
static const struct quiet_row {
    const char *say, *from, *to;
    unsigned notify;
} quiet_rows[] = {
    {"success unsaid", "kim@contoso.example", "lee@fabrikam.example", DSN_NOTIFY_UNSAID},
    {"success of no interest", "kim@contoso.example", "lee@fabrikam.example", DSN_NOTIFY_FAILURE},
    {"never, of success", "kim@contoso.example", "lee@fabrikam.example", DSN_NOTIFY_NEVER},
    {"never, of failure", "kim@contoso.example", "gone@fabrikam.example", DSN_NOTIFY_NEVER},
    {"failure of no interest", "kim@contoso.example", "gone@fabrikam.example",
     DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY},
    {"null sender, success", "", "lee@fabrikam.example", DSN_NOTIFY_SUCCESS},
    {"null sender, failure", "", "gone@fabrikam.example", DSN_NOTIFY_FAILURE},
};

static void
bounce_is_silent_for_who_wants_no_report(void **state)
{
    struct house h;
    (void)state;
    bounce_house_init(&h);
    for (size_t i = 0; i < COUNT_OF(quiet_rows); i++) {
        const struct quiet_row *row = &quiet_rows[i];
        struct envelope e = {.from = slice_str(row->from)};
        send_one(&h, e, row->to, row->notify, bounce_house_no_content);
        house_until_left(&h, 0);
        if (h.home.connections > 0)
            fail_row(row->say, "there is a report");
    }
    house_fini(&h);
}

/* What one transaction came to is one report, about those who want it. */
static void
bounce_tells_each_recipient_its_own_in_one_report(void **state)
{
    static const char *const to[] = {"yes@fabrikam.example",   "gone1@fabrikam.example",
                                     "gone2@fabrikam.example", "lee@fabrikam.example",
                                     "gone3@fabrikam.example", "mia@fabrikam.example"};
    static const unsigned notify[] = {DSN_NOTIFY_SUCCESS, DSN_NOTIFY_UNSAID,  DSN_NOTIFY_NEVER,
                                      DSN_NOTIFY_UNSAID,  DSN_NOTIFY_FAILURE, DSN_NOTIFY_FAILURE};
    struct house h;
    struct envelope e;
    struct buf text;
    (void)state;
    bounce_house_init(&h);
    send_to(&h, bounce_house_from_kim(), to, notify, COUNT_OF(to), bounce_house_no_content);
    const char *all = bounce_house_report(&h, &e, &text);
    assert_int_equal(bounce_house_count(all, "\r\nFinal-Recipient: "), 3);
    assert_non_null(strstr(all, "\r\nFinal-Recipient: rfc822; yes@fabrikam.example\r\n"
                                "Action: relayed\r\n"));
    assert_non_null(strstr(all, "\r\nFinal-Recipient: rfc822; gone1@fabrikam.example\r\n"
                                "Action: failed\r\n"));
    assert_non_null(strstr(all, "\r\nFinal-Recipient: rfc822; gone3@fabrikam.example\r\n"
                                "Action: failed\r\n"));
    assert_int_equal(bounce_house_count(all, "gone2@") + bounce_house_count(all, "lee@") +
                         bounce_house_count(all, "mia@"),
                     0);
    buf_fini(&text);
    house_fini(&h);
}

/* ---- RET ---- */

static const struct return_row {
    const char *say;
    size_t size; /* of the content */
    struct envelope e;
    const char *to;
    bool whole;
    bool is_unknown; /* the way back */
} return_rows[] = {
    {"in memory",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "gone",
     true,
     false},
    {"in a file",
     200000,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "gone",
     true,
     false},
    {"8-bit",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_8BITMIME},
     "gone",
     true,
     false},
    {"without its last line end",
     101,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT, .is_unended = true},
     "gone",
     true,
     false},
    {"the largest",
     BOUNCE_WHOLE_MAX - sizeof BOUNCE_HOUSE_HEADER + 1,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "gone",
     true,
     false},
    {"too large",
     BOUNCE_WHOLE_MAX - sizeof BOUNCE_HOUSE_HEADER + 2,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "gone",
     false,
     false},
    {"binary",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_BINARYMIME},
     "gone",
     false,
     false},
    {"bare line ends",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT, .has_bare = true},
     "gone",
     false,
     false},
    {"headers asked for",
     100,
     {.dsn_return = DSN_RETURN_HEADERS, .body_type = SMTP_BODY_7BIT},
     "gone",
     false,
     false},
    {"unsaid", 100, {.body_type = SMTP_BODY_7BIT}, "gone", false, false},
    {"8-bit, and the way back is not known",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_8BITMIME},
     "gone",
     false,
     true},
    {"more than everybody takes, and the way back is not known",
     HOP_ANYBODY_OCTETS,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "gone",
     false,
     true},
    {"of a success",
     100,
     {.dsn_return = DSN_RETURN_FULL, .body_type = SMTP_BODY_7BIT},
     "lee",
     false,
     false},
};

/* A blank line, and lines of it. */
static void
put_content(struct buf *out, size_t size)
{
    buf_init(out, size + 100);
    buf_put_str(out, "\r\n");
    while (out->len < size)
        buf_put_str(out, ".as it was, octet for octet = 3D, and a dot at the front\r\n");
    buf_truncate(out, size);
}

/* The sender's server has said what it takes: everything. */
static struct board_place *
know_way_back(struct house *h)
{
    struct board_server server = {
        .host = "home",
        .offers = {.known_ms = loop_now_ms(h->worker->loop), .eight_bit = true},
    };
    const struct board_connector notice = {.servers = &server, .server_count = 1};
    struct board_place *place = board_enter(h->shop.board, "home");
    assert_non_null(place);
    board_say(h->shop.board, place, &notice);
    return place;
}

static void
check_return(const struct return_row *row)
{
    struct house h;
    struct envelope report, e = row->e;
    struct buf text, content;
    char to[64];
    bounce_house_init(&h);
    struct board_place *place = row->is_unknown ? NULL : know_way_back(&h);
    e.from = slice_str("kim@contoso.example");
    snprintf(to, sizeof to, "%s@fabrikam.example", row->to);
    put_content(&content, row->size);
    send_one(&h, e, to, DSN_NOTIFY_FAILURE | DSN_NOTIFY_SUCCESS, buf_slice(&content));
    const char *all = bounce_house_report(&h, &report, &text);

    const char *part = strstr(all, row->whole ? "\r\nContent-Type: message/rfc822\r\n"
                                              : "\r\nContent-Type: text/rfc822-headers\r\n");
    if (part == NULL)
        fail_row(row->say, "no such part in %.2000s", all);
    bool is_8bit = row->whole && e.body_type == SMTP_BODY_8BITMIME;
    assert_int_equal(report.body_type, is_8bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT);
    assert_int_equal(strstr(part, "Encoding: 8bit\r\n") != NULL, is_8bit);
    const char *at = strstr(part + 2, "\r\n\r\n");
    assert_non_null(at);
    at += 4;
    assert_true(strncmp(at, BOUNCE_HOUSE_SHOWN, strlen(BOUNCE_HOUSE_SHOWN)) == 0);
    at += strlen(BOUNCE_HOUSE_SHOWN);
    if (row->whole) {
        assert_true((size_t)(text.data + text.len - at) > content.len);
        assert_memory_equal(at, content.data, content.len);
        at += content.len;
    }
    if (strncmp(at, "\r\n--=_", 6) != 0)
        fail_row(row->say, "something else follows");
    buf_fini(&content);
    buf_fini(&text);
    board_leave(h.shop.board, &place);
    house_fini(&h);
}

static void
bounce_returns_of_the_message_what_was_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(return_rows); i++)
        check_return(&return_rows[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounce_tells_of_success_when_the_next_server_will_not),
        cmocka_unit_test(bounce_tells_of_no_success_when_the_next_server_does),
        cmocka_unit_test(bounce_is_silent_for_who_wants_no_report),
        cmocka_unit_test(bounce_tells_each_recipient_its_own_in_one_report),
        cmocka_unit_test(bounce_returns_of_the_message_what_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
