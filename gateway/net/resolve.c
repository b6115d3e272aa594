#include "gateway/net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/mem.h"
#include "gateway/net/resolve_private.h"
#include "gateway/net/watch.h"

enum {
    ANSWER_MS = 5000,
    SECOND_ANSWER_MS = 1000, /* for IPv6, when IPv4 is there */
};

/* The addresses of one family; two make a query. */
struct half {
    struct resolve_query *query;
    struct records_query *asked; /* NULL: its finding is known */
    size_t octets;               /* of an address: 4 or 16 */
    enum records_finding finding;
    unsigned char list[RESOLVE_MAX][16]; /* sorted */
    size_t count;
};

struct resolve_query {
    struct loop *loop;
    struct turn_task turn; /* queued: the host is an address, which goes out at the turn's end */
    uint64_t second_answer_ms; /* so long IPv6 is waited for, when IPv4 is there */
    struct half v4;
    struct half v6;
    uint16_t port;
    void (*on_done)(void *context, const struct sockaddr_storage *list, size_t count,
                    const struct err *err_or_null);
    void *context;
};

/* ---- Answers ------------------------------------------------------------------------------- */

/* Sorted, so that the same answer means the same order of servers; the least RESOLVE_MAX stay. */
static void
put_address(struct half *h, const void *address)
{
    unsigned char spare[16] = {0};
    memcpy(spare, address, h->octets);
    size_t at = h->count;
    while (at > 0 && memcmp(h->list[at - 1], spare, sizeof spare) > 0)
        at--;
    if (at == RESOLVE_MAX)
        return;
    size_t last = h->count < RESOLVE_MAX ? h->count++ : RESOLVE_MAX - 1;
    memmove(h->list[at + 1], h->list[at], (last - at) * sizeof h->list[0]);
    memcpy(h->list[at], spare, sizeof spare);
}

static size_t
fill_list(const struct resolve_query *q, struct sockaddr_storage list[RESOLVE_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < q->v4.count && n < RESOLVE_MAX; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(q->port)};
        memcpy(&to.sin_addr, q->v4.list[i], sizeof to.sin_addr);
        memcpy(&list[n++], &to, sizeof to);
    }
    for (size_t i = 0; i < q->v6.count && n < RESOLVE_MAX; i++) {
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(q->port)};
        memcpy(&to.sin6_addr, q->v6.list[i], sizeof to.sin6_addr);
        memcpy(&list[n++], &to, sizeof to);
    }
    return n;
}

static bool
either(const struct resolve_query *q, enum records_finding finding)
{
    return q->v4.finding == finding || q->v6.finding == finding;
}

static void
say_why(const struct resolve_query *q, struct err *why)
{
    if (either(q, RECORDS_CLOSED))
        err_set(why, ERR_CLOSED, "the resolver was closed");
    else if (either(q, RECORDS_TIMEOUT))
        err_set(why, ERR_TIMEOUT, "the DNS servers did not answer in time");
    else if (either(q, RECORDS_FAILED))
        err_set(why, ERR_DNS, "server failure");
    else if (either(q, RECORDS_NO_NAME))
        err_set(why, ERR_DNS, "no such name");
    else
        err_set(why, ERR_DNS, "no address");
}

static void
query_free(struct resolve_query *q)
{
    records_cancel(&q->v4.asked);
    records_cancel(&q->v6.asked);
    loop_forget_task(q->loop, &q->turn);
    mem_free(&q);
}

/* All is known, or will never be. */
static void
answer(struct resolve_query *q)
{
    struct sockaddr_storage list[RESOLVE_MAX] = {0};
    struct err why;
    size_t count = fill_list(q, list);
    if (count == 0)
        say_why(q, &why);

    void (*on_done)(void *, const struct sockaddr_storage *, size_t, const struct err *) =
        q->on_done;
    void *context = q->context;
    query_free(q);
    on_done(context, list, count, count == 0 ? &why : NULL);
}

static void
on_turn(struct turn_task *task)
{
    answer(CONTAINER(task, struct resolve_query, turn));
}

static void
on_records(void *context, enum records_finding finding, const struct slice *list, size_t count)
{
    struct half *h = context;
    struct resolve_query *q = h->query;
    h->asked = NULL;
    h->finding = finding;
    for (size_t i = 0; i < count; i++)
        put_address(h, list[i].ptr);

    if (q->v4.asked == NULL && q->v6.asked == NULL)
        answer(q);
    else if (q->v4.count > 0)
        records_hurry(q->v6.asked, q->second_answer_ms);
}

static void
on_readable(void *context)
{
    struct resolver *r = context;
    ub_process(r->ub);
}

/* ---- Questions ----------------------------------------------------------------------------- */

static struct resolve_query *
query_new(struct resolver *r, uint16_t port)
{
    struct resolve_query *q = mem_new(sizeof *q);
    if (q == NULL)
        return NULL;
    q->loop = r->loop;
    q->turn.fn = on_turn;
    q->second_answer_ms = r->second_answer_ms;
    q->port = port;
    q->v4 = (struct half){.query = q, .octets = 4, .finding = RECORDS_NONE};
    q->v6 = (struct half){.query = q, .octets = 16, .finding = RECORDS_NONE};
    return q;
}

static bool
is_literal(const char *host, struct resolve_query *q)
{
    unsigned char octets[16];
    if (inet_pton(AF_INET, host, octets) == 1)
        put_address(&q->v4, octets);
    else if (inet_pton(AF_INET6, host, octets) == 1)
        put_address(&q->v6, octets);
    else
        return false;
    return true;
}

static bool
begin(struct resolve_query *q, struct resolver *r, const char *host)
{
    if (is_literal(host, q)) {
        loop_at_turn_end(q->loop, &q->turn);
        return true;
    }
    return records_start(r, host, RECORD_A, on_records, &q->v4, &q->v4.asked) &&
           records_start(r, host, RECORD_AAAA, on_records, &q->v6, &q->v6.asked);
}

bool
resolve_start(struct resolver *r, const char *host, uint16_t port,
              void (*on_done)(void *context, const struct sockaddr_storage *list, size_t count,
                              const struct err *err_or_null),
              void *context, struct resolve_query **out, struct err *err)
{
    size_t len = strlen(host);
    if (len == 0 || len > DNS_NAME_LONGEST)
        return err_set(err, ERR_DNS, "not a name: %zu octets", len);
    struct resolve_query *q = query_new(r, port);
    if (q == NULL)
        return err_set(err, ERR_NOMEM, "look-up: out of memory");
    q->on_done = on_done;
    q->context = context;
    if (!begin(q, r, host)) {
        query_free(q);
        return err_set(err, ERR_NOMEM, "look-up: out of memory");
    }
    *out = q;
    return true;
}

void
resolve_cancel(struct resolve_query **q)
{
    if (*q != NULL)
        query_free(*q);
    *q = NULL;
}

/* ---- The resolver -------------------------------------------------------------------------- */

bool
resolver_new(struct loop *l, const struct config *config, struct resolver **out, struct err *err)
{
    return resolver_new_from(l, config, "/etc/hosts", "/etc/resolv.conf", out, err);
}

void
resolver_set_deadlines(struct resolver *r, uint64_t answer_ms, uint64_t second_answer_ms)
{
    r->answer_ms = answer_ms;
    r->second_answer_ms = second_answer_ms;
}

bool
resolver_new_from(struct loop *l, const struct config *config, const char *hosts,
                  const char *resolv_conf, struct resolver **out, struct err *err)
{
    struct resolver *r = mem_new(sizeof *r);
    if (r == NULL)
        return err_set(err, ERR_NOMEM, "resolver: out of memory");
    r->loop = l;
    resolver_set_deadlines(r, ANSWER_MS, SECOND_ANSWER_MS);
    LIST_INIT(&r->queries);
    loop_count_in(l);
    if (!resolve_setup(config, hosts, resolv_conf, &r->ub, err)) {
        resolver_free(&r);
        return false;
    }
    r->watch = watch_new(l, ub_fd(r->ub), on_readable, r);
    if (r->watch == NULL) {
        resolver_free(&r);
        return err_set(err, ERR_NOMEM, "resolver: out of memory");
    }
    *out = r;
    return true;
}

void
resolver_free(struct resolver **resolver)
{
    struct resolver *r = *resolver;
    *resolver = NULL;
    if (r == NULL)
        return;
    watch_free(&r->watch);
    if (r->ub != NULL)
        resolve_unmake(r->ub);
    resolve_close_records(r);
    loop_count_out(r->loop);
    mem_free(&r);
}
