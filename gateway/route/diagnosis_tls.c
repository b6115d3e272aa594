#include <stdio.h>

#include "gateway/base/base64.h"
#include "gateway/route/diagnosis_private.h"

enum { PIN_TEXT = 64 };

static const char masked[] =
    "a firewall that inspects SMTP (fixup, MailGuard) overwrites what the server says, and TLS "
    "cannot work: turn the inspection off between the gateway and this server";
static const char no_starttls[] =
    "the server offers no STARTTLS: its certificate has expired or does not carry the receive "
    "connector's FQDN (Exchange 2007 events 12014 and 12015), none is installed on the virtual "
    "server (2000/2003), or a firewall inspects SMTP";
static const char tls_failed[] =
    "no trusted TLS session: renew the server's certificate, or correct verify, ca or pins of "
    "this send connector; forestgate doctor tries it with each profile";
static const char not_tls[] =
    "the server takes STARTTLS and then speaks no TLS: a device in between, or a plain listener "
    "behind a TLS proxy; look which system answers at this address and port";
static const char broken_off[] =
    "the server broke the handshake off: look into its system log for Schannel events (36870: "
    "no right to the private key) at this time";

/* As the configuration writes it, under pins. */
static const char *
pin_text(const unsigned char pin[32], char text[PIN_TEXT])
{
    struct buf out = {.data = text, .cap = PIN_TEXT, .max = PIN_TEXT - 1};
    buf_put_str(&out, "sha256:");
    base64_encode(&out, slice((const char *)pin, 32));
    text[out.len] = '\0';
    return text;
}

/* "the server's certificate", or that of an issuer in its chain. */
static const char *
whose(const struct tls_trouble *t)
{
    return t->of_issuer ? "the issuing certificate" : "the server's certificate";
}

/* ---- STARTTLS is missing ---- */

void
diagnosis_no_starttls(struct diagnosis *d, const struct diagnosis_context *c)
{
    char day[DIAGNOSIS_DAY], time[DIAGNOSIS_TIME];
    d->tells_all = true;
    if (c->is_masked)
        diagnosis_say(d, "%s", masked);
    else if (c->tls_unix_s == 0)
        diagnosis_say(d, "%s", no_starttls);
    else if (c->expires_unix_s != 0 && c->expires_unix_s < c->now_unix_s)
        diagnosis_say(
            d,
            "the server no longer offers STARTTLS: its certificate expired on %s (Exchange 2007 "
            "events 12014 and 12015); renew it there with New-ExchangeCertificate and enable it "
            "for SMTP, on 2000/2003 in the virtual server's Access tab",
            diagnosis_day(c->expires_unix_s, day));
    else
        diagnosis_say(
            d,
            "the server no longer offers STARTTLS, which it did until %s with a certificate "
            "valid to %s: was it removed, or replaced by one without the receive connector's "
            "FQDN "
            "(Exchange 2007 events 12014 and 12015)? Else a firewall inspects SMTP now",
            diagnosis_time(c->tls_unix_s, time),
            c->expires_unix_s != 0 ? diagnosis_day(c->expires_unix_s, day) : "an unknown day");
}

/* ---- The certificate ---- */

static void
say_name(struct diagnosis *d, const struct tls_trouble *t)
{
    char names[DIAGNOSIS_NAME], wanted[DIAGNOSIS_NAME];
    diagnosis_say(
        d,
        "the server's certificate is for %s, not for %s: write one of its names under "
        "servers or tls.server_name, or issue one for this name there (New-ExchangeCertificate)",
        diagnosis_name(t->names[0] != '\0' ? t->names : "no name at all", 72, names),
        diagnosis_name(t->wanted, 56, wanted));
}

static void
say_expired(struct diagnosis *d, const struct tls_trouble *t)
{
    char day[DIAGNOSIS_DAY], name[DIAGNOSIS_NAME];
    diagnosis_say(d, "%s (%s) is expired since %s: renew it%s", whose(t),
                  diagnosis_name(t->subject, 80, name), diagnosis_day(t->date_unix_s, day),
                  t->of_issuer
                      ? " and all that it issued, or put the new one of that issuer under ca of "
                        "this send connector"
                      : " there (Exchange 2007: New-ExchangeCertificate, enabled for SMTP); "
                        "Exchange will stop to offer STARTTLS with it");
}

static void
say_not_yet_valid(struct diagnosis *d, const struct tls_trouble *t)
{
    char day[DIAGNOSIS_TIME], name[DIAGNOSIS_NAME];
    diagnosis_say(d,
                  "%s (%s) is not valid before %s: the clock of this gateway or of whoever "
                  "issued it is wrong; correct that clock, or wait",
                  whose(t), diagnosis_name(t->subject, 80, name),
                  diagnosis_time(t->date_unix_s, day));
}

static void
say_self_signed(struct diagnosis *d, const struct tls_trouble *t)
{
    char pin[PIN_TEXT], name[DIAGNOSIS_NAME];
    diagnosis_say(
        d,
        "the server's certificate (%s) is self-signed, as Exchange 2007 makes it: compare its "
        "key with forestgate pin or on that server, then set verify: pin and pins: [\"%s\"] on "
        "this send connector",
        diagnosis_name(t->subject, 64, name), t->has_pin ? pin_text(t->pin, pin) : "sha256:...");
}

static void
say_untrusted(struct diagnosis *d, const struct tls_trouble *t)
{
    char pin[PIN_TEXT], name[DIAGNOSIS_NAME], issuer[DIAGNOSIS_NAME];
    diagnosis_say(
        d,
        "%s (%s) is issued by %s, not trusted here: put that issuer's certificate under ca "
        "of this send connector, or set verify: pin and pins: [\"%s\"]",
        whose(t), diagnosis_name(t->subject, 40, name), diagnosis_name(t->issuer, 40, issuer),
        t->has_pin ? pin_text(t->pin, pin) : "sha256:...");
}

static void
say_pin(struct diagnosis *d, const struct tls_trouble *t)
{
    char from[PIN_TEXT], to[PIN_TEXT];
    diagnosis_say(
        d,
        "the server's pin changed from %s%s to %s: if its certificate was renewed with a new key "
        "(ask there), put the new pin under pins of this send connector; else somebody is in "
        "between",
        t->pinned_count > 0 ? pin_text(t->pinned, from) : "none",
        t->pinned_count > 1 ? " (and others)" : "", pin_text(t->pin, to));
}

static void
say_weak(struct diagnosis *d, const struct tls_trouble *t, bool is_exchange2003)
{
    char how[80], name[DIAGNOSIS_NAME];
    if (t->kind == TLS_TROUBLE_WEAK_KEY)
        snprintf(how, sizeof how, "has a key of %d bits", t->key_bits);
    else
        snprintf(how, sizeof how, "is signed with %.48s", t->signature);
    diagnosis_say(d, "%s (%s) %s, too weak for %s: issue one with RSA 2048 and SHA-256%s",
                  whose(t), diagnosis_name(t->subject, 64, name), how,
                  t->is_hopeless    ? "any tls.profile"
                  : is_exchange2003 ? "tls.profile exchange2003"
                                    : "tls.profile modern",
                  t->is_hopeless || is_exchange2003
                      ? " there"
                      : " there, or set tls.profile: exchange2003 on this send connector");
}

/* ---- The protocol ---- */

static void
say_no_cipher(struct diagnosis *d, const struct diagnosis_context *c)
{
    const struct tls_trouble *t = c->trouble;
    char how[80] = "closes the connection at our first TLS message";
    if (t->alert[0] != '\0')
        snprintf(how, sizeof how, "answers our first TLS message with \"%s\"", t->alert);
    if (c->is_exchange2003)
        diagnosis_say(
            d,
            "the server %s, as Windows Server 2003 does without a cipher in common: if it is "
            "one, install KB "
            "948963 (AES for Windows 2003) there; for Windows 2000 there is none, it needs a "
            "newer relay in front",
            how);
    else
        diagnosis_say(
            d,
            "the server %s, as Windows Server 2003 does without a cipher in common: if it is "
            "one, install KB "
            "948963 (AES for Windows 2003) there, and set tls.profile: exchange2003 on this send "
            "connector",
            how);
}

static void
say_no_version(struct diagnosis *d, bool is_exchange2003)
{
    diagnosis_say(
        d, "%s",
        is_exchange2003
            ? "the server has no TLS version of profile exchange2003 (1.0 to 1.2): enable TLS "
              "1.0 "
              "in its Schannel settings if it is old, or set tls.profile: modern on this send "
              "connector if it is new"
            : "the server has no TLS 1.2, as Windows 2003 and 2008 (TLS 1.0 only): set "
              "tls.profile: exchange2003 on this send connector; Windows 2003 also needs KB "
              "948963 (AES for Windows 2003)");
}

static void
say_renegotiation(struct diagnosis *d)
{
    diagnosis_say(
        d, "the server does not know secure renegotiation (RFC 5746): install MS10-049 there, or "
           "set tls.profile: exchange2003 on this send connector");
}

void
diagnosis_handshake(struct diagnosis *d, const struct diagnosis_context *c)
{
    const struct tls_trouble *t = c->trouble;
    enum tls_trouble_kind kind = t != NULL ? t->kind : TLS_TROUBLE_NONE;
    d->tells_all = true;
    switch (kind) {
    case TLS_TROUBLE_NAME:
        say_name(d, t);
        return;
    case TLS_TROUBLE_EXPIRED:
        say_expired(d, t);
        return;
    case TLS_TROUBLE_NOT_YET_VALID:
        say_not_yet_valid(d, t);
        return;
    case TLS_TROUBLE_SELF_SIGNED:
        say_self_signed(d, t);
        return;
    case TLS_TROUBLE_UNTRUSTED:
        say_untrusted(d, t);
        return;
    case TLS_TROUBLE_PIN:
        say_pin(d, t);
        return;
    case TLS_TROUBLE_WEAK_KEY:
    case TLS_TROUBLE_WEAK_SIGNATURE:
        say_weak(d, t, c->is_exchange2003);
        return;
    case TLS_TROUBLE_CIPHER:
    case TLS_TROUBLE_NO_ANSWER:
        say_no_cipher(d, c);
        return;
    case TLS_TROUBLE_VERSION:
        say_no_version(d, c->is_exchange2003);
        return;
    case TLS_TROUBLE_RENEGOTIATION:
        say_renegotiation(d);
        return;
    case TLS_TROUBLE_NOT_TLS:
        diagnosis_say(d, "%s", not_tls);
        return;
    case TLS_TROUBLE_BROKEN_OFF:
        d->tells_all = false;
        diagnosis_say(d, "%s", broken_off);
        return;
    case TLS_TROUBLE_OTHER:
    case TLS_TROUBLE_NONE:
        d->tells_all = false;
        diagnosis_say(d, "%s", tls_failed);
        return;
    }
    never("a trouble without a sentence");
}
