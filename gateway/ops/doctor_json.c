#include <jansson.h>

#include "gateway/ops/certificate_json.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/doctor_report.h"
#include "gateway/ops/probe_report.h"

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
    control_json_set(json, "group", json_string(doctor_group_word(check->group)));
    control_json_set(json, "check", json_string(check->id));
    control_json_set(json, "subject", control_json_text(check->subject));
    control_json_set(json, "state", json_string(states[check->state]));
    control_json_set(json, "found", control_json_text(check->found));
    control_json_set(json, "advice", control_json_text(check->advice));
    return json;
}

/* Of the server that the checks are about. */
static void
set_server(json_t *json, const struct doctor *d_or_null)
{
    const struct probe_result *r = d_or_null != NULL ? d_or_null->primary : NULL;
    control_json_set(json, "server", r != NULL ? control_json_text(r->server) : NULL);
    control_json_set(json, "port", r != NULL ? json_integer(r->port) : NULL);
    control_json_set(json, "address", r != NULL ? control_json_text(r->address) : NULL);
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
    control_json_set(json, "state", json_string(probe_state_text(doctor_report_state(r))));
    control_json_set(json, "exit", json_integer(doctor_report_state(r)));
    control_json_set(json, "message", control_json_slice(buf_slice(&sentence)));
    control_json_set(json, "connector", control_json_text(r->connector));
    set_server(json, d);
    control_json_set(json, "product",
                     d != NULL ? json_string(doctor_product_word(d->checks.product)) : NULL);
    control_json_set(json, "profile", d != NULL ? profile_json(d) : NULL);
    control_json_set(json, "connections",
                     d != NULL ? json_integer((json_int_t)d->connections) : NULL);
    control_json_set(json, "logons", d != NULL ? json_integer((json_int_t)d->logons) : NULL);
    control_json_set(json, "certificate", d != NULL ? session_certificate_json(d) : NULL);
    for (size_t i = 0; d != NULL && i < d->checks.count; i++)
        json_array_append_new(checks, check_json(&d->checks.list[i]));
    control_json_set(json, "checks", checks);
    buf_fini(&sentence);
    control_put_json(out, json);
}
