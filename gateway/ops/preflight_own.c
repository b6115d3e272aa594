/* The way back, as far as it is seen from here: the doors that the forest's servers come to, the
 * certificate that they see there, and whether the gateway runs with this very file. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/ops/preflight_checks.h"

enum { WARNING_DAYS = 30, DAY_S = 24 * 3600, RSA_BITS_LEAST = 2048 };

/* What the receive connectors of a forest want of one listener. */
struct use {
    const struct preflight_door *door;
    bool is_used;
    bool has_accounts;
    bool is_legacy; /* Exchange 2000, 2003 */
};

static bool
listens_at(const struct receive_connector *r, const struct listener *l)
{
    for (size_t i = 0; i < r->listen_count; i++)
        if (r->listen[i] == l)
            return true;
    return false;
}

static struct use
use_of(const struct config *config, const struct forest *f, const struct preflight_door *door)
{
    struct use use = {.door = door};
    for (size_t i = 0; i < config->receive_count; i++) {
        const struct receive_connector *r = &config->receive[i];
        if (!receive_speaks_for(r, f) || !listens_at(r, door->listener))
            continue;
        use.is_used = true;
        use.has_accounts = use.has_accounts || r->account_count > 0;
        use.is_legacy = use.is_legacy || r->tls_profile == TLS_PROFILE_EXCHANGE2003;
    }
    return use;
}

/* ---- Lines ---- */

struct judge {
    struct preflight *p;
    const struct config *config;
    struct preflight_check *check;
    const struct use *use;
    char subject[300];
};

static struct preflight_line *
say(const struct judge *j, enum doctor_state state, const char *found)
{
    return preflight_add_line(j->p, j->check, state, state >= DOCTOR_WARNING ? WHO_GATEWAY : 0,
                              j->subject, "%s", found);
}

static void
note(const struct judge *j, const char *found, const char *advice)
{
    struct preflight_line *line = say(j, DOCTOR_OK, found);
    line->is_note = true;
    preflight_advise(line, "%s", advice);
}

/* ---- The certificate that Exchange will see ---- */

static void
judge_name(const struct judge *j, const struct tls_chain *c)
{
    char text[800];
    const char *names = c->leaf.names[0] != '\0' ? c->leaf.names : c->leaf.subject;
    snprintf(text, sizeof text, "is for %s%s%s", names, c->has_exact_name ? "" : ", not for ",
             c->has_exact_name ? "" : j->config->hostname);
    if (c->has_exact_name) {
        (void)say(j, DOCTOR_OK, text);
        return;
    }
    struct preflight_line *line = say(j, c->has_name ? DOCTOR_WARNING : DOCTOR_FAILED, text);
    preflight_advise(line,
                     "Exchange 2007 with BasicAuthRequireTLS wants the very name of its smart "
                     "host in it%s; else mail waits there (event 11005): give the gateway a "
                     "certificate with %.80s among its names",
                     c->has_name ? " (whether \"*\" will do is not confirmed)" : "",
                     j->config->hostname);
}

static void
judge_dates(const struct judge *j, const struct tls_identity *leaf, int64_t now_unix_s)
{
    char text[120], from[CLOCK_TEXT], to[CLOCK_TEXT];
    int64_t left = leaf->not_after_unix_s - now_unix_s;
    clock_iso(leaf->not_before_unix_s * 1000, from);
    clock_iso(leaf->not_after_unix_s * 1000, to);
    if (leaf->not_before_unix_s > now_unix_s)
        snprintf(text, sizeof text, "is valid from %.10s on, not today", from);
    else if (left < 0)
        snprintf(text, sizeof text, "expired on %.10s", to);
    else
        snprintf(text, sizeof text, "is valid until %.10s, %" PRId64 " days", to, left / DAY_S);
    bool invalid = left < 0 || leaf->not_before_unix_s > now_unix_s;
    bool soon = left < (int64_t)WARNING_DAYS * DAY_S;
    struct preflight_line *line = say(j,
                                      invalid ? DOCTOR_FAILED
                                      : soon  ? DOCTOR_WARNING
                                              : DOCTOR_OK,
                                      text);
    if (invalid || soon)
        preflight_advise(line, "%s",
                         "renew it and replace the file under certificates; the gateway reads it "
                         "again by itself (reread)");
}

static void
judge_issuer(const struct judge *j, const struct tls_chain *c)
{
    char text[800], advice[600];
    if (c->leaf.self_signed) {
        preflight_advise(
            say(j, DOCTOR_WARNING, "is self-signed: nobody vouches for it"), "%s",
            "BasicAuthRequireTLS of Exchange 2007 fails with it (event 11005, UntrustedRoot) "
            "until "
            "it stands among the trusted roots of every server that sends here; better take one "
            "from a certification authority that those servers trust");
        return;
    }
    if (c->is_public) {
        snprintf(text, sizeof text, "ends at a root that this system trusts; issued by %.256s",
                 c->leaf.issuer);
        (void)say(j, DOCTOR_OK, text);
        return;
    }
    snprintf(text, sizeof text, "is issued by %.256s%s%.256s", c->leaf.issuer,
             strcmp(c->leaf.issuer, c->top_issuer) != 0 ? ", in the end by " : "",
             strcmp(c->leaf.issuer, c->top_issuer) != 0 ? c->top_issuer : "");
    snprintf(
        advice, sizeof advice,
        "check on the servers of Exchange that send here: %.200s must be among their trusted "
        "roots%s",
        c->top_issuer,
        c->has_root ? ""
                    : ", or, if it is no root itself, its certificate must stand in our "
                      "file behind the one that it issued");
    note(j, text, advice);
}

static void
judge_order(const struct judge *j, const struct tls_chain *c)
{
    if (!c->is_ordered)
        preflight_advise(say(j, DOCTOR_WARNING,
                             "the file holds certificates that do not belong to the chain, or "
                             "in the wrong order"),
                         "%s",
                         "write the server's own first, then the one of who issued it, and so on "
                         "up to below the root");
    if (!c->serves)
        preflight_advise(
            say(j, DOCTOR_FAILED, "is not made for servers (extended key usage)"), "%s",
            "take one whose extended key usage includes server authentication, or has none");
}

static bool
is_signed_with(const struct tls_identity *leaf, const char *hash)
{
    return strstr(leaf->signature, hash) != NULL;
}

static void
judge_key(const struct judge *j, const struct tls_chain *c)
{
    char text[200];
    const struct tls_identity *leaf = &c->leaf;
    snprintf(text, sizeof text, "%s key of %d bits, signed with %.48s",
             c->is_rsa ? "RSA" : "no RSA", leaf->key_bits, leaf->signature);
    if (!c->is_rsa && j->use->is_legacy)
        preflight_advise(say(j, DOCTOR_FAILED, text), "%s",
                         "Exchange 2000 and 2003 know keys of RSA only, and no session comes "
                         "about: give this listener a certificate with an RSA key of 2048 bits");
    else if (c->is_rsa && leaf->key_bits < RSA_BITS_LEAST)
        preflight_advise(say(j, DOCTOR_WARNING, text), "%s",
                         "take a key of 2048 bits when it is renewed");
    else
        (void)say(j, DOCTOR_OK, text);
    if (j->use->is_legacy && is_signed_with(leaf, "SHA") && !is_signed_with(leaf, "SHA1"))
        note(j, "Windows Server 2003 does not know signatures with SHA-256 by itself",
             "check on your system: it learns them from KB 938397 (or KB 968730, which follows "
             "it); that Exchange 2003 looks at them when it sends is not confirmed. For Windows "
             "2000 there is no such update that we know of");
    if (!j->use->is_legacy && is_signed_with(leaf, "SHA1"))
        preflight_advise(say(j, DOCTOR_WARNING, "is signed with SHA-1"), "%s",
                         "take one with SHA-256 when it is renewed");
}

static void
judge_shown(const struct judge *j)
{
    const struct preflight_door *door = j->use->door;
    bool is_shown = door->seen != NULL && look_has_session(door->seen);
    if (is_shown && memcmp(door->seen->certificate.thumbprint, door->chain.leaf.thumbprint,
                           sizeof door->chain.leaf.thumbprint) != 0)
        preflight_advise(
            say(j, DOCTOR_WARNING, "the running gateway shows another one than the file holds"),
            "%s",
            "it reads a replaced file once that and its key have come to rest (reread); if this "
            "stays, look for certificate in its log, or run forestgate reload");
}

static void
judge_certificate(struct judge *j, int64_t now_unix_s)
{
    const struct preflight_door *door = j->use->door;
    if (!door->has_chain) {
        preflight_advise(say(j, DOCTOR_FAILED, door->chain_error), "%s",
                         "correct the file that is named under certificates");
        return;
    }
    judge_name(j, &door->chain);
    judge_dates(j, &door->chain.leaf, now_unix_s);
    judge_issuer(j, &door->chain);
    judge_order(j, &door->chain);
    judge_key(j, &door->chain);
    judge_shown(j);
}

/* ---- The door ---- */

static bool
is_told_stranger(const struct probe_step *banner)
{
    return banner->code == 554 && strstr(banner->text, "No receive connector for") != NULL;
}

static void
not_tried(struct judge *j, const char *found, const char *advice)
{
    preflight_advise(say(j, DOCTOR_NOT_TRIED, found), "%s", advice);
}

/* Nobody answers at all. */
static void
judge_silence(struct judge *j, const struct preflight_daemon *daemon,
              const struct probe_step *step)
{
    if (!daemon->answered) {
        not_tried(j, "the gateway does not run, or its control socket is not open to you",
                  "start it with forestgate run, then ask again");
        return;
    }
    preflight_advise(say(j, DOCTOR_FAILED, step->text), "%s",
                     "the gateway runs and its listener does not answer: is the file a newer one "
                     "than it read (forestgate reload), or does a firewall of this host close "
                     "the port?");
}

static void
judge_session(struct judge *j, const struct probe_result *r)
{
    struct doctor_offers offers;
    doctor_offers_read(&offers, r->hello[1]);
    if (!offers.ehlo.auth_login && j->use->has_accounts) {
        preflight_advise(say(j, DOCTOR_FAILED, "offers no AUTH LOGIN in TLS"), "%s",
                         "the receive connectors of the running gateway have no accounts: is it "
                         "the file that it read? (forestgate reload)");
        return;
    }
    char text[300];
    snprintf(text, sizeof text, "answers, and offers STARTTLS (%s)%s", r->tls_version,
             j->use->has_accounts ? " and AUTH LOGIN" : "");
    (void)say(j, DOCTOR_OK, text);
}

static void
judge_door(struct judge *j, const struct preflight_daemon *daemon)
{
    const struct probe_result *r = j->use->door->seen;
    const struct probe_step *connect = r != NULL ? probe_find_step(r, PROBE_CONNECT, 0) : NULL;
    const struct probe_step *banner = r != NULL ? probe_find_step(r, PROBE_BANNER, 0) : NULL;
    if (connect == NULL) {
        not_tried(j, "it was not looked at", "");
    } else if (connect->state != PROBE_OK) {
        judge_silence(j, daemon, connect);
    } else if (banner != NULL && is_told_stranger(banner)) {
        not_tried(
            j,
            "answers, but shows this host no more than that: no receive connector names its "
            "address",
            "name this host's address under monitor.probe_networks, and preflight can look; "
            "that lets no mail in");
    } else if (banner == NULL || banner->state != PROBE_OK) {
        preflight_advise(
            say(j, banner != NULL && banner->code / 100 == 4 ? DOCTOR_WARNING : DOCTOR_FAILED,
                banner != NULL ? banner->text : "no banner came"),
            "%s", "look into the gateway's log, and at what else listens there");
    } else if (strstr(banner->text, j->config->hostname) == NULL) {
        preflight_advise(say(j, DOCTOR_FAILED, banner->text), "%s",
                         "something else than this gateway listens there: its banner would have "
                         "the hostname");
    } else if (!look_has_session(r)) {
        const struct probe_step *worst = probe_worst_step(r);
        preflight_advise(say(j, DOCTOR_FAILED, worst != NULL ? worst->text : "no TLS came about"),
                         "%s", "look into the gateway's log for the cause");
    } else {
        judge_session(j, r);
    }
}

/* ---- The whole ---- */

static struct judge
judge_of(struct preflight *p, const struct config *config, struct preflight_check *check,
         const struct use *use)
{
    struct judge j = {.p = p, .config = config, .check = check, .use = use};
    snprintf(j.subject, sizeof j.subject, "listener %s (%s)", use->door->listener->name,
             use->door->listener->address.text);
    return j;
}

static struct judge
judge_of_certificate(struct preflight *p, const struct config *config,
                     struct preflight_check *check, const struct use *use)
{
    struct judge j = judge_of(p, config, check, use);
    snprintf(j.subject, sizeof j.subject, "certificate %s",
             use->door->listener->certificate->name);
    return j;
}

/* Two listeners may have the same one, and it is judged once for each kind of client. */
static bool
is_judged_before(const struct config *config, const struct forest *f,
                 const struct preflight_door *doors, size_t i, bool is_legacy)
{
    for (size_t k = 0; k < i; k++) {
        struct use before = use_of(config, f, &doors[k]);
        if (before.is_used && before.is_legacy == is_legacy &&
            doors[k].listener->certificate == doors[i].listener->certificate)
            return true;
    }
    return false;
}

/* How long what is well stays so. */
static void
say_until(struct preflight_check *check, int64_t end_unix_s)
{
    char date[CLOCK_TEXT];
    size_t used = strlen(check->say);
    clock_iso(end_unix_s * 1000, date);
    snprintf(check->say + used, sizeof check->say - used, ", until %.10s", date);
}

void
preflight_judge_doors(struct preflight *p, struct preflight_section *s,
                      const struct config *config, const struct preflight_door *doors,
                      const struct preflight_daemon *daemon, int64_t now_unix_s)
{
    struct preflight_check *door =
        preflight_add_check(p, s, PREFLIGHT_DOOR, NULL,
                            "The gateway's door is open to %s's servers", s->forest->name);
    struct preflight_check *certificate =
        preflight_add_check(p, s, PREFLIGHT_OUR_CERTIFICATE, NULL,
                            "The gateway can prove who it is to %s's servers", s->forest->name);
    size_t used = 0;
    int64_t end_unix_s = INT64_MAX;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct use use = use_of(config, s->forest, &doors[i]);
        if (!use.is_used)
            continue;
        used++;
        struct judge j = judge_of(p, config, door, &use);
        judge_door(&j, daemon);
        j = judge_of_certificate(p, config, certificate, &use);
        if (!is_judged_before(config, s->forest, doors, i, use.is_legacy))
            judge_certificate(&j, now_unix_s);
        if (doors[i].has_chain && doors[i].chain.leaf.not_after_unix_s < end_unix_s)
            end_unix_s = doors[i].chain.leaf.not_after_unix_s;
    }
    if (end_unix_s > now_unix_s && end_unix_s < INT64_MAX)
        say_until(certificate, end_unix_s);
    if (used > 0)
        return;
    struct preflight_line *line =
        preflight_add_line(p, door, DOCTOR_WARNING, WHO_GATEWAY, "receive",
                           "no receive connector speaks for %s", s->forest->name);
    preflight_advise(line, "%s",
                     "its servers cannot bring mail: name the forest under speaks_for of the "
                     "receive connector that they come to");
    (void)preflight_add_line(p, certificate, DOCTOR_NOT_TRIED, 0, "receive",
                             "there is no listener for this forest");
}

/* ---- The running gateway ---- */

void
preflight_judge_daemon(struct preflight *p, struct preflight_section *s,
                       const struct config *config, const struct preflight_daemon *daemon)
{
    struct preflight_check *check =
        preflight_add_check(p, s, PREFLIGHT_DAEMON, NULL, "The gateway runs with this very file");
    const char *subject = config->control_path != NULL ? config->control_path : "control";
    struct preflight_line *line;
    if (!daemon->answered || !daemon->knows_source) {
        (void)preflight_add_line(p, check, DOCTOR_NOT_TRIED, 0, subject, "%s", daemon->why);
        return;
    }
    if (daemon->draining) {
        line = preflight_add_line(p, check, DOCTOR_WARNING, WHO_GATEWAY, subject, "%s",
                                  "it is draining, takes nothing new and will end");
        preflight_advise(line, "%s", "start it again when it has ended");
    }
    if (daemon->same_source) {
        (void)preflight_add_line(p, check, DOCTOR_OK, 0, subject, "%s",
                                 "it runs, and the text of the file is the one in force");
        return;
    }
    line = preflight_add_line(p, check, DOCTOR_WARNING, WHO_GATEWAY, subject,
                              "it runs with another text of the file%s%s",
                              daemon->refused_why[0] != '\0' ? "; the last reload was refused: "
                                                             : "",
                              daemon->refused_why);
    preflight_advise(line, "%s",
                     "what is said above is of the file: forestgate reload brings it into force");
}
