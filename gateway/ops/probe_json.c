#include <jansson.h>

#include "gateway/ops/certificate_json.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/probe_report.h"

static void
set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value != NULL ? value : json_null());
}

static json_t *
text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? control_json_slice(slice_str(text)) : json_null();
}

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
    set(json, "step", json_string(probe_kind_label(step->kind)));
    set(json, "state", json_string(probe_state_text(step->state)));
    set(json, "time", timed ? seconds(step->us) : json_null());
    set(json, "code", step->code != 0 ? json_integer(step->code) : json_null());
    set(json, "text", control_json_slice(slice_str(step->text)));
    set(json, "advice", text_or_null(step->advice));
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
    set(json, "version", json_string(r->tls_version));
    set(json, "cipher", text_or_null(r->tls_cipher));
    set(json, "verified", json_string(r->tls_verified));
    return json;
}

static json_t *
server_json(const struct probe_result *r)
{
    struct buf trouble;
    json_t *json = json_object();
    buf_init(&trouble, 1024);
    probe_report_trouble(&trouble, r);
    set(json, "server", control_json_slice(slice_str(r->server)));
    set(json, "port", json_integer(r->port));
    set(json, "address", text_or_null(r->address));
    set(json, "state", json_string(probe_state_text(probe_state_of(r))));
    set(json, "message", text_or_null(buf_text(&trouble)));
    set(json, "time", seconds(r->us));
    set(json, "steps", steps_json(r));
    set(json, "tls", tls_json(r));
    set(json, "certificate",
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
    set(json, "state", json_string(probe_state_text(probe_report_state(r))));
    set(json, "exit", json_integer(probe_report_state(r)));
    set(json, "message", control_json_slice(buf_slice(&sentence)));
    set(json, "connector", text_or_null(r->connector));
    set(json, "servers", servers);
    buf_fini(&sentence);
    control_put_json(out, json);
}
