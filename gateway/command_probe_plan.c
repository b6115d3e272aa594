#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config_secret.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "gateway/command_options.h"
#include "gateway/command_probe.h"
#include "gateway/mail/address.h"

enum {
    MEMORY_MAX = 64 * 1024,
    TIMEOUT_MS = 10 * 1000,
    DOCTOR_TIMEOUT_MS = 30 * 1000, /* Exchange 2007 may wait 5 s before each refusal (tarpit) */
    LIMIT_OPTIONS = 3,
    TIMEOUT_MAX_MS = 5 * 60 * 1000,
    WARNING_DAYS = 30,
    CRITICAL_DAYS = 14,
    DAYS_MAX = 36500,
};

/* The options as they are written. */
struct words {
    const char *config, *connector, *server;
    const char *verify, *ca, *server_name, *profile;
    const char *pins[OPTION_TIMES_MAX];
    size_t pin_count;
    bool tls_optional;
    const char *helo, *user, *password_file, *from;
    const char *to[OPTION_TIMES_MAX];
    size_t to_count;
    bool no_auth, unverified, proxy, ipv4, ipv6;
    const char *warning, *critical, *warning_days, *critical_days, *timeout;
    bool json;
    const char *host;
};

_Static_assert((int)OPTION_TIMES_MAX <= (int)PROBE_TO_MAX, "as many recipients as may be named");

static bool
is_json_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static bool
read_words(enum probe_plan_for whom, int argc, char **argv, struct words *w, struct err *err)
{
    int rest;
    const struct option_spec specs[] = {
        {"config", &w->config, NULL, NULL},
        {"connector", &w->connector, NULL, NULL},
        {"server", &w->server, NULL, NULL},
        {"verify", &w->verify, NULL, NULL},
        {"ca", &w->ca, NULL, NULL},
        {"pin", w->pins, NULL, &w->pin_count},
        {"server-name", &w->server_name, NULL, NULL},
        {"profile", &w->profile, NULL, NULL},
        {"tls-optional", NULL, &w->tls_optional, NULL},
        {"helo", &w->helo, NULL, NULL},
        {"user", &w->user, NULL, NULL},
        {"password-file", &w->password_file, NULL, NULL},
        {"no-auth", NULL, &w->no_auth, NULL},
        {"send-password-unverified", NULL, &w->unverified, NULL},
        {"from", &w->from, NULL, NULL},
        {"to", w->to, NULL, &w->to_count},
        {"proxy", NULL, &w->proxy, NULL},
        {"ipv4", NULL, &w->ipv4, NULL},
        {"ipv6", NULL, &w->ipv6, NULL},
        {"warning-days", &w->warning_days, NULL, NULL},
        {"timeout", &w->timeout, NULL, NULL},
        {"json", NULL, &w->json, NULL},
        /* LIMIT_OPTIONS, of probe alone */
        {"warning", &w->warning, NULL, NULL},
        {"critical", &w->critical, NULL, NULL},
        {"critical-days", &w->critical_days, NULL, NULL},
    };
    size_t count = whom == PLAN_DOCTOR ? COUNT_OF(specs) - LIMIT_OPTIONS : COUNT_OF(specs);
    if (!options_read(argc, argv, NULL, specs, count, &rest))
        return err_set(err, ERR_CONFIG, "usage: see forestgate %s --help", argv[0]);
    if (rest + 1 < argc)
        return err_set(err, ERR_CONFIG, "one server at a time: what is \"%.60s\"?",
                       argv[rest + 1]);
    w->host = rest < argc ? argv[rest] : NULL;
    if (whom == PLAN_DOCTOR && w->config != NULL && w->host != NULL && w->server != NULL)
        return err_set(err, ERR_CONFIG, "the server was named twice: %.100s, %.100s", w->host,
                       w->server);
    if (whom == PLAN_DOCTOR && w->config != NULL && w->host != NULL) {
        w->server = w->host;
        w->host = NULL;
    }
    return true;
}

/* ---- Limits ---- */

static bool
read_time(const char *option, const char *text, uint64_t max_ms, uint64_t *ms, struct err *err)
{
    if (text == NULL)
        return true;
    if (!value_read_duration(slice_str(text), ms, err))
        return err_within(err, "%s", option);
    if (*ms == 0 || *ms > max_ms)
        return err_set(err, ERR_CONFIG, "%s: more than nothing, and at most %llus", option,
                       (unsigned long long)(max_ms / 1000));
    return true;
}

static bool
read_days(const char *option, const char *text, int *days, struct err *err)
{
    uint64_t n;
    if (text == NULL)
        return true;
    if (!ascii_number(slice_str(text), DAYS_MAX, &n))
        return err_set(err, ERR_CONFIG, "%s: a number of days", option);
    *days = (int)n;
    return true;
}

static bool
read_limits(const struct words *w, bool expiry_stops_mail, struct probe_settings *s,
            struct err *err)
{
    struct probe_limits *l = &s->limits;
    l->warning_days = WARNING_DAYS;
    l->critical_days = expiry_stops_mail ? CRITICAL_DAYS : PROBE_NEVER;
    TRY(read_time("--timeout", w->timeout, TIMEOUT_MAX_MS, &s->timeout_ms, err));
    TRY(read_time("--warning", w->warning, TIMEOUT_MAX_MS, &l->warning_ms, err));
    TRY(read_time("--critical", w->critical, TIMEOUT_MAX_MS, &l->critical_ms, err));
    TRY(read_days("--warning-days", w->warning_days, &l->warning_days, err));
    return read_days("--critical-days", w->critical_days, &l->critical_days, err);
}

/* ---- The envelope ---- */

static bool
check_address(const char *option, const char *text, struct err *err)
{
    struct address address;
    return address_parse(slice_str(text), &address) ||
           err_set(err, ERR_CONFIG, "%s: \"%.100s\" is not a mail address", option, text);
}

static bool
read_envelope(const struct words *w, struct probe_settings *s, struct err *err)
{
    if (w->from != NULL && w->from[0] != '\0')
        TRY(check_address("--from", w->from, err));
    struct probe_mail *mail = &s->mails[0];
    mail->from = w->from != NULL ? w->from : "";
    for (size_t i = 0; i < w->to_count; i++) {
        TRY(check_address("--to", w->to[i], err));
        mail->to[i].address = slice_str(w->to[i]);
    }
    mail->to_count = w->to_count;
    s->mail_count = w->from != NULL || w->to_count > 0;
    s->proxy_header = w->proxy;
    if (w->ipv4 && w->ipv6)
        return err_set(err, ERR_CONFIG, "--ipv4 and --ipv6 leave no address");
    s->family = w->ipv4 ? AF_INET : w->ipv6 ? AF_INET6 : AF_UNSPEC;
    return true;
}

/* ---- A connector of the configuration ---- */

static void
add_target(struct probe_plan *plan, const char *host, uint16_t port)
{
    plan->targets[plan->target_count++] = (struct probe_target){host, port};
}

/* --server as in servers: with a port, it must be that one. */
static bool
is_wanted(const struct server *server, struct slice host, uint16_t port)
{
    return ascii_is(host, server->host) && (port == 0 || port == server->port);
}

static bool
pick_servers(struct probe_plan *plan, const struct send_connector *c, const char *only,
             struct err *err)
{
    struct slice host = slice_str(NULL);
    uint16_t port = 0;
    if (only != NULL)
        TRY(value_read_server(slice_str(only), 0, &host, &port, err));
    plan->targets = arena_new(&plan->memory, c->server_count * sizeof *plan->targets);
    if (plan->targets == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < c->server_count; i++)
        if (only == NULL || is_wanted(&c->servers[i], host, port))
            add_target(plan, c->servers[i].host, c->servers[i].port);
    return plan->target_count > 0 ||
           err_set(err, ERR_CONFIG, "send connector %s has no server %.100s", c->name, only);
}

static bool
load(const char *path, struct runtime **out, struct err *err)
{
    struct config *config = options_load(path); /* complains on standard error */
    if (config == NULL)
        return err_set(err, ERR_CONFIG, "%.150s cannot be used; see forestgate check", path);
    return runtime_new(&config, out, err);
}

static bool
plan_connector(struct probe_plan *plan, const struct words *w, struct err *err)
{
    struct probe_settings *s = &plan->settings;
    if (w->connector == NULL)
        return err_set(err, ERR_CONFIG, "-c FILE goes with --connector NAME");
    if (w->host != NULL)
        return err_set(err, ERR_CONFIG, "with -c FILE a server is named by --server, not HOST");
    if (w->verify || w->ca || w->pin_count > 0 || w->server_name || w->profile ||
        w->tls_optional || w->helo || w->user || w->password_file || w->unverified)
        return err_set(err, ERR_CONFIG,
                       "with --connector trust, name and password are those of "
                       "the configuration");
    TRY(load(w->config, &plan->runtime, err));
    const struct config *config = plan->runtime->config;
    const struct send_connector *c = config_send(config, slice_str(w->connector));
    if (c == NULL)
        return err_set(err, ERR_CONFIG, "%.100s has no send connector \"%.60s\"", w->config,
                       w->connector);
    plan->connector = c->name;
    plan->send = c;
    plan->trust = runtime_send_trust(c);
    s->profile = plan->trust.profile;
    plan->has_profile = true;
    s->hello = config->hostname;
    s->tls_required = c->tls_require;
    s->tls = runtime_send_tls(plan->runtime, c);
    s->server_name = c->tls_server_name;
    s->user = w->no_auth ? NULL : c->auth_user;
    s->password = w->no_auth ? NULL : c->auth_password;
    s->every_address = true;
    s->names = config;
    bool by_name = c->tls_verify == TLS_VERIFY_NAME || c->tls_verify == TLS_VERIFY_CA;
    TRY(read_limits(w, by_name, s, err));
    return pick_servers(plan, c, w->server, err);
}

/* ---- A server ---- */

static bool
read_trust(const struct words *w, enum tls_trust *trust, struct err *err)
{
    static const char *const names[] = {
        [TLS_TRUST_NAME] = "name",
        [TLS_TRUST_CA] = "ca",
        [TLS_TRUST_PIN] = "pin",
        [TLS_TRUST_NONE] = "none",
    };
    const char *word = w->verify != NULL ? w->verify : w->pin_count > 0 ? "pin" : "name";
    size_t i = 0;
    while (i < COUNT_OF(names) && strcmp(names[i], word) != 0)
        i++;
    if (i == COUNT_OF(names))
        return err_set(err, ERR_CONFIG, "--verify: name, ca, pin or none");
    *trust = (enum tls_trust)i;
    if ((*trust == TLS_TRUST_PIN) != (w->pin_count > 0))
        return err_set(err, ERR_CONFIG, "--verify pin and --pin go together");
    if (*trust == TLS_TRUST_CA && w->ca == NULL)
        return err_set(err, ERR_CONFIG, "--verify ca needs --ca FILE");
    if (w->ca != NULL && *trust != TLS_TRUST_CA && *trust != TLS_TRUST_NAME)
        return err_set(err, ERR_CONFIG, "--ca is of no use with --verify %s", word);
    return true;
}

static bool
make_tls(struct probe_plan *plan, const struct words *w, enum tls_trust trust, struct err *err)
{
    _Static_assert(sizeof(struct pin) == 32, "pins are handed over as an array of 32 octets");
    const char *profile = w->profile != NULL ? w->profile : "modern";
    plan->has_profile = w->profile != NULL;
    plan->trust = (struct tls_client_settings){
        .trust = trust,
        .ca_file = w->ca,
        .pins = (const unsigned char(*)[32])plan->pins,
        .pin_count = w->pin_count,
    };
    for (size_t i = 0; i < w->pin_count; i++)
        if (!value_read_pin(slice_str(w->pins[i]), &plan->pins[i], err))
            return err_within(err, "--pin");
    if (strcmp(profile, "exchange2003") == 0)
        plan->trust.profile = TLS_EXCHANGE2003;
    else if (strcmp(profile, "modern") != 0)
        return err_set(err, ERR_CONFIG, "--profile: modern or exchange2003");
    TRY(tls_context_new_client(&plan->trust, &plan->tls, err));
    plan->settings.tls = plan->tls;
    plan->settings.profile = plan->trust.profile;
    return true;
}

/* The rule of the configuration: a password is for whoever proved who he is. */
static bool
check_password(const struct words *w, enum tls_trust trust, struct err *err)
{
    bool anybody = trust == TLS_TRUST_NONE || w->tls_optional;
    if ((w->user == NULL) != (w->password_file == NULL))
        return err_set(err, ERR_CONFIG, "--user and --password-file go together");
    if (w->user == NULL && w->unverified)
        return err_set(err, ERR_CONFIG, "--send-password-unverified: there is none, see --user");
    if (w->user == NULL)
        return true;
    if (w->user[0] == '\0')
        return err_set(err, ERR_CONFIG, "--user is empty");
    if (anybody && !w->unverified)
        return err_set(err, ERR_CONFIG,
                       "with %s anybody could be given the password; verify the server, or say "
                       "--send-password-unverified",
                       w->tls_optional ? "--tls-optional" : "--verify none");
    bool lowered = w->profile != NULL && strcmp(w->profile, "exchange2003") == 0;
    if (lowered && trust == TLS_TRUST_CA)
        return err_set(err, ERR_CONFIG,
                       "a password in the profile exchange2003 needs --verify name or pin");
    return true;
}

void
probe_plan_hello(char *name, size_t room)
{
    name[room - 1] = '\0';
    if (gethostname(name, room - 1) != 0 || !domain_is_hello(slice_str(name)))
        slice_copy_text(name, room, slice_str("localhost"));
}

static bool
read_hello(struct probe_plan *plan, const char *given, struct err *err)
{
    if (given != NULL && !domain_is_hello(slice_str(given)))
        return err_set(err, ERR_CONFIG, "--helo: \"%.100s\" is no host name", given);
    if (given != NULL)
        slice_copy_text(plan->hello, sizeof plan->hello, slice_str(given));
    else
        probe_plan_hello(plan->hello, sizeof plan->hello);
    plan->settings.hello = plan->hello;
    return true;
}

static bool
read_host(struct probe_plan *plan, const char *text, struct err *err)
{
    struct slice host;
    uint16_t port;
    TRY(value_read_server(slice_str(text), 25, &host, &port, err));
    plan->targets = arena_new(&plan->memory, sizeof *plan->targets);
    char *copy = plan->targets != NULL ? arena_new(&plan->memory, host.len + 1) : NULL;
    if (copy == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    slice_copy_text(copy, host.len + 1, host);
    add_target(plan, copy, port);
    return true;
}

static bool
plan_host(struct probe_plan *plan, const struct words *w, struct err *err)
{
    struct probe_settings *s = &plan->settings;
    enum tls_trust trust = TLS_TRUST_NAME;
    if (w->host == NULL)
        return err_set(err, ERR_CONFIG, "which server? HOST[:PORT], or -c FILE --connector NAME");
    if (w->connector != NULL || w->server != NULL || w->no_auth)
        return err_set(err, ERR_CONFIG, "--connector, --server and --no-auth go with -c FILE");
    TRY(read_trust(w, &trust, err));
    TRY(check_password(w, trust, err));
    TRY(read_host(plan, w->host, err));
    TRY(read_hello(plan, w->helo, err));
    TRY(read_limits(w, trust == TLS_TRUST_NAME || trust == TLS_TRUST_CA, s, err));
    TRY(make_tls(plan, w, trust, err));
    if (w->password_file != NULL)
        TRY(config_secret_read(w->password_file, &plan->memory, &plan->password, err));
    s->tls_required = !w->tls_optional;
    s->server_name = w->server_name;
    s->user = w->user;
    s->password = plan->password;
    return true;
}

/* ---- The whole ---- */

bool
probe_plan_make(enum probe_plan_for whom, int argc, char **argv, struct probe_plan *plan,
                struct err *err)
{
    struct words w = {.config = NULL};
    *plan = (struct probe_plan){.json = is_json_wanted(argc, argv)};
    arena_init(&plan->memory, MEMORY_MAX);
    plan->settings.timeout_ms = whom == PLAN_DOCTOR ? DOCTOR_TIMEOUT_MS : TIMEOUT_MS;
    TRY(read_words(whom, argc, argv, &w, err));
    TRY(read_envelope(&w, &plan->settings, err));
    return w.config != NULL ? plan_connector(plan, &w, err) : plan_host(plan, &w, err);
}

void
probe_plan_fini(struct probe_plan *plan)
{
    if (plan->password != NULL)
        mem_wipe((void *)(uintptr_t)plan->password, strlen(plan->password));
    tls_context_unref(&plan->tls);
    runtime_unref(&plan->runtime);
    arena_fini(&plan->memory);
}
