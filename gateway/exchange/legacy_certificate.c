/* Certificates: the one that the virtual server shows, and trust in the gateway's. */
#include "gateway/exchange/legacy_private.h"

#include <string.h>

/* What the gateway looks for in the certificate of a server. */
static void
put_names(struct exchange_document *d, const struct send_connector *s)
{
    static const char *const looks[] = {
        [TLS_VERIFY_NAME] = "at this name and at who signed the certificate",
        [TLS_VERIFY_CA] = "at who signed the certificate, not at the name",
        [TLS_VERIFY_PIN] = "at the key, by its pin, and not at the name",
        [TLS_VERIFY_NONE] = "at nothing of it"};
    for (size_t i = 0; i < s->server_count; i++)
        LEGACY_SET(
            d,
            exchange_text(d, "Common name, on the server that answers as %s", s->servers[i].host),
            "%s", s->tls_server_name != NULL ? s->tls_server_name : s->servers[i].host);
    LEGACY_DO(d, "The gateway's connector %s looks %s.", s->name, looks[s->tls_verify]);
}

static void
put_trust_of_ours(struct exchange_document *d, const struct send_connector *s)
{
    if (s->tls_verify == TLS_VERIFY_PIN)
        LEGACY_DO(d,
                  "The gateway's connector %s knows the server by the pin of its key. After the "
                  "new certificate is in use, \"forestgate pin\" shows the pin: put it into the "
                  "configuration beside the old one before the change, and no mail waits.",
                  s->name);
    else if (s->tls_verify != TLS_VERIFY_NONE)
        LEGACY_DO(d,
                  "The authority that signs it must be in the file that the gateway's connector "
                  "%s names as tls: ca%s.",
                  s->name, s->tls_ca_file != NULL ? "" : " (now: those of its system)");
}

static void
wizard(struct exchange_document *d, const struct exchange_plan *p)
{
    LEGACY_DO(d, "Exchange System Manager -> Servers -> BridgeheadServer -> Protocols -> SMTP -> "
                 "right-click VirtualServer -> Properties -> Access -> Secure communication -> "
                 "Certificate. The wizard opens.");
    LEGACY_SET(d, "Server Certificate", "Create a new certificate");
    LEGACY_SET(d, "Delayed or Immediate Request", "Prepare the request now, but send it later");
    LEGACY_SET(d, "Bit length", "2048");
    for (size_t i = 0; i < p->inbound_count; i++)
        put_names(d, p->inbound[i].ours);
    LEGACY_SET(d, "Certificate request file name", "certreq.txt");
    LEGACY_DO(d, "Send certreq.txt to your authority. When the signed certificate is back: the "
                 "same button -> Process the pending request and install the certificate. If the "
                 "server has a fitting certificate already: Assign an existing certificate.");
}

static void
certificate(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_step(d, "A certificate for the SMTP virtual server (KB 829721)",
                  "Without one the server does not offer STARTTLS, and the gateway gives neither "
                  "mail nor its password to a server that it cannot recognize. The certificate "
                  "must carry the name that the gateway looks for; the wizard can write one name "
                  "only, so each server has its own.");
    if (legacy_is_2000(d))
        LEGACY_DO(d, "If step 3 said IPsec, leave this step out: a server without a certificate "
                     "does not offer STARTTLS, and nothing is tried that must fail.");
    wizard(d, p);
    for (size_t i = 0; i < p->inbound_count; i++)
        put_trust_of_ours(d, p->inbound[i].ours);
    LEGACY_DO(
        d, "%s",
        legacy_is_2000(d)
            ? "Signed with SHA-1: Windows 2000 knows no SHA-256. KB 319574 has the wizard "
              "page by page."
            : "Signed with SHA-1, or with SHA-256 if the server has KB 938397. KB 823024 has the "
              "wizard page by page.");
    LEGACY_CHECK(d, "telnet to port 25 of the server, EHLO x: the answer has 250-TLS and "
                    "250-STARTTLS.");
    for (size_t i = 0; i < p->inbound_count; i++)
        exchange_put(d, EXCHANGE_CHECK, EXCHANGE_COMMAND, "on the gateway",
                     "forestgate doctor -c FILE --connector \"%s\"\n", p->inbound[i].ours->name);
    LEGACY_UNDO(d, "The same button -> Remove the current certificate. STARTTLS is gone at once, "
                   "and the gateway keeps mail for this forest in its queue.");
    exchange_unconfirmed(d,
                         "the titles of the wizard's pages, and whether the virtual server must "
                         "be stopped and started before it shows the new certificate");
}

static void
trust(struct exchange_document *d, const struct exchange_plan *p)
{
    const char *name = p->outbound.listener->certificate->name;
    exchange_step(
        d, "Trust the authority of the gateway's certificate",
        "The connector that sends will ask for TLS. If the server checks what the "
        "gateway shows, an authority that it does not know means mail that waits in the "
        "queue. The name in the gateway's certificate must be the smart host's.");
    LEGACY_SET(d, "The gateway's certificate", "\"%s\" of its configuration, for %s", name,
               p->gateway);
    LEGACY_DO(d, "On each BridgeheadServer: Start -> Run -> mmc -> File -> Add/Remove Snap-in -> "
                 "Add -> Certificates -> Computer account -> Local computer.");
    LEGACY_SET(d, "Trusted Root Certification Authorities -> All Tasks -> Import",
               "the root of GatewayRoot");
    LEGACY_SET(d, "Intermediate Certification Authorities -> All Tasks -> Import",
               "the others of GatewayRoot, if there are any");
    LEGACY_DO(
        d, "%s",
        legacy_is_2000(d)
            ? "Windows 2000 cannot read signatures with SHA-256: here the gateway's chain "
              "would have to be signed with SHA-1."
            : "If any certificate below the root is signed with SHA-256, install KB 938397: "
              "without it Windows Server 2003 cannot check such a signature. KB 968730 is for "
              "servers that ask such an authority for certificates themselves.");
    LEGACY_CHECK(d,
                 "Copy the gateway's certificate to the server and open it: \"This certificate "
                 "is intended for\", no red cross, and Certification Path ends at the root. "
                 "The server's clock is right: too early or too late is as bad as no trust.");
    LEGACY_UNDO(d, "Delete the certificates from the two folders. Do it after the connector is "
                   "gone.");
    exchange_unconfirmed(d, "whether this version checks chain and name of the server that it "
                            "sends to at all; a certificate that would pass is safe either way");
    if (!legacy_is_2000(d))
        exchange_unconfirmed(d, "what KB 968730 has beyond KB 938397; both were given out on "
                                "request only");
}

void
legacy_certificates(struct exchange_document *d, const struct exchange_plan *p)
{
    certificate(d, p);
    trust(d, p);
}
