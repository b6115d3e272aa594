#include "gateway/spool/envelope.h"

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

enum { ROOM = 1 << 20 };

/* An envelope with everything in it. */
static struct envelope_recipient recipients[4];

static struct envelope
full_envelope(void)
{
    static const char error[] = "550 5.1.1 no such user\0here";
    for (size_t i = 0; i < COUNT_OF(recipients); i++)
        recipients[i] = (struct envelope_recipient){
            .address = slice_str("lee@fabrikam.example"),
            .state = (enum recipient_state)i,
            .connector = slice_str(i == 0 ? "fabrikam-hub" : ""),
            .attempts = 7,
            .due_unix_ms = 1700000000000 + (int64_t)i,
            .last_error = slice(error, sizeof error - 1),
            .notify = i == 1 ? DSN_NOTIFY_NEVER : DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY,
            .orcpt = slice_str(i == 0 ? "rfc822;lee+40fabrikam.example" : ""),
            .tried_unix_ms = 1700000000005 - (int64_t)i,
            .moved_from = slice_str(i == 1 ? "contoso-bridgeheads" : ""),
        };
    recipients[3].state = RECIPIENT_HELD;
    return (struct envelope){
        .id = 0x0123456789abcdef,
        .received_unix_ms = 1700000000001,
        .size = 26214400,
        .body_type = SMTP_BODY_BINARYMIME,
        .has_bare = true,
        .is_unended = true,
        .utf8 = true,
        .keeps_reserved = true,
        .is_report = true,
        .delay_noticed = true,
        .crashes = 1,
        .from = slice_str("kim@contoso.example"),
        .auth = ENVELOPE_AUTH_NAMED,
        .auth_name = slice_str("kim@contoso.example"),
        .receive_connector = slice_str("contoso-2003"),
        .account = slice_str("svc-forestgate"),
        .client = slice_str("10.1.20.4"),
        .message_id = slice_str("<1@contoso.example>"),
        .dsn_return = DSN_RETURN_HEADERS,
        .envid = slice_str("QQ+2B314159"),
        .exch50 = slice("\x01\0\xff blob", 8),
        .exch50_number = 0xfedcba98,
        .recipients = recipients,
        .recipient_count = COUNT_OF(recipients),
    };
}

static struct envelope
smallest_envelope(void)
{
    return (struct envelope){.id = 1};
}

static void
check_same(const struct envelope *a, const struct envelope *b)
{
    assert_true(a->id == b->id && a->size == b->size);
    assert_true(a->received_unix_ms == b->received_unix_ms);
    assert_true(a->body_type == b->body_type && a->is_report == b->is_report);
    assert_true(a->delay_noticed == b->delay_noticed && a->auth == b->auth);
    assert_true(slice_equal(a->from, b->from) && slice_equal(a->auth_name, b->auth_name));
    assert_true(slice_equal(a->receive_connector, b->receive_connector));
    assert_true(slice_equal(a->account, b->account) && slice_equal(a->client, b->client));
    assert_true(slice_equal(a->message_id, b->message_id));
    assert_true(a->has_bare == b->has_bare && a->is_unended == b->is_unended);
    assert_true(a->keeps_reserved == b->keeps_reserved);
    assert_true(a->utf8 == b->utf8 && a->dsn_return == b->dsn_return);
    assert_true(slice_equal(a->envid, b->envid) && slice_equal(a->exch50, b->exch50));
    assert_true(a->exch50_number == b->exch50_number && a->crashes == b->crashes);
    assert_int_equal(a->recipient_count, b->recipient_count);
    for (size_t i = 0; i < a->recipient_count; i++) {
        const struct envelope_recipient *x = &a->recipients[i], *y = &b->recipients[i];
        assert_true(x->state == y->state && x->attempts == y->attempts);
        assert_true(x->due_unix_ms == y->due_unix_ms && x->tried_unix_ms == y->tried_unix_ms);
        assert_true(slice_equal(x->moved_from, y->moved_from));
        assert_true(slice_equal(x->address, y->address) &&
                    slice_equal(x->connector, y->connector) &&
                    slice_equal(x->last_error, y->last_error));
        assert_true(x->notify == y->notify && slice_equal(x->orcpt, y->orcpt));
    }
}

static void
check_reads_back(const struct envelope *e)
{
    struct buf record;
    struct arena arena;
    struct envelope read;
    struct err err;
    buf_init(&record, ROOM);
    arena_init(&arena, ROOM);
    envelope_encode(e, &record);
    assert_true(buf_ok(&record));
    assert_true(envelope_check(buf_slice(&record), &err));
    assert_true(envelope_decode(buf_slice(&record), &arena, &read, &err));
    memset(record.data, 'x', record.len); /* nothing points there */
    check_same(e, &read);
    arena_fini(&arena);
    buf_fini(&record);
}

static void
envelope_reads_back_what_it_wrote(void **state)
{
    (void)state;
    struct envelope rows[] = {full_envelope(), smallest_envelope()};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_reads_back(&rows[i]);
}

/* Each mark alone, so that none stands for another. */
static void
envelope_keeps_each_kind_of_content_and_return_apart(void **state)
{
    (void)state;
    for (int type = SMTP_BODY_UNSAID; type <= SMTP_BODY_BINARYMIME; type++)
        for (int asked = DSN_RETURN_UNSAID; asked <= DSN_RETURN_HEADERS; asked++) {
            struct envelope e = smallest_envelope();
            e.body_type = (enum smtp_body_type)type;
            e.dsn_return = (enum dsn_return)asked;
            check_reads_back(&e);
        }
    for (unsigned marks = 0; marks < 64; marks++) {
        struct envelope e = smallest_envelope();
        e.has_bare = marks & 1;
        e.is_unended = marks & 2;
        e.utf8 = marks & 4;
        e.is_report = marks & 8;
        e.delay_noticed = marks & 16;
        e.keeps_reserved = marks & 32;
        check_reads_back(&e);
    }
}

/* What forestgate wrote before it knew DSN options: marks 8-bit and delay noticed, auth named. */
static const char record_of_version_1[] = "FGE\x01"
                                          "\0\0\0\xcd"
                                          "\x01\x23\x45\x67\x89\xab\xcd\xef"
                                          "\0\0\x01\x8b\xcf\xe5\x68\x01"
                                          "\0\0\0\0\0\0\x10\x01"
                                          "\x05\x02"
                                          "\0\x01"
                                          "\0\0\0\x02"
                                          "\0\0\x01\x8b\xcf\xe5\x68\x02"
                                          "\x03hub"
                                          "f\0\0\0\x13kim@contoso.example"
                                          "n\0\0\0\x03kim"
                                          "c\0\0\0\x0c"
                                          "contoso-2003"
                                          "p\0\0\0\x09"
                                          "10.1.20.4"
                                          "r\0\0\0\x32"
                                          "\0\0\0\0\x07\0\0\x01\x8b\xcf\xe5\x68\x02"
                                          "\0\0\0\x05lee@f\0\0\0\x03hub\0\0\0\x11"
                                          "451 4.3.0 not now"
                                          "r\0\0\0\x1e"
                                          "\x01\0\0\0\x01\0\0\0\0\0\0\0\0"
                                          "\0\0\0\x05mia@f\0\0\0\0\0\0\0\0";

static void
check_version_1(const struct envelope *e)
{
    assert_true(e->id == 0x0123456789abcdef && e->size == 4097);
    assert_true(e->received_unix_ms == 1700000000001);
    assert_int_equal(e->body_type, SMTP_BODY_8BITMIME);
    assert_true(e->delay_noticed && !e->is_report && e->auth == ENVELOPE_AUTH_NAMED);
    assert_false(e->has_bare || e->is_unended || e->utf8 || e->keeps_reserved);
    assert_true(slice_is(e->from, "kim@contoso.example") && slice_is(e->auth_name, "kim"));
    assert_true(slice_is(e->receive_connector, "contoso-2003"));
    assert_true(slice_is(e->client, "10.1.20.4") && e->message_id.len == 0);
    assert_int_equal(e->dsn_return, DSN_RETURN_UNSAID);
    assert_true(e->envid.len == 0 && e->exch50.len == 0);

    assert_int_equal(e->recipient_count, 2);
    assert_true(slice_is(e->recipients[0].address, "lee@f"));
    assert_true(slice_is(e->recipients[0].connector, "hub"));
    assert_int_equal(e->recipients[0].attempts, 7);
    assert_true(slice_is(e->recipients[0].last_error, "451 4.3.0 not now"));
    assert_true(slice_is(e->recipients[1].address, "mia@f"));
    assert_int_equal(e->recipients[1].state, RECIPIENT_DELIVERED);
    for (size_t i = 0; i < e->recipient_count; i++)
        assert_true(e->recipients[i].notify == DSN_NOTIFY_UNSAID &&
                    e->recipients[i].orcpt.len == 0);
}

static void
envelope_reads_version_1(void **state)
{
    (void)state;
    struct slice record = slice(record_of_version_1, sizeof record_of_version_1 - 1);
    struct envelope_front front;
    struct envelope_destination d;
    struct envelope e;
    struct arena arena;
    struct err err;
    arena_init(&arena, ROOM);
    assert_true(envelope_decode(record, &arena, &e, &err));
    check_version_1(&e);
    assert_true(envelope_read_front(record, &front, &err));
    assert_true(envelope_next_destination(&front.destinations, &d));
    assert_true(slice_is(d.connector, "hub") && d.due_unix_ms == 1700000000002);
    assert_false(envelope_next_destination(&front.destinations, &d));
    for (size_t len = 0; len < record.len; len++)
        assert_false(envelope_check(flush_copy(slice_head(record, len)), &err));

    /* What was read is written in the version of now. */
    check_reads_back(&e);
    arena_fini(&arena);
}

/* What it wrote before it knew when a recipient was tried, and where it waited before. */
static const char record_of_version_2[] = "FGE\x02"
                                          "\0\0\0\x92"
                                          "\x01\x23\x45\x67\x89\xab\xcd\xef"
                                          "\0\0\x01\x8b\xcf\xe5\x68\x01"
                                          "\0\0\0\0\0\0\x10\x01"
                                          "\x20\0"
                                          "\0\x01"
                                          "\0\0\0\x01"
                                          "\0\0\x01\x8b\xcf\xe5\x68\x02"
                                          "\x03hub"
                                          "f\0\0\0\x13kim@contoso.example"
                                          "r\0\0\0\x41"
                                          "\0\0\0\0\x07\0\0\x01\x8b\xcf\xe5\x68\x02"
                                          "\0\0\0\x05lee@f\0\0\0\x03hub\0\0\0\x11"
                                          "451 4.3.0 not now"
                                          "\x02\0\0\0\x0arfc822;a@b";

static void
envelope_reads_version_2(void **state)
{
    (void)state;
    struct slice record = slice(record_of_version_2, sizeof record_of_version_2 - 1);
    struct envelope e;
    struct arena arena;
    struct err err;
    arena_init(&arena, ROOM);
    assert_true(envelope_decode(record, &arena, &e, &err));
    assert_true(e.utf8 && slice_is(e.from, "kim@contoso.example") && e.crashes == 0);
    assert_int_equal(e.recipient_count, 1);
    assert_int_equal(e.recipients[0].notify, DSN_NOTIFY_SUCCESS);
    assert_true(slice_is(e.recipients[0].orcpt, "rfc822;a@b"));
    assert_true(e.recipients[0].tried_unix_ms == 0 && e.recipients[0].moved_from.len == 0);
    for (size_t len = 0; len < record.len; len++)
        assert_false(envelope_check(flush_copy(slice_head(record, len)), &err));
    check_reads_back(&e);
    arena_fini(&arena);
}

/* The most that the longest list may hold goes into a record, and comes out of it. */
static void
envelope_has_room_for_5000_recipients_with_all_there_is(void **state)
{
    (void)state;
    static char octets[ENVELOPE_ERROR_MAX];
    static struct envelope_recipient many[5000];
    memset(octets, 'o', sizeof octets);
    struct envelope e = full_envelope();
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (struct envelope_recipient){
            .address = slice(octets, ADDRESS_MAX),
            .connector = slice(octets, ENVELOPE_CONNECTOR_MAX),
            .last_error = slice(octets, ENVELOPE_ERROR_MAX),
            .orcpt = slice(octets, DSN_ORCPT_MAX),
            .moved_from = slice(octets, ENVELOPE_CONNECTOR_MAX),
        };
    e.recipients = many;
    e.recipient_count = COUNT_OF(many);
    struct buf record;
    struct err err;
    buf_init(&record, ENVELOPE_RECORD_MAX);
    envelope_encode(&e, &record);
    assert_true(buf_ok(&record));
    assert_true(envelope_check(buf_slice(&record), &err));
    buf_fini(&record);
}

/* A record that ends early, at any place and right before an unmapped page, is refused. */
static void
envelope_refuses_a_record_that_is_cut_anywhere(void **state)
{
    (void)state;
    struct envelope e = full_envelope();
    struct buf record;
    struct err err;
    buf_init(&record, ROOM);
    envelope_encode(&e, &record);
    for (size_t len = 0; len < record.len; len++) {
        struct slice cut = flush_copy(slice_head(buf_slice(&record), len));
        assert_false(envelope_check(cut, &err));
        assert_int_equal(err.kind, ERR_SYNTAX);
    }
    buf_put_char(&record, 'r');
    assert_false(envelope_check(buf_slice(&record), &err));
    buf_fini(&record);
}

/* Whatever one octet is changed to: it is refused, or it is another envelope that reads back. */
static void
envelope_survives_a_change_of_any_octet(void **state)
{
    (void)state;
    struct envelope e = full_envelope();
    struct buf record;
    struct arena arena;
    buf_init(&record, ROOM);
    arena_init(&arena, ROOM);
    envelope_encode(&e, &record);
    for (size_t at = 0; at < record.len; at++)
        for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
            struct envelope read;
            struct err err;
            record.data[at] = (char)(record.data[at] ^ (char)flip);
            bool ok = envelope_check(buf_slice(&record), &err);
            arena_reset(&arena);
            assert_true(ok == envelope_decode(buf_slice(&record), &arena, &read, &err));
            record.data[at] = (char)(record.data[at] ^ (char)flip);
        }
    arena_fini(&arena);
    buf_fini(&record);
}

static void
envelope_tells_a_newer_version_apart(void **state)
{
    (void)state;
    struct envelope e = smallest_envelope();
    struct buf record;
    struct err err;
    buf_init(&record, ROOM);
    envelope_encode(&e, &record);
    record.data[3] = 4;
    assert_false(envelope_check(buf_slice(&record), &err));
    assert_int_equal(err.kind, ERR_STATE);
    record.data[3] = 0;
    assert_false(envelope_check(buf_slice(&record), &err));
    assert_int_equal(err.kind, ERR_SYNTAX);
    buf_fini(&record);
}

static const struct destination_row {
    const char *say;
    struct {
        enum recipient_state state;
        const char *connector;
        int64_t due;
    } recipients[4];
    size_t recipient_count;
    struct {
        const char *connector;
        int64_t due;
    } wanted[3];
    size_t wanted_count;
} destination_rows[] = {
    {"none", {{RECIPIENT_DELIVERED, "hub", 1}}, 1, {{NULL, 0}}, 0},
    {"one", {{RECIPIENT_WAITING, "hub", 1}}, 1, {{"hub", 1}}, 1},
    {"the first of two times",
     {{RECIPIENT_WAITING, "hub", 9}, {RECIPIENT_WAITING, "hub", 5}},
     2,
     {{"hub", 5}},
     1},
    {"closed ones do not count",
     {{RECIPIENT_WAITING, "hub", 9}, {RECIPIENT_BOUNCED, "hub", 5}, {RECIPIENT_EXPIRED, "a", 5}},
     3,
     {{"hub", 9}},
     1},
    {"held ones have a queue of their own",
     {{RECIPIENT_HELD, "hub", 4}, {RECIPIENT_WAITING, "", 3}, {RECIPIENT_WAITING, "hub", 2}},
     3,
     {{QUEUE_HELD, 4}, {"", 3}, {"hub", 2}},
     3},
    {"suspended ones are never due",
     {{RECIPIENT_SUSPENDED, "hub", 4}, {RECIPIENT_REMOVED, "hub", 2}},
     2,
     {{"hub", INT64_MAX}},
     1},
    {"who waits beside a suspended one is due",
     {{RECIPIENT_SUSPENDED, "hub", 4}, {RECIPIENT_WAITING, "hub", 9}},
     2,
     {{"hub", 9}},
     1},
    {"whose report is wanted waits for it",
     {{RECIPIENT_RETURNING, "hub", 0}},
     1,
     {{QUEUE_RETURNING, 0}},
     1},
    {"one name begins the other",
     {{RECIPIENT_WAITING, "hub", 1},
      {RECIPIENT_WAITING, "hub2", 2},
      {RECIPIENT_WAITING, "hu", 3}},
     3,
     {{"hub", 1}, {"hub2", 2}, {"hu", 3}},
     3},
    {"never before 1970", {{RECIPIENT_WAITING, "hub", -5}}, 1, {{"hub", 0}}, 1},
};

static void
check_destinations(const struct destination_row *row)
{
    struct envelope e = {.id = 5, .size = 6, .received_unix_ms = 7, .recipients = recipients};
    e.recipient_count = row->recipient_count;
    for (size_t i = 0; i < row->recipient_count; i++)
        recipients[i] = (struct envelope_recipient){
            .state = row->recipients[i].state,
            .connector = slice_str(row->recipients[i].connector),
            .due_unix_ms = row->recipients[i].due,
        };
    struct buf record;
    struct envelope_front front;
    struct envelope_destination d;
    struct err err;
    buf_init(&record, ROOM);
    envelope_encode(&e, &record);
    assert_true(envelope_read_front(buf_slice(&record), &front, &err));
    assert_true(front.id == 5 && front.size == 6 && front.received_unix_ms == 7);
    for (size_t i = 0; i < row->wanted_count; i++)
        if (!envelope_next_destination(&front.destinations, &d) ||
            !slice_is(d.connector, row->wanted[i].connector) ||
            d.due_unix_ms != row->wanted[i].due)
            fail_row(row->say, "destination %zu is not %s", i, row->wanted[i].connector);
    if (envelope_next_destination(&front.destinations, &d))
        fail_row(row->say, "one destination too many");
    buf_fini(&record);
}

static void
envelope_says_in_front_where_it_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(destination_rows); i++)
        check_destinations(&destination_rows[i]);
}

static void
envelope_of_poison_has_a_queue_of_its_own(void **state)
{
    (void)state;
    struct envelope e = smallest_envelope();
    struct envelope_recipient r = {.state = RECIPIENT_SUSPENDED, .connector = slice_str("hub")};
    e.crashes = 1;
    assert_true(slice_is(envelope_queue(&e, &r), "hub"));
    e.crashes = ENVELOPE_CRASHES_POISON;
    assert_true(slice_is(envelope_queue(&e, &r), QUEUE_POISON));
    r.state = RECIPIENT_WAITING;
    assert_true(slice_is(envelope_queue(&e, &r), "hub"));
}

static void
envelope_counts_who_is_open(void **state)
{
    (void)state;
    struct envelope e = full_envelope();
    assert_int_equal(envelope_open_count(&e), 2); /* waiting and held */
    recipients[0].state = RECIPIENT_DELIVERED;
    assert_int_equal(envelope_open_count(&e), 1);
    recipients[3].state = RECIPIENT_EXPIRED;
    assert_int_equal(envelope_open_count(&e), 0);
}

static void
envelope_keeps_the_first_part_of_a_long_error(void **state)
{
    (void)state;
    char words[ENVELOPE_ERROR_MAX + 10];
    memset(words, 'e', sizeof words);
    struct envelope e = full_envelope();
    recipients[0].last_error = slice(words, sizeof words);
    struct buf record;
    struct arena arena;
    struct err err;
    buf_init(&record, ROOM);
    arena_init(&arena, ROOM);
    envelope_encode(&e, &record);
    assert_true(envelope_decode(buf_slice(&record), &arena, &e, &err));
    assert_int_equal(e.recipients[0].last_error.len, ENVELOPE_ERROR_MAX);
    arena_fini(&arena);
    buf_fini(&record);
}

static void
envelope_says_when_memory_ends(void **state)
{
    (void)state;
    struct envelope e = full_envelope();
    struct buf record, small;
    struct err err;
    buf_init(&record, ROOM);
    buf_init(&small, 60);
    envelope_encode(&e, &record);
    envelope_encode(&e, &small);
    assert_false(buf_ok(&small));
    for (size_t max = 0; max < record.len + 200; max += 50) {
        struct arena arena;
        arena_init(&arena, max);
        assert_false(envelope_decode(buf_slice(&record), &arena, &e, &err));
        assert_int_equal(err.kind, ERR_NOMEM);
        arena_fini(&arena);
    }
    buf_fini(&record);
    buf_fini(&small);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelope_reads_back_what_it_wrote),
        cmocka_unit_test(envelope_keeps_each_kind_of_content_and_return_apart),
        cmocka_unit_test(envelope_reads_version_1),
        cmocka_unit_test(envelope_reads_version_2),
        cmocka_unit_test(envelope_has_room_for_5000_recipients_with_all_there_is),
        cmocka_unit_test(envelope_refuses_a_record_that_is_cut_anywhere),
        cmocka_unit_test(envelope_survives_a_change_of_any_octet),
        cmocka_unit_test(envelope_tells_a_newer_version_apart),
        cmocka_unit_test(envelope_says_in_front_where_it_waits),
        cmocka_unit_test(envelope_of_poison_has_a_queue_of_its_own),
        cmocka_unit_test(envelope_counts_who_is_open),
        cmocka_unit_test(envelope_keeps_the_first_part_of_a_long_error),
        cmocka_unit_test(envelope_says_when_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
