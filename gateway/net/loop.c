#include "gateway/net/loop.h"

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"
#include "gateway/net/uv_err.h"

/* Tasks queue each other (an answer resumes one conn, which writes to another). So many rounds
 * are done before the loop looks at the descriptors again: more would let two busy conns keep the
 * others waiting. */
enum { TURN_ROUNDS = 4 };

/* Whatever is queued now, not what that queues. */
static void
run_round(struct loop *l)
{
    struct turn_task end = {.queued = true};
    TAILQ_INSERT_TAIL(&l->tasks, &end, link);
    for (struct turn_task *task; (task = TAILQ_FIRST(&l->tasks)) != &end;) {
        TAILQ_REMOVE(&l->tasks, task, link);
        task->queued = false;
        task->fn(task);
    }
    TAILQ_REMOVE(&l->tasks, &end, link);
}

static void
end_turn(struct loop *l)
{
    for (int round = 0; round < TURN_ROUNDS && !TAILQ_EMPTY(&l->tasks); round++)
        run_round(l);
    if (TAILQ_EMPTY(&l->tasks))
        uv_idle_stop(&l->awake);
    if (l->on_turn_end != NULL)
        l->on_turn_end(l->on_turn_end_context);
}

static void
on_prepare(uv_prepare_t *handle)
{
    end_turn(CONTAINER(handle, struct loop, turn_end));
}

/* Only its being active counts. */
static void
on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static bool
begin(struct loop *l, struct err *err)
{
    int status = uv_loop_init(&l->uv);
    if (status < 0)
        return err_uv(err, ERR_IO, status, "event loop");
    must(uv_idle_init(&l->uv, &l->awake) == 0);
    must(uv_prepare_init(&l->uv, &l->turn_end) == 0);
    must(uv_prepare_start(&l->turn_end, on_prepare) == 0);
    uv_unref((uv_handle_t *)&l->turn_end);
    return true;
}

unsigned
loop_processors(void)
{
    return uv_available_parallelism();
}

bool
loop_new(struct loop **out, struct err *err)
{
    struct loop *l = mem_new(sizeof *l);
    char *read_room = mem_new(LOOP_READ_SIZE);
    if (l == NULL || read_room == NULL) {
        err_set(err, ERR_NOMEM, "event loop: out of memory");
        goto failed;
    }
    if (!begin(l, err))
        goto failed;
    l->read_room = read_room;
    buf_init(&l->plain, LOOP_READ_SIZE);
    TAILQ_INIT(&l->tasks);
    *out = l;
    return true;

failed:
    mem_free(&read_room);
    mem_free(&l);
    return false;
}

void
loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
    /* loop_stop() leaves without another round: nothing that was asked for is left lying. */
    end_turn(l);
}

void
loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

/* Until nothing is left, whether or not loop_stop() was called. */
static void
run_dry(struct loop *l)
{
    while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
        continue;
}

void
loop_free(struct loop **l)
{
    struct loop *loop = *l;
    if (loop == NULL)
        return;
    must(loop->owned == 0);
    loop->on_turn_end = NULL;
    run_dry(loop);

    must(TAILQ_EMPTY(&loop->tasks));
    uv_close((uv_handle_t *)&loop->awake, NULL);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
    run_dry(loop);
    must(uv_loop_close(&loop->uv) == 0);

    buf_fini(&loop->plain);
    mem_free(&loop->read_room);
    mem_free(l);
}

uint64_t
loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv);
}

void
loop_on_turn_end(struct loop *l, void (*fn)(void *context), void *context)
{
    l->on_turn_end = fn;
    l->on_turn_end_context = context;
}

void
loop_at_turn_end(struct loop *l, struct turn_task *task)
{
    if (task->queued)
        return;
    task->queued = true;
    TAILQ_INSERT_TAIL(&l->tasks, task, link);
    uv_idle_start(&l->awake, on_idle);
}

void
loop_forget_task(struct loop *l, struct turn_task *task)
{
    if (!task->queued)
        return;
    task->queued = false;
    TAILQ_REMOVE(&l->tasks, task, link);
}

void
loop_count_in(struct loop *l)
{
    l->owned++;
}

void
loop_count_out(struct loop *l)
{
    must(l->owned > 0);
    l->owned--;
}
