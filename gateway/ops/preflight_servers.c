/* What doctor found at the servers of a forest, in words for whoever runs the project. */
#include <stdio.h>

#include "gateway/ops/preflight_checks.h"

/* Which of doctor's checks belong to which of ours. `decides`: not tried, ours is not either. */
static const struct part {
    const char *id;
    enum preflight_kind kind;
    bool decides;
    unsigned who;
} parts[] = {
    {"name", PREFLIGHT_REACH, false, WHO_GATEWAY | WHO_NETWORK},
    {"connection", PREFLIGHT_REACH, false, WHO_EXCHANGE | WHO_NETWORK},
    {"banner", PREFLIGHT_REACH, true, WHO_EXCHANGE | WHO_NETWORK},
    {"ehlo", PREFLIGHT_REACH, true, WHO_EXCHANGE | WHO_NETWORK},
    {"inspection", PREFLIGHT_REACH, false, WHO_NETWORK},
    {"session", PREFLIGHT_REACH, false, WHO_EXCHANGE},

    {"starttls", PREFLIGHT_ENCRYPTION, false, WHO_EXCHANGE},
    {"tls", PREFLIGHT_ENCRYPTION, true, WHO_EXCHANGE},
    {"profile", PREFLIGHT_ENCRYPTION, false, WHO_GATEWAY},
    {"renegotiation", PREFLIGHT_ENCRYPTION, false, WHO_EXCHANGE},

    {"certificate", PREFLIGHT_THEIR_CERTIFICATE, true, WHO_EXCHANGE},
    {"certificate-name", PREFLIGHT_THEIR_CERTIFICATE, false, WHO_GATEWAY | WHO_EXCHANGE},
    {"certificate-expiry", PREFLIGHT_THEIR_CERTIFICATE, false, WHO_EXCHANGE},
    {"certificate-chain", PREFLIGHT_THEIR_CERTIFICATE, true, WHO_GATEWAY | WHO_EXCHANGE},
    {"certificate-key", PREFLIGHT_THEIR_CERTIFICATE, false, WHO_EXCHANGE},
    {"verify", PREFLIGHT_THEIR_CERTIFICATE, false, WHO_GATEWAY},
    {"pin", PREFLIGHT_THEIR_CERTIFICATE, false, WHO_GATEWAY},

    {"password-in-clear", PREFLIGHT_OFFERS, false, WHO_EXCHANGE},
    {"extensions", PREFLIGHT_OFFERS, true, WHO_EXCHANGE | WHO_NETWORK},
    {"size", PREFLIGHT_OFFERS, false, WHO_GATEWAY | WHO_EXCHANGE},

    {"ehlo-tls", PREFLIGHT_LOGON, false, WHO_EXCHANGE},
    {"auth-offered", PREFLIGHT_LOGON, false, WHO_EXCHANGE},
    {"logon", PREFLIGHT_LOGON, true, WHO_GATEWAY | WHO_EXCHANGE},

    {"open-relay", PREFLIGHT_STRANGERS, true, WHO_EXCHANGE},
};

static const struct part *
part_of(const struct doctor_check *check)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (strcmp(parts[i].id, check->id) == 0)
            return &parts[i];
    return NULL;
}

/* ---- One check over several servers ---- */

struct tally {
    size_t of[DOCTOR_FAILED + 1]; /* servers in each state */
};

/* any_will_do: mail takes another server when one is not well. What one server that is not known
 * to be bad was not tried for is not proven, whatever the others say: it gets mail like them. */
static enum doctor_state
state_of(const struct tally *t, bool any_will_do)
{
    if (t->of[DOCTOR_FAILED] > 0)
        return any_will_do && t->of[DOCTOR_OK] + t->of[DOCTOR_WARNING] > 0 ? DOCTOR_WARNING
                                                                           : DOCTOR_FAILED;
    if (t->of[DOCTOR_WARNING] > 0)
        return DOCTOR_WARNING;
    return t->of[DOCTOR_OK] > 0 && t->of[DOCTOR_NOT_TRIED] == 0 ? DOCTOR_OK : DOCTOR_NOT_TRIED;
}

/* ---- One server ---- */

struct judge {
    struct preflight *p;
    struct preflight_section *section;
    const char *config_file;
    const struct preflight_answer *answers;
    size_t answer_count;
};

static bool
is_ours(const struct judge *j, const struct preflight_answer *a)
{
    return forest_delivers_by(j->section->forest, a->call->send);
}

static void
put_server(char *to, size_t room, const struct preflight_answer *a)
{
    snprintf(to, room, "%s:%u", a->server->host, a->server->port);
}

static struct preflight_line *
add_line(const struct judge *j, struct preflight_check *check, const struct preflight_answer *a,
         enum doctor_state state, unsigned who, const char *found)
{
    char server[300];
    put_server(server, sizeof server, a);
    if (a->call->send->peer == PEER_GATEWAY && (who & WHO_EXCHANGE) != 0)
        who = (who & ~(unsigned)WHO_EXCHANGE) | WHO_OTHER_GATEWAY;
    struct preflight_line *line =
        preflight_add_line(j->p, check, state, who, server, "%s", found);
    if (state == DOCTOR_WARNING || state == DOCTOR_FAILED)
        line->command = preflight_text(j->p, "forestgate doctor -c %s --connector %s %s",
                                       j->config_file, a->call->send->name, server);
    return line;
}

/* Does a line of the section say already that mail cannot pass by this server now? */
static bool
is_told_bad(const struct judge *j, const struct preflight_answer *a)
{
    char server[300];
    put_server(server, sizeof server, a);
    for (const struct preflight_check *c = j->section->checks; c != NULL; c = c->next) {
        bool warns = c->kind == PREFLIGHT_REACH || c->kind >= PREFLIGHT_LOGON;
        enum doctor_state least = warns ? DOCTOR_WARNING : DOCTOR_FAILED;
        for (const struct preflight_line *line = c->lines; line != NULL; line = line->next)
            if (line->state >= least && strcmp(line->subject, server) == 0)
                return true;
    }
    return false;
}

static void
count(const struct judge *j, struct tally *t, const struct preflight_answer *a,
      enum doctor_state state)
{
    if (state != DOCTOR_NOT_TRIED || !is_told_bad(j, a))
        t->of[state]++;
}

/* Several lines for what is not well, else one. */
static enum doctor_state
judge_parts(const struct judge *j, struct preflight_check *check,
            const struct preflight_answer *a)
{
    enum doctor_state state = DOCTOR_OK;
    const struct doctor_check *well = NULL, *untried = NULL;
    for (size_t i = 0; i < a->checks->count; i++) {
        const struct doctor_check *c = &a->checks->list[i];
        const struct part *part = part_of(c);
        if (part == NULL || part->kind != check->kind)
            continue;
        if (c->state >= DOCTOR_WARNING) {
            struct preflight_line *line = add_line(j, check, a, c->state, part->who, c->found);
            preflight_advise(line, "%s", c->advice);
            state = c->state > state ? c->state : state;
        } else if (c->state == DOCTOR_NOT_TRIED && part->decides) {
            untried = c;
        } else if (c->state == DOCTOR_OK && (well == NULL || part->decides)) {
            well = c;
        }
    }
    if (state != DOCTOR_OK)
        return state;
    if (untried == NULL && well != NULL) {
        (void)add_line(j, check, a, DOCTOR_OK, 0, well->found);
        return DOCTOR_OK;
    }
    (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0,
                   untried != NULL ? untried->found : "the server did not let us get so far");
    return DOCTOR_NOT_TRIED;
}

static enum doctor_state
judge_logon(const struct judge *j, struct preflight_check *check,
            const struct preflight_answer *a)
{
    char text[400];
    if (a->refused_by != NULL) {
        snprintf(text, sizeof text,
                 "%.200s refused this account and password, so they are not tried here: a "
                 "directory locks an account after a few of those",
                 a->refused_by->host);
        (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0, text);
        return DOCTOR_NOT_TRIED;
    }
    if (a->call->send->auth_user == NULL) {
        (void)add_line(j, check, a, DOCTOR_OK, 0,
                       "this send connector logs on nowhere (auth: none)");
        return DOCTOR_OK;
    }
    return judge_parts(j, check, a);
}

/* Mail goes there all the same. */
static enum doctor_state
judge_clear(const struct judge *j, struct preflight_check *check,
            const struct preflight_answer *a)
{
    struct preflight_line *line =
        add_line(j, check, a, DOCTOR_WARNING, WHO_GATEWAY | WHO_EXCHANGE,
                 "there is no TLS, so nobody proves anything");
    preflight_advise(
        line, "%s",
        "whoever answers in this server's place gets the mail, and in clear: let the "
        "server offer STARTTLS, then remove require: false under tls of the send "
        "connector");
    return DOCTOR_WARNING;
}

static enum doctor_state
judge_server(const struct judge *j, struct preflight_check *check,
             const struct preflight_answer *a)
{
    if (a->checks == NULL) {
        (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0, a->why_not);
        return DOCTOR_NOT_TRIED;
    }
    if (check->kind == PREFLIGHT_LOGON)
        return judge_logon(j, check, a);
    if (check->kind == PREFLIGHT_THEIR_CERTIFICATE && !a->call->send->tls_require &&
        !a->checks->has_profile)
        return judge_clear(j, check, a);
    return judge_parts(j, check, a);
}

static void
judge_kind(const struct judge *j, enum preflight_kind kind, bool any_will_do, const char *before,
           const char *after)
{
    struct tally tally = {{0}};
    struct preflight_check *check = preflight_add_check(j->p, j->section, kind, NULL, "%s%s%s",
                                                        before, j->section->forest->name, after);
    for (size_t i = 0; i < j->answer_count; i++)
        if (is_ours(j, &j->answers[i]))
            count(j, &tally, &j->answers[i], judge_server(j, check, &j->answers[i]));
    check->state = state_of(&tally, any_will_do);
}

/* ---- Envelopes ---- */

/* The reply that answers the question; NULL: none came. */
static const struct probe_step *
answer_to(const struct preflight_question *q, const struct probe_result *session_or_null)
{
    bool is_rcpt = q->about == ASK_DOMAIN || q->about == ASK_NOBODY;
    enum probe_kind kind = is_rcpt ? PROBE_RCPT : PROBE_MAIL;
    size_t nth = is_rcpt ? q->rcpt : 0;
    for (size_t i = 0; session_or_null != NULL && i < session_or_null->step_count; i++) {
        const struct probe_step *step = &session_or_null->steps[i];
        if (step->kind == kind && step->mail == q->mail && nth-- == 0)
            return step;
    }
    return NULL;
}

static const char *
why_unanswered(const struct preflight_answer *a, const struct preflight_question *q)
{
    if (q->is_left_out)
        return "there are more than one session is asked for; forestgate doctor --from and --to "
               "ask for one";
    if (a->checks == NULL)
        return a->why_not;
    if (a->call->send->auth_user != NULL && !a->logs_on)
        return "without the logon, what the server says to an address would mean nothing";
    return doctor_hindrance(a->session, q->mail);
}

/* Behind a logon that may relay, the password is all that stands between the world and it. */
static enum doctor_state
judge_nobody(const struct judge *j, struct preflight_check *check,
             const struct preflight_answer *a, const struct probe_step *step)
{
    if (step->code / 100 == 4) {
        (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0, step->text);
        return DOCTOR_NOT_TRIED;
    }
    struct preflight_line *line = add_line(j, check, a, DOCTOR_OK, 0, step->text);
    if (step->code / 100 == 2) {
        line->is_note = true;
        snprintf(check->say, sizeof check->say,
                 "The gateway's account may send to anywhere through %s's servers",
                 j->section->forest->name);
        preflight_advise(line, "%s",
                         "the account may relay to anywhere (Exchange 2007: "
                         "ms-Exch-SMTP-Accept-Any-Recipient, 2000/2003: computers that "
                         "authenticate may relay): wider than mail for this forest needs, and "
                         "as safe as its password");
    }
    return DOCTOR_OK;
}

/* Does this server take mail for a domain of nobody from the gateway's account? */
static bool
takes_anything(const struct preflight_answer *a)
{
    for (size_t i = 0; i < a->call->question_count; i++) {
        const struct preflight_question *q = &a->call->questions[i];
        const struct probe_step *step =
            q->about == ASK_NOBODY && !q->is_left_out ? answer_to(q, a->session) : NULL;
        if (step != NULL && step->code / 100 == 2)
            return true;
    }
    return false;
}

/* That a domain is taken proves nothing where all are. */
static void
note_doubt(struct preflight_line *line)
{
    line->is_note = true;
    preflight_advise(line, "%s",
                     "the account may relay to anywhere there, so this does not show that mail "
                     "for the domain ends there; a marked message does (--round-trip), or "
                     "forestgate exchange-setup --verify");
}

static enum doctor_state
judge_answer(const struct judge *j, struct preflight_check *check,
             const struct preflight_answer *a, const struct preflight_question *q)
{
    const struct probe_step *step = q->is_left_out ? NULL : answer_to(q, a->session);
    if (step == NULL) {
        (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0, why_unanswered(a, q));
        return DOCTOR_NOT_TRIED;
    }
    if (step->code == 421) { /* about the session, whatever was asked */
        (void)add_line(j, check, a, DOCTOR_NOT_TRIED, 0, step->text);
        return DOCTOR_NOT_TRIED;
    }
    if (q->about == ASK_NOBODY)
        return judge_nobody(j, check, a, step);
    enum doctor_state state = step->state == PROBE_OK        ? DOCTOR_OK
                              : step->state == PROBE_WARNING ? DOCTOR_WARNING
                                                             : DOCTOR_FAILED;
    if (q->about == ASK_DOMAIN && doctor_is_at_home(step))
        state = DOCTOR_OK; /* the address is a guess of ours */
    struct preflight_line *line = add_line(j, check, a, state, WHO_EXCHANGE, step->text);
    if (state != DOCTOR_OK)
        preflight_advise(line, "%s", step->advice);
    else if (q->about == ASK_DOMAIN && takes_anything(a))
        note_doubt(line);
    return state;
}

/* Does the question of this call ask the same as the one that the check is about? */
static bool
asks_same(const struct preflight_question *a, const struct preflight_question *b)
{
    if (a->about != b->about || a->forest != b->forest)
        return false;
    return a->about != ASK_DOMAIN || strcmp(a->domain, b->domain) == 0;
}

/* Without an account there is nobody to behave differently. */
static bool
concerns(const struct judge *j, const struct preflight_call *call,
         const struct preflight_question *q)
{
    if (q->about == ASK_DOMAIN)
        return q->forest == j->section->forest;
    return q->about != ASK_NOBODY || call->send->auth_user != NULL;
}

/* All answers to it, of whatever connector: a refused address comes back to its sender, and a
 * connector may choose any of its servers. */
static void
judge_question(const struct judge *j, struct preflight_check *check,
               const struct preflight_question *q)
{
    struct tally tally = {{0}};
    for (size_t i = 0; i < j->answer_count; i++) {
        const struct preflight_answer *a = &j->answers[i];
        for (size_t k = 0; is_ours(j, a) && k < a->call->question_count; k++)
            if (asks_same(&a->call->questions[k], q) && concerns(j, a->call, q))
                count(j, &tally, a, judge_answer(j, check, a, &a->call->questions[k]));
    }
    check->state = state_of(&tally, false);
}

static bool
is_asked_before(const struct judge *j, const struct preflight_answer *a, size_t question)
{
    const struct preflight_question *q = &a->call->questions[question];
    for (const struct preflight_answer *b = j->answers; b <= a; b++)
        for (size_t k = 0; is_ours(j, b) && k < b->call->question_count; k++) {
            if (b == a && k == question)
                return false;
            if (asks_same(&b->call->questions[k], q))
                return true;
        }
    never("it finds itself");
}

static void
add_question(const struct judge *j, const struct preflight_question *q)
{
    const char *forest = j->section->forest->name;
    struct preflight_check *check = NULL;
    switch (q->about) {
    case ASK_NULL_SENDER:
        check = preflight_add_check(j->p, j->section, PREFLIGHT_NULL_SENDER, NULL,
                                    "Reports of delivery, which have no sender, are accepted");
        break;
    case ASK_SENDER:
        check = preflight_add_check(j->p, j->section, PREFLIGHT_SENDER, q->forest->name,
                                    "Senders of %s are accepted", q->forest->name);
        break;
    case ASK_DOMAIN:
        check = preflight_add_check(j->p, j->section, PREFLIGHT_DOMAIN, q->domain,
                                    "Mail for %s is taken", q->domain);
        break;
    case ASK_NOBODY:
        check =
            preflight_add_check(j->p, j->section, PREFLIGHT_STRANGERS_AFTER_LOGON, NULL,
                                "The gateway's account may send to domains of %s only", forest);
        break;
    }
    judge_question(j, check, q);
}

static void
judge_questions(const struct judge *j, enum preflight_about about)
{
    for (size_t i = 0; i < j->answer_count; i++) {
        const struct preflight_answer *a = &j->answers[i];
        for (size_t k = 0; is_ours(j, a) && k < a->call->question_count; k++) {
            const struct preflight_question *q = &a->call->questions[k];
            if (q->about == about && concerns(j, a->call, q) && !is_asked_before(j, a, k))
                add_question(j, q);
        }
    }
}

/* ---- The whole ---- */

static bool
has_servers(const struct judge *j)
{
    for (size_t i = 0; i < j->answer_count; i++)
        if (is_ours(j, &j->answers[i]))
            return true;
    return false;
}

static void
say_unreachable(const struct judge *j)
{
    const struct forest *f = j->section->forest;
    struct preflight_check *check = preflight_add_check(j->p, j->section, PREFLIGHT_REACH, NULL,
                                                        "Mail can reach %s's servers", f->name);
    bool has_way = f->deliver_count > 0;
    struct preflight_line *line = preflight_add_line(
        j->p, check, has_way ? DOCTOR_NOT_TRIED : DOCTOR_FAILED, has_way ? 0 : WHO_GATEWAY,
        "deliver", "%s",
        has_way ? "the send connectors of this forest are not among those asked about"
                : "no send connector is named for this forest");
    if (!has_way)
        preflight_advise(line,
                         "name the send connectors that reach %.60s under deliver of the "
                         "forest",
                         f->name);
}

void
preflight_judge_servers(struct preflight *p, struct preflight_section *s, const char *config_file,
                        const struct preflight_answer *answers, size_t answer_count)
{
    const struct judge j = {p, s, config_file, answers, answer_count};
    if (!has_servers(&j)) {
        say_unreachable(&j);
        return;
    }
    judge_kind(&j, PREFLIGHT_REACH, true, "Mail can reach ", "'s servers");
    judge_kind(&j, PREFLIGHT_ENCRYPTION, true, "The way to ", "'s servers is encrypted");
    judge_kind(&j, PREFLIGHT_THEIR_CERTIFICATE, true, "", "'s servers prove who they are");
    judge_kind(&j, PREFLIGHT_OFFERS, true, "", "'s servers offer what mail needs");
    judge_kind(&j, PREFLIGHT_LOGON, false, "The gateway may log on to ", "'s servers");
    judge_questions(&j, ASK_NULL_SENDER);
    judge_questions(&j, ASK_SENDER);
    judge_questions(&j, ASK_DOMAIN);
    judge_kind(&j, PREFLIGHT_STRANGERS, false, "", "'s servers refuse mail for strangers");
    judge_questions(&j, ASK_NOBODY);
}

bool
preflight_is_refused(const struct probe_result *session_or_null)
{
    const struct probe_result *r = session_or_null;
    const struct probe_step *step = r != NULL ? probe_find_step(r, PROBE_AUTH, 0) : NULL;
    if (step == NULL || !r->has_logged_on || step->state == PROBE_OK)
        return false;
    /* 500 to 504 refuse the command, 4xx the moment; no answer may hide a wrong password. */
    return step->code == 0 || step->code >= 530;
}
