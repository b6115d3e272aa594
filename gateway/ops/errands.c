#include "gateway/ops/errands.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/ops/queue_desk.h"

enum { PATIENCE_S = 60 };

struct errand {
    struct errand *next;
    struct errands *of;
    pthread_t thread;
    int fd;
    uint64_t uid;
    char *request;
    char *head;
    size_t head_len;
    struct runtime *runtime;
    int status;
    bool has_ended; /* under the lock of errands */
    bool wakes;     /* the queue of this name is to be tried again, "" = all */
    char queue[64];
};

struct errands {
    const struct control_means *means;
    struct waker *waker;
    _Atomic bool give_up;
    pthread_mutex_t lock; /* has_ended of each */
    struct errand *list;
    size_t count;
};

static void
errand_free(struct errand **ref)
{
    struct errand *e = *ref;
    if (e->fd >= 0)
        close(e->fd);
    mem_free(&e->request);
    mem_free(&e->head);
    runtime_unref(&e->runtime);
    mem_free(ref);
}

/* ---- On its thread ---- */

static bool
heed(void *context, const uint64_t *ids, size_t count, size_t *under_way)
{
    struct errand *e = context;
    return crew_heed_edit(e->of->means->crew, ids, count, under_way, &e->of->give_up);
}

static void
wake(void *context, const char *queue)
{
    struct errand *e = context;
    e->wakes = true;
    slice_copy_text(e->queue, sizeof e->queue, slice_str(queue));
}

/* The words behind "queue". */
static int
serve(struct errand *e, struct stream *out)
{
    char room[CONTROL_REQUEST_MAX];
    struct slice words[CONTROL_WORDS];
    size_t count = control_read_words(slice_str(e->request), room, words);
    const struct control_means *means = e->of->means;
    struct queue_desk desk = {
        .spool = means->shop->spool,
        .config = e->runtime->config,
        .board = means->shop->board,
        .changes = means->shop->changes,
        .log = means->shop->log,
        .tracking = means->shop->tracking,
        .uid = e->uid,
        .give_up = &e->of->give_up,
        .out = out,
        .in = e->fd,
        .head = slice(e->head, e->head_len),
        .heed = heed,
        .wake = wake,
        .context = e,
    };
    return queue_desk_run(&desk, words + 1, count - 1);
}

static void *
work(void *context)
{
    struct errand *e = context;
    struct errands *of = e->of;
    struct stream out;
    stream_init(&out, e->fd);
    e->status = serve(e, &out);
    control_put_end(&out.text, e->status);
    stream_fini(&out);
    shutdown(e->fd, SHUT_WR);
    pthread_mutex_lock(&of->lock);
    e->has_ended = true;
    pthread_mutex_unlock(&of->lock);
    waker_wake(of->waker);
    return NULL;
}

/* ---- On the loop ---- */

/* Its thread has ended. */
static void
finish(struct errands *of, struct errand **take)
{
    struct errand *e = *take;
    struct log_line line;
    pthread_join(e->thread, NULL);
    log_begin(&line, of->means->shop->log, EV_control, 0);
    log_num(&line, "uid", e->uid);
    log_str(&line, "command", e->request);
    log_num(&line, "result", (uint64_t)e->status);
    log_end(&line);
    if (e->wakes && !of->give_up)
        crew_retry(of->means->crew, slice_str(e->queue));
    errand_free(take);
    of->count--;
}

static void
on_wake(void *context)
{
    struct errands *of = context;
    for (struct errand **at = &of->list; *at != NULL;) {
        struct errand *e = *at;
        pthread_mutex_lock(&of->lock);
        bool has_ended = e->has_ended;
        pthread_mutex_unlock(&of->lock);
        if (!has_ended) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        finish(of, &e);
    }
}

/* It blocks from now on, but not for ever. */
static void
set_blocking(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static struct errand *
errand_new(struct errands *of, int fd, uint64_t uid, struct slice request, struct slice head)
{
    struct errand *e = mem_new(sizeof *e);
    if (e == NULL) {
        close(fd);
        return NULL;
    }
    e->of = of;
    e->fd = fd;
    e->uid = uid;
    e->request = mem_text(request);
    e->head = mem_text(head);
    e->head_len = head.len;
    e->runtime = runtime_ref(of->means->worker->runtime);
    if (e->request == NULL || e->head == NULL)
        errand_free(&e);
    return e;
}

bool
errands_start(struct errands *of, int fd, uint64_t uid, struct slice request, struct slice head)
{
    set_blocking(fd);
    struct errand *e = errand_new(of, fd, uid, request, head);
    if (e == NULL)
        return false;
    if (of->count == ERRANDS_MAX || pthread_create(&e->thread, NULL, work, e) != 0) {
        static const char busy[] = "Too many queue commands run already; try again.\n\0"
                                   "2\n";
        (void)!write(fd, busy, sizeof busy - 1);
        errand_free(&e);
        return false;
    }
    pthread_setname_np(e->thread, "queue-desk");
    e->next = of->list;
    of->list = e;
    of->count++;
    return true;
}

struct errands *
errands_new(const struct control_means *means)
{
    struct errands *of = mem_new(sizeof *of);
    if (of == NULL)
        return NULL;
    of->means = means;
    pthread_mutex_init(&of->lock, NULL);
    of->waker = waker_new(means->worker->loop, on_wake, of);
    if (of->waker == NULL)
        errands_free(&of);
    return of;
}

void
errands_free(struct errands **ref)
{
    struct errands *of = *ref;
    if (of == NULL)
        return;
    of->give_up = true;
    for (struct errand *e = of->list; e != NULL; e = e->next)
        shutdown(e->fd, SHUT_RDWR);
    while (of->list != NULL) {
        struct errand *e = of->list;
        of->list = e->next;
        finish(of, &e);
    }
    waker_free(&of->waker);
    pthread_mutex_destroy(&of->lock);
    mem_free(ref);
}
