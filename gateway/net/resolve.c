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

enum finding {
    FOUND_NOTHING_YET,
    FOUND_ADDRESSES,
    FOUND_NO_ADDRESS, /* the name has none of this type */
    FOUND_NO_NAME,
    FOUND_FAILURE, /* the servers could not say */
};

/* One question to libunbound, of two that make a query. */
struct half {
    struct resolve_query *query;
    int type;
    size_t octets; /* of an address: 4 or 16 */
    int id;
    enum finding finding;
    unsigned char list[RESOLVE_MAX][16]; /* sorted */
    size_t count;
};

struct resolve_query {
    struct resolver *resolver; /* NULL: it was freed */
    struct loop *loop;
    LIST_ENTRY(resolve_query) link;
    struct turn_task turn; /* queued: all is known, the answer goes out at the end of this turn */
    struct timer *deadline;
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
    h->finding = FOUND_ADDRESSES;
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

static void
say_why(const struct resolve_query *q, struct err *why)
{
    enum finding v4 = q->v4.finding, v6 = q->v6.finding;
    if (v4 == FOUND_NOTHING_YET || v6 == FOUND_NOTHING_YET) {
        if (q->resolver == NULL)
            err_set(why, ERR_CLOSED, "the resolver was closed");
        else
            err_set(why, ERR_TIMEOUT, "the DNS servers did not answer in time");
    } else if (v4 == FOUND_FAILURE || v6 == FOUND_FAILURE) {
        err_set(why, ERR_DNS, "server failure");
    } else if (v4 == FOUND_NO_NAME || v6 == FOUND_NO_NAME) {
        err_set(why, ERR_DNS, "no such name");
    } else {
        err_set(why, ERR_DNS, "no address");
    }
}

static void
cancel_half(struct half *h)
{
    if (h->finding == FOUND_NOTHING_YET && h->query->resolver != NULL)
        ub_cancel(h->query->resolver->ub, h->id);
}

/* From now on it has no resolver that could answer it. */
static void
leave_resolver(struct resolve_query *q)
{
    if (q->resolver == NULL)
        return;
    LIST_REMOVE(q, link);
    q->resolver = NULL;
    timer_free(&q->deadline);
    loop_count_out(q->loop);
}

/* Nothing comes back to it any more. */
static void
query_free(struct resolve_query *q)
{
    cancel_half(&q->v4);
    cancel_half(&q->v6);
    leave_resolver(q);
    loop_forget_task(q->loop, &q->turn);
    mem_free(&q);
}

/* All is known, or will never be: the answer goes out. */
static void
on_turn(struct turn_task *task)
{
    struct resolve_query *q = CONTAINER(task, struct resolve_query, turn);
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
on_deadline(void *context)
{
    struct resolve_query *q = context;
    loop_at_turn_end(q->loop, &q->turn);
}

static void
take_result(struct half *h, const struct ub_result *result)
{
    for (size_t i = 0; result->havedata && result->data[i] != NULL; i++)
        if ((size_t)result->len[i] == h->octets)
            put_address(h, result->data[i]);
    if (h->count > 0)
        return;
    if (result->nxdomain)
        h->finding = FOUND_NO_NAME;
    else
        h->finding = result->rcode == DNS_NOERROR ? FOUND_NO_ADDRESS : FOUND_FAILURE;
}

/* From ub_process(), which must not be disturbed: only notes what came. */
static void
on_result(void *context, int status, struct ub_result *result)
{
    struct half *h = context;
    struct resolve_query *q = h->query;
    if (status == UB_NOERROR)
        take_result(h, result);
    else
        h->finding = status == UB_SYNTAX ? FOUND_NO_NAME : FOUND_FAILURE;
    ub_resolve_free(result);

    if (q->v4.finding != FOUND_NOTHING_YET && q->v6.finding != FOUND_NOTHING_YET)
        loop_at_turn_end(q->loop, &q->turn);
    else if (q->v4.count > 0)
        timer_set(q->deadline, loop_now_ms(q->loop) + q->resolver->second_answer_ms);
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
    q->deadline = timer_new(r->loop, on_deadline, q);
    if (q->deadline == NULL) {
        mem_free(&q);
        return NULL;
    }
    q->resolver = r;
    q->loop = r->loop;
    q->turn.fn = on_turn;
    q->port = port;
    q->v4 = (struct half){.query = q, .type = RECORD_A, .octets = 4, .finding = FOUND_NO_ADDRESS};
    q->v6 =
        (struct half){.query = q, .type = RECORD_AAAA, .octets = 16, .finding = FOUND_NO_ADDRESS};
    LIST_INSERT_HEAD(&r->queries, q, link);
    loop_count_in(r->loop);
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
ask(struct half *h, const char *host, struct err *err)
{
    struct ub_ctx *ub = h->query->resolver->ub;
    int status = ub_resolve_async(ub, host, h->type, DNS_IN, h, on_result, &h->id);
    if (status != UB_NOERROR)
        return err_set(err, status == UB_NOMEM ? ERR_NOMEM : ERR_DNS, "%s", ub_strerror(status));
    h->finding = FOUND_NOTHING_YET;
    return true;
}

static bool
begin(struct resolve_query *q, const char *host, struct err *err)
{
    if (is_literal(host, q)) {
        loop_at_turn_end(q->loop, &q->turn);
        return true;
    }
    timer_set(q->deadline, loop_now_ms(q->loop) + q->resolver->answer_ms);
    return ask(&q->v4, host, err) && ask(&q->v6, host, err);
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
    if (!begin(q, host, err)) {
        query_free(q);
        return false;
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
    LIST_INIT(&r->record_queries);
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
    for (struct resolve_query *q; (q = LIST_FIRST(&r->queries)) != NULL;) {
        leave_resolver(q);
        loop_at_turn_end(q->loop, &q->turn);
    }
    resolve_close_records(r);
    loop_count_out(r->loop);
    mem_free(&r);
}
