#include "gateway/route/diagnosis.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "tests/kit/test.h"

enum { PEER, OURS };

struct said {
    int speaker, code;
    const char *enhanced, *text;
    enum smtp_stage stage;
};

static struct smtp_outcome
outcome_of(const struct said *s)
{
    struct smtp_outcome o = {.stage = s->stage,
                             .reply = reply_make(s->code, s->enhanced, "%s", s->text)};
    o.reply.local = s->speaker == OURS;
    return o;
}

/* What an administrator must find in the sentence when nothing else is known; "": there is
 * nothing to add. */
static const struct general_row {
    struct said said;
    const char *names;
} general_rows[] = {
    {{OURS, 451, "4.4.1", "connection refused", SMTP_STAGE_CONNECT}, "Transport service"},
    {{OURS, 451, "4.4.4", "no such name", SMTP_STAGE_CONNECT}, "name servers under dns"},
    {{OURS, 451, "4.4.3", "no name server", SMTP_STAGE_CONNECT}, "name servers under dns"},
    {{OURS, 451, "4.3.0", "out of descriptors", SMTP_STAGE_CONNECT}, "this gateway"},
    {{OURS, 451, "4.4.2", "lost", SMTP_STAGE_EHLO}, ""},
    {{PEER, 421, "4.3.2", "too many", SMTP_STAGE_BANNER}, "lower connections"},
    {{PEER, 421, "4.3.2", "Service not active", SMTP_STAGE_BANNER}, "out of service"},
    {{PEER, 554, NULL, "go away", SMTP_STAGE_BANNER}, "RemoteIPRanges"},
    {{PEER, 500, NULL, "unknown", SMTP_STAGE_EHLO}, "inspection"},
    {{PEER, 502, "5.3.3", "not implemented", SMTP_STAGE_EHLO}, "inspection"},
    {{PEER, 501, "5.5.4", "Invalid domain name", SMTP_STAGE_EHLO}, "hostname"},
    {{OURS, 451, "4.7.0", "no STARTTLS", SMTP_STAGE_STARTTLS}, "12014"},
    {{PEER, 454, "4.7.0", "TLS not available", SMTP_STAGE_STARTTLS}, "New-ExchangeCertificate"},
    {{PEER, 502, "5.5.1", "not implemented", SMTP_STAGE_STARTTLS}, "New-ExchangeCertificate"},
    {{PEER, 421, "4.3.0", "going down", SMTP_STAGE_STARTTLS}, ""},
    {{OURS, 451, "4.4.1", "took too long", SMTP_STAGE_TLS}, "ICMP"},
    {{OURS, 451, "4.7.5", "expired", SMTP_STAGE_TLS}, "forestgate doctor"},
    {{PEER, 535, "5.7.3", "unsuccessful", SMTP_STAGE_AUTH}, "ms-Exch-SMTP-Submit"},
    {{PEER, 454, "4.7.0", "later", SMTP_STAGE_AUTH}, "domain controller"},
    {{PEER, 421, "4.7.0", "going down", SMTP_STAGE_AUTH}, ""},
    {{PEER, 504, "5.7.4", "type", SMTP_STAGE_AUTH}, "Require basic authentication"},
    {{OURS, 451, "5.7.3", "no LOGIN", SMTP_STAGE_AUTH}, "Require basic authentication"},
    {{OURS, 451, "4.7.0", "asked for more", SMTP_STAGE_AUTH}, "do not fit our commands"},
    {{PEER, 530, "5.7.1", "Client was not authenticated", SMTP_STAGE_MAIL}, "RemoteIPRanges"},
    {{PEER, 530, "5.7.0", "Must issue a STARTTLS command first", SMTP_STAGE_MAIL},
     "require: false"},
    {{PEER, 550, "5.7.1", "Client does not have permissions to send as this sender",
      SMTP_STAGE_MAIL},
     "ms-Exch-SMTP-Accept-Any-Sender"},
    {{PEER, 550, "5.7.1", "no", SMTP_STAGE_MAIL}, "ms-Exch-SMTP-Accept-Any-Sender"},
    {{PEER, 452, "4.3.1", "Insufficient system resources", SMTP_STAGE_MAIL}, "15002"},
    {{PEER, 552, "5.3.4", "size", SMTP_STAGE_MAIL}, "limits.message_size"},
    {{PEER, 552, "5.2.2", "full", SMTP_STAGE_MAIL}, ""},
    {{PEER, 550, "5.7.1", "Unable to relay", SMTP_STAGE_RCPT},
     "ms-Exch-SMTP-Accept-Any-Recipient"},
    {{PEER, 550, "5.7.1", "Unable to relay", SMTP_STAGE_RCPT}, "authoritative"},
    {{PEER, 550, "5.7.1", "RESOLVER.RST.AuthRequired", SMTP_STAGE_RCPT},
     "ms-Exch-SMTP-Accept-Authentication-Flag"},
    {{PEER, 550, "5.1.1", "User unknown", SMTP_STAGE_RCPT}, "GALSync"},
    {{PEER, 552, "5.3.4", "size", SMTP_STAGE_RCPT}, "MaxMessageSize"},
    {{PEER, 552, NULL, "size", SMTP_STAGE_CONTENT}, "MaxMessageSize"},
    {{PEER, 554, "5.4.6", "loop", SMTP_STAGE_CONTENT}, "authoritative"},
    {{OURS, 451, "4.4.2", "connection lost", SMTP_STAGE_CONTENT}, "twice"},
    {{OURS, 451, "4.3.0", "disk", SMTP_STAGE_DATA}, "this gateway"},
    {{PEER, 250, "2.6.0", "Queued mail for delivery", SMTP_STAGE_CONTENT}, ""},
    {{PEER, 451, "4.3.0", "later", SMTP_STAGE_RCPT}, ""},
};

static void
diagnosis_tells_an_administrator_what_to_look_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(general_rows); i++) {
        const struct general_row *r = &general_rows[i];
        struct smtp_outcome o = outcome_of(&r->said);
        struct diagnosis d = diagnosis_of(&o, NULL);
        if ((d.text[0] == '\0') != (r->names[0] == '\0') || strstr(d.text, r->names) == NULL)
            fail_row(r->said.text, "at %d: \"%s\" does not name \"%s\"", r->said.stage, d.text,
                     r->names);
    }
}

/* ---- What was found is named: exact sentences ---- */

enum {
    MARCH_1 = 1772323200,  /* 2026-03-01 00:00 UTC */
    MARCH_15 = 1773532800, /* 2026-03-15 00:00 UTC */
    APRIL_9 = 1775755980,  /* 2026-04-09 17:33 UTC */
};

static const struct tls_trouble name_trouble = {.kind = TLS_TROUBLE_NAME,
                                                .wanted = "hub.fabrikam.example",
                                                .names = "HUB1, hub1.fabrikam.example"};
static const struct tls_trouble expired = {
    .kind = TLS_TROUBLE_EXPIRED, .subject = "CN=hub.fabrikam.example", .date_unix_s = MARCH_15};
static const struct tls_trouble expired_issuer = {.kind = TLS_TROUBLE_EXPIRED,
                                                  .of_issuer = true,
                                                  .subject = "CN=Fabrikam CA",
                                                  .date_unix_s = MARCH_15};
static const struct tls_trouble not_yet = {.kind = TLS_TROUBLE_NOT_YET_VALID,
                                           .subject = "CN=hub.fabrikam.example",
                                           .date_unix_s = APRIL_9};
static const struct tls_trouble self_signed = {
    .kind = TLS_TROUBLE_SELF_SIGNED, .subject = "CN=HUB1", .has_pin = true, .pin = {1}};
static const struct tls_trouble untrusted = {.kind = TLS_TROUBLE_UNTRUSTED,
                                             .subject = "CN=hub.fabrikam.example",
                                             .issuer = "CN=Fabrikam CA",
                                             .has_pin = true,
                                             .pin = {1}};
static const struct tls_trouble pin = {
    .kind = TLS_TROUBLE_PIN, .has_pin = true, .pin = {1}, .pinned = {2}, .pinned_count = 1};
static const struct tls_trouble long_names = {
    .kind = TLS_TROUBLE_NAME,
    .names = "mail.a-rather-long-name.fabrikam.example, "
             "autodiscover.a-rather-long-name.fabrikam.example",
    .wanted = "the-first-hub-of-two.a-rather-long-name.fabrikam.example.net"};
static const struct tls_trouble pin_of_two = {
    .kind = TLS_TROUBLE_PIN, .has_pin = true, .pin = {1}, .pinned = {2}, .pinned_count = 2};
static const struct tls_trouble weak_key = {
    .kind = TLS_TROUBLE_WEAK_KEY, .subject = "CN=hub", .key_bits = 1024};
static const struct tls_trouble hopeless_key = {
    .kind = TLS_TROUBLE_WEAK_KEY, .subject = "CN=hub", .key_bits = 512, .is_hopeless = true};
static const struct tls_trouble weak_signature = {
    .kind = TLS_TROUBLE_WEAK_SIGNATURE, .subject = "CN=hub", .signature = "RSA-SHA1"};
static const struct tls_trouble no_answer = {.kind = TLS_TROUBLE_NO_ANSWER};
static const struct tls_trouble cipher = {.kind = TLS_TROUBLE_CIPHER,
                                          .alert = "handshake failure"};
static const struct tls_trouble version = {.kind = TLS_TROUBLE_VERSION,
                                           .alert = "protocol version"};
static const struct tls_trouble renegotiation = {.kind = TLS_TROUBLE_RENEGOTIATION};
static const struct tls_trouble not_tls = {.kind = TLS_TROUBLE_NOT_TLS};
static const struct tls_trouble broken_off = {.kind = TLS_TROUBLE_BROKEN_OFF};
static const struct tls_trouble other = {.kind = TLS_TROUBLE_OTHER};

#define HANDSHAKE                                                                                \
    {                                                                                            \
        OURS, 451, "4.7.5", "what OpenSSL says", SMTP_STAGE_TLS                                  \
    }
#define NO_STARTTLS                                                                              \
    {                                                                                            \
        OURS, 451, "4.7.4", "TLS is required and not offered", SMTP_STAGE_STARTTLS               \
    }
#define WRONG_LOGON                                                                              \
    {                                                                                            \
        PEER, 535, "5.7.3", "Authentication unsuccessful", SMTP_STAGE_AUTH                       \
    }

/* line: as diagnosis_put_line() shows it, reply and all. */
static const struct exact_row {
    struct said said;
    struct diagnosis_context context;
    const char *line;
} exact_rows[] = {
    {HANDSHAKE,
     {.trouble = &name_trouble},
     "451 4.7.5 the server's certificate is for HUB1, hub1.fabrikam.example, not for "
     "hub.fabrikam.example: write one of its names under servers or tls.server_name, "
     "or issue one for this name there (New-ExchangeCertificate)"},
    {HANDSHAKE,
     {.trouble = &long_names},
     "451 4.7.5 the server's certificate is for mail.a-rather-long-name.fabrikam.example, "
     "autodiscover.a-rather-long-..., not for "
     "the-first-hub-of-two.a-rather-long-name.fabrikam.exam...: write one of its names under "
     "servers or tls.server_name, or issue one for this name there (New-ExchangeCertificate)"},
    {HANDSHAKE,
     {.trouble = &expired},
     "451 4.7.5 the server's certificate (CN=hub.fabrikam.example) is expired since "
     "2026-03-15: renew it there (Exchange 2007: New-ExchangeCertificate, enabled for "
     "SMTP); Exchange will stop to offer STARTTLS with it"},
    {HANDSHAKE,
     {.trouble = &expired_issuer},
     "451 4.7.5 the issuing certificate (CN=Fabrikam CA) is expired since 2026-03-15: "
     "renew it and all that it issued, or put the new one of that issuer under ca of "
     "this send connector"},
    {HANDSHAKE,
     {.trouble = &not_yet},
     "451 4.7.5 the server's certificate (CN=hub.fabrikam.example) is not valid "
     "before 2026-04-09 17:33 UTC: the clock of this gateway or of whoever issued it "
     "is wrong; correct that clock, or wait"},
    {HANDSHAKE,
     {.trouble = &self_signed},
     "451 4.7.5 the server's certificate (CN=HUB1) is self-signed, as Exchange 2007 "
     "makes it: compare its key with forestgate pin or on that server, then set "
     "verify: pin and pins: [\"sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"] "
     "on this send connector"},
    {HANDSHAKE,
     {.trouble = &untrusted},
     "451 4.7.5 the server's certificate (CN=hub.fabrikam.example) is issued by "
     "CN=Fabrikam CA, not trusted here: put that issuer's certificate under ca of "
     "this send connector, or set verify: pin and pins: "
     "[\"sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]"},
    {HANDSHAKE,
     {.trouble = &pin},
     "451 4.7.5 the server's pin changed from "
     "sha256:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= to "
     "sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=: if its certificate was "
     "renewed with a new key (ask there), put the new pin under pins of this send "
     "connector; else somebody is in between"},
    {HANDSHAKE,
     {.trouble = &pin_of_two},
     "451 4.7.5 the server's pin changed from "
     "sha256:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= (and others) to "
     "sha256:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=: if its certificate was "
     "renewed with a new key (ask there), put the new pin under pins of this send "
     "connector; else somebody is in between"},
    {HANDSHAKE,
     {.trouble = &weak_key},
     "451 4.7.5 the server's certificate (CN=hub) has a key of 1024 bits, too weak "
     "for tls.profile modern: issue one with RSA 2048 and SHA-256 there, or set "
     "tls.profile: exchange2003 on this send connector"},
    {HANDSHAKE,
     {.trouble = &hopeless_key},
     "451 4.7.5 the server's certificate (CN=hub) has a key of 512 bits, too weak for "
     "any tls.profile: issue one with RSA 2048 and SHA-256 there"},
    {HANDSHAKE,
     {.trouble = &hopeless_key, .is_exchange2003 = true},
     "451 4.7.5 the server's certificate (CN=hub) has a key of 512 bits, too weak for "
     "any tls.profile: issue one with RSA 2048 and SHA-256 there"},
    {HANDSHAKE,
     {.trouble = &weak_signature},
     "451 4.7.5 the server's certificate (CN=hub) is signed with RSA-SHA1, too weak "
     "for tls.profile modern: issue one with RSA 2048 and SHA-256 there, or set "
     "tls.profile: exchange2003 on this send connector"},
    {HANDSHAKE,
     {.trouble = &no_answer},
     "451 4.7.5 the server closes the connection at our first TLS message, as Windows "
     "Server 2003 does without a cipher in common: if it is one, install KB 948963 (AES for "
     "Windows "
     "2003) there, and set tls.profile: exchange2003 on this send connector"},
    {HANDSHAKE,
     {.trouble = &no_answer, .is_exchange2003 = true},
     "451 4.7.5 the server closes the connection at our first TLS message, as Windows "
     "Server 2003 does without a cipher in common: if it is one, install KB 948963 (AES for "
     "Windows "
     "2003) there; for Windows 2000 there is none, it needs a newer relay in front"},
    {HANDSHAKE,
     {.trouble = &cipher},
     "451 4.7.5 the server answers our first TLS message with \"handshake failure\", "
     "as Windows Server 2003 does without a cipher in common: if it is one, install KB 948963 "
     "(AES "
     "for Windows 2003) there, and set tls.profile: exchange2003 on this send "
     "connector"},
    {HANDSHAKE,
     {.trouble = &cipher, .is_exchange2003 = true},
     "451 4.7.5 the server answers our first TLS message with \"handshake failure\", "
     "as Windows Server 2003 does without a cipher in common: if it is one, install KB 948963 "
     "(AES "
     "for Windows 2003) there; for Windows 2000 there is none, it needs a newer relay "
     "in front"},
    {HANDSHAKE,
     {.trouble = &version},
     "451 4.7.5 the server has no TLS 1.2, as Windows 2003 and 2008 (TLS 1.0 only): "
     "set tls.profile: exchange2003 on this send connector; Windows 2003 also needs "
     "KB 948963 (AES for Windows 2003)"},
    {HANDSHAKE,
     {.trouble = &version, .is_exchange2003 = true},
     "451 4.7.5 the server has no TLS version of profile exchange2003 (1.0 to 1.2): "
     "enable TLS 1.0 in its Schannel settings if it is old, or set tls.profile: "
     "modern on this send connector if it is new"},
    {HANDSHAKE,
     {.trouble = &renegotiation},
     "451 4.7.5 the server does not know secure renegotiation (RFC 5746): install "
     "MS10-049 there, or set tls.profile: exchange2003 on this send connector"},
    {HANDSHAKE,
     {.trouble = &not_tls},
     "451 4.7.5 the server takes STARTTLS and then speaks no TLS: a device in "
     "between, or a plain listener behind a TLS proxy; look which system answers at "
     "this address and port"},
    {HANDSHAKE,
     {.trouble = &broken_off},
     "451 4.7.5 what OpenSSL says (the server broke the handshake off: look into its "
     "system log for Schannel events (36870: no right to the private key) at this "
     "time)"},
    {HANDSHAKE,
     {.trouble = &other},
     "451 4.7.5 what OpenSSL says (no trusted TLS session: renew the server's "
     "certificate, or correct verify, ca or pins of this send connector; forestgate "
     "doctor tries it with each profile)"},
    {HANDSHAKE,
     {.trouble = NULL},
     "451 4.7.5 what OpenSSL says (no trusted TLS session: renew the server's "
     "certificate, or correct verify, ca or pins of this send connector; forestgate "
     "doctor tries it with each profile)"},
    {NO_STARTTLS,
     {.now_unix_s = APRIL_9},
     "451 4.7.4 the server offers no STARTTLS: its certificate has expired or does "
     "not carry the receive connector's FQDN (Exchange 2007 events 12014 and 12015), "
     "none is installed on the virtual server (2000/2003), or a firewall inspects SMTP"},
    {NO_STARTTLS,
     {.now_unix_s = APRIL_9, .tls_unix_s = MARCH_1, .expires_unix_s = MARCH_15},
     "451 4.7.4 the server no longer offers STARTTLS: its certificate expired on "
     "2026-03-15 (Exchange 2007 events 12014 and 12015); renew it there with "
     "New-ExchangeCertificate and enable it for SMTP, on 2000/2003 in the virtual "
     "server's Access tab"},
    {NO_STARTTLS,
     {.now_unix_s = MARCH_15, .tls_unix_s = MARCH_1, .expires_unix_s = APRIL_9},
     "451 4.7.4 the server no longer offers STARTTLS, which it did until 2026-03-01 "
     "00:00 UTC with a certificate valid to 2026-04-09: was it removed, or replaced "
     "by one without the receive connector's FQDN (Exchange 2007 events 12014 and "
     "12015)? Else a firewall inspects SMTP now"},
    {NO_STARTTLS,
     {.now_unix_s = MARCH_15, .tls_unix_s = MARCH_1, .is_masked = true},
     "451 4.7.4 a firewall that inspects SMTP (fixup, MailGuard) overwrites what the "
     "server says, and TLS cannot work: turn the inspection off between the gateway "
     "and this server"},
    {WRONG_LOGON,
     {.user = NULL},
     "535 5.7.3 Authentication unsuccessful (the server refuses the logon of our "
     "account: check name and password under auth of this send connector, that the "
     "account is neither locked nor expired, and that it holds ms-Exch-SMTP-Submit on "
     "the receive connector (Exchange 2007))"},
    {WRONG_LOGON,
     {.user = "FABRIKAM\\gateway"},
     "535 5.7.3 Authentication unsuccessful (the server refuses the logon of "
     "FABRIKAM\\gateway: check name and password under auth of this send connector, "
     "that the account is neither locked nor expired, and that it holds "
     "ms-Exch-SMTP-Submit on the receive connector (Exchange 2007))"},
    {WRONG_LOGON,
     {.user = "FABRIKAM\\gateway", .logon_unix_s = APRIL_9},
     "535 5.7.3 Authentication unsuccessful (the server refuses the password of "
     "FABRIKAM\\gateway, which worked until 2026-04-09 17:33 UTC: it was changed, the "
     "account is locked or expired, or it lost ms-Exch-SMTP-Submit on the receive "
     "connector; correct auth here, or repair it there and run forestgate queue retry)"},
    {{PEER, 550, "5.7.1", "Client does not have permissions to send as this sender",
      SMTP_STAGE_MAIL},
     {.user = "FABRIKAM\\gateway"},
     "550 5.7.1 Client does not have permissions to send as this sender "
     "(FABRIKAM\\gateway may not send as this sender: grant it "
     "ms-Exch-SMTP-Accept-Any-Sender (and "
     "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender for senders of that forest's "
     "own domains) with Add-ADPermission on the receive connector there)"},
    {{PEER, 550, "5.7.1", "No", SMTP_STAGE_MAIL},
     {.user = "FABRIKAM\\gateway"},
     "550 5.7.1 No (a policy of the other side refuses this sender or account: on "
     "Exchange 2007 grant FABRIKAM\\gateway ms-Exch-SMTP-Accept-Any-Sender with "
     "Add-ADPermission on the receive connector; the message waits until then)"},
    {{PEER, 550, "5.7.1", "Unable to relay", SMTP_STAGE_RCPT},
     {.user = NULL},
     "550 5.7.1 Unable to relay (the other forest does not take mail for this domain: "
     "make it an authoritative domain there (accepted domain, recipient policy), or "
     "grant our account ms-Exch-SMTP-Accept-Any-Recipient on the receive connector)"},
    {{PEER, 452, "4.3.1", "Insufficient system resources", SMTP_STAGE_MAIL},
     {.user = NULL},
     "452 4.3.1 Insufficient system resources (the server is short of disk or memory "
     "and takes no mail for now (Exchange 2007 back pressure, events 15002 and 15004 "
     "there))"},
    {{PEER, 421, "4.3.2",
      "The maximum number of concurrent server connections has exceeded a per-source limit",
      SMTP_STAGE_BANNER},
     {.user = NULL},
     "421 4.3.2 The maximum number of concurrent server connections has exceeded a "
     "per-source limit (the server limits the connections of one source (Exchange "
     "2007: 20, MaxInboundConnectionPerSource): fewer are used for a while; lower "
     "connections on this send connector)"},
    {{PEER, 530, "5.7.1", "Client was not authenticated", SMTP_STAGE_MAIL},
     {.user = NULL},
     "530 5.7.1 Client was not authenticated (the server wants a logon that it did "
     "not get: give this send connector an auth, or find the receive connector whose "
     "narrower RemoteIPRanges took the connection in place of the one for this "
     "gateway)"},
    {{OURS, 451, "5.7.3", "AUTH is not offered", SMTP_STAGE_AUTH},
     {.user = NULL},
     "451 5.7.3 AUTH is not offered (Require basic authentication: the server offers "
     "no AUTH LOGIN behind STARTTLS; enable it with Set-ReceiveConnector "
     "-AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS (Exchange 2007) or tick Basic "
     "authentication on the virtual server (2000/2003))"},
    {{PEER, 500, NULL, "unrecognized command", SMTP_STAGE_EHLO},
     {.user = NULL},
     "500 unrecognized command (the server does not know EHLO: a firewall that "
     "inspects SMTP (fixup, MailGuard) masks it and TLS cannot work; turn the "
     "inspection off between the gateway and this server)"},
    {{PEER, 451, "4.3.0", "later", SMTP_STAGE_RCPT}, {.user = NULL}, "451 4.3.0 later"},
};

static void
diagnosis_names_what_was_found_and_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(exact_rows); i++) {
        const struct exact_row *r = &exact_rows[i];
        struct smtp_outcome o = outcome_of(&r->said);
        struct diagnosis d = diagnosis_of(&o, &r->context);
        struct buf line;
        buf_init(&line, DIAGNOSIS_LINE_MAX);
        diagnosis_put_line(&line, &o.reply, &d);
        assert_true(buf_ok(&line));
        if (strcmp(buf_text(&line), r->line) != 0)
            fail_row(r->line, "%s", buf_text(&line));
        buf_fini(&line);
    }
}

/* ---- Whatever a peer puts into its certificate and its replies ---- */

/* Every text as long as it gets, or full of what cannot be shown. */
static struct tls_trouble
hostile(enum tls_trouble_kind kind, char filler)
{
    struct tls_trouble t = {.kind = kind, .has_pin = true, .pinned_count = 9, .key_bits = -7};
    t.date_unix_s = INT64_MAX / 4000;
    memset(t.wanted, filler, sizeof t.wanted - 1);
    memset(t.names, filler, sizeof t.names - 1);
    memset(t.subject, filler, sizeof t.subject - 1);
    memset(t.issuer, filler, sizeof t.issuer - 1);
    memset(t.signature, filler, sizeof t.signature - 1);
    memset(t.alert, filler, sizeof t.alert - 1);
    memset(t.pin, 0xff, sizeof t.pin);
    memset(t.pinned, 0xff, sizeof t.pinned);
    return t;
}

static void
assert_sentence(struct diagnosis d)
{
    size_t len = strlen(d.text);
    assert_in_range(len, 20, DIAGNOSIS_MAX - 1); /* one more would have been cut, maybe */
    assert_int_not_equal(d.text[len - 1], '.');
    for (size_t k = 0; k < len; k++)
        assert_true(ascii_is_print(d.text[k]));
}

static void
diagnosis_is_one_printable_sentence_whatever_the_peer_is_called(void **state)
{
    (void)state;
    static const char fillers[] = {'W', '\n', '\xff', '%'};
    static const struct said handshake = HANDSHAKE, no_starttls = NO_STARTTLS,
                             wrong = WRONG_LOGON;
    for (size_t f = 0; f < COUNT_OF(fillers); f++)
        for (int kind = TLS_TROUBLE_NONE; kind <= TLS_TROUBLE_OTHER; kind++)
            for (int bits = 0; bits < 32; bits++) {
                struct tls_trouble t = hostile((enum tls_trouble_kind)kind, fillers[f]);
                t.of_issuer = bits & 1;
                t.is_hopeless = bits & 2;
                if (bits & 4)
                    t.alert[0] = '\0';
                struct diagnosis_context c = {
                    .trouble = &t, .is_exchange2003 = bits & 8, .user = t.wanted};
                if (bits & 16)
                    c.now_unix_s = c.tls_unix_s = c.expires_unix_s = c.logon_unix_s =
                        t.date_unix_s;
                struct smtp_outcome o = outcome_of(&handshake);
                assert_sentence(diagnosis_of(&o, &c));
                o = outcome_of(&no_starttls);
                assert_sentence(diagnosis_of(&o, &c));
                o = outcome_of(&wrong);
                assert_sentence(diagnosis_of(&o, &c));
            }
    for (size_t i = 0; i < COUNT_OF(exact_rows); i++) {
        struct smtp_outcome o = outcome_of(&exact_rows[i].said);
        struct diagnosis d = diagnosis_of(&o, NULL);
        if (d.text[0] != '\0')
            assert_sentence(d);
    }
}

static void
diagnosis_line_is_a_reply_in_which_the_sentence_is_whole(void **state)
{
    (void)state;
    char words[REPLY_TEXT];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    struct said said = {PEER, 550, "5.7.1", words, SMTP_STAGE_MAIL};
    struct smtp_outcome o = outcome_of(&said);
    struct diagnosis d = diagnosis_of(&o, NULL);
    struct reply_reader reader;
    struct buf line;
    buf_init(&line, DIAGNOSIS_LINE_MAX);
    diagnosis_put_line(&line, &o.reply, &d);
    assert_true(buf_ok(&line));
    buf_put_str(&line, "\n");

    struct slice in = buf_slice(&line);
    reply_reader_init(&reader);
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_int_equal(reader.reply.code, 550);
    assert_non_null(strstr(reader.reply.text, "www ("));
    assert_non_null(strstr(reader.reply.text, d.text));
    reply_reader_fini(&reader);
    buf_fini(&line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnosis_tells_an_administrator_what_to_look_at),
        cmocka_unit_test(diagnosis_names_what_was_found_and_what_to_do),
        cmocka_unit_test(diagnosis_is_one_printable_sentence_whatever_the_peer_is_called),
        cmocka_unit_test(diagnosis_line_is_a_reply_in_which_the_sentence_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
