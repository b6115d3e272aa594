/* What the server does for somebody who did not log on. Only a refusal that is about the logon or
 * about relaying says that it is no open relay; any other leaves it open. */
#include "gateway/ops/doctor_checks_private.h"

/* ---- The answers ---- */

enum answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO, ANSWER_UNCLEAR };

static enum answer
answer_of(const struct probe_step *step_or_null)
{
    if (step_or_null == NULL || step_or_null->code == 0)
        return ANSWER_NONE;
    if (step_or_null->code / 100 == 2)
        return ANSWER_YES;
    return step_or_null->code / 100 == 5 ? ANSWER_NO : ANSWER_UNCLEAR;
}

/* Refused because the domain does not exist, as Postfix may do before it looks at relaying. */
static bool
is_about_domain(const struct probe_step *rcpt)
{
    return strstr(rcpt->text, " 5.1.2 ") != NULL;
}

/* ---- An open relay ---- */

static void
say_unknown(struct doctor_checks *c, const char *id, const char *label, const char *why,
            const struct probe_step *step_or_null)
{
    (void)doctor_add(c, GROUP_ENVELOPE, id, label, DOCTOR_NOT_TRIED, "%s%s%s", why,
                     step_or_null != NULL ? ": " : "",
                     step_or_null != NULL ? step_or_null->text : "");
}

static void
say_open_relay(struct doctor_checks *c, const struct doctor_wish *wish,
               const struct probe_step *rcpt)
{
    bool is_by_address = wish->connector != NULL && !wish->needs_credential;
    struct doctor_check *check =
        doctor_add(c, GROUP_ENVELOPE, "open-relay", "open relay",
                   is_by_address ? DOCTOR_WARNING : DOCTOR_FAILED,
                   "without a logon it takes mail for a domain of nobody: %s", rcpt->text);
    if (is_by_address)
        doctor_advise(check,
                      "the gateway's address alone must be trusted so: look at "
                      "RemoteIPRanges of the receive connector (Externally Secured), or at "
                      "the list under Access, Relay of the virtual server (2000/2003)");
    else
        doctor_advise(check,
                      "whoever reaches this server can send to the whole world: take "
                      "ms-Exch-SMTP-Accept-Any-Recipient from ANONYMOUS LOGON on the "
                      "receive connector (Exchange 2007), or the addresses from the list "
                      "under Access, Relay (2000/2003); if only this gateway's address may, "
                      "it is Externally Secured and needs no logon");
}

static void
judge_relaying(struct doctor_checks *c, const struct doctor_wish *wish,
               const struct probe_step *rcpt_or_null)
{
    enum answer answer = answer_of(rcpt_or_null);
    if (answer == ANSWER_YES)
        say_open_relay(c, wish, rcpt_or_null);
    else if (answer == ANSWER_NO && !is_about_domain(rcpt_or_null))
        (void)doctor_add(c, GROUP_ENVELOPE, "open-relay", "open relay", DOCTOR_OK,
                         "no: without a logon it takes nothing for a domain of nobody: %s",
                         rcpt_or_null->text);
    else if (answer == ANSWER_NONE)
        say_unknown(c, "open-relay", "open relay", "the session ended before that", rcpt_or_null);
    else
        say_unknown(c, "open-relay", "open relay",
                    "refused, but not because it does not relay, so it may", rcpt_or_null);
}

/* ---- Anonymous senders ---- */

/* A server that wants a logon for MAIL relays for nobody without; one that dislikes the sender
 * may like another. */
static void
judge_refused_sender(struct doctor_checks *c, const struct probe_step *mail)
{
    bool wants_logon = mail->code == 530;
    (void)doctor_add(c, GROUP_ENVELOPE, "anonymous", "anonymous", DOCTOR_OK,
                     "without a logon %s is taken: %s",
                     wants_logon ? "no sender" : "not this sender", mail->text);
    if (wants_logon)
        (void)doctor_add(c, GROUP_ENVELOPE, "open-relay", "open relay", DOCTOR_OK,
                         "no: without a logon it takes nothing at all");
    else
        say_unknown(c, "open-relay", "open relay",
                    "the sender was refused; another one (--from) may tell", NULL);
}

void
doctor_judge_stranger(struct doctor_checks *c, const struct doctor_wish *wish,
                      const struct probe_result *stranger_or_null)
{
    const struct probe_result *r = stranger_or_null;
    const struct probe_step *mail = r != NULL ? probe_find_step(r, PROBE_MAIL, 0) : NULL;
    switch (answer_of(mail)) {
    case ANSWER_NONE:
        say_unknown(c, "anonymous", "anonymous",
                    r != NULL ? "the session ended before that"
                              : "there is no session that mail could use",
                    mail);
        say_unknown(c, "open-relay", "open relay", "no sender was asked for", NULL);
        return;
    case ANSWER_UNCLEAR:
        say_unknown(c, "anonymous", "anonymous", "it takes no mail now from anybody", mail);
        say_unknown(c, "open-relay", "open relay", "it takes no mail now from anybody", NULL);
        return;
    case ANSWER_NO:
        judge_refused_sender(c, mail);
        return;
    case ANSWER_YES:
        (void)doctor_add(c, GROUP_ENVELOPE, "anonymous", "anonymous", DOCTOR_OK,
                         "without a logon a sender is taken, as by a server for the Internet: %s",
                         mail->text);
        judge_relaying(c, wish, probe_find_step(r, PROBE_RCPT, 0));
        return;
    }
    never("an answer that is none of these");
}
