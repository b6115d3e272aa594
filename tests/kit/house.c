#include "tests/kit/house.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "tests/kit/config_runtime.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static const char text[] =
    "version: 1\n"
    "hostname: gw.contoso.example\n"
    "postmaster: postmaster@contoso.example\n"
    "spool: { path: spool }\n"
    "retry: { connection: [1h], message: [1h], delay_notice: 1d, expire: 2d }\n"
    "certificates:\n"
    "  main: { certificate: gw.pem, key: gw.key }\n"
    "listen:\n"
    "  main: { address: \"127.0.0.1:2525\", certificate: main }\n"
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative }\n"
    "    deliver: [home]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative }\n"
    "    deliver: [hub]\n"
    "receive:\n"
    "  all:\n"
    "    listen: [main]\n"
    "    networks: [127.0.0.0/8]\n"
    "    speaks_for: [contoso, fabrikam]\n"
    "    auth: none\n"
    "send:\n"
    "  home: { servers: [\"%s\"], tls: { require: false }, auth: none }\n"
    "  hub: { servers: [\"%s\", \"%s\"], tls: { require: false }, auth: none }\n";

static void
load(struct house *h)
{
    char filled[4096];
    config_folder_new(&h->folder);
    config_runtime_certificate(&h->folder, ".");
    snprintf(filled, sizeof filled, text, port_text(h->home.port), port_text(h->first.port),
             port_text(h->second.port));
    h->runtime = config_runtime_new(&h->folder, filled);
}

void
house_init(struct house *h)
{
    struct err err;
    *h = (struct house){.shop.worker_count = 1};
    h->loop = turns_loop();
    fake_server_open(&h->home, h->loop);
    fake_server_open(&h->first, h->loop);
    fake_server_open(&h->second, h->loop);
    load(h);
    custody_init(&h->custody);
    custody_open(&h->custody);
    h->shop.metrics = metrics_new();
    h->shop.board = board_new("test");
    h->shop.admission = admission_new();
    h->shop.ownership = ownership_new(1);
    h->shop.spool = h->custody.spool;
    if (!worker_new(&h->shop, 0, h->loop, h->runtime, &h->worker, &err))
        fail_msg("%s", err.text);
}

void
house_fini(struct house *h)
{
    worker_free(&h->worker);
    fake_server_close(&h->home);
    fake_server_close(&h->first);
    fake_server_close(&h->second);
    loop_free(&h->loop);
    runtime_unref(&h->runtime);
    ownership_free(&h->shop.ownership);
    admission_free(&h->shop.admission);
    board_free(&h->shop.board);
    metrics_free(&h->shop.metrics);
    custody_fini(&h->custody);
    config_folder_remove(&h->folder);
}

struct outlet *
house_hub(struct house *h)
{
    return worker_outlet(h->worker, slice_str("hub"));
}

bool
house_is_at_rest(void *context)
{
    struct house *h = context;
    return answers_owed(h->worker->answers) == 0 && outlet_state(house_hub(h)).in_flight == 0 &&
           outlet_state(worker_outlet(h->worker, slice_str("home"))).in_flight == 0;
}

/* Until this many messages are in custody, and nothing is under way. */
struct left {
    struct house *house;
    uint64_t messages;
};

static bool
is_left(void *context)
{
    struct left *l = context;
    struct spool_counters c;
    spool_counters(l->house->custody.spool, &c);
    return house_is_at_rest(l->house) && c.messages == l->messages;
}

void
house_until_left(struct house *h, uint64_t messages)
{
    struct left left = {h, messages};
    turns_until(h->loop, is_left, &left);
}

uint64_t
house_send_from(struct house *h, const char *from, const char *const *to, size_t count,
                const int64_t *due)
{
    struct envelope_recipient r[HOUSE_TO_MAX];
    struct parcel *p = NULL;
    struct err err;
    int64_t now = clock_unix_ms();
    assert_true(count <= HOUSE_TO_MAX);
    struct envelope e = custody_envelope(&r[0], "hub", now, now);
    e.from = slice_str(from);
    for (size_t i = 0; i < count; i++) {
        r[i] = r[0];
        r[i].address = slice_str(to[i]);
        r[i].due_unix_ms = due ? due[i] : now;
    }
    e.recipient_count = count;
    uint64_t id = custody_accept(&h->custody, &e, 300, 1, &err);
    assert_int_not_equal(id, 0);
    assert_true(parcel_load(h->custody.spool, id, &p, &err));
    worker_offer(h->worker, p);
    parcel_unref(&p);
    return id;
}

uint64_t
house_send(struct house *h, const char *recipient)
{
    return house_send_from(h, "kim@contoso.example", &recipient, 1, NULL);
}

void
house_retry(struct house *h)
{
    struct spool_place out[8];
    uint64_t ids[COUNT_OF(out)];
    int64_t next_due;
    size_t n = spool_due(h->custody.spool, slice_str("hub"), (struct spool_place){INT64_MIN, 0},
                         INT64_MAX, out, COUNT_OF(out), &next_due);
    for (size_t i = 0; i < n; i++)
        ids[i] = out[i].id;
    const struct spool_edit edit = {.verb = SPOOL_RETRY, .ids = ids, .count = n, .queue = "hub"};
    spool_edit(h->custody.waiter.client, &edit, 77);
    assert_int_equal(waiter_next(&h->custody.waiter).token, 77);
    assert_int_equal(worker_retry(h->worker, slice_str("hub")), 1);
}
