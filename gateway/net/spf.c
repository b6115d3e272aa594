#include "gateway/net/spf.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"
#include "gateway/net/spf_private.h"
#include "gateway/net/timer.h"

struct spf_query {
    struct loop *loop;
    struct resolver *resolver; /* only touched when no question is open: it may go away before */
    struct spf_evaluation *evaluation;
    struct records_query *records; /* the open question */
    struct timer *deadline;
    struct turn_task turn; /* queued: the answer goes out at the end of this turn */
    struct spf_answer answer;
    void (*on_done)(void *context, const struct spf_answer *answer);
    void *context;
};

static void
query_free(struct spf_query *q)
{
    records_cancel(&q->records);
    timer_free(&q->deadline);
    loop_forget_task(q->loop, &q->turn);
    spf_evaluation_free(&q->evaluation);
    loop_count_out(q->loop);
    mem_free(&q);
}

static void
on_turn(struct turn_task *task)
{
    struct spf_query *q = CONTAINER(task, struct spf_query, turn);
    struct spf_answer answer = q->answer;
    void (*on_done)(void *, const struct spf_answer *) = q->on_done;
    void *context = q->context;
    query_free(q);
    on_done(context, &answer);
}

static void
finish(struct spf_query *q)
{
    records_cancel(&q->records);
    timer_free(&q->deadline);
    loop_at_turn_end(q->loop, &q->turn);
}

static void
finish_without_result(struct spf_query *q, const char *why)
{
    q->answer.result = SPF_TEMPERROR;
    snprintf(q->answer.why, sizeof q->answer.why, "%s", why);
    finish(q);
}

static void on_records(void *context, enum records_finding finding, const struct slice *list,
                       size_t count);

/* As far as the check gets without another question. */
static void
go_on(struct spf_query *q)
{
    struct spf_question question;
    if (!spf_evaluation_run(q->evaluation, &question)) {
        q->answer.result = spf_evaluation_result(q->evaluation, q->answer.why);
        finish(q);
        return;
    }
    if (!records_start(q->resolver, question.name, question.type, on_records, q, &q->records))
        finish_without_result(q, "no memory for the check");
}

static void
on_records(void *context, enum records_finding finding, const struct slice *list, size_t count)
{
    struct spf_query *q = context;
    q->records = NULL;
    if (finding == RECORDS_CLOSED) {
        q->answer.is_closed = true;
        finish_without_result(q, "the resolver was closed");
        return;
    }
    spf_evaluation_answer(q->evaluation, finding, list, count);
    go_on(q);
}

static void
on_deadline(void *context)
{
    finish_without_result(context, "the DNS servers did not answer in time");
}

void
spf_set_deadline(struct spf_query *q, uint64_t check_ms)
{
    timer_set(q->deadline, loop_now_ms(q->loop) + check_ms);
}

bool
spf_start(struct loop *l, struct resolver *r, const struct spf_question_of *of,
          void (*on_done)(void *context, const struct spf_answer *answer), void *context,
          struct spf_query **out)
{
    struct spf_query *q = mem_new(sizeof *q);
    if (q == NULL)
        return false;
    q->loop = l;
    q->resolver = r;
    q->turn.fn = on_turn;
    q->on_done = on_done;
    q->context = context;
    loop_count_in(l);
    q->evaluation = spf_evaluation_new(of->client, of->hello, of->local, of->domain);
    q->deadline = timer_new(l, on_deadline, q);
    if (q->evaluation == NULL || q->deadline == NULL) {
        query_free(q);
        return false;
    }
    spf_set_deadline(q, SPF_CHECK_MS);
    *out = q;
    go_on(q);
    return true;
}

void
spf_cancel(struct spf_query **q)
{
    if (*q != NULL)
        query_free(*q);
    *q = NULL;
}
