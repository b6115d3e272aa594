#include "gateway/relay/intake.h"

#include "config/config_rights.h"
#include "tests/kit/custody.h"
#include "tests/kit/test.h"

enum { HOPS_MAX = 3 };

static struct trace
trace_of_test(void)
{
    return (struct trace){
        .hello = slice_str("ex03.contoso.example"),
        .client_address = slice_str("10.1.20.4"),
        .hostname = slice_str("gw.contoso.example"),
        .esmtp = true,
        .authenticated = true,
        .tls_version = slice_str("TLSv1.3"),
        .tls_cipher = slice_str("TLS_AES_256_GCM_SHA384"),
        .tls_bits = 256,
        .recipient = slice_str("bob@fabrikam.example"),
        .received_unix_ms = INT64_C(1795380780000),
    };
}

/* Commit what the intake holds and read it back. */
static void
read_back(struct custody *c, struct intake *t, struct buf *out)
{
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 1000, 1000);
    struct body *body = NULL;
    struct slice piece;
    struct err err;
    char scratch[4096];
    struct spool_draft *draft = intake_take_draft(t);
    e.id = spool_draft_id(draft);
    spool_commit(c->waiter.client, &draft, &e, 1, &body);
    assert_true(waiter_next(&c->waiter).ok);
    for (uint64_t at = 0; at < body_size(body); at += piece.len) {
        assert_true(body_read(body, at, scratch, sizeof scratch, &piece, &err));
        buf_put(out, piece);
    }
    body_unref(&body);
}

/* Take text in two pieces, with these rights; false: refused. */
static bool
take_with(struct custody *c, unsigned rights, const char *text, size_t cut, struct intake **t,
          struct reply *refusal)
{
    struct trace trace = trace_of_test();
    struct slice all = slice_str(text);
    *t = intake_begin(c->spool, &trace, slice(NULL, 0), HOPS_MAX, rights, refusal);
    assert_non_null(*t);
    return intake_take(*t, slice_head(all, cut), refusal) &&
           intake_take(*t, slice_from(all, cut), refusal) && intake_end(*t, refusal);
}

static bool
take(struct custody *c, const char *text, size_t cut, struct intake **t, struct reply *refusal)
{
    return take_with(c, RIGHTS_OF_RECEIVE, text, cut, t, refusal);
}

static const struct {
    const char *say;
    const char *in;
    const char *out; /* behind our Received field */
} rows[] = {
    {"a plain message passes as it is", "Subject: x\r\n\r\nbody\r\n",
     "Subject: x\r\n\r\nbody\r\n"},
    {"organization and forest fields are removed, also folded and in any case",
     "A: 1\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\nx-ms-exchange-forest-Rules:\r\n "
     "more\r\n"
     "B: 2\r\n\r\n",
     "A: 1\r\nB: 2\r\n\r\n"},
    {"the same words in the body stay", "A: 1\r\n\r\nX-MS-Exchange-Organization-SCL: -1\r\n",
     "A: 1\r\n\r\nX-MS-Exchange-Organization-SCL: -1\r\n"},
    {"routing fields stay", "Received: by a\r\nResent-From: b\r\n\r\n",
     "Received: by a\r\nResent-From: b\r\n\r\n"},
    {"Authentication-Results in our name are removed, folded, in any case, with comments",
     "A: 1\r\nauthentication-RESULTS : (x)\r\n GW.contoso.example 1;\r\n\tspf=pass\r\nB: "
     "2\r\n\r\n",
     "A: 1\r\nB: 2\r\n\r\n"},
    {"those of others stay, and so do their Received-SPF",
     "Authentication-Results: gw.fabrikam.example; spf=pass\r\nReceived-SPF: pass\r\n\r\n",
     "Authentication-Results: gw.fabrikam.example; spf=pass\r\nReceived-SPF: pass\r\n\r\n"},
    {"a body without header gets its blank line", "no header at all\r\n",
     "\r\nno header at all\r\n"},
    {"an empty message is a blank line", "", "\r\n"},
    {"only a header", "Subject: x\r\n", "Subject: x\r\n\r\n"},
};

static void
intake_passes_every_row_at_every_split(void **state)
{
    struct custody *c = *state;
    struct reply refusal;
    struct intake *t;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t cut = 0; cut <= strlen(rows[i].in); cut++) {
            struct buf got;
            buf_init(&got, 64 * 1024);
            if (!take(c, rows[i].in, cut, &t, &refusal))
                fail_row(rows[i].say, "refused at cut %zu: %s", cut, refusal.text);
            read_back(c, t, &got);
            intake_free(&t);
            const char *text = buf_text(&got);
            const char *end = strstr(text, "+0000\r\n");
            if (strncmp(text, "Received: from ex03.contoso.example", 35) != 0 || end == NULL)
                fail_row(rows[i].say, "no Received field first: %s", text);
            if (strcmp(end + 7, rows[i].out) != 0)
                fail_row(rows[i].say, "cut %zu gave: %s", cut, end + 7);
            buf_fini(&got);
        }
    }
}

/* By the rights of the connector; Received is counted before it is removed. */
static void
intake_keeps_what_the_rights_let_in(void **state)
{
    static const char text[] =
        "X-MS-Exchange-Organization-SCL: 1\r\nX-MS-Exchange-Forest-R: 2\r\n"
        "Received: by a\r\nResent-To: b\r\nTo: c\r\n\r\nbody\r\n";
    static const struct {
        unsigned rights;
        bool keeps_reserved;
        const char *out;
    } kept[] = {
        {0, false, "To: c\r\n\r\nbody\r\n"},
        {RIGHT_ACCEPT_HEADERS_ORGANIZATION, true,
         "X-MS-Exchange-Organization-SCL: 1\r\nTo: c\r\n\r\nbody\r\n"},
        {RIGHT_ACCEPT_HEADERS_FOREST, true, "X-MS-Exchange-Forest-R: 2\r\nTo: c\r\n\r\nbody\r\n"},
        {RIGHT_ACCEPT_HEADERS_ROUTING, false,
         "Received: by a\r\nResent-To: b\r\nTo: c\r\n\r\nbody\r\n"},
        {~0U, true, text},
    };
    struct custody *c = *state;
    struct reply refusal;
    struct intake *t;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        struct buf got;
        buf_init(&got, 64 * 1024);
        assert_true(take_with(c, kept[i].rights, text, 40, &t, &refusal));
        assert_true(intake_keeps_reserved(t) == kept[i].keeps_reserved);
        read_back(c, t, &got);
        intake_free(&t);
        const char *end = strstr(buf_text(&got), "+0000\r\n");
        assert_non_null(end);
        assert_string_equal(end + 7, kept[i].out);
        buf_fini(&got);
    }
    assert_false(take_with(c, 0, "Received: 1\r\nReceived: 2\r\nReceived: 3\r\nReceived: 4\r\n",
                           9, &t, &refusal));
    assert_int_equal(refusal.code, 554);
    intake_free(&t);
}

static void
intake_writes_who_how_and_the_queue_id(void **state)
{
    struct custody *c = *state;
    struct reply refusal;
    struct intake *t;
    struct buf got;
    char id[ID_TEXT];
    buf_init(&got, 64 * 1024);
    assert_true(take(c, "Message-ID: <1@x>\r\n\r\n", 3, &t, &refusal));
    id_text(intake_id(t), id);
    assert_true(slice_is(intake_message_id(t), "<1@x>"));
    read_back(c, t, &got);
    const char *text = buf_text(&got);
    assert_non_null(strstr(text, "ESMTPSA"));
    assert_non_null(strstr(text, "TLSv1.3"));
    assert_non_null(strstr(text, "[10.1.20.4]"));
    assert_non_null(strstr(text, "bob@fabrikam.example"));
    assert_non_null(strstr(text, id));
    intake_free(&t);
    buf_fini(&got);
}

static void
intake_puts_the_fields_of_a_check_above_received(void **state)
{
    struct custody *c = *state;
    struct trace trace = trace_of_test();
    struct reply refusal;
    struct buf got;
    buf_init(&got, 64 * 1024);
    struct intake *t = intake_begin(c->spool, &trace, slice_str("Received-SPF: pass\r\n"),
                                    HOPS_MAX, RIGHTS_OF_RECEIVE, &refusal);
    assert_non_null(t);
    assert_true(intake_take(t, slice_str("Received-SPF: none\r\n\r\n"), &refusal));
    read_back(c, t, &got);
    assert_true(
        slice_starts(buf_slice(&got), slice_str("Received-SPF: pass\r\nReceived: from ex03.")));
    assert_non_null(strstr(buf_text(&got), "+0000\r\nReceived-SPF: none\r\n\r\n"));
    intake_free(&t);
    buf_fini(&got);
}

static void
intake_refuses_a_hop_too_many(void **state)
{
    struct custody *c = *state;
    struct reply refusal;
    struct intake *t;
    assert_true(take(c, "Received: 1\r\nReceived: 2\r\nReceived: 3\r\n\r\n", 9, &t, &refusal));
    intake_free(&t);
    assert_false(take(c, "Received: 1\r\nReceived: 2\r\nreceived: 3\r\nReceived: 4\r\n\r\n", 9,
                      &t, &refusal));
    assert_int_equal(refusal.code, 554);
    assert_true(reply_has_enhanced(&refusal, 5, 4, 6));
    intake_free(&t);

    /* Where Received is removed, our trace fields are all that is left to count. */
    const char *traces = "Received: 1\r\nX-Forestgate-Trace: a\r\nx-forestgate-trace : b\r\n"
                         "X-Forestgate-Trace: c\r\nX-Forestgate-Trace: d\r\n\r\n";
    assert_true(
        take(c, traces + strlen("Received: 1\r\nX-Forestgate-Trace: a\r\n"), 9, &t, &refusal));
    intake_free(&t);
    assert_false(take(c, traces, 9, &t, &refusal));
    assert_true(refusal.code == 554 && reply_has_enhanced(&refusal, 5, 4, 6));
    intake_free(&t);
}

static void
intake_refuses_a_header_without_end(void **state)
{
    struct custody *c = *state;
    struct reply refusal = {0};
    struct trace trace = trace_of_test();
    struct intake *t =
        intake_begin(c->spool, &trace, slice(NULL, 0), HOPS_MAX, RIGHTS_OF_RECEIVE, &refusal);
    bool taken = true;
    char line[1024];
    memset(line, 'a', sizeof line);
    memcpy(line, "F: ", 3);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; taken && i < 1000; i++)
        taken = intake_take(t, slice(line, sizeof line), &refusal);
    assert_false(taken);
    assert_int_equal(refusal.code, 552);
    intake_free(&t);
}

static void
intake_tells_what_the_content_asks_of_its_way(void **state)
{
    static const struct {
        const char *content;
        bool is_8bit, is_bare, is_unended;
    } asks[] = {
        {"A: 1\r\n\r\nbody\r\n", false, false, false},
        {"A: \xC3\xA4\r\n\r\nbody\r\n", true, false, false},
        {"A: 1\r\n\r\nb\xF6"
         "dy\r\n",
         true, false, false},
        {"A: 1\r\n\r\nbo\ndy\r\n", false, true, false},
        {"A: 1\r\n\r\nbo\rdy\r\n", false, true, false},
        {"A: 1\r\n\r\nbody\r", false, true, true},
        {"A: 1\r\n\r\nbody", false, false, true},
        {"A: 1", false, false, false},
        {"X-MS-Exchange-Organization-X: \xE4\r\n\r\nnot kept\r\n", false, false, false},
    };
    struct custody *c = *state;
    struct reply refusal;
    struct intake *t;
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        for (size_t cut = 0; cut <= strlen(asks[i].content); cut++) {
            assert_true(take(c, asks[i].content, cut, &t, &refusal));
            const struct content_scan *found = intake_content(t);
            assert_int_equal(found->has_8bit, asks[i].is_8bit);
            assert_int_equal(found->has_bare, asks[i].is_bare);
            assert_int_equal(content_scan_is_unended(found), asks[i].is_unended);
            intake_free(&t);
        }
    }
}

static void
intake_refuses_a_header_that_readers_would_cut_differently(void **state)
{
    static const char *const bad[] = {
        "A: 1\nX-MS-Exchange-Organization-AuthAs: Internal\r\n\r\n",
        "A: 1\rX-MS-Exchange-Organization-AuthAs: Internal\r\n\r\n",
        "A: 1\r\n\nbody\r\n",
        "A: 1\r\n b\r\r\n\r\nbody\r\n",
        "A: 1\r",
    };
    struct custody *c = *state;
    struct intake *t;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (size_t cut = 0; cut <= strlen(bad[i]); cut++) {
            struct reply refusal = {0};
            assert_false(take(c, bad[i], cut, &t, &refusal));
            assert_int_equal(refusal.code, 550);
            assert_true(reply_has_enhanced(&refusal, 5, 6, 0));
            intake_free(&t);
        }
    }
}

static void
intake_remembers_our_traces_and_no_forged_ones(void **state)
{
    struct custody *c = *state;
    const struct keyed_hash_key key = {{1}};
    const struct slice to = slice_str("bob@fabrikam.example");
    unsigned char hash[LOOP_TRACE_HASH], other[LOOP_TRACE_HASH] = {7};
    struct reply refusal;
    struct intake *t;
    struct buf text;
    buf_init(&text, 4096);
    assert_true(loop_trace_hash(&key, slice_str("hub"), &to, 1, hash));
    loop_trace_put(&text, slice_str("gw.contoso.example"), slice_str("hub"), hash);
    buf_put_str(&text, LOOP_TRACE_NAME ": nonsense\r\n\r\nbody\r\n");
    assert_true(take(c, buf_text(&text), 20, &t, &refusal));
    assert_true(intake_has_trace(t, hash));
    assert_false(intake_has_trace(t, other));
    intake_free(&t);
    buf_fini(&text);
}

static int
set_up(void **state)
{
    static struct custody c;
    custody_init(&c);
    custody_open(&c);
    *state = &c;
    return 0;
}

static int
tear_down(void **state)
{
    custody_fini(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intake_passes_every_row_at_every_split),
        cmocka_unit_test(intake_keeps_what_the_rights_let_in),
        cmocka_unit_test(intake_writes_who_how_and_the_queue_id),
        cmocka_unit_test(intake_puts_the_fields_of_a_check_above_received),
        cmocka_unit_test(intake_refuses_a_hop_too_many),
        cmocka_unit_test(intake_refuses_a_header_without_end),
        cmocka_unit_test(intake_tells_what_the_content_asks_of_its_way),
        cmocka_unit_test(intake_refuses_a_header_that_readers_would_cut_differently),
        cmocka_unit_test(intake_remembers_our_traces_and_no_forged_ones),
    };
    return cmocka_run_group_tests_name("intake", tests, set_up, tear_down);
}
