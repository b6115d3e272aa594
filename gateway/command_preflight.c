#include <stdio.h>

#include "config/config_value.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/ops/preflight.h"
#include "gateway/ops/preflight_report.h"
#include "gateway/ops/preflight_roundtrip.h"

/* clang-format off */
const char command_preflight_help[] =
    "\n"
    "Is everything ready for mail between the forests of FILE? Asks every server of every send\n"
    "connector under deliver, one after the other, as forestgate doctor does, and looks at this\n"
    "gateway's own side. Prints for each forest a list in plain words, each check ok, warning,\n"
    "FAILED or not tried; below what is not well: cause and remedy, who has to act, and the\n"
    "command that shows more.\n"
    "\n"
    "  to the forest    its servers answer, encrypt, prove who they are, offer what mail needs;\n"
    "                   the gateway may log on; reports without a sender, and senders of each\n"
    "                   other forest, are accepted; mail is taken for each domain of the forest,\n"
    "                   and none for strangers without a logon\n"
    "  from the forest  the listeners that its servers come to answer, with STARTTLS and AUTH;\n"
    "                   the certificate that they see there: names, dates, issuer, key\n"
    "  the gateway      runs, with this very text of FILE\n"
    "\n"
    "  --forest F          only this forest (up to 16 times)\n"
    "  --connector NAME    only the servers of this send connector (up to 16 times)\n"
    "  --no-auth           without logging on: much is not tried then\n"
    "  --timeout T         30s; for each connection. There are five to a server at most, two more\n"
    "                      for each further address of its name; after ten minutes no further\n"
    "                      server is begun with\n"
    "  --round-trip FROM,TO  then send a marked message from a mailbox of one forest to a mailbox\n"
    "                      of another, through the running gateway, and see whether its delivery\n"
    "                      report comes back (up to 4 times); the two mailboxes get one each\n"
    "  --round-trip-wait T 2m; how long that is waited for\n"
    "  --json              one line of JSON in place of text\n"
    "\n"
    "An account and its password are tried ONCE at each server. Where a server refuses them they\n"
    "are not tried at any other server: a directory locks an account after a few of those.\n"
    "It says MAIL and RCPT, then RSET; never DATA: but for --round-trip no mail is sent. Domains\n"
    "are asked for their postmaster; \"no such user\" is fine.\n"
    "\n"
    "--json: exit message file ready asked connections logons forests[] gateway not_checked[];\n"
    "  forests[]: forest, verdict (ready, warnings, unproven, not-ready), checks[];\n"
    "  checks[]: check, subject, state (ok, warning, failed, not-tried), text, lines[];\n"
    "  lines[]: subject, state, note, found, advice, command,\n"
    "           who[] (gateway, exchange, network, other-gateway).\n"
    "\n"
    "Exit status: 0 every forest asked about is ready, 1 a warning, a failure, or something that\n"
    "decides was not tried (that the gateway does not run yet is none of these), 2 wrong usage, or\n"
    "FILE cannot be used.\n";
/* clang-format on */

enum {
    OUTPUT_MAX = 16 * 1024 * 1024,
    TIMEOUT_MS = 30 * 1000, /* Exchange 2007 may wait 5 s before each refusal (tarpit) */
    TIMEOUT_MAX_MS = 5 * 60 * 1000,
    RUN_MS = 10 * 60 * 1000,
    TRIPS_MAX = 4,
    TRIP_MS = 2 * 60 * 1000,
    TRIP_MAX_MS = 14 * 60 * 1000, /* then the gateway has forgotten it */
};

static int
say_failure(const struct err *why)
{
    fprintf(stderr, "forestgate preflight: %s\n", why->text);
    return 2;
}

static bool
read_timeout(const char *option, const char *text, uint64_t most_ms, uint64_t *ms,
             struct err *err)
{
    if (text == NULL)
        return true;
    if (!value_read_duration(slice_str(text), ms, err))
        return err_within(err, "%s", option);
    if (*ms == 0 || *ms > most_ms)
        return err_set(err, ERR_CONFIG, "%s: more than nothing, and at most %llus", option,
                       (unsigned long long)most_ms / 1000);
    return true;
}

/* The marked messages that are to be sent afterwards. */
struct trips {
    struct preflight_trip at[TRIPS_MAX];
    size_t count;
    uint64_t wait_ms;
};

static bool
read_trips(const char *const *words, size_t count, struct trips *trips, struct err *err)
{
    if (count > TRIPS_MAX)
        return err_set(err, ERR_CONFIG, "--round-trip: at most %d times", TRIPS_MAX);
    for (size_t i = 0; i < count; i++)
        TRY(preflight_trip_read(words[i], &trips->at[i], err));
    trips->count = count;
    return true;
}

static int
print(const struct preflight *p, const char *path, bool json)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (json)
        preflight_report_json(&out, p, path);
    else
        preflight_report_text(&out, p, path);
    options_print(&out, stdout);
    buf_fini(&out);
    return preflight_status(p);
}

static int
run(const char *path, const struct preflight_wish *wish, const struct trips *trips, bool json)
{
    struct config *config = options_load(path); /* complains on standard error */
    struct preflight p;
    struct err err;
    if (config == NULL)
        return 2;
    bool ok = preflight_run(config, wish, &p, &err);
    for (size_t i = 0; ok && i < trips->count; i++)
        preflight_round_trip(&p, config, &trips->at[i], trips->wait_ms);
    int status = ok ? print(&p, path, json) : say_failure(&err);
    preflight_fini(&p);
    config_unref(&config);
    return status;
}

int
command_preflight(int argc, char **argv)
{
    const char *path = NULL, *timeout = NULL, *trip_wait = NULL;
    const char *trip_words[OPTION_TIMES_MAX];
    struct trips trips = {.wait_ms = TRIP_MS};
    size_t trip_count = 0;
    const char *forests[OPTION_TIMES_MAX], *connectors[OPTION_TIMES_MAX];
    struct preflight_wish wish = {
        .forests = forests,
        .connectors = connectors,
        .timeout_ms = TIMEOUT_MS,
        .run_ms = RUN_MS,
    };
    bool json = false;
    int rest;
    struct err err;
    const struct option_spec specs[] = {
        {"forest", forests, NULL, &wish.forest_count},
        {"connector", connectors, NULL, &wish.connector_count},
        {"no-auth", NULL, &wish.no_auth, NULL},
        {"timeout", &timeout, NULL, NULL},
        {"round-trip", trip_words, NULL, &trip_count},
        {"round-trip-wait", &trip_wait, NULL, NULL},
        {"json", NULL, &json, NULL},
    };
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    if (rest < argc) {
        fprintf(stderr,
                "forestgate preflight: what is \"%.60s\"? A server alone is looked at by "
                "forestgate doctor\n",
                argv[rest]);
        return 2;
    }
    if (!read_timeout("--timeout", timeout, TIMEOUT_MAX_MS, &wish.timeout_ms, &err) ||
        !read_timeout("--round-trip-wait", trip_wait, TRIP_MAX_MS, &trips.wait_ms, &err) ||
        !read_trips(trip_words, trip_count, &trips, &err))
        return say_failure(&err);
    return run(path, &wish, &trips, json);
}
