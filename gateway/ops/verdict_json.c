#include "gateway/ops/verdict_json.h"

#include <jansson.h>

#include "gateway/ops/control_text.h"

static const char *
severity_word(enum exchange_severity severity)
{
    static const char *const words[] = {
        [EXCHANGE_STOPS] = "stops",
        [EXCHANGE_HARMS] = "harms",
        [EXCHANGE_WORTH] = "worth-a-look",
        [EXCHANGE_UNKNOWN] = "unknown",
    };
    return words[severity];
}

static json_t *
finding_json(const struct exchange_finding *f)
{
    json_t *json = json_object();
    control_json_set(json, "severity", json_string(severity_word(f->severity)));
    control_json_set(json, "place", control_json_text(f->place));
    control_json_set(json, "line", f->line > 0 ? json_integer(f->line) : NULL);
    control_json_set(json, "found", control_json_text(f->found));
    control_json_set(json, "wanted", control_json_text(f->wanted));
    control_json_set(json, "why", control_json_text(f->why));
    return json;
}

void
exchange_verdict_json(const struct exchange_plan *plan, const struct exchange_verdict *v,
                      struct buf *out)
{
    json_t *json = json_object(), *findings = json_array();
    control_json_set(json, "exit", json_integer(v->count > 0));
    control_json_set(json, "forest", control_json_text(plan->forest->name));
    control_json_set(json, "gateway", control_json_text(plan->gateway));
    control_json_set(json, "compared", json_integer((json_int_t)v->checked));
    control_json_set(json, "more", json_boolean(v->more));
    for (size_t i = 0; i < v->count; i++)
        json_array_append_new(findings, finding_json(&v->findings[i]));
    control_json_set(json, "findings", findings);
    control_put_json(out, json);
}
