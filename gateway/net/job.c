#include "gateway/net/job.h"

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"

struct pending_job {
    uv_work_t req;
    STAILQ_ENTRY(pending_job) link; /* while it waits */
    struct job_gate *gate;
    void (*work)(void *job);
    void (*done)(void *job);
    void *job;
};

struct job_gate {
    struct loop *loop;
    unsigned max;
    unsigned queue_max;
    unsigned running;
    unsigned waiting;
    STAILQ_HEAD(, pending_job) queue;
    bool closing; /* its owner let go; the last job that runs frees it */
};

/* On a pool thread. */
static void
on_work(uv_work_t *req)
{
    struct pending_job *p = CONTAINER(req, struct pending_job, req);
    p->work(p->job);
}

static void
give_back(struct pending_job *p)
{
    void (*done)(void *job) = p->done;
    void *job = p->job;
    mem_free(&p);
    done(job);
}

static void on_worked(uv_work_t *req, int status);

static void
run(struct job_gate *g, struct pending_job *p)
{
    g->running++;
    must(uv_queue_work(&g->loop->uv, &p->req, on_work, on_worked) == 0);
}

static struct pending_job *
take_first(struct job_gate *g)
{
    struct pending_job *p = STAILQ_FIRST(&g->queue);
    if (p == NULL)
        return NULL;
    STAILQ_REMOVE_HEAD(&g->queue, link);
    g->waiting--;
    return p;
}

static void
on_worked(uv_work_t *req, int status)
{
    struct pending_job *p = CONTAINER(req, struct pending_job, req);
    struct job_gate *g = p->gate;

    must(status == 0); /* nobody cancels */
    g->running--;
    struct pending_job *next = take_first(g);
    if (next != NULL)
        run(g, next);
    else if (g->closing && g->running == 0)
        mem_free(&g);
    give_back(p);
}

struct job_gate *
job_gate_new(struct loop *l, unsigned max, unsigned queue_max)
{
    must(max > 0);
    struct job_gate *g = mem_new(sizeof *g);
    if (g == NULL)
        return NULL;
    *g = (struct job_gate){.loop = l, .max = max, .queue_max = queue_max};
    STAILQ_INIT(&g->queue);
    loop_count_in(l);
    return g;
}

bool
job_start(struct job_gate *g, void (*work)(void *job), void (*done)(void *job), void *job)
{
    bool must_wait = g->running == g->max;
    if (g->closing || (must_wait && g->waiting == g->queue_max))
        return false;
    struct pending_job *p = mem_new(sizeof *p);
    if (p == NULL)
        return false;
    p->gate = g;
    p->work = work;
    p->done = done;
    p->job = job;
    if (must_wait) {
        STAILQ_INSERT_TAIL(&g->queue, p, link);
        g->waiting++;
    } else {
        run(g, p);
    }
    return true;
}

void
job_gate_free(struct job_gate **gate)
{
    struct job_gate *g = *gate;
    *gate = NULL;
    if (g == NULL)
        return;
    loop_count_out(g->loop);
    g->closing = true;
    /* One that runs keeps the gate; with none there is nobody to wait for either. */
    for (struct pending_job *p; (p = take_first(g)) != NULL;)
        give_back(p);
    if (g->running == 0)
        mem_free(&g);
}
