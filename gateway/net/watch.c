#include "gateway/net/watch.h"

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"

struct signal_watch {
    uv_signal_t handle;
    struct loop *loop;
    void (*fn)(void *context);
    void *context;
};

static void
on_signal(uv_signal_t *handle, int signum)
{
    struct signal_watch *w = CONTAINER(handle, struct signal_watch, handle);
    (void)signum;
    w->fn(w->context);
}

static void
on_signal_closed(uv_handle_t *handle)
{
    struct signal_watch *w = CONTAINER(handle, struct signal_watch, handle);
    mem_free(&w);
}

struct signal_watch *
signal_watch_new(struct loop *l, int signum, void (*fn)(void *context), void *context)
{
    struct signal_watch *w = mem_new(sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct signal_watch){.loop = l, .fn = fn, .context = context};
    if (uv_signal_init(&l->uv, &w->handle) < 0) {
        mem_free(&w);
        return NULL;
    }
    loop_count_in(l);
    if (uv_signal_start(&w->handle, on_signal, signum) < 0)
        signal_watch_free(&w);
    return w;
}

void
signal_watch_free(struct signal_watch **w)
{
    if (*w == NULL)
        return;
    loop_count_out((*w)->loop);
    uv_close((uv_handle_t *)&(*w)->handle, on_signal_closed);
    *w = NULL;
}

struct watch {
    uv_poll_t handle;
    struct loop *loop;
    void (*fn)(void *context);
    void *context;
};

/* An error on the descriptor is for its owner to find when it reads. */
static void
on_readable(uv_poll_t *handle, int status, int events)
{
    struct watch *w = CONTAINER(handle, struct watch, handle);
    (void)status, (void)events;
    w->fn(w->context);
}

static void
on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = CONTAINER(handle, struct watch, handle);
    mem_free(&w);
}

struct watch *
watch_new(struct loop *l, int fd, void (*fn)(void *context), void *context)
{
    struct watch *w = mem_new(sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct watch){.loop = l, .fn = fn, .context = context};
    if (uv_poll_init(&l->uv, &w->handle, fd) < 0) {
        mem_free(&w);
        return NULL;
    }
    loop_count_in(l);
    watch_resume(w);
    return w;
}

void
watch_pause(struct watch *w)
{
    uv_poll_stop(&w->handle);
}

void
watch_resume(struct watch *w)
{
    must(uv_poll_start(&w->handle, UV_READABLE, on_readable) == 0);
}

void
watch_free(struct watch **w)
{
    if (*w == NULL)
        return;
    loop_count_out((*w)->loop);
    uv_close((uv_handle_t *)&(*w)->handle, on_watch_closed);
    *w = NULL;
}
