#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/exchange/hub.h"
#include "gateway/exchange/legacy_setup.h"
#include "gateway/exchange/print_html.h"
#include "gateway/exchange/print_registry.h"
#include "gateway/exchange/print_script.h"
#include "gateway/exchange/print_steps.h"
#include "gateway/exchange/verify.h"
#include "gateway/ops/verdict_json.h"

/* clang-format off */
const char command_exchange_setup_help[] =
    "\n"
    "Half of a connector between forests is configured in Exchange. This prints what must stand\n"
    "there for this very configuration, in the order in which it must be done, each step with\n"
    "why, how to check it and how to undo it. Nothing is changed anywhere.\n"
    "\n"
    "  --forest F              the forest, by its name in the configuration\n"
    "  --version V             of its Exchange servers: 2000, 2003, 2007 or 2010\n"
    "  --format script         2007, 2010: one PowerShell script that can be run again, with\n"
    "                          -WhatIf; 2000, 2003: what lives in the registry, as a .reg file.\n"
    "                          The default of 2007 and 2010\n"
    "  --format steps          numbered steps as text; the default of 2000 and 2003\n"
    "  --format html           the same as one page to print and tick off\n"
    "  --connector NAME        only with these connectors of ours, receive or send (up to 16\n"
    "                          times): where a forest has several\n"
    "  --gateway-address IP    where the gateway's connections come from (up to 16 times);\n"
    "                          otherwise the addresses of the listeners are proposed\n"
    "\n"
    "Afterwards, 2007 and 2010:\n"
    "\n"
    "  --verify-commands       the read-only commands that print what is there\n"
    "  --verify FILE           what in their output differs from what this gateway needs, worst\n"
    "                          first; FILE as saved there, or pasted into it; \"-\" reads standard\n"
    "                          input, and shows the commands first when that is a terminal\n"
    "  --json                  the differences as one line of JSON: exit forest gateway compared\n"
    "                          more findings[]; findings: severity (stops, harms, worth-a-look,\n"
    "                          unknown) place line found wanted why\n"
    "\n"
    "Exit status:\n"
    "  0  done; with --verify: nothing differs\n"
    "  1  --verify: something differs, or cannot be told from the output\n"
    "  2  wrong usage, or a file that cannot be read\n";
/* clang-format on */

enum { OUTPUT_MAX = 16 * 1024 * 1024 };

enum format { FORMAT_DEFAULT, FORMAT_SCRIPT, FORMAT_STEPS, FORMAT_HTML };

struct request {
    const char *forest, *version_word, *format_word, *verify_file;
    const char *connectors[OPTION_TIMES_MAX], *addresses[OPTION_TIMES_MAX];
    size_t connector_count, address_count;
    bool shows_commands, json;
    enum exchange_version version;
    enum format format;
};

static int
complain(const char *what)
{
    fprintf(stderr, "forestgate exchange-setup: %s\n", what);
    return 2;
}

/* ---- The set-up ---- */

static bool
write_document(const struct request *r, const struct exchange_plan *plan,
               struct exchange_document *d)
{
    return exchange_has_shell(r->version) ? exchange_hub_write(d, plan)
                                          : exchange_legacy_write(d, plan);
}

static void
print_document(const struct request *r, const struct exchange_document *d, struct buf *out)
{
    bool has_shell = exchange_has_shell(r->version);
    if (r->format == FORMAT_HTML)
        exchange_print_html(d, out);
    else if (r->format == FORMAT_STEPS || (r->format == FORMAT_DEFAULT && !has_shell))
        exchange_print_steps(d, out);
    else if (has_shell)
        exchange_print_script(d, out);
    else
        exchange_print_registry(d, out);
}

static int
print_setup(const struct request *r, const struct exchange_plan *plan)
{
    struct exchange_document *d =
        exchange_document_new(r->version, plan->forest->name, plan->gateway);
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    bool ok = d != NULL && write_document(r, plan, d);
    if (ok)
        print_document(r, d, &out);
    ok = ok && buf_ok(&out);
    if (ok)
        options_print(&out, stdout);
    buf_fini(&out);
    exchange_document_free(&d);
    return ok ? 0 : complain("the set-up is larger than can be printed, or there is no memory");
}

/* ---- What is there ---- */

static int
print_commands(const struct exchange_plan *plan, FILE *to)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    exchange_verify_commands(plan, &out);
    options_print(&out, to);
    buf_fini(&out);
    return 0;
}

static bool
read_output(const char *name, struct buf *out)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    char piece[64 * 1024];
    size_t got = 1;
    while (f != NULL && got > 0 && buf_ok(out)) {
        got = fread(piece, 1, sizeof piece, f);
        buf_put(out, slice(piece, got));
    }
    bool ok = f != NULL && !ferror(f) && buf_ok(out);
    if (!ok)
        fprintf(stderr,
                "forestgate exchange-setup: %s cannot be read: %s; --verify-commands prints what "
                "to run there first\n",
                name, buf_ok(out) ? strerror(errno) : "it is too large");
    if (f != NULL && f != stdin)
        fclose(f);
    return ok;
}

static int
judge(const struct exchange_plan *plan, const struct request *r, struct slice output)
{
    struct listing listing;
    struct exchange_verdict verdict = {.count = 0};
    struct err err;
    struct buf out;
    int status = 2;
    buf_init(&out, OUTPUT_MAX);
    if (listing_read(output, &listing, &err) && exchange_verify(plan, &listing, &verdict, &err)) {
        if (r->json)
            exchange_verdict_json(plan, &verdict, &out);
        else
            exchange_verdict_text(plan, &verdict, &out);
        options_print(&out, stdout);
        status = verdict.count > 0;
    } else {
        fprintf(stderr, "forestgate exchange-setup: %s: %s\n", r->verify_file, err.text);
    }
    exchange_verdict_free(&verdict);
    listing_free(&listing);
    buf_fini(&out);
    return status;
}

static int
verify(const struct request *r, const struct exchange_plan *plan)
{
    bool is_typed = strcmp(r->verify_file, "-") == 0 && isatty(STDIN_FILENO);
    struct buf output;
    if (is_typed) {
        print_commands(plan, stderr);
        fprintf(stderr, "\nPaste what they printed here, and end it with Ctrl-D:\n");
    }
    buf_init(&output, LISTING_MAX);
    int status = read_output(r->verify_file, &output) ? judge(plan, r, buf_slice(&output)) : 2;
    buf_fini(&output);
    return status;
}

/* ---- The request ---- */

static int
answer(const struct request *r, const struct config *config)
{
    const struct exchange_question q = {
        .forest = r->forest,
        .prefers_upn = exchange_has_shell(r->version),
        .connectors = r->connectors,
        .connector_count = r->connector_count,
        .gateway_addresses = r->addresses,
        .gateway_address_count = r->address_count,
    };
    struct exchange_plan *plan;
    struct err err;
    if (!exchange_plan_make(config, &q, &plan, &err))
        return complain(err.text);
    int status = r->shows_commands        ? print_commands(plan, stdout)
                 : r->verify_file != NULL ? verify(r, plan)
                                          : print_setup(r, plan);
    exchange_plan_free(&plan);
    return status;
}

static bool
is_format(const char *word, enum format *format)
{
    static const char *const words[] = {
        [FORMAT_SCRIPT] = "script", [FORMAT_STEPS] = "steps", [FORMAT_HTML] = "html"};
    for (size_t i = FORMAT_SCRIPT; i < COUNT_OF(words); i++)
        if (strcmp(words[i], word) == 0) {
            *format = (enum format)i;
            return true;
        }
    return false;
}

/* NULL: it can be answered. */
static const char *
what_is_wrong(struct request *r)
{
    bool verifies = r->verify_file != NULL || r->shows_commands;
    if (r->forest == NULL || r->version_word == NULL)
        return "--forest and --version are needed";
    if (!exchange_version_read(r->version_word, &r->version))
        return "--version is 2000, 2003, 2007 or 2010";
    if (r->format_word != NULL && !is_format(r->format_word, &r->format))
        return "--format is script, steps or html";
    if (verifies && !exchange_has_shell(r->version))
        return "Exchange 2000 and 2003 have no shell that could print what is there; see what is "
               "visible from outside: forestgate doctor, forestgate preflight";
    if (verifies && r->format_word != NULL)
        return "--verify and --verify-commands have no --format";
    if (r->json && r->verify_file == NULL)
        return "--json goes with --verify";
    return NULL;
}

int
command_exchange_setup(int argc, char **argv)
{
    struct request r = {.forest = NULL};
    const char *path = NULL;
    int rest;
    const struct option_spec specs[] = {
        {"forest", &r.forest, NULL, NULL},
        {"version", &r.version_word, NULL, NULL},
        {"format", &r.format_word, NULL, NULL},
        {"connector", r.connectors, NULL, &r.connector_count},
        {"gateway-address", r.addresses, NULL, &r.address_count},
        {"verify", &r.verify_file, NULL, NULL},
        {"verify-commands", NULL, &r.shows_commands, NULL},
        {"json", NULL, &r.json, NULL},
    };
    if (!options_read(argc, argv, &path, specs, COUNT_OF(specs), &rest))
        return 2;
    const char *wrong = rest < argc ? "what it reads is named by options" : what_is_wrong(&r);
    if (wrong != NULL)
        return complain(wrong);
    struct config *config = options_load(path);
    if (config == NULL)
        return 2;
    int status = answer(&r, config);
    config_unref(&config);
    return status;
}
