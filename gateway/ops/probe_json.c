#include <jansson.h>

#include "gateway/ops/certificate_json.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/probe_report.h"

static json_t *
seconds(uint64_t us)
{
    return json_real((double)us / 1e6);
}

static json_t *
step_json(const struct probe_step *step)
{
    bool timed = step->kind != PROBE_CERTIFICATE && step->kind != PROBE_TIME;
    json_t *json = json_object();
    control_json_set(json, "step", json_string(probe_kind_label(step->kind)));
    control_json_set(json, "state", json_string(probe_state_text(step->state)));
    control_json_set(json, "time", timed ? seconds(step->us) : json_null());
    control_json_set(json, "code", step->code != 0 ? json_integer(step->code) : json_null());
    control_json_set(json, "text", control_json_slice(slice_str(step->text)));
    control_json_set(json, "advice", control_json_text(step->advice));
    return json;
}

static json_t *
steps_json(const struct probe_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->step_count; i++)
        json_array_append_new(list, step_json(&r->steps[i]));
    return list;
}

static json_t *
tls_json(const struct probe_result *r)
{
    if (r->tls_version[0] == '\0')
        return json_null();
    json_t *json = json_object();
    control_json_set(json, "version", json_string(r->tls_version));
    control_json_set(json, "cipher", control_json_text(r->tls_cipher));
    control_json_set(json, "verified", json_string(r->tls_verified));
    return json;
}

static json_t *
server_json(const struct probe_result *r)
{
    struct buf trouble;
    json_t *json = json_object();
    buf_init(&trouble, 1024);
    probe_report_trouble(&trouble, r);
    control_json_set(json, "server", control_json_slice(slice_str(r->server)));
    control_json_set(json, "port", json_integer(r->port));
    control_json_set(json, "address", control_json_text(r->address));
    control_json_set(json, "state", json_string(probe_state_text(probe_state_of(r))));
    control_json_set(json, "message", control_json_text(buf_text(&trouble)));
    control_json_set(json, "time", seconds(r->us));
    control_json_set(json, "steps", steps_json(r));
    control_json_set(json, "tls", tls_json(r));
    control_json_set(json, "certificate",
                     r->has_certificate ? certificate_json(&r->certificate, r->days) : NULL);
    buf_fini(&trouble);
    return json;
}

void
probe_report_json(struct buf *out, const struct probe_report *r)
{
    struct buf sentence;
    json_t *json = json_object(), *servers = json_array();
    buf_init(&sentence, 4096);
    probe_report_sentence(&sentence, r);
    for (size_t i = 0; i < r->server_count; i++)
        json_array_append_new(servers, server_json(r->servers[i]));
    control_json_set(json, "state", json_string(probe_state_text(probe_report_state(r))));
    control_json_set(json, "exit", json_integer(probe_report_state(r)));
    control_json_set(json, "message", control_json_slice(buf_slice(&sentence)));
    control_json_set(json, "connector", control_json_text(r->connector));
    control_json_set(json, "servers", servers);
    buf_fini(&sentence);
    control_put_json(out, json);
}
