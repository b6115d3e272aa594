#include <stdio.h>
#include <string.h>

#include "gateway/base/mem.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/command_probe.h"
#include "gateway/ops/doctor_report.h"

/* clang-format off */
const char command_doctor_help[] =
    "\n"
    "Looks at a server from outside, in a few connections one after the other, and says of each\n"
    "thing how it is: ok, warning, FAILED or not tried; where it is not well, cause and remedy:\n"
    "\n"
    "  its addresses and whether each takes connections; what product the banner has the shape\n"
    "  of; what EHLO offers, and a firewall that overwrites it; TLS, and the profile that a send\n"
    "  connector needs for it; names, expiry, chain, key and pin of the certificate; AUTH LOGIN;\n"
    "  whether sender and recipient would be taken; whether it relays for strangers.\n"
    "\n"
    "  HOST[:PORT]             port 25 without one\n"
    "  -c FILE --connector N   with the tls, auth, hostname and addresses of this send connector;\n"
    "                          HOST must be one of its servers, and may be left out when there\n"
    "                          is one alone\n"
    "  --no-auth               and without logging on there\n"
    "\n"
    "A password is tried ONCE, and only with a server that was verified in TLS (unless\n"
    "send_password_unverified, or the option, says otherwise); in profile exchange2003 only where\n"
    "the profile was asked for, or the server is pinned.\n"
    "It says MAIL and RCPT, then RSET; never DATA: no mail is left behind. For strangers it asks\n"
    "without a logon, with a recipient in a domain that does not exist.\n"
    "\n"
    "  --user U --password-file FILE\n"
    "                          AUTH; the file as in the configuration: one line, mode 0600\n"
    "  --from A, --to B        the sender and the recipient that are asked for; with --connector\n"
    "                          otherwise postmaster of a domain of another forest and of one of\n"
    "                          the connector's own\n"
    "  --verify WORD           name (the default): chain and name; ca: chain to --ca; pin; none\n"
    "  --ca FILE               trusted roots, in place of the system's\n"
    "  --pin sha256:...        one of these keys (up to 16 times); implies --verify pin\n"
    "  --server-name NAME      the name that the certificate must have; otherwise HOST\n"
    "  --profile WORD          modern or exchange2003; otherwise the one that the server needs\n"
    "  --tls-optional, --send-password-unverified, --helo, --proxy, --ipv4, --ipv6\n"
    "                          as in forestgate probe --help\n"
    "  --warning-days N        until the certificate expires: 30\n"
    "  --timeout T             30s; for each connection\n"
    "  --json                  one line of JSON in place of text\n"
    "\n"
    "Exit status, as of monitoring plugins:\n"
    "  0 OK        all that was tried is well\n"
    "  1 WARNING   something should be looked at; mail passes, or waits until it is taken\n"
    "  2 CRITICAL  something failed; mail does not pass, or passes for everybody\n"
    "  3 UNKNOWN   wrong usage, a file that cannot be read, no memory\n";
/* clang-format on */

enum { OUTPUT_MAX = 1024 * 1024, ADDRESS_ROOM = 320 };

/* ---- The addresses ---- */

/* The home of a forest that the connector delivers to, or of one that it does not. */
static const char *
domain_of(const struct config *config, const struct send_connector *c, bool delivered)
{
    for (size_t i = 0; i < config->forest_count; i++)
        if (forest_delivers_by(&config->forests[i], c) == delivered &&
            forest_home_domain(&config->forests[i]) != NULL)
            return forest_home_domain(&config->forests[i]);
    return NULL;
}

struct envelopes {
    struct probe_mail mails[DOCTOR_MAILS];
    char sender[ADDRESS_ROOM], recipient[ADDRESS_ROOM]; /* guesses */
};

static void
ask_for(struct doctor_settings *s, struct envelopes *e, const char *sender,
        struct slice recipient)
{
    e->mails[DOCTOR_MAIL_NULL] = (struct probe_mail){.from = ""};
    e->mails[DOCTOR_MAIL_SENDER] = (struct probe_mail){.from = sender, .to_count = 1};
    e->mails[DOCTOR_MAIL_SENDER].to[0].address = recipient;
    s->mails = e->mails;
    s->mail_count = DOCTOR_MAILS;
    s->wish.has_envelope = true;
}

/* Mail of another forest for the connector's own, unless other addresses were given. */
static void
choose_addresses(struct doctor_settings *s, const struct probe_plan *plan, struct envelopes *e)
{
    const struct probe_mail *given = &plan->settings.mails[0];
    const struct config *config = plan->settings.names;
    const char *theirs = plan->send != NULL ? domain_of(config, plan->send, true) : NULL;
    const char *ours = plan->send != NULL ? domain_of(config, plan->send, false) : NULL;
    const char *sender = plan->settings.mail_count > 0 ? given->from : "";
    if (plan->settings.mail_count > 0 && given->to_count > 0) {
        ask_for(s, e, sender, given->to[0].address);
        return;
    }
    if (theirs == NULL)
        return;
    if (plan->settings.mail_count == 0 && ours != NULL) {
        snprintf(e->sender, sizeof e->sender, "postmaster@%.255s", ours);
        sender = e->sender;
    }
    snprintf(e->recipient, sizeof e->recipient, "postmaster@%.255s", theirs);
    ask_for(s, e, sender, slice_str(e->recipient));
    s->wish.is_recipient_guessed = true;
}

static bool
check_addresses(const struct probe_plan *plan, struct err *err)
{
    const struct probe_mail *given = &plan->settings.mails[0];
    if (plan->settings.mail_count > 0 && given->to_count > 1)
        return err_set(err, ERR_CONFIG, "one --to at a time");
    if (plan->settings.mail_count > 0 && given->to_count == 0 && plan->send == NULL)
        return err_set(err, ERR_CONFIG, "--from goes with --to");
    return true;
}

/* ---- One server ---- */

static bool
check_target(const struct probe_plan *plan, struct err *err)
{
    if (plan->target_count == 1)
        return true;
    return err_set(err, ERR_CONFIG,
                   "send connector %s has %zu servers: name one of them, %.60s:%u for example",
                   plan->connector, plan->target_count, plan->targets[0].host,
                   plan->targets[0].port);
}

static struct doctor_settings
settings_of(const struct probe_plan *plan, struct envelopes *envelopes)
{
    const struct probe_settings *p = &plan->settings;
    struct doctor_settings s = {
        .wish =
            {
                .server = plan->targets[0].host,
                .name = p->server_name != NULL ? p->server_name : plan->targets[0].host,
                .connector = plan->connector,
                .trust = plan->trust.trust,
                .pins = plan->trust.pins,
                .pin_count = plan->trust.pin_count,
                .tls_required = p->tls_required,
                .has_profile = plan->has_profile,
                .profile = plan->trust.profile,
                .needs_credential =
                    plan->send != NULL ? plan->send->auth_user != NULL : p->user != NULL,
                .has_credential = p->user != NULL,
                .message_size = p->names != NULL ? p->names->limit_message_size : 0,
                .warning_days = p->limits.warning_days,
            },
        .target = plan->targets[0],
        .look =
            {
                .hello = p->hello,
                .proxy_header = p->proxy_header,
                .family = p->family,
                .names = p->names,
                .timeout_ms = p->timeout_ms,
            },
        .ca_file = plan->trust.ca_file,
        .user = p->user,
        .password = p->password,
    };
    choose_addresses(&s, plan, envelopes);
    return s;
}

/* ---- The report ---- */

static int
print(const struct doctor_report *report, bool json)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (json)
        doctor_report_json(&out, report);
    else
        doctor_report_text(&out, report);
    options_print(&out, stdout);
    buf_fini(&out);
    return (int)doctor_report_state(report);
}

static int
say_unknown(const struct err *why, bool json)
{
    const struct doctor_report report = {.unknown = why->text};
    return print(&report, json);
}

static int
run(const struct probe_plan *plan)
{
    struct envelopes envelopes;
    struct doctor *doctor = NULL;
    struct err err;
    if (!check_target(plan, &err) || !check_addresses(plan, &err))
        return say_unknown(&err, plan->json);
    const struct doctor_settings settings = settings_of(plan, &envelopes);
    if (!doctor_run(&settings, &doctor, &err))
        return say_unknown(&err, plan->json);
    const struct doctor_report report = {.connector = plan->connector, .doctor = doctor};
    int status = print(&report, plan->json);
    doctor_free(&doctor);
    return status;
}

int
command_doctor(int argc, char **argv)
{
    struct probe_plan plan;
    struct err err;
    int status = probe_plan_make(PLAN_DOCTOR, argc, argv, &plan, &err)
                     ? run(&plan)
                     : say_unknown(&err, plan.json);
    probe_plan_fini(&plan);
    return status;
}
