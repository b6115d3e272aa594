#include "gateway/spool/syncer.h"

#include <pthread.h>

#include "gateway/base/mem.h"
#include "gateway/spool/body_private.h"

/* Files that share one sync of the folder; files and removals that may wait. */
enum { GROUP_MAX = 8, JOBS_MAX = 4096, REMOVALS_MAX = 4096 };

struct syncer {
    const struct body_files *files;
    void (*forward)(void *context, struct request *request);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t more;
    pthread_cond_t idle;
    struct request_list requests;
    uint64_t removals[REMOVALS_MAX];
    size_t removal_count;
    bool is_working;
    bool is_stopping;
};

/* Octets and name of one; its name is durable after the folder was synced. */
static bool
publish(const struct syncer *s, struct arrival *a, struct err *err)
{
    TRY(body_files_sync(a->body->fd, err));
    TRY(body_files_publish(s->files, a->id, err));
    a->is_published = true;
    return true;
}

static void
publish_group(struct syncer *s, struct request **group, size_t count)
{
    struct err err;
    for (size_t i = 0; i < count; i++)
        if (!publish(s, &group[i]->arrival, &err)) {
            request_settle(group[i], &err);
            body_files_discard(s->files, group[i]->arrival.id);
        }
    bool names_ok = body_files_sync_names(s->files, &err);
    for (size_t i = 0; i < count; i++) {
        if (!names_ok)
            request_settle(group[i], &err);
        s->forward(s->context, group[i]);
    }
}

/* A file that cannot be removed costs space until the next start removes it. */
static void
remove_files(struct syncer *s, const uint64_t *ids, size_t count)
{
    struct err ignored;
    for (size_t i = 0; i < count; i++)
        (void)!body_files_remove(s->files, ids[i], &ignored);
}

/* Takes what waits; false: nothing, and no more will come. */
static bool
take_work(struct syncer *s, struct request **group, size_t *group_count, uint64_t *removals,
          size_t *removal_count)
{
    pthread_mutex_lock(&s->lock);
    s->is_working = false;
    while (s->requests.count == 0 && s->removal_count == 0) {
        pthread_cond_broadcast(&s->idle);
        if (s->is_stopping) {
            pthread_mutex_unlock(&s->lock);
            return false;
        }
        pthread_cond_wait(&s->more, &s->lock);
    }
    s->is_working = true;
    *group_count = 0;
    while (*group_count < GROUP_MAX && s->requests.count > 0)
        group[(*group_count)++] = request_list_take(&s->requests);
    *removal_count = 0;
    while (*removal_count < GROUP_MAX && s->removal_count > 0)
        removals[(*removal_count)++] = s->removals[--s->removal_count];
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void *
run(void *context)
{
    struct syncer *s = context;
    struct request *group[GROUP_MAX];
    uint64_t removals[GROUP_MAX];
    size_t group_count, removal_count;
    while (take_work(s, group, &group_count, removals, &removal_count)) {
        if (group_count > 0)
            publish_group(s, group, group_count);
        remove_files(s, removals, removal_count);
    }
    return NULL;
}

bool
syncer_new(const struct body_files *files,
           void (*forward)(void *context, struct request *request), void *context,
           struct syncer **out, struct err *err)
{
    struct syncer *s = mem_new(sizeof *s);
    if (s == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the syncer");
    s->files = files;
    s->forward = forward;
    s->context = context;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    pthread_cond_init(&s->idle, NULL);
    int rc = pthread_create(&s->thread, NULL, run, s);
    if (rc != 0) {
        mem_free(&s);
        return err_set_at(err, ERR_IO, rc, ERR_HERE, "cannot start the syncer");
    }
    *out = s;
    return true;
}

void
syncer_hand_in(struct syncer *s, struct request *request)
{
    pthread_mutex_lock(&s->lock);
    bool is_queued = s->requests.count < JOBS_MAX;
    if (is_queued)
        request_list_add(&s->requests, request);
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (is_queued)
        return;
    struct err full;
    err_set(&full, ERR_FULL, "too many large messages wait for the disk");
    request_settle(request, &full);
    body_files_discard(s->files, request->arrival.id);
    s->forward(s->context, request);
}

void
syncer_remove(struct syncer *s, uint64_t id)
{
    pthread_mutex_lock(&s->lock);
    bool is_queued = s->removal_count < REMOVALS_MAX;
    if (is_queued)
        s->removals[s->removal_count++] = id;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (!is_queued)
        remove_files(s, &id, 1);
}

void
syncer_drain(struct syncer *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->is_working || s->requests.count > 0 || s->removal_count > 0)
        pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void
syncer_free(struct syncer **s)
{
    if (*s == NULL)
        return;
    pthread_mutex_lock(&(*s)->lock);
    (*s)->is_stopping = true;
    pthread_cond_signal(&(*s)->more);
    pthread_mutex_unlock(&(*s)->lock);
    pthread_join((*s)->thread, NULL);
    pthread_cond_destroy(&(*s)->idle);
    pthread_cond_destroy(&(*s)->more);
    pthread_mutex_destroy(&(*s)->lock);
    mem_free(s);
}
