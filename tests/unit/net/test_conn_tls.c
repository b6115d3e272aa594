/* A conn with the TLS filter in between: what leaves in clear, what is thrown away, how it ends.
 */
#include "gateway/net/conn_private.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "tests/kit/certificates.h"
#include "tests/kit/conn_owner.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* ---- Contexts for all tests ---------------------------------------------------------------- */

struct world {
    char folder[CERTIFICATES_FOLDER];
    struct tls_context *server;
    struct tls_context *client;
};

static int
make_world(void **state)
{
    static struct world w;
    char certificate[128], key[128];
    struct err err;
    certificates_folder_new(w.folder);
    certificates_make(
        w.folder, "gw",
        &(struct certificate_spec){.common_name = "gw.example", .names = "DNS:gw.example"});
    snprintf(certificate, sizeof certificate, "%s/gw.pem", w.folder);
    snprintf(key, sizeof key, "%s/gw.key", w.folder);
    const struct tls_key_pair pair = {certificate, key};
    must(tls_context_new_server(TLS_MODERN, &pair, 1, &w.server, &err));
    const struct tls_client_settings settings = {.trust = TLS_TRUST_NAME, .ca_file = certificate};
    must(tls_context_new_client(&settings, &w.client, &err));
    *state = &w;
    return 0;
}

static int
drop_world(void **state)
{
    struct world *w = *state;
    tls_context_unref(&w->client);
    tls_context_unref(&w->server);
    certificates_folder_remove(w->folder);
    return 0;
}

struct pair {
    struct loop *loop;
    struct world *world;
    struct conn_owner client;
    struct conn_owner server;
};

static void
pair_begin(struct pair *p, void **state)
{
    p->world = *state;
    p->loop = turns_loop();
    conn_owner_tcp_pair(p->loop, &p->client, &p->server);
    p->client.context = p->server.context = p;
}

static void
pair_end(struct pair *p)
{
    conn_close(&p->client.conn, true);
    conn_close(&p->server.conn, true);
    loop_free(&p->loop);
    conn_owner_fini(&p->client);
    conn_owner_fini(&p->server);
}

static void
start_server(struct pair *p)
{
    struct err err;
    if (!conn_start_tls_server(p->server.conn, p->world->server, &err))
        fail_msg("%s", err.text);
}

static void
start_client(struct pair *p, const char *host)
{
    struct err err;
    if (!conn_start_tls_client(p->client.conn, p->world->client, host, slice_str(""), &err))
        fail_msg("%s", err.text);
}

static void
shake_hands(struct pair *p)
{
    start_server(p);
    start_client(p, "gw.example");
    turns_until_count(p->loop, &p->client.events[CONN_TLS], 1);
    turns_until_count(p->loop, &p->server.events[CONN_TLS], 1);
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void
echo(struct conn_owner *o, enum conn_event event)
{
    if (event != CONN_INPUT)
        return;
    must(conn_write(o->conn, buf_slice(&o->got)));
    buf_clear(&o->got);
}

static void
conn_tls_brings_back_what_an_echo_returns(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    assert_null(conn_tls(p.client.conn));
    shake_hands(&p);
    assert_string_equal(tls_filter_version(conn_tls(p.client.conn)), "TLSv1.3");
    p.server.and_then = echo;
    conn_owner_write(&p.client, "hello ");
    conn_owner_write(&p.client, "world");
    while (p.client.got_count < 11)
        turns_until_count(p.loop, &p.client.events[CONN_INPUT], p.client.events[CONN_INPUT] + 1);
    assert_string_equal(buf_text(&p.client.got), "hello world");
    assert_int_equal(p.client.events[CONN_TLS], 1);
    pair_end(&p);
}

static void
conn_tls_holds_no_buffers_while_idle(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    shake_hands(&p);
    p.server.and_then = echo;
    conn_owner_write(&p.client, "x");
    turns_until_count(p.loop, &p.client.events[CONN_INPUT], 1);
    struct conn *const both[] = {p.client.conn, p.server.conn};
    for (size_t i = 0; i < 2; i++) {
        assert_null(both[i]->in.data);
        assert_null(both[i]->sealed.data);
        assert_null(both[i]->on_wire.data);
        assert_true(both[i]->out.cap <= CONN_OUTPUT_KEEP);
    }
    pair_end(&p);
}

/* The server's 220 is written in the same breath in which it starts TLS, and the client has sent
 * a command behind STARTTLS that must never be seen (RFC 3207 4.2). */
static void
serve_starttls(struct conn_owner *o, enum conn_event event)
{
    struct pair *p = o->context;
    if (event == CONN_INPUT && o->events[CONN_TLS] == 0) {
        conn_owner_write(o, "220 go ahead\r\n");
        start_server(p);
        o->appetite = SIZE_MAX;
    }
}

static void
follow_starttls(struct conn_owner *o, enum conn_event event)
{
    struct pair *p = o->context;
    if (event == CONN_INPUT && o->events[CONN_TLS] == 0)
        start_client(p, "gw.example");
    if (event == CONN_TLS)
        conn_owner_write(o, "EHLO again\r\n");
}

static void
conn_tls_forgets_input_behind_starttls(void **state)
{
    static const char *const rows[] = {
        "STARTTLS\r\nMAIL FROM:<eve@b.example>\r\n", /* offered at once, taken in part */
        "STARTTLS\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        pair_begin(&p, state);
        p.server.and_then = serve_starttls;
        p.server.appetite = strlen("STARTTLS\r\n");
        p.client.and_then = follow_starttls;
        conn_owner_write(&p.client, rows[i]);
        turns_until_count(p.loop, &p.server.events[CONN_TLS], 1);
        while (p.server.got_count < strlen("STARTTLS\r\nEHLO again\r\n"))
            turns_until_count(p.loop, &p.server.events[CONN_INPUT],
                              p.server.events[CONN_INPUT] + 1);
        assert_string_equal(buf_text(&p.server.got), "STARTTLS\r\nEHLO again\r\n");
        assert_string_equal(buf_text(&p.client.got), "220 go ahead\r\n");
        pair_end(&p);
    }
}

/* The same when the injected command had been left lying before. */
static void
conn_tls_forgets_input_that_was_left_before(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    p.server.appetite = 0;
    p.client.and_then = follow_starttls;
    conn_owner_write(&p.client, "MAIL FROM:<eve@b.example>\r\n");
    turns_until_count(p.loop, &p.server.events[CONN_INPUT], 1);
    conn_owner_write(&p.server, "220 go ahead\r\n");
    start_server(&p);
    p.server.appetite = SIZE_MAX;
    conn_resume(p.server.conn);
    turns_until_count(p.loop, &p.server.events[CONN_INPUT], 2);
    assert_string_equal(buf_text(&p.server.got), "EHLO again\r\n");
    pair_end(&p);
}

enum { TEN_MB = 10 * 1024 * 1024 };

struct stream {
    size_t put;
    size_t checked;
    bool done;
};

static char
octet_at(size_t place)
{
    return (char)(place * 31 + place / 251);
}

static void
write_more(struct conn_owner *o, enum conn_event event)
{
    struct stream *s = o->context;
    static char piece[60000];
    if (event != CONN_DRAINED)
        return;
    while (s->put < TEN_MB) {
        size_t n = conn_room(o->conn) < sizeof piece ? conn_room(o->conn) : sizeof piece;
        n = n < TEN_MB - s->put ? n : TEN_MB - s->put;
        if (n == 0)
            return;
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(s->put + i);
        must(conn_write(o->conn, slice(piece, n)));
        s->put += n;
    }
}

static void
take_some(struct conn_owner *o, enum conn_event event)
{
    struct stream *s = o->context;
    if (event != CONN_INPUT)
        return;
    must(o->offered <= CONN_INPUT_MAX);
    for (size_t i = 0; i < o->got.len; i++)
        must(o->got.data[i] == octet_at(s->checked + i));
    s->checked += o->got.len;
    s->done = s->checked == TEN_MB;
    buf_clear(&o->got);
    o->appetite = 5000 + s->checked % 60000;
    conn_resume(o->conn);
}

static void
conn_tls_carries_ten_megabytes_to_a_slow_taker(void **state)
{
    struct pair p;
    struct stream s = {0};
    pair_begin(&p, state);
    shake_hands(&p);
    p.client.context = p.server.context = &s;
    p.client.and_then = write_more;
    p.server.and_then = take_some;
    p.server.appetite = 1;
    write_more(&p.client, CONN_DRAINED);
    turns_until_true(p.loop, &s.done);
    pair_end(&p);
}

static bool
is_full(void *context)
{
    struct pair *p = context;
    return conn_kept(p->server.conn) == CONN_INPUT_MAX && p->client.conn->writing;
}

static void
conn_tls_stops_reading_when_nobody_takes(void **state)
{
    struct pair p;
    struct stream s = {0};
    pair_begin(&p, state);
    shake_hands(&p);
    p.client.context = &s;
    p.client.and_then = write_more;
    p.server.appetite = 0;
    write_more(&p.client, CONN_DRAINED);
    turns_until(p.loop, is_full, &p);
    assert_false(p.server.conn->reading);
    assert_true(p.server.conn->sealed.len < LOOP_READ_SIZE);
    assert_int_equal(p.server.got_count, 0);
    pair_end(&p);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void
conn_tls_ends_when_the_certificate_is_refused(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    start_server(&p);
    start_client(&p, "other.example");
    turns_until_count(p.loop, &p.client.events[CONN_END], 1);
    turns_until_count(p.loop, &p.server.events[CONN_END], 1);
    assert_int_equal(p.client.why.kind, ERR_TLS);
    assert_non_null(strstr(p.client.why.text, "other.example"));
    assert_int_equal(p.server.why.kind, ERR_TLS); /* the alert came through */
    assert_int_equal(p.client.events[CONN_TLS], 0);
    pair_end(&p);
}

static void
conn_tls_ends_on_what_is_not_tls(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    start_server(&p);
    conn_owner_write(&p.client, "EHLO without.a.handshake\r\n");
    turns_until_count(p.loop, &p.server.events[CONN_END], 1);
    assert_int_equal(p.server.why.kind, ERR_TLS);
    pair_end(&p);
}

static void
conn_tls_tells_how_the_peer_left(void **state)
{
    static const struct {
        const char *say;
        bool is_open, now;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {"close_notify", true, false, ERR_CLOSED, "the peer closed the connection"},
        {"cut off", true, true, ERR_CLOSED,
         "the peer closed the connection without close_notify"},
        {"during the handshake", false, true, ERR_TLS,
         "the peer closed the connection during the TLS handshake; no cipher in common?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p;
        pair_begin(&p, state);
        if (rows[i].is_open)
            shake_hands(&p);
        else
            start_server(&p);
        if (rows[i].is_open)
            conn_owner_write(&p.client,
                             "x"); /* so that the tickets were read, and nothing is reset */
        if (rows[i].is_open)
            turns_until_count(p.loop, &p.server.events[CONN_INPUT], 1);
        conn_close(&p.client.conn, rows[i].now);
        turns_until_count(p.loop, &p.server.events[CONN_END], 1);
        if (p.server.why.kind != rows[i].kind || strcmp(p.server.why.text, rows[i].text) != 0)
            fail_row(rows[i].say, "%s", p.server.why.text);
        assert_int_equal(p.server.events[CONN_END], 1);
        pair_end(&p);
    }
}

/* The peer's close_notify is the end, whether or not its connection stays open. */
static void
conn_tls_ends_at_close_notify(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    shake_hands(&p);
    conn_owner_write(&p.server, "bye");
    tls_filter_close(p.server.conn->tls);
    turns_until_count(p.loop, &p.client.events[CONN_END], 1);
    assert_string_equal(buf_text(&p.client.got), "bye");
    assert_string_equal(p.client.why.text, "the peer closed the connection");
    pair_end(&p);
}

static void
conn_tls_close_delivers_what_was_put_before(void **state)
{
    struct pair p;
    pair_begin(&p, state);
    shake_hands(&p);
    char *big = mem_new(CONN_OUTPUT_MAX);
    assert_true(conn_write(p.client.conn, slice(big, CONN_OUTPUT_MAX)));
    assert_false(conn_write(p.client.conn, slice(big, 1)));
    conn_close(&p.client.conn, false);
    turns_until_count(p.loop, &p.server.events[CONN_END], 1);
    assert_int_equal(p.server.got_count, CONN_OUTPUT_MAX);
    assert_string_equal(p.server.why.text, "the peer closed the connection");
    mem_free(&big);
    pair_end(&p);
}

struct plan {
    enum conn_event event;
    bool now;
};

static void
close_as_planned(struct conn_owner *o, enum conn_event event)
{
    const struct plan *plan = o->context;
    if (event == plan->event)
        conn_close(&o->conn, plan->now);
}

static void
conn_tls_may_be_closed_from_inside_every_event(void **state)
{
    static const enum conn_event rows[] = {CONN_TLS, CONN_INPUT, CONN_DRAINED, CONN_END};
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct plan plan = {rows[i / 2], i % 2 == 1};
        struct pair p;
        pair_begin(&p, state);
        start_server(&p);
        start_client(&p, "gw.example");
        p.client.context = &plan;
        p.client.and_then = close_as_planned;
        turns_until_count(p.loop, &p.client.events[CONN_TLS], 1);
        if (p.client.conn != NULL) {
            turns_until_count(p.loop, &p.server.events[CONN_TLS], 1);
            conn_owner_write(&p.server, "hello");
            if (p.client.conn != NULL)
                conn_owner_write(&p.client, "hello");
            if (plan.event == CONN_END)
                conn_close(&p.server.conn, false);
        }
        turns_until_count(p.loop, &p.client.events[plan.event], 1);
        assert_null(p.client.conn);
        assert_int_equal(p.client.events[plan.event], 1);
        assert_int_equal(p.client.events[CONN_END], plan.event == CONN_END);
        pair_end(&p);
    }
}

/* Data and close_notify in one packet: the owner closes at the data, and the end that was already
 * decrypted finds nobody. */
static void
conn_tls_closed_with_its_end_already_read_is_silent(void **state)
{
    struct pair p;
    struct plan plan = {CONN_INPUT, true};
    pair_begin(&p, state);
    shake_hands(&p);
    p.client.context = &plan;
    p.client.and_then = close_as_planned;
    conn_owner_write(&p.server, "bye");
    conn_close(&p.server.conn, false);
    loop_run(p.loop);
    assert_int_equal(p.client.events[CONN_INPUT], 1);
    assert_int_equal(p.client.events[CONN_END], 0);
    pair_end(&p);
}

static void
conn_tls_start_without_memory_is_an_error(void **state)
{
    struct pair p;
    struct err err;
    pair_begin(&p, state);
    mem_fail_after(0);
    assert_false(conn_start_tls_server(p.server.conn, p.world->server, &err));
    mem_fail_after(-1);
    assert_int_equal(err.kind, ERR_NOMEM);
    assert_null(conn_tls(p.server.conn));
    pair_end(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conn_tls_brings_back_what_an_echo_returns),
        cmocka_unit_test(conn_tls_holds_no_buffers_while_idle),
        cmocka_unit_test(conn_tls_forgets_input_behind_starttls),
        cmocka_unit_test(conn_tls_forgets_input_that_was_left_before),
        cmocka_unit_test(conn_tls_carries_ten_megabytes_to_a_slow_taker),
        cmocka_unit_test(conn_tls_stops_reading_when_nobody_takes),
        cmocka_unit_test(conn_tls_ends_when_the_certificate_is_refused),
        cmocka_unit_test(conn_tls_ends_on_what_is_not_tls),
        cmocka_unit_test(conn_tls_tells_how_the_peer_left),
        cmocka_unit_test(conn_tls_ends_at_close_notify),
        cmocka_unit_test(conn_tls_close_delivers_what_was_put_before),
        cmocka_unit_test(conn_tls_may_be_closed_from_inside_every_event),
        cmocka_unit_test(conn_tls_closed_with_its_end_already_read_is_silent),
        cmocka_unit_test(conn_tls_start_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
