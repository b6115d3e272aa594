#include "gateway/ops/certificate_json.h"

#include "gateway/base/clock.h"
#include "gateway/ops/control_text.h"

void
certificate_put_thumbprint(struct buf *out, const struct tls_identity *who)
{
    for (size_t i = 0; i < sizeof who->thumbprint; i++)
        buf_printf(out, "%02X", who->thumbprint[i]);
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

json_t *
certificate_json(const struct tls_identity *who, int64_t days)
{
    struct buf pin, thumbprint;
    json_t *json = json_object();
    buf_init(&pin, 128);
    buf_init(&thumbprint, 128);
    tls_pin_put(&pin, who->pin);
    certificate_put_thumbprint(&thumbprint, who);
    json_object_set_new(json, "subject", control_json_slice(slice_str(who->subject)));
    json_object_set_new(json, "issuer", control_json_slice(slice_str(who->issuer)));
    json_object_set_new(json, "names", names_json(who->names));
    json_object_set_new(json, "not_before", date_json(who->not_before_unix_s));
    json_object_set_new(json, "not_after", date_json(who->not_after_unix_s));
    json_object_set_new(json, "days", json_integer(days));
    json_object_set_new(json, "key_bits", json_integer(who->key_bits));
    json_object_set_new(json, "signature", json_string(who->signature));
    json_object_set_new(json, "self_signed", json_boolean(who->self_signed));
    json_object_set_new(json, "pin", control_json_slice(buf_slice(&pin)));
    json_object_set_new(json, "thumbprint", control_json_slice(buf_slice(&thumbprint)));
    buf_fini(&pin);
    buf_fini(&thumbprint);
    return json;
}
