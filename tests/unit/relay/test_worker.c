#include "gateway/relay/worker.h"

#include "gateway/base/clock.h"
#include "gateway/relay/outlet.h"
#include "tests/kit/config_runtime.h"
#include "tests/kit/custody.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* Port 1 of loopback: nobody listens, so deliveries stay with their outlet. */
static const char text[] = "version: 1\n"
                           "hostname: gw.contoso.example\n"
                           "postmaster: postmaster@contoso.example\n"
                           "spool: { path: spool }\n"
                           "certificates:\n"
                           "  main: { certificate: gw.pem, key: gw.key }\n"
                           "listen:\n"
                           "  main: { address: \"127.0.0.1:2525\", certificate: main }\n"
                           "forests:\n"
                           "  contoso:\n"
                           "    domains: { contoso.example: authoritative }\n"
                           "    deliver: [east]\n"
                           "  fabrikam:\n"
                           "    domains: { fabrikam.example: authoritative }\n"
                           "    deliver: [north]\n"
                           "receive:\n"
                           "  all:\n"
                           "    listen: [main]\n"
                           "    networks: [127.0.0.0/8]\n"
                           "    speaks_for: [contoso, fabrikam]\n"
                           "    auth: none\n"
                           "send:\n"
                           "  east: { servers: [\"127.0.0.1:1\"], auth: none }\n"
                           "  north: { servers: [\"127.0.0.1:1\"], auth: none }\n";

struct house {
    struct config_folder folder;
    struct custody custody;
    struct workshop shop;
    struct loop *loops[2];
    struct worker *workers[2];
    struct runtime *runtime;
};

static void
house_init(struct house *h)
{
    struct err err;
    *h = (struct house){.shop.worker_count = 0};
    config_folder_new(&h->folder);
    config_runtime_certificate(&h->folder, ".");
    h->runtime = config_runtime_new(&h->folder, text);
    custody_init(&h->custody);
    custody_open(&h->custody);
    h->shop.metrics = metrics_new();
    h->shop.admission = admission_new();
    h->shop.spool = h->custody.spool;
    h->shop.worker_count = 2;
    h->shop.ownership = ownership_new(2);
    for (size_t i = 0; i < 2; i++)
        h->loops[i] = turns_loop();
    for (size_t i = 0; i < 2; i++)
        if (!worker_new(&h->shop, i, h->loops[i], h->runtime, &h->workers[i], &err))
            fail_msg("%s", err.text);
}

static void
house_fini(struct house *h)
{
    for (size_t i = 0; i < 2; i++)
        worker_free(&h->workers[i]);
    for (size_t i = 0; i < 2; i++)
        loop_free(&h->loops[i]);
    runtime_unref(&h->runtime);
    ownership_free(&h->shop.ownership);
    admission_free(&h->shop.admission);
    metrics_free(&h->shop.metrics);
    custody_fini(&h->custody);
    config_folder_remove(&h->folder);
}

static struct outlet *
outlet_of(struct house *h, const char *connector, size_t *owner)
{
    for (size_t i = 0; i < 2; i++) {
        struct outlet *o = worker_outlet(h->workers[i], slice_str(connector));
        if (o == NULL)
            continue;
        *owner = i;
        return o;
    }
    fail_msg("nobody owns %s", connector);
    return NULL;
}

/* A message for one recipient at each of the two connectors, in custody. */
static struct parcel *
message_for_both(struct house *h)
{
    struct envelope_recipient r[2];
    struct envelope e = custody_envelope(&r[0], "east", clock_unix_ms(), 0);
    struct parcel *p = NULL;
    struct err err;
    r[1] = r[0];
    r[1].address = slice_str("bob@fabrikam.example");
    r[1].connector = slice_str("north");
    e.recipients = r;
    e.recipient_count = 2;
    uint64_t id = custody_accept(&h->custody, &e, 300, 1, &err);
    assert_int_not_equal(id, 0);
    assert_true(parcel_load(h->custody.spool, id, &p, &err));
    return p;
}

struct waiting {
    struct outlet *outlet;
    uint64_t id;
};

static bool
outlet_got_it(void *context)
{
    struct waiting *w = context;
    return outlet_has(w->outlet, w->id);
}

static void
workers_share_out_the_connectors_by_name(void **state)
{
    struct house h;
    size_t east, north;
    (void)state;
    house_init(&h);
    outlet_of(&h, "east", &east);
    outlet_of(&h, "north", &north);
    assert_int_not_equal(east, north);
    assert_null(worker_outlet(h.workers[north], slice_str("east")));
    house_fini(&h);
}

static void
workers_pass_a_parcel_to_the_owner_of_each_connector(void **state)
{
    struct house h;
    size_t east, north;
    (void)state;
    house_init(&h);
    struct outlet *at_east = outlet_of(&h, "east", &east);
    struct outlet *at_north = outlet_of(&h, "north", &north);
    struct parcel *p = message_for_both(&h);
    uint64_t id = p->envelope.id;

    worker_offer(h.workers[east], p);
    assert_true(outlet_has(at_east, id));   /* its own: at once */
    assert_false(outlet_has(at_north, id)); /* on its way through the mailbox */
    struct waiting waiting = {at_north, id};
    turns_until(h.loops[north], outlet_got_it, &waiting);
    parcel_unref(&p);
    house_fini(&h);
}

static void
workers_that_end_leave_the_mail_in_the_spool(void **state)
{
    struct house h;
    size_t owner;
    struct envelope e;
    (void)state;
    house_init(&h);
    struct parcel *p = message_for_both(&h);
    uint64_t id = p->envelope.id;
    outlet_of(&h, "east", &owner);
    worker_offer(h.workers[owner], p);
    parcel_unref(&p);
    for (size_t i = 0; i < 2; i++)
        worker_free(&h.workers[i]);
    assert_true(custody_read(&h.custody, id, &e));
    assert_int_equal(envelope_open_count(&e), 2);
    house_fini(&h);
}

struct routed {
    struct house *house;
    struct worker *by;
    uint64_t id;
};

static bool
has_new_connector(void *context)
{
    struct routed *r = context;
    struct envelope e;
    return answers_owed(r->by->answers) == 0 && custody_read(&r->house->custody, r->id, &e) &&
           slice_is(e.recipients[0].connector, "north");
}

static void
workers_give_mail_of_a_connector_that_is_gone_a_new_one(void **state)
{
    struct house h;
    struct err err;
    struct envelope_recipient r;
    size_t owner;
    (void)state;
    house_init(&h);
    size_t before = ownership_of(h.shop.ownership, slice_str("gone"));
    struct envelope e = custody_envelope(&r, "gone", clock_unix_ms(), 0);
    r.address = slice_str("bob@fabrikam.example");
    uint64_t id = custody_accept(&h.custody, &e, 300, 1, &err);
    struct outlet *north = outlet_of(&h, "north", &owner);

    /* The owner of the name looks after its mail, first thing. */
    struct routed routed = {&h, h.workers[before], id};
    turns_until(h.loops[before], has_new_connector, &routed);
    struct waiting waiting = {north, id};
    turns_until(h.loops[owner], outlet_got_it, &waiting);
    house_fini(&h);
}

static void
workers_do_not_end_by_age_what_just_got_a_way(void **state)
{
    struct house h;
    struct err err;
    struct envelope_recipient r;
    (void)state;
    house_init(&h);
    /* Its time was over while nobody ran, or while no route was known. */
    struct envelope e = custody_envelope(&r, "", clock_unix_ms() - 90 * INT64_C(86400000), 0);
    r.address = slice_str("bob@fabrikam.example");
    uint64_t id = custody_accept(&h.custody, &e, 300, 1, &err);

    struct routed routed = {&h, h.workers[0], id};
    turns_until(h.loops[0], has_new_connector, &routed);
    house_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_share_out_the_connectors_by_name),
        cmocka_unit_test(workers_pass_a_parcel_to_the_owner_of_each_connector),
        cmocka_unit_test(workers_that_end_leave_the_mail_in_the_spool),
        cmocka_unit_test(workers_give_mail_of_a_connector_that_is_gone_a_new_one),
        cmocka_unit_test(workers_do_not_end_by_age_what_just_got_a_way),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
