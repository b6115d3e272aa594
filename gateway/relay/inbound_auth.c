#include "gateway/relay/inbound_private.h"

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "gateway/route/password.h"

/* One password check on the thread pool: copies in, result out. It touches nothing else; the
 * hashes stay because it holds the runtime. At most 24 ms of one core (yescrypt).
 *
 * Exchange opens several connections at once and logs on with each: sessions that bring the same
 * password under the same name while it is being checked wait for that one check. So do those
 * whose name nobody has: what they see is what they would see of a name that somebody has. */
struct auth_job {
    struct auth_job *next;    /* of the same worker */
    struct inbound *sessions; /* who waits, by their auth_next; may become empty */
    struct worker *worker;    /* NULL: it is gone, and nobody waits any more */
    struct runtime *runtime;
    const struct receive_connector *connector;
    const struct account *account; /* NULL: nobody has that name ... */
    const struct account *model; /* ... and it takes as long as with this one, if there is one */
    char *name;
    char *password;
    size_t password_len;
    enum password_result result;
};

/* The connector of the account, or the first that it could be; NULL: a probe without any. */
static const char *
name_of(const struct inbound *s, const struct receive_connector *connector)
{
    if (connector != NULL)
        return connector->name;
    return s->candidates.count > 0 ? s->candidates.list[0]->name : NULL;
}

/* A wrong password is never kept quiet: probes are not blocked for it, so the log is all there
 * is. */
static void
log_auth(const struct inbound *s, enum log_event event, const struct receive_connector *connector,
         const struct account *account, struct slice name, enum auth_mechanism mechanism,
         const char *why)
{
    struct log_line line;
    if (event == EV_auth_ok)
        inbound_log(s, &line, event);
    else
        log_begin(&line, s->worker->shop->log, event, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", name_of(s, connector));
    if (event == EV_auth_ok)
        log_str(&line, "account", account->name);
    log_slice(&line, "name", name);
    log_str(&line, "mechanism", mechanism == AUTH_LOGIN ? "LOGIN" : "PLAIN");
    if (event == EV_auth_failed)
        log_str(&line, "why", why);
    log_end(&line);
}

static void
count_auth(const struct inbound *s, const struct receive_connector *connector, const char *result)
{
    const char *name = name_of(s, connector);
    counter_add(metrics_series(s->worker->shop->metrics, METRIC_smtp_auth_total,
                               name ? name : "none", result),
                1);
}

static void
accept_logon(struct inbound *s, const struct receive_connector *connector,
             const struct account *account, const char *how)
{
    const struct smtp_question *q = smtp_server_question(s->engine);
    s->connector = connector;
    s->account = account;
    log_auth(s, EV_auth_ok, connector, account, q->auth.name, q->auth.mechanism, NULL);
    count_auth(s, connector, how);
    admission_logon_succeeded(s->worker->shop->admission, conn_peer(s->conn));
    struct reply r = reply_make(235, "2.7.0", "Authentication successful");
    smtp_server_answer(s->engine, &r, loop_now_ms(s->worker->loop));
}

static void
log_blocked(const struct inbound *s, uint32_t failures)
{
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_auth_blocked, s->id);
    log_str(&line, "client", inbound_client(s));
    log_num(&line, "failures", failures);
    log_num(&line, "seconds", s->runtime->config->auth_block_ms / 1000);
    log_end(&line);
    counter_add(
        metrics_series(s->worker->shop->metrics, METRIC_smtp_auth_blocks_total, NULL, NULL), 1);
}

static void
answer_wrong(struct inbound *s)
{
    struct reply r = reply_make(535, "5.7.3", "Authentication unsuccessful");
    smtp_server_answer(s->engine, &r, loop_now_ms(s->worker->loop));
}

void
inbound_answer_late(struct inbound *s)
{
    s->auth_due_ms = 0;
    answer_wrong(s);
}

/* The more often, the later the answer. The session waits for it with its question open. */
static void
answer_wrong_in_time(struct inbound *s)
{
    uint64_t now = loop_now_ms(s->worker->loop);
    const struct admission_visit visit = {
        .config = s->runtime->config, .client = conn_peer(s->conn), .probe = s->probe};
    struct admission_penalty penalty =
        admission_logon_failed(s->worker->shop->admission, &visit, now);
    if (penalty.blocks)
        log_blocked(s, penalty.failures);
    if (penalty.delay_ms > 0)
        s->auth_due_ms = now + penalty.delay_ms;
    else
        answer_wrong(s);
}

static void
refuse_logon(struct inbound *s, const struct auth_job *job)
{
    const struct smtp_question *q = smtp_server_question(s->engine);
    bool unchecked = job->result == PASSWORD_CANNOT_CHECK;
    const char *why = unchecked      ? "the account's hashes cannot be used"
                      : job->account ? "wrong password"
                                     : "no account of this connector has that name";
    log_auth(s, EV_auth_failed, job->connector, job->account, q->auth.name, q->auth.mechanism,
             why);
    count_auth(s, job->connector, unchecked ? "unchecked" : "wrong");
    if (!unchecked) {
        answer_wrong_in_time(s);
        return;
    }
    /* While we cannot check: a 535 would become an NDR on the Exchange side. */
    struct reply r = reply_make(454, "4.7.0", "Temporary authentication failure");
    smtp_server_answer(s->engine, &r, loop_now_ms(s->worker->loop));
}

static void
enter_job(struct auth_job *job)
{
    job->next = job->worker->auth_jobs;
    job->worker->auth_jobs = job;
}

static void
leave_job(struct auth_job *job)
{
    struct auth_job **at = &job->worker->auth_jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

static void
free_job(struct auth_job *job)
{
    if (job->worker != NULL)
        leave_job(job);
    mem_wipe(job->password, job->password_len);
    mem_free(&job->password);
    mem_free(&job->name);
    runtime_unref(&job->runtime);
    mem_release(job);
}

static void
work(void *context)
{
    struct auth_job *job = context;
    const char *const decoy = password_decoy();
    if (job->account != NULL) {
        job->result =
            password_check(job->password, job->account->hashes, job->account->hash_count);
        return;
    }
    if (job->model != NULL)
        (void)password_check(job->password, job->model->hashes, job->model->hash_count);
    else
        (void)password_check(job->password, &decoy, 1);
    job->result = PASSWORD_WRONG;
}

/* One of the sessions that wait, taken off the list; NULL: none is left. */
static struct inbound *
take_session(struct auth_job *job)
{
    struct inbound *s = job->sessions;
    if (s == NULL)
        return NULL;
    job->sessions = s->auth_next;
    s->auth_next = NULL;
    s->auth_job = NULL;
    return s;
}

static void
done(void *context)
{
    struct auth_job *job = context;
    struct inbound *s;
    const char *how = "ok";
    if (job->result == PASSWORD_RIGHT && job->worker != NULL)
        logon_memory_learn(job->worker->shop->logons, job->account,
                           slice(job->password, job->password_len),
                           loop_now_ms(job->worker->loop));
    while ((s = take_session(job)) != NULL) {
        if (job->result == PASSWORD_RIGHT)
            accept_logon(s, job->connector, job->account, how);
        else
            refuse_logon(s, job);
        how = "remembered";
        inbound_go_on(s); /* may end it, and others with it */
    }
    free_job(job);
}

static struct auth_job *
make_job(struct inbound *s, struct slice name, struct slice password)
{
    struct auth_job *job = mem_new(sizeof *job);
    if (job == NULL)
        return NULL;
    job->password = mem_text(password);
    job->name = mem_text(name);
    if (job->password == NULL || job->name == NULL) {
        if (job->password != NULL)
            mem_wipe(job->password, password.len);
        mem_free(&job->password);
        mem_free(&job->name);
        mem_free(&job);
        return NULL;
    }
    job->password_len = password.len;
    job->worker = s->worker;
    job->runtime = runtime_ref(s->runtime);
    job->result = PASSWORD_CANNOT_CHECK; /* until work says otherwise: it may never run */
    return job;
}

/* The check of this very logon, if it is under way. */
static struct auth_job *
find_job(const struct worker *w, const struct account *account, struct slice name,
         struct slice password)
{
    struct auth_job *job = w->auth_jobs;
    while (job != NULL && (job->account != account || !ascii_is(name, job->name) ||
                           job->password_len != password.len ||
                           !keyed_hash_same((const unsigned char *)job->password,
                                            (const unsigned char *)password.ptr, password.len)))
        job = job->next;
    return job;
}

static const struct account *
first_account(const struct accept_candidates *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i]->account_count > 0)
            return &c->list[i]->accounts[0];
    return NULL;
}

static struct auth_job *
start_job(struct inbound *s, const struct receive_connector *connector,
          const struct account *account, struct slice name, struct slice password)
{
    struct auth_job *job = make_job(s, name, password);
    if (job == NULL)
        return NULL;
    job->connector = connector;
    job->account = account;
    job->model = first_account(&s->candidates);
    enter_job(job);
    if (job_start(s->worker->password_gate, work, done, job))
        return job;
    free_job(job);
    return NULL;
}

void
inbound_ask_auth(struct inbound *s, const struct smtp_question *q)
{
    uint64_t now = loop_now_ms(s->worker->loop);
    const struct receive_connector *connector = NULL;
    const struct account *account = accept_account(&s->candidates, q->auth.name, &connector);
    if (account != NULL &&
        logon_memory_knows(s->worker->shop->logons, account, q->auth.password, now)) {
        accept_logon(s, connector, account, "remembered");
        return;
    }
    struct slice name = q->auth.name, password = q->auth.password;
    struct auth_job *job = find_job(s->worker, account, name, password);
    if (job != NULL || (job = start_job(s, connector, account, name, password)) != NULL) {
        s->auth_job = job;
        s->auth_next = job->sessions;
        job->sessions = s;
        return;
    }
    count_auth(s, connector, "unchecked");
    struct reply r = reply_make(454, "4.7.0", "Too many logons at once, try again");
    smtp_server_answer(s->engine, &r, now);
}

void
inbound_forget_auth(struct inbound *s)
{
    if (s->auth_job == NULL)
        return;
    struct inbound **at = &s->auth_job->sessions;
    while (*at != s)
        at = &(*at)->auth_next;
    *at = s->auth_next;
    s->auth_job = NULL;
}

void
inbound_abandon_auth(struct worker *w)
{
    for (struct auth_job *job = w->auth_jobs; job != NULL; job = job->next)
        job->worker = NULL;
    w->auth_jobs = NULL;
}
