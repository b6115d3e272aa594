/* What no attempt decides: who waits is given up, or given notice. */
#include "gateway/relay/giveup.h"

#include "tests/kit/bounce_house.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

enum { AN_HOUR = 3600 * 1000 };

struct waited {
    struct house *house;
    uint64_t id;
    bool (*is)(const struct envelope *e);
};

static bool
is_so(void *context)
{
    struct waited *w = context;
    struct envelope e;
    return house_is_at_rest(w->house) && custody_read(&w->house->custody, w->id, &e) && w->is(&e);
}

static void
until_recorded(struct house *h, uint64_t id, bool (*is)(const struct envelope *e))
{
    struct waited waited = {h, id, is};
    turns_until(h->loop, is_so, &waited);
}

static bool
second_is_expired(const struct envelope *e)
{
    return e->recipients[1].state == RECIPIENT_EXPIRED;
}

static void
giveup_ends_without_report_who_wants_none(void **state)
{
    static const char *const to[] = {"yes@fabrikam.example", "no@fabrikam.example"};
    static const unsigned notify[] = {DSN_NOTIFY_FAILURE, DSN_NOTIFY_NEVER};
    static const uint32_t first = 0, second = 1;
    struct house h;
    struct envelope e;
    struct buf text;
    (void)state;
    bounce_house_init(&h);
    struct parcel *p = bounce_house_hand_in(&h, bounce_house_from_kim(), to, notify, 2,
                                            bounce_house_no_content, AN_HOUR);
    assert_true(give_up(h.worker, p, &second, 1, true, NULL));
    until_recorded(&h, p->envelope.id, second_is_expired);
    assert_int_equal(h.home.connections, 0);

    assert_true(give_up(h.worker, p, &first, 1, true, NULL));
    parcel_unref(&p);
    const char *all = bounce_house_report(&h, &e, &text);
    assert_int_equal(bounce_house_count(all, "\r\nFinal-Recipient: "), 1);
    assert_non_null(strstr(all, "yes@fabrikam.example\r\nAction: failed\r\nStatus: 4.4.7\r\n"));
    buf_fini(&text);
    house_fini(&h);
}

static bool
is_noticed(const struct envelope *e)
{
    return e->delay_noticed;
}

/* Noticed it is, whoever hears of it. */
static void
giveup_gives_notice_to_who_wants_it(void **state)
{
    static const char *const to[] = {"yes@fabrikam.example", "no@fabrikam.example"};
    static const uint32_t both[] = {0, 1};
    static const struct {
        unsigned notify[2];
        uint64_t messages;
    } rows[] = {{{DSN_NOTIFY_SUCCESS, DSN_NOTIFY_NEVER}, 1},
                {{DSN_NOTIFY_DELAY, DSN_NOTIFY_FAILURE}, 2}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct house h;
        bounce_house_init(&h);
        struct parcel *p = bounce_house_hand_in(&h, bounce_house_from_kim(), to, rows[i].notify,
                                                2, bounce_house_no_content, AN_HOUR);
        assert_true(give_notice(h.worker, p, both, 2));
        until_recorded(&h, p->envelope.id, is_noticed);
        house_until_left(&h, rows[i].messages);
        parcel_unref(&p);
        house_fini(&h);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(giveup_ends_without_report_who_wants_none),
        cmocka_unit_test(giveup_gives_notice_to_who_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
