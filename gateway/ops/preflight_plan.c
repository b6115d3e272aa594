#include "gateway/ops/preflight_plan.h"

#include "gateway/ops/doctor.h"

enum {
    RECIPIENT_MAILS_MAX = 8,                          /* transactions for domains */
    FIXED_MAILS = 2,                                  /* the null sender, nobody's domain */
    DOMAINS_MAX = RECIPIENT_MAILS_MAX * PROBE_TO_MAX, /* of one call */
};

/* ---- Who is meant ---- */

static bool
is_named(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return count == 0;
}

static bool
reaches_chosen(const struct preflight_plan *plan, const struct send_connector *send)
{
    for (size_t i = 0; i < plan->forest_count; i++)
        if (forest_delivers_by(plan->forests[i], send))
            return true;
    return false;
}

static bool
check_names(const struct preflight_plan *plan, const struct preflight_wish *wish, struct err *err)
{
    const struct config *c = plan->config;
    for (size_t i = 0; i < wish->forest_count; i++)
        if (config_forest(c, slice_str(wish->forests[i])) == NULL)
            return err_set(err, ERR_CONFIG, "%.100s has no forest \"%.60s\"", c->file,
                           wish->forests[i]);
    for (size_t i = 0; i < wish->connector_count; i++) {
        const struct send_connector *send = config_send(c, slice_str(wish->connectors[i]));
        if (send == NULL)
            return err_set(err, ERR_CONFIG, "%.100s has no send connector \"%.60s\"", c->file,
                           wish->connectors[i]);
        if (!reaches_chosen(plan, send))
            return err_set(err, ERR_CONFIG, "send connector %.60s reaches none of these forests",
                           send->name);
    }
    return true;
}

/* ---- The questions ---- */

static const char *
address_at(struct arena *memory, const char *domain)
{
    static const char local[] = "postmaster@";
    char *text = arena_new(memory, sizeof local + strlen(domain));
    if (text != NULL) {
        memcpy(text, local, sizeof local - 1);
        memcpy(text + sizeof local - 1, domain, strlen(domain));
    }
    return text;
}

/* A forest of the call that lists the domain as well: a shared name space. */
static bool
is_shared(const struct preflight_plan *plan, const struct send_connector *send,
          const struct forest_domain *d)
{
    for (size_t i = 0; i < plan->forest_count; i++) {
        const struct forest *f = plan->forests[i];
        for (size_t k = 0; k < f->domain_count && forest_delivers_by(f, send); k++)
            if (strcmp(f->domains[k].name, d->name) == 0)
                return true;
    }
    return false;
}

/* One domain tells for its forest; of a shared one the server asks a right of its own. */
static bool
tells_for_forest(const struct forest *f, const struct forest_domain *d)
{
    const char *home = forest_home_domain(f);
    return d->name == (home != NULL ? home : f->domains[0].name);
}

static void
add_question(struct preflight_call *call, const struct preflight_question *question)
{
    call->questions[call->question_count++] = *question;
}

static bool
add_sender(struct preflight_call *call, const struct forest *f, const struct forest_domain *d,
           size_t mails_max, struct arena *memory)
{
    struct preflight_question q = {.about = ASK_SENDER, .forest = f, .domain = d->name};
    q.is_left_out = call->mail_count >= mails_max;
    if (!q.is_left_out) {
        q.mail = call->mail_count++;
        call->mails[q.mail].from = address_at(memory, d->name);
    }
    add_question(call, &q);
    return q.is_left_out || call->mails[q.mail].from != NULL;
}

static bool
add_senders(const struct preflight_plan *plan, struct preflight_call *call, size_t mails_max,
            struct arena *memory)
{
    for (size_t i = 0; i < plan->config->forest_count; i++) {
        const struct forest *f = &plan->config->forests[i];
        if (forest_delivers_by(f, call->send))
            continue;
        for (size_t k = 0; k < f->domain_count; k++)
            if (tells_for_forest(f, &f->domains[k]) ||
                is_shared(plan, call->send, &f->domains[k]))
                TRY(add_sender(call, f, &f->domains[k], mails_max, memory));
    }
    return true;
}

static const char *
domain_text(const struct forest_domain *d, struct arena *memory)
{
    char text[300] = "*.";
    slice_copy_text(text + 2, sizeof text - 2, slice_str(d->name));
    return d->wildcard ? arena_copy(memory, slice_str(text)).ptr : d->name;
}

/* With the null sender, sixteen in a transaction. */
static bool
add_domain(struct preflight_call *call, const struct forest *f, const struct forest_domain *d,
           size_t *asked, struct arena *memory)
{
    struct preflight_question q = {.about = ASK_DOMAIN, .forest = f};
    q.domain = domain_text(d, memory);
    q.is_left_out = *asked >= DOMAINS_MAX;
    if (!q.is_left_out) {
        q.rcpt = (*asked)++ % PROBE_TO_MAX;
        call->mail_count += q.rcpt == 0;
        q.mail = call->mail_count - 1;
        struct probe_mail *mail = &call->mails[q.mail];
        mail->from = "";
        mail->to[mail->to_count++].address = slice_str(address_at(memory, d->name));
        if (mail->to[q.rcpt].address.ptr == NULL)
            return false;
    }
    add_question(call, &q);
    return q.domain != NULL;
}

static bool
add_domains(const struct preflight_plan *plan, struct preflight_call *call, struct arena *memory)
{
    size_t asked = 0;
    for (size_t i = 0; i < plan->forest_count; i++) {
        const struct forest *f = plan->forests[i];
        for (size_t k = 0; k < f->domain_count && forest_delivers_by(f, call->send); k++)
            TRY(add_domain(call, f, &f->domains[k], &asked, memory));
    }
    return true;
}

static void
add_nobody(struct preflight_call *call)
{
    const struct preflight_question q = {.about = ASK_NOBODY, .mail = call->mail_count};
    struct probe_mail *mail = &call->mails[call->mail_count++];
    mail->from = "";
    mail->to[0].address = slice_str(DOCTOR_NOBODY);
    mail->to_count = 1;
    add_question(call, &q);
}

/* ---- The calls ---- */

static size_t
domains_of(const struct config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->forest_count; i++)
        n += c->forests[i].domain_count;
    return n;
}

static size_t
domains_reached(const struct preflight_plan *plan, const struct send_connector *send)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->forest_count; i++)
        if (forest_delivers_by(plan->forests[i], send))
            n += plan->forests[i]->domain_count;
    return n;
}

static bool
fill_call(const struct preflight_plan *plan, struct preflight_call *call, struct arena *memory)
{
    size_t domains = domains_reached(plan, call->send);
    size_t recipient_mails = (domains + PROBE_TO_MAX - 1) / PROBE_TO_MAX;
    if (recipient_mails > RECIPIENT_MAILS_MAX)
        recipient_mails = RECIPIENT_MAILS_MAX;
    size_t senders_end = PROBE_MAILS_MAX - recipient_mails - 1; /* one for nobody */
    call->mails = arena_new(memory, PROBE_MAILS_MAX * sizeof *call->mails);
    call->questions =
        arena_new(memory, (2 * domains_of(plan->config) + FIXED_MAILS) * sizeof *call->questions);
    if (call->mails == NULL || call->questions == NULL)
        return false;
    call->mails[call->mail_count++].from = "";
    add_question(call, &(struct preflight_question){.about = ASK_NULL_SENDER});
    TRY(add_senders(plan, call, senders_end, memory));
    if (call->mail_count == DOCTOR_MAIL_SENDER) /* a single forest: there is nobody to send */
        call->mails[call->mail_count++].from = "";
    TRY(add_domains(plan, call, memory));
    add_nobody(call);
    return true;
}

static bool
add_calls(struct preflight_plan *plan, const struct preflight_wish *wish, struct arena *memory)
{
    const struct config *c = plan->config;
    plan->calls = arena_new(memory, (c->send_count + 1) * sizeof *plan->calls);
    if (plan->calls == NULL)
        return false;
    for (size_t i = 0; i < c->send_count; i++) {
        const struct send_connector *send = &c->send[i];
        if (!is_named(send->name, wish->connectors, wish->connector_count) ||
            !reaches_chosen(plan, send))
            continue;
        plan->calls[plan->call_count].send = send;
        TRY(fill_call(plan, &plan->calls[plan->call_count++], memory));
    }
    return true;
}

/* With connectors alone, the forests that these reach. */
static bool
choose_forests(struct preflight_plan *plan, const struct preflight_wish *wish,
               struct arena *memory)
{
    const struct config *c = plan->config;
    plan->forests = arena_new(memory, (c->forest_count + 1) * sizeof *plan->forests);
    for (size_t i = 0; plan->forests != NULL && i < c->forest_count; i++) {
        const struct forest *f = &c->forests[i];
        bool reached = wish->connector_count == 0 || wish->forest_count > 0;
        for (size_t k = 0; k < f->deliver_count; k++)
            reached =
                reached || is_named(f->deliver[k]->name, wish->connectors, wish->connector_count);
        if (reached && is_named(f->name, wish->forests, wish->forest_count))
            plan->forests[plan->forest_count++] = f;
    }
    return plan->forests != NULL;
}

bool
preflight_plan_make(const struct config *config, const struct preflight_wish *wish,
                    struct arena *memory, struct preflight_plan *out, struct err *err)
{
    *out = (struct preflight_plan){.config = config};
    if (!choose_forests(out, wish, memory))
        return err_set(err, ERR_NOMEM, "out of memory");
    TRY(check_names(out, wish, err));
    return add_calls(out, wish, memory) || err_set(err, ERR_NOMEM, "out of memory");
}
