#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config_value.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/command_probe.h"
#include "gateway/ops/look.h"

enum { TIMEOUT_MS = 30 * 1000 };

static int
complain(const char *server, const char *why, const char *advice)
{
    fprintf(stderr, "forestgate pin: %s: %s%s%s\n", server, why, advice[0] != '\0' ? "; " : "",
            advice);
    return 1;
}

/* Why there is no session. */
static int
complain_of(const char *server, const struct look *l)
{
    const struct probe *last = l->lowered != NULL ? l->lowered : l->modern;
    const struct probe_step *worst = probe_worst_step(probe_results(last)[0]);
    if (worst == NULL)
        return complain(server, "the server showed no certificate", "");
    return complain(server, worst->text, worst->advice);
}

static int
print(const char *server, const struct look *l, bool json)
{
    enum tls_profile profile;
    struct buf out;
    const struct probe_result *r = look_session(l, &profile);
    if (r == NULL)
        return complain_of(server, l);
    buf_init(&out, 64 * 1024);
    if (json)
        look_put_json(&out, r, profile);
    else
        look_put_text(&out, r, profile);
    options_print(&out, stdout);
    buf_fini(&out);
    return 0;
}

static int
run(const char *server, const struct probe_target *target, bool json)
{
    char hello[256];
    struct err err;
    struct look l;
    probe_plan_hello(hello, sizeof hello);
    const struct probe_settings s = {
        .hello = hello,
        .timeout_ms = TIMEOUT_MS,
        .limits = {.warning_days = PROBE_NEVER, .critical_days = PROBE_NEVER},
    };
    int status =
        look_run(&s, target, &l, &err) ? print(server, &l, json) : complain(server, err.text, "");
    look_fini(&l);
    return status;
}

int
command_pin(int argc, char **argv)
{
    char host[256];
    bool json = false;
    struct slice name;
    struct probe_target target = {.host = host};
    struct err err;
    int rest;
    const struct option_spec specs[] = {{"json", NULL, &json, NULL}};
    if (!options_read(argc, argv, NULL, specs, COUNT_OF(specs), &rest))
        return 2;
    if (rest + 1 != argc) {
        fprintf(stderr, "forestgate pin: which server? HOST[:PORT]\n");
        return 2;
    }
    if (!value_read_server(slice_str(argv[rest]), 25, &name, &target.port, &err)) {
        (void)complain(argv[rest], err.text, "");
        return 2;
    }
    slice_copy_text(host, sizeof host, name);
    return run(argv[rest], &target, json);
}
