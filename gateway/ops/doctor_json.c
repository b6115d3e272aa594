#include <jansson.h>

#include "gateway/ops/certificate_json.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/doctor_report.h"
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
check_json(const struct doctor_check *check)
{
    static const char *const states[] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_NOT_TRIED] = "not-tried",
        [DOCTOR_WARNING] = "warning",
        [DOCTOR_FAILED] = "failed",
    };
    json_t *json = json_object();
    set(json, "group", json_string(doctor_group_word(check->group)));
    set(json, "check", json_string(check->id));
    set(json, "subject", text_or_null(check->subject));
    set(json, "state", json_string(states[check->state]));
    set(json, "found", text_or_null(check->found));
    set(json, "advice", text_or_null(check->advice));
    return json;
}

/* Of the server that the checks are about. */
static void
set_server(json_t *json, const struct doctor *d_or_null)
{
    const struct probe_result *r = d_or_null != NULL ? d_or_null->primary : NULL;
    set(json, "server", r != NULL ? text_or_null(r->server) : NULL);
    set(json, "port", r != NULL ? json_integer(r->port) : NULL);
    set(json, "address", r != NULL ? text_or_null(r->address) : NULL);
}

static json_t *
profile_json(const struct doctor *d)
{
    if (!d->checks.has_profile)
        return NULL;
    return json_string(d->checks.profile == TLS_EXCHANGE2003 ? "exchange2003" : "modern");
}

static json_t *
session_certificate_json(const struct doctor *d)
{
    enum tls_profile profile;
    const struct probe_result *r = look_session(&d->look, &profile);
    return r != NULL ? certificate_json(&r->certificate, r->days) : NULL;
}

void
doctor_report_json(struct buf *out, const struct doctor_report *r)
{
    const struct doctor *d = r->doctor;
    json_t *json = json_object(), *checks = json_array();
    struct buf sentence;
    buf_init(&sentence, 4096);
    doctor_report_sentence(&sentence, r);
    set(json, "state", json_string(probe_state_text(doctor_report_state(r))));
    set(json, "exit", json_integer(doctor_report_state(r)));
    set(json, "message", control_json_slice(buf_slice(&sentence)));
    set(json, "connector", text_or_null(r->connector));
    set_server(json, d);
    set(json, "product", d != NULL ? json_string(doctor_product_word(d->checks.product)) : NULL);
    set(json, "profile", d != NULL ? profile_json(d) : NULL);
    set(json, "connections", d != NULL ? json_integer((json_int_t)d->connections) : NULL);
    set(json, "logons", d != NULL ? json_integer((json_int_t)d->logons) : NULL);
    set(json, "certificate", d != NULL ? session_certificate_json(d) : NULL);
    for (size_t i = 0; d != NULL && i < d->checks.count; i++)
        json_array_append_new(checks, check_json(&d->checks.list[i]));
    set(json, "checks", checks);
    buf_fini(&sentence);
    control_put_json(out, json);
}
