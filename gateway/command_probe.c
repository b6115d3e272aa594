#include "gateway/command_probe.h"

#include <stdio.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/ops/probe_report.h"

/* clang-format off */
const char command_probe_help[] =
    "\n"
    "Asks as a client does: connect, banner, EHLO, STARTTLS, handshake, EHLO, AUTH (with --user),\n"
    "MAIL and RCPT (with --from, --to), RSET, QUIT. It never says DATA and leaves no mail behind.\n"
    "\n"
    "  HOST[:PORT]             port 25 without one; its first address that takes the connection\n"
    "  -c FILE --connector N   or all servers of this send connector, and all their addresses,\n"
    "                          with its own tls, auth and hostname\n"
    "  --server HOST[:PORT]    this one of them alone\n"
    "  --no-auth               and without logging on there: directories lock an account when a\n"
    "                          password that is no longer good is tried every minute\n"
    "\n"
    "Trust, in the words of the configuration:\n"
    "  --verify WORD           name (the default): chain and name; ca: chain to --ca; pin; none\n"
    "  --ca FILE               trusted roots, in place of the system's\n"
    "  --pin sha256:...        one of these keys (up to 16 times); implies --verify pin\n"
    "  --server-name NAME      the name to verify, and SNI; otherwise HOST\n"
    "  --profile WORD          modern (the default) or exchange2003\n"
    "  --tls-optional          a server without STARTTLS is spoken to in clear\n"
    "\n"
    "Who asks for what:\n"
    "  --helo NAME             said with EHLO; otherwise this host's name\n"
    "  --user U --password-file FILE\n"
    "                          AUTH; the file as in the configuration: one line, mode 0600. The\n"
    "                          password goes only to a server that was verified, under TLS\n"
    "  --send-password-unverified\n"
    "                          with --verify none or --tls-optional: to anybody\n"
    "  --from A, --to B        MAIL (\"\": the null sender, as with --to alone); RCPT (up to 16)\n"
    "  --proxy                 \"PROXY UNKNOWN\" first, for a listener with proxy_protocol\n"
    "  --ipv4, --ipv6          only addresses of this family\n"
    "\n"
    "Limits, as 500ms, 5s, 1m:\n"
    "  --warning T, --critical T\n"
    "                          for all of it together; none without\n"
    "  --warning-days N, --critical-days N\n"
    "                          until the certificate expires: 30 and 14; with pin and none no\n"
    "                          --critical-days, for there expiry alone does not stop mail\n"
    "  --timeout T             10s; for each server: all are asked at the same time\n"
    "\n"
    "  --json                  one line of JSON in place of text and perfdata\n"
    "\n"
    "Exit status, as of all monitoring plugins (the worst server counts):\n"
    "  0 OK        all steps went well\n"
    "  1 WARNING   a 4xx, which by the server's own word passes; a limit; an expired certificate\n"
    "              that is pinned; QUIT refused\n"
    "  2 CRITICAL  no address, no connection, no answer; no STARTTLS, or a 4xx to it; a\n"
    "              certificate that is not trusted; a 5xx; nonsense; a limit\n"
    "  3 UNKNOWN   wrong usage, a file that cannot be read, no memory\n";
/* clang-format on */

static void
print_report(const struct probe_report *report, bool json)
{
    struct buf out;
    buf_init(&out, 16 * 1024 * 1024);
    if (json)
        probe_report_json(&out, report);
    else
        probe_report_text(&out, report);
    options_print(&out, stdout);
    fflush(stdout); /* closing the connections may take a moment */
    buf_fini(&out);
}

static int
say_unknown(const struct err *why, bool json)
{
    const struct probe_report report = {.unknown = why->text};
    print_report(&report, json);
    return PROBE_UNKNOWN;
}

static int
run(struct probe_plan *plan)
{
    struct probe *probe = NULL;
    struct err err;
    if (!probe_run(&plan->settings, plan->targets, plan->target_count, &probe, &err))
        return say_unknown(&err, plan->json);
    const struct probe_report report = {
        .connector = plan->connector,
        .servers = probe_results(probe),
        .server_count = probe_count(probe),
        .limits = plan->settings.limits,
    };
    print_report(&report, plan->json);
    enum probe_state state = probe_report_state(&report);
    probe_free(&probe);
    return (int)state;
}

int
command_probe(int argc, char **argv)
{
    struct probe_plan plan;
    struct err err;
    int status = probe_plan_make(PLAN_PROBE, argc, argv, &plan, &err)
                     ? run(&plan)
                     : say_unknown(&err, plan.json);
    probe_plan_fini(&plan);
    return status;
}
