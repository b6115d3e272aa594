#include "gateway/net/waker.h"

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"

struct waker {
    uv_async_t handle;
    struct loop *loop;
    void (*fn)(void *context);
    void *context;
};

static void
on_async(uv_async_t *handle)
{
    struct waker *w = CONTAINER(handle, struct waker, handle);
    w->fn(w->context);
}

struct waker *
waker_new(struct loop *l, void (*fn)(void *context), void *context)
{
    struct waker *w = mem_new(sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (struct waker){.loop = l, .fn = fn, .context = context};
    if (uv_async_init(&l->uv, &w->handle, on_async) < 0) {
        mem_free(&w);
        return NULL;
    }
    loop_count_in(l);
    return w;
}

void
waker_wake(void *waker)
{
    struct waker *w = waker;
    must(uv_async_send(&w->handle) == 0);
}

static void
on_closed(uv_handle_t *handle)
{
    struct waker *w = CONTAINER(handle, struct waker, handle);
    mem_free(&w);
}

void
waker_free(struct waker **w)
{
    if (*w == NULL)
        return;
    loop_count_out((*w)->loop);
    uv_close((uv_handle_t *)&(*w)->handle, on_closed);
    *w = NULL;
}
