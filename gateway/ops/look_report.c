/* What a look at a server's TLS comes to, as forestgate pin prints it. */
#include <inttypes.h>
#include <jansson.h>

#include "gateway/base/clock.h"
#include "gateway/ops/certificate_json.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/look.h"
#include "gateway/ops/probe_report.h"

void
look_put_yaml(struct buf *out, const struct probe_result *r, enum tls_profile profile)
{
    buf_printf(out, "tls: { %sverify: pin, pins: [\"",
               profile == TLS_EXCHANGE2003 ? "profile: exchange2003, " : "");
    tls_pin_put(out, r->certificate.pin);
    buf_put_str(out, "\"] }");
}

static void
put_certificate(struct buf *out, const struct probe_result *r)
{
    const struct tls_identity *who = &r->certificate;
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    clock_iso(who->not_before_unix_s * 1000, from);
    clock_iso(who->not_after_unix_s * 1000, to);
    buf_printf(out, "subject:     %s\nissuer:      %s%s\nnames:       %s%s\n", who->subject,
               who->issuer, who->self_signed ? " (self-signed)" : "", who->names,
               r->has_name ? "" : " (not the name asked for)");
    buf_printf(out, "valid:       %.10s to %.10s, ", from, to);
    if (r->days < 0)
        buf_put_str(out, "EXPIRED\n");
    else
        buf_printf(out, "%" PRId64 " days left\n", r->days);
    buf_printf(out, "key:         %d bits, signed with %s\nthumbprint:  ", who->key_bits,
               who->signature);
    certificate_put_thumbprint(out, who);
}

void
look_put_text(struct buf *out, const struct probe_result *r, enum tls_profile profile)
{
    buf_put_str(out, "pin:         ");
    tls_pin_put(out, r->certificate.pin);
    buf_put_str(out, "\nserver:      ");
    probe_report_server(out, r);
    buf_put_char(out, '\n');
    put_certificate(out, r);
    buf_printf(out, "\nsession:     %s %s%s\n", r->tls_version, r->tls_cipher,
               profile == TLS_EXCHANGE2003 ? ", with profile exchange2003 only" : "");
    buf_put_str(out, "configure:   ");
    look_put_yaml(out, r, profile);
    buf_put_str(out,
                "\n\nNobody vouched for what came over the network. Before you trust the pin, "
                "compare the thumbprint\nwith what the server itself shows (Exchange 2007: "
                "Get-ExchangeCertificate; 2000/2003: View\nCertificate, Details, in the "
                "properties of the SMTP virtual server).\n");
}

void
look_put_json(struct buf *out, const struct probe_result *r, enum tls_profile profile)
{
    struct buf pin, yaml;
    buf_init(&pin, 128);
    buf_init(&yaml, 256);
    tls_pin_put(&pin, r->certificate.pin);
    look_put_yaml(&yaml, r, profile);
    json_t *json = json_object(), *tls = json_object();
    json_object_set_new(json, "server", control_json_slice(slice_str(r->server)));
    json_object_set_new(json, "port", json_integer(r->port));
    json_object_set_new(json, "address", json_string(r->address));
    json_object_set_new(json, "pin", control_json_slice(buf_slice(&pin)));
    json_object_set_new(json, "configure", control_json_slice(buf_slice(&yaml)));
    json_object_set_new(json, "certificate", certificate_json(&r->certificate, r->days));
    json_object_set_new(tls, "version", json_string(r->tls_version));
    json_object_set_new(tls, "cipher", json_string(r->tls_cipher));
    json_object_set_new(tls, "profile",
                        json_string(profile == TLS_EXCHANGE2003 ? "exchange2003" : "modern"));
    json_object_set_new(json, "tls", tls);
    buf_fini(&pin);
    buf_fini(&yaml);
    control_put_json(out, json);
}
