#include <jansson.h>

#include "gateway/base/clock.h"
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

/* "a, b" as a list. */
static json_t *
names_json(const char *names)
{
    json_t *list = json_array();
    struct slice rest = slice_str(names);
    while (rest.len > 0) {
        struct slice name = slice_head(rest, slice_find(rest, ','));
        json_array_append_new(list, control_json_slice(name));
        rest = slice_from(rest, name.len + 2);
    }
    return list;
}

static json_t *
date_json(int64_t unix_s)
{
    char text[CLOCK_TEXT];
    clock_iso(unix_s * 1000, text);
    return json_string(text);
}

static json_t *
certificate_json(const struct probe_result *r)
{
    const struct tls_identity *who = &r->certificate;
    struct buf pin;
    if (!r->has_certificate)
        return json_null();
    json_t *json = json_object();
    buf_init(&pin, 128);
    tls_pin_put(&pin, who->pin);
    set(json, "subject", control_json_slice(slice_str(who->subject)));
    set(json, "issuer", control_json_slice(slice_str(who->issuer)));
    set(json, "names", names_json(who->names));
    set(json, "not_before", date_json(who->not_before_unix_s));
    set(json, "not_after", date_json(who->not_after_unix_s));
    set(json, "days", json_integer(r->days));
    set(json, "key_bits", json_integer(who->key_bits));
    set(json, "self_signed", json_boolean(who->self_signed));
    set(json, "pin", control_json_slice(buf_slice(&pin)));
    buf_fini(&pin);
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
    set(json, "certificate", certificate_json(r));
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
