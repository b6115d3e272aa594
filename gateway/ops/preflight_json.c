#include <jansson.h>

#include "gateway/ops/control_text.h"
#include "gateway/ops/preflight_report.h"

static const char *
state_word(enum doctor_state state)
{
    static const char *const words[] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_NOT_TRIED] = "not-tried",
        [DOCTOR_WARNING] = "warning",
        [DOCTOR_FAILED] = "failed",
    };
    return words[state];
}

static json_t *
who_json(unsigned who)
{
    json_t *list = json_array();
    if (who & WHO_GATEWAY)
        json_array_append_new(list, json_string("gateway"));
    if (who & WHO_EXCHANGE)
        json_array_append_new(list, json_string("exchange"));
    if (who & WHO_NETWORK)
        json_array_append_new(list, json_string("network"));
    if (who & WHO_OTHER_GATEWAY)
        json_array_append_new(list, json_string("other-gateway"));
    return list;
}

static json_t *
line_json(const struct preflight_line *line)
{
    json_t *json = json_object();
    control_json_set(json, "subject", control_json_text(line->subject));
    control_json_set(json, "state", json_string(state_word(line->state)));
    control_json_set(json, "note", json_boolean(line->is_note));
    control_json_set(json, "found", control_json_text(line->found));
    control_json_set(json, "advice", control_json_text(line->advice));
    control_json_set(json, "who", who_json(line->who));
    control_json_set(json, "command", control_json_text(line->command));
    return json;
}

static json_t *
check_json(const struct preflight_check *check)
{
    json_t *json = json_object(), *lines = json_array();
    control_json_set(json, "check", json_string(preflight_kind_word(check->kind)));
    control_json_set(json, "subject", control_json_text(check->subject));
    control_json_set(json, "state", json_string(state_word(check->state)));
    control_json_set(json, "text", control_json_text(check->say));
    for (const struct preflight_line *line = check->lines; line != NULL; line = line->next)
        json_array_append_new(lines, line_json(line));
    control_json_set(json, "lines", lines);
    return json;
}

static json_t *
section_json(const struct preflight_section *s)
{
    json_t *json = json_object(), *checks = json_array();
    if (s->forest != NULL)
        control_json_set(json, "forest", control_json_text(s->forest->name));
    control_json_set(json, "verdict", json_string(preflight_verdict_word(s->verdict)));
    for (const struct preflight_check *c = s->checks; c != NULL; c = c->next)
        json_array_append_new(checks, check_json(c));
    control_json_set(json, "checks", checks);
    return json;
}

static json_t *
not_checked_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; preflight_not_checked(i) != NULL; i++)
        json_array_append_new(list, json_string(preflight_not_checked(i)));
    return list;
}

void
preflight_report_json(struct buf *out, const struct preflight *p, const char *config_file)
{
    json_t *json = json_object(), *forests = json_array(), *gateway = NULL;
    struct buf sentence;
    size_t ready = preflight_count(p, PREFLIGHT_READY) + preflight_count(p, PREFLIGHT_WARNINGS);
    buf_init(&sentence, 4096);
    preflight_report_sentence(&sentence, p);
    for (const struct preflight_section *s = p->sections; s != NULL; s = s->next) {
        if (s->forest != NULL)
            json_array_append_new(forests, section_json(s));
        else
            gateway = section_json(s);
    }
    control_json_set(json, "exit", json_integer(preflight_status(p)));
    control_json_set(json, "message", control_json_slice(buf_slice(&sentence)));
    control_json_set(json, "file", control_json_text(config_file));
    control_json_set(json, "ready", json_integer((json_int_t)ready));
    control_json_set(json, "asked", json_integer((json_int_t)json_array_size(forests)));
    control_json_set(json, "connections", json_integer((json_int_t)p->connections));
    control_json_set(json, "logons", json_integer((json_int_t)p->logons));
    control_json_set(json, "forests", forests);
    control_json_set(json, "gateway", gateway);
    control_json_set(json, "not_checked", not_checked_json());
    buf_fini(&sentence);
    control_put_json(out, json);
}
