#include "gateway/relay/outlet.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "tests/kit/house.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* Until somebody was tried in vain, and nothing is under way. */
static bool
has_failed(void *context)
{
    struct house *h = context;
    return house_is_at_rest(h) && outlet_state(house_hub(h)).last_error[0] != '\0';
}

struct attempt {
    struct house *house;
    uint64_t id;
    uint32_t wanted;
};

/* Has the last recipient been tried so often? */
static bool
was_attempted(void *context)
{
    struct attempt *a = context;
    struct envelope e;
    return house_is_at_rest(a->house) && custody_read(&a->house->custody, a->id, &e) &&
           e.recipients[e.recipient_count - 1].attempts >= a->wanted;
}

static void
until_attempted(struct house *h, uint64_t id, uint32_t wanted)
{
    struct attempt a = {h, id, wanted};
    turns_until(h->loop, was_attempted, &a);
}

static void
assert_took(const struct fake_server *f, const char *recipient, int times)
{
    if (fake_server_took(f, recipient) != times)
        fail_msg("%s: %d times, not %d", recipient, fake_server_took(f, recipient), times);
}

static bool
is_rcpt(const char *line, const char *name)
{
    return strncmp(line, "RCPT", 4) == 0 && strstr(line, name) != NULL;
}

/* ---- Outcomes ---- */

static const char *
refuses_some(struct fake_server *f, const char *line)
{
    bool *busy = f->context;
    if (is_rcpt(line, "gone@"))
        return "550 5.1.1 User unknown\r\n";
    if (is_rcpt(line, "busy@") && *busy)
        return "450 4.2.1 Mailbox busy\r\n";
    return NULL;
}

/* The parcel of another worker comes when its message was found in the spool and delivered. */
static void
outlet_does_not_send_again_what_came_out_of_the_spool_before_its_parcel(void **state)
{
    struct house h;
    struct envelope_recipient r;
    struct parcel *late = NULL;
    struct err err;
    (void)state;
    house_init(&h);
    struct envelope e = custody_envelope(&r, "hub", clock_unix_ms(), clock_unix_ms());
    r.address = slice_str("ann@fabrikam.example");
    uint64_t id = custody_accept(&h.custody, &e, 300, 1, &err);
    assert_true(parcel_load(h.custody.spool, id, &late, &err));
    late->was_read = false; /* as it is fresh from the commit */
    outlet_look(house_hub(&h));
    house_until_left(&h, 0);
    assert_took(&h.first, "ann@fabrikam.example", 1);

    worker_offer(h.worker, late);
    parcel_unref(&late);
    assert_int_not_equal(house_send(&h, "bob@fabrikam.example"), 0); /* behind it in the list */
    house_until_left(&h, 0);
    assert_took(&h.first, "bob@fabrikam.example", 1);
    assert_took(&h.first, "ann@fabrikam.example", 1);
    house_fini(&h);
}

/* And between the two its connector left the configuration and came back. */
static void
outlet_does_not_send_again_what_one_of_its_name_had_sent(void **state)
{
    struct house h;
    struct envelope_recipient r;
    struct parcel *late = NULL;
    struct err err;
    (void)state;
    house_init(&h);
    struct envelope e = custody_envelope(&r, "hub", clock_unix_ms(), clock_unix_ms());
    r.address = slice_str("ann@fabrikam.example");
    uint64_t id = custody_accept(&h.custody, &e, 300, 1, &err);
    assert_true(parcel_load(h.custody.spool, id, &late, &err));
    late->was_read = false;
    outlet_look(house_hub(&h));
    house_until_left(&h, 0);

    struct outlet *before = house_hub(&h);
    outlet_retire(before, true);
    outlet_free(&before);
    assert_non_null(outlet_new(h.worker, config_send(h.runtime->config, slice_str("hub"))));
    worker_offer(h.worker, late);
    parcel_unref(&late);
    assert_int_not_equal(house_send(&h, "bob@fabrikam.example"), 0);
    house_until_left(&h, 0);
    assert_took(&h.first, "bob@fabrikam.example", 1);
    assert_took(&h.first, "ann@fabrikam.example", 1);
    house_fini(&h);
}

static void
outlet_accounts_for_each_recipient_of_a_transaction(void **state)
{
    struct house h;
    struct envelope e;
    bool busy = true;
    (void)state;
    house_init(&h);
    h.first.answer = refuses_some;
    h.first.context = &busy;
    int64_t begin = clock_unix_ms();
    uint64_t id =
        house_send_from(&h, "kim@contoso.example",
                        (const char *[]){"good@fabrikam.example", "gone@fabrikam.example",
                                         "busy@fabrikam.example"},
                        3, NULL);
    until_attempted(&h, id, 1);
    house_until_left(&h, 1); /* the report is delivered */
    assert_took(&h.first, "good@fabrikam.example", 1);
    assert_took(&h.home, "kim@contoso.example", 1);
    assert_true(custody_read(&h.custody, id, &e));
    assert_int_equal(e.recipients[0].state, RECIPIENT_DELIVERED);
    assert_int_equal(e.recipients[1].state, RECIPIENT_BOUNCED);
    assert_int_equal(e.recipients[2].state, RECIPIENT_WAITING);
    assert_int_equal(e.recipients[2].attempts, 1);
    assert_true(e.recipients[2].due_unix_ms >= begin + 50 * 60 * 1000);
    assert_true(slice_is(e.recipients[2].last_error, "450 4.2.1 Mailbox busy"));

    busy = false;
    house_retry(&h);
    house_until_left(&h, 0);
    assert_took(&h.first, "busy@fabrikam.example", 1);
    assert_took(&h.first, "good@fabrikam.example", 1);
    assert_took(&h.home, "kim@contoso.example", 1);
    house_fini(&h);
}

static void
outlet_reports_nothing_about_a_report(void **state)
{
    struct house h;
    bool busy = false;
    (void)state;
    house_init(&h);
    h.first.answer = refuses_some;
    h.first.context = &busy;
    house_send_from(&h, "", (const char *[]){"gone@fabrikam.example"}, 1, NULL);
    house_until_left(&h, 0);
    assert_int_equal(h.home.connections, 0);
    house_fini(&h);
}

static const char *
takes_two(struct fake_server *f, const char *line)
{
    if (is_rcpt(line, "@") && f->taken_in_transaction >= 2)
        return "452 4.5.3 Too many recipients\r\n";
    return NULL;
}

static void
outlet_splits_what_is_too_much_for_one_transaction(void **state)
{
    static const char *const to[] = {"a@fabrikam.example", "b@fabrikam.example",
                                     "c@fabrikam.example", "d@fabrikam.example",
                                     "e@fabrikam.example"};
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = takes_two;
    house_send_from(&h, "kim@contoso.example", to, 5, NULL);
    house_until_left(&h, 0);
    assert_int_equal(h.first.transactions, 3);
    for (size_t i = 0; i < 5; i++)
        assert_took(&h.first, to[i], 1);
    house_fini(&h);
}

static const char *
takes_nobody(struct fake_server *f, const char *line)
{
    int *asked = f->context;
    if (!is_rcpt(line, "@"))
        return NULL;
    ++*asked;
    return "452 4.5.3 Too many recipients\r\n";
}

static void
outlet_defers_when_not_even_one_recipient_is_taken(void **state)
{
    struct house h;
    int asked = 0;
    (void)state;
    house_init(&h);
    h.first.answer = takes_nobody;
    h.first.context = &asked;
    uint64_t id = house_send(&h, "a@fabrikam.example");
    until_attempted(&h, id, 1);
    assert_int_equal(asked, 1);
    house_fini(&h);
}

static void
outlet_tries_recipients_that_are_due_later(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    int64_t now = clock_unix_ms();
    house_send_from(&h, "kim@contoso.example",
                    (const char *[]){"now@fabrikam.example", "later@fabrikam.example"}, 2,
                    (const int64_t[]){now, now + 300});
    house_until_left(&h, 0);
    assert_int_equal(h.first.transactions, 2);
    assert_took(&h.first, "now@fabrikam.example", 1);
    assert_took(&h.first, "later@fabrikam.example", 1);
    house_fini(&h);
}

/* ---- Servers ---- */

static void
outlet_passes_over_a_server_that_does_not_listen(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    fake_server_deafen(&h.first);
    house_send(&h, "a@fabrikam.example");
    house_until_left(&h, 0);
    house_send(&h, "b@fabrikam.example");
    house_until_left(&h, 0);
    assert_int_equal(h.second.transactions, 2);
    assert_int_equal(h.second.connections, 1);
    house_fini(&h);
}

static const char *
is_full(struct fake_server *f, const char *line)
{
    (void)f;
    return line[0] == '\0' ? "421 4.3.2 Too many connections\r\n" : NULL;
}

static void
outlet_uses_the_next_server_when_one_has_too_many_connections(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = is_full;
    house_send(&h, "a@fabrikam.example");
    house_until_left(&h, 0);
    assert_int_equal(h.first.connections, 1);
    assert_took(&h.second, "a@fabrikam.example", 1);
    house_fini(&h);
}

/* The kept connection is closed by its server just when the next message comes. */
static const char *
closes_at_the_second_mail(struct fake_server *f, const char *line)
{
    int *mails = f->context;
    if (strncmp(line, "MAIL", 4) == 0 && ++*mails == 2)
        return fake_close;
    return NULL;
}

static void
outlet_takes_another_connection_when_a_kept_one_is_stale(void **state)
{
    struct house h;
    int mails = 0;
    (void)state;
    house_init(&h);
    h.first.answer = closes_at_the_second_mail;
    h.first.context = &mails;
    house_send(&h, "a@fabrikam.example");
    house_until_left(&h, 0);
    house_send(&h, "b@fabrikam.example");
    house_until_left(&h, 0);
    assert_took(&h.first, "b@fabrikam.example", 1);
    assert_int_equal(h.first.connections, 2);
    assert_int_equal(h.second.connections, 0);
    assert_string_equal(outlet_state(house_hub(&h)).last_error, "");
    house_fini(&h);
}

static const char *
breaks_on_poison(struct fake_server *f, const char *line)
{
    bool *poisoned = f->context;
    if (strncmp(line, "MAIL", 4) == 0)
        *poisoned = strstr(line, "poison@") != NULL;
    return strcmp(line, ".") != 0 && strcmp(line, "DATA") == 0 && *poisoned ? fake_close : NULL;
}

static void
outlet_lets_others_pass_a_message_that_breaks_servers(void **state)
{
    static const char *const to[] = {"a@fabrikam.example"};
    struct house h;
    bool first = false, second = false;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = breaks_on_poison;
    h.first.context = &first;
    h.second.context = &second;
    uint64_t id = house_send_from(&h, "poison@contoso.example", to, 1, NULL);
    until_attempted(&h, id, 1);
    assert_int_equal(h.first.connections + h.second.connections, 2);
    worker_retry(h.worker, slice_str("hub")); /* the servers, not the message */
    house_send(&h, "b@fabrikam.example");
    house_until_left(&h, 1);
    assert_took(&h.first, "b@fabrikam.example", 1);
    assert_took(&h.first, "a@fabrikam.example", 0);
    house_fini(&h);
}

static const char *
wants_a_logon(struct fake_server *f, const char *line)
{
    (void)f;
    return strncmp(line, "MAIL", 4) == 0 ? "530 5.7.1 Client was not authenticated\r\n" : NULL;
}

static void
outlet_is_suspended_by_its_own_trouble_until_somebody_retries(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = wants_a_logon;
    uint64_t id = house_send(&h, "a@fabrikam.example");
    turns_until(h.loop, has_failed, &h);
    house_send(&h, "b@fabrikam.example");
    struct outlet_state s = outlet_state(house_hub(&h));
    assert_true(s.suspended);
    assert_int_equal(s.ready, 2);
    assert_int_equal(h.first.connections + h.second.connections, 1);
    struct envelope e;
    assert_true(custody_read(&h.custody, id, &e));
    assert_int_equal(e.recipients[0].attempts, 0); /* not the message's fault */

    h.first.answer = h.second.answer = NULL;
    house_retry(&h);
    house_until_left(&h, 0);
    assert_int_equal(h.first.taken_count + h.second.taken_count, 2);
    house_fini(&h);
}

static const char *
refuses_senders(struct fake_server *f, const char *line)
{
    (void)f;
    return strncmp(line, "MAIL", 4) == 0 ? "550 5.7.1 not this sender\r\n" : NULL;
}

static void
outlet_is_suspended_by_three_refused_senders_but_not_by_two_in_turn(void **state)
{
    static const char *const to[] = {"a@fabrikam.example"};
    static const char *const from[] = {"x@contoso.example", "y@contoso.example",
                                       "x@contoso.example", "y@contoso.example"};
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = refuses_senders;
    for (size_t i = 0; i < 4; i++) {
        uint64_t id = house_send_from(&h, from[i], to, 1, NULL);
        until_attempted(&h, id, 1);
        assert_false(outlet_state(house_hub(&h)).suspended);
    }
    uint64_t id = house_send_from(&h, "z@contoso.example", to, 1, NULL);
    until_attempted(&h, id, 1);
    assert_true(outlet_state(house_hub(&h)).suspended);
    house_fini(&h);
}

/* ---- Ends ---- */

static const char *
says_nothing_behind_the_dot(struct fake_server *f, const char *line)
{
    int *dots = f->context;
    if (strcmp(line, ".") != 0)
        return NULL;
    ++*dots;
    return fake_silence;
}

static void
outlet_that_is_cut_leaves_its_mail_in_the_spool(void **state)
{
    struct house h;
    struct envelope e;
    int dots = 0;
    (void)state;
    house_init(&h);
    h.first.answer = says_nothing_behind_the_dot;
    h.first.context = &dots;
    uint64_t id = house_send(&h, "a@fabrikam.example");
    turns_until_count(h.loop, &dots, 1);
    worker_free(&h.worker);
    assert_true(custody_read(&h.custody, id, &e));
    assert_int_equal(e.recipients[0].state, RECIPIENT_WAITING);
    house_fini(&h);
}

static void
on_idle(void *context)
{
    *(bool *)context = true;
}

static const char *
says_nothing(struct fake_server *f, const char *line)
{
    (void)f, (void)line;
    return fake_silence;
}

static void
outlet_does_not_hold_up_a_drain_for_a_server_that_says_nothing(void **state)
{
    struct house h;
    bool idle = false;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = says_nothing;
    house_send(&h, "a@fabrikam.example");
    turns_until_count(h.loop, &h.first.connections, 1);
    worker_drain(h.worker, on_idle, &idle);
    assert_true(idle);
    assert_int_equal(worker_retry(h.worker, slice_str("hub")), 1);
    outlet_look(house_hub(&h));
    house_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outlet_does_not_send_again_what_came_out_of_the_spool_before_its_parcel),
        cmocka_unit_test(outlet_does_not_send_again_what_one_of_its_name_had_sent),
        cmocka_unit_test(outlet_accounts_for_each_recipient_of_a_transaction),
        cmocka_unit_test(outlet_reports_nothing_about_a_report),
        cmocka_unit_test(outlet_splits_what_is_too_much_for_one_transaction),
        cmocka_unit_test(outlet_defers_when_not_even_one_recipient_is_taken),
        cmocka_unit_test(outlet_tries_recipients_that_are_due_later),
        cmocka_unit_test(outlet_passes_over_a_server_that_does_not_listen),
        cmocka_unit_test(outlet_uses_the_next_server_when_one_has_too_many_connections),
        cmocka_unit_test(outlet_takes_another_connection_when_a_kept_one_is_stale),
        cmocka_unit_test(outlet_lets_others_pass_a_message_that_breaks_servers),
        cmocka_unit_test(outlet_is_suspended_by_its_own_trouble_until_somebody_retries),
        cmocka_unit_test(outlet_is_suspended_by_three_refused_senders_but_not_by_two_in_turn),
        cmocka_unit_test(outlet_that_is_cut_leaves_its_mail_in_the_spool),
        cmocka_unit_test(outlet_does_not_hold_up_a_drain_for_a_server_that_says_nothing),
    };
    return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
