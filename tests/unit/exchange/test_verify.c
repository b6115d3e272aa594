#include "gateway/exchange/verify.h"

#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* Fabrikam carries mail for tailspin, and shares group.example with contoso. */
static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative, group.example: authoritative }\n"
    "    deliver: [contoso-hub]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative, group.example: internal-relay }\n"
    "    deliver: [fabrikam-hub]\n"
    "  tailspin:\n"
    "    domains: { tailspin.example: authoritative }\n"
    "    deliver: [fabrikam-hub]\n"
    "receive:\n"
    "  from-contoso:\n"
    "    listen: [main]\n"
    "    networks: [10.1.0.0/16]\n"
    "    speaks_for: [contoso]\n"
    "    accounts: { svc: { names: ['CONTOSO\\gw'], password_hash_files: [in.hash] } }\n"
    "  from-fabrikam:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam, tailspin]\n"
    "    accounts: { svc: { names: ['FABRIKAM\\gw'], password_hash_files: [in.hash] } }\n"
    "send:\n"
    "  contoso-hub:\n"
    "    servers: [hub.contoso.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: 'CONTOSO\\gw', password_file: out.password }\n"
    "  fabrikam-hub:\n"
    "    servers: [hub1.fabrikam.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: svc-gw@fabrikam.example, password_file: out.password }\n";

#define RIGHT(identity, user, right)                                                             \
    "Identity       : " identity "\nUser           : " user                                      \
    "\nDeny           : False\nInherited      : False\nAccessRights   : {ExtendedRight}\n"       \
    "ExtendedRights : {" right "}\n\n"
#define OURS "HUB1\\From other forests (forestgate)"
#define SVC "FABRIKAM\\svc-gw"
#define REMOTE(domain)                                                                           \
    "DomainName            : " domain "\nAllowedOOFType        : InternalLegacy\n"               \
    "AutoReplyEnabled      : True\nAutoForwardEnabled    : True\n"                               \
    "DeliveryReportEnabled : True\nNDREnabled            : True\n\n"

/* Everything as it should be (composed from exchange-facts.md 1.4; no capture). */
static const char good[] =
    "AddressSpaces          : {smtp:contoso.example;1, smtp:group.example;1}\n"
    "DNSRoutingEnabled      : False\n"
    "DomainSecureEnabled    : False\n"
    "Enabled                : True\n"
    "ForceHELO              : False\n"
    "IgnoreSTARTTLS         : False\n"
    "MaxMessageSize         : 25 MB (26,214,400 bytes)\n"
    "Name                   : To other forests (forestgate)\n"
    "Port                   : 25\n"
    "SmartHostAuthMechanism : BasicAuthRequireTLS\n"
    "SmartHosts             : {gw.contoso.example}\n"
    "\n"
    "AddressSpaces          : {smtp:*;1}\n"
    "Enabled                : True\n"
    "Name                   : Internet\n"
    "SmartHostAuthMechanism : None\n"
    "SmartHosts             : {}\n"
    "\n"
    "AuthMechanism                 : Tls, BasicAuth, BasicAuthRequireTLS\n"
    "Bindings                      : {0.0.0.0:25}\n"
    "Enabled                       : True\n"
    "Identity                      : " OURS "\n"
    "MaxInboundConnectionPerSource : 20\n"
    "MaxMessageSize                : 25MB\n"
    "Name                          : From other forests (forestgate)\n"
    "PermissionGroups              : Custom\n"
    "RemoteIPRanges                : {10.1.0.5, 10.1.0.6}\n"
    "Server                        : HUB1\n"
    "\n"
    "AuthMechanism    : Tls, Integrated, ExchangeServer\n"
    "Bindings         : {0.0.0.0:25}\n"
    "Enabled          : True\n"
    "Identity         : HUB1\\Default HUB1\n"
    "Name             : Default HUB1\n"
    "PermissionGroups : ExchangeUsers, ExchangeServers, ExchangeLegacyServers\n"
    "RemoteIPRanges   : {0.0.0.0-255.255.255.255}\n"
    "Server           : HUB1\n"
    "\n" RIGHT("To other forests (forestgate)", "NT AUTHORITY\\ANONYMOUS LOGON",
               "ms-Exch-Send-Headers-Routing") RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit")
        RIGHT(OURS, SVC, "ms-Exch-SMTP-Accept-Any-Sender") RIGHT(
            OURS, SVC,
            "ms-Exch-SMTP-Accept-Authoritative-Domain-Sender") RIGHT(OURS, SVC,
                                                                     "ms-Exch-SMTP-Accept-"
                                                                     "Authentication-Flag")
            RIGHT(OURS, SVC, "ms-Exch-Accept-Headers-Routing") RIGHT(
                OURS, SVC,
                "ms-Exch-Bypass-Anti-Spam") "DomainName : fabrikam.example\nDomainType : "
                                            "Authoritative\n\n"
                                            "DomainName : group.example\nDomainType : "
                                            "InternalRelay\n\n"
                                            "DomainName : tailspin.example\nDomainType : "
                                            "InternalRelay\n\n" REMOTE("contoso.example") REMOTE(
                                                "tailspin.example") "CertificateDomains : {hub1, "
                                                                    "hub1.fabrikam.example}\n"
                                                                    "IsSelfSigned       : False\n"
                                                                    "Services           : IIS, "
                                                                    "SMTP\n"
                                                                    "Status             : Valid\n"
                                                                    "Thumbprint         : 0123\n"
                                                                    "\n"
                                                                    "MaxReceiveSize : 25 MB "
                                                                    "(26,214,400 bytes)\n"
                                                                    "MaxSendSize    : "
                                                                    "unlimited\n";

static struct config *config;
static struct exchange_plan *plan;

static int
load(void **state)
{
    const struct exchange_question q = {.forest = "fabrikam"};
    struct err err;
    (void)state;
    config = config_of_text(text);
    return exchange_plan_make(config, &q, &plan, &err) ? 0 : -1;
}

static int
unload(void **state)
{
    (void)state;
    exchange_plan_free(&plan);
    config_unref(&config);
    return 0;
}

static struct exchange_verdict
judge(struct slice output)
{
    struct listing listing;
    struct exchange_verdict verdict;
    struct err err;
    if (!listing_read(output, &listing, &err) || !exchange_verify(plan, &listing, &verdict, &err))
        fail_msg("%s", err.text);
    listing_free(&listing);
    return verdict;
}

static void
put_changed(struct buf *b, const char *from, const char *to)
{
    const char *at = strstr(good, from);
    if (at == NULL)
        fail_row(from, "is not in the good output");
    buf_put(b, slice(good, (size_t)(at - good)));
    buf_put_str(b, to);
    buf_put_str(b, at + strlen(from));
}

static void
what_is_as_it_should_be_is_all_that_is_said(void **state)
{
    struct exchange_verdict v = judge(slice_str(good));
    (void)state;
    for (size_t i = 0; i < v.count; i++)
        print_error("%s: %s, %s\n", v.findings[i].place, v.findings[i].found,
                    v.findings[i].wanted);
    assert_int_equal(v.count, 0);
    assert_int_equal(v.checked, 42);
    exchange_verdict_free(&v);
}

/* Each changes one thing of the good output; the first finding is then this. */
static const struct {
    const char *from, *to;
    enum exchange_severity severity;
    const char *place, *found, *wanted;
} rows[] = {
    /* Send connectors. */
    {"Enabled                : True\nForce", "Enabled                : False\nForce",
     EXCHANGE_STOPS, "Send connector To other forests (forestgate): Enabled", "False", "True"},
    {"{gw.contoso.example}", "{[10.1.0.5]}", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): SmartHosts", "{[10.1.0.5]}",
     "gw.contoso.example"},
    {"SmartHosts             : {gw.contoso.example}\n", "SmartHosts             : {x}\n",
     EXCHANGE_STOPS, "Send connector To other forests (forestgate): SmartHosts", "{x}",
     "gw.contoso.example"},
    {"Name                   : To other forests (forestgate)\nPort                   : 25\n"
     "SmartHostAuthMechanism : BasicAuthRequireTLS\n"
     "SmartHosts             : {gw.contoso.example}\n",
     "Name : X\nSmartHosts : {y}\nSmartHostAuthMechanism : None\n", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate)", "none leads to the gateway",
     "gw.contoso.example"},
    {": BasicAuthRequireTLS\nSmart", ": None\nSmart", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): SmartHostAuthMechanism", "None",
     "BasicAuthRequireTLS"},
    {": BasicAuthRequireTLS\nSmart", ": BasicAuth\nSmart", EXCHANGE_HARMS,
     "Send connector To other forests (forestgate): SmartHostAuthMechanism", "BasicAuth",
     "BasicAuthRequireTLS"},
    {"Port                   : 25", "Port                   : 587", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): Port", "587", "25"},
    {"IgnoreSTARTTLS         : False", "IgnoreSTARTTLS : True", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): IgnoreSTARTTLS", "True", "False"},
    {"ForceHELO              : False", "ForceHELO : True", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): ForceHELO", "True", "False"},
    {"DNSRoutingEnabled      : False", "DNSRoutingEnabled : True", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): DNSRoutingEnabled", "True", "False"},
    {"IgnoreSTARTTLS         : False", "IsScopedConnector : True\nIgnoreSTARTTLS : False",
     EXCHANGE_HARMS, "Send connector To other forests (forestgate): IsScopedConnector", "True",
     "False"},
    {"DomainSecureEnabled    : False", "DomainSecureEnabled : True", EXCHANGE_HARMS,
     "Send connector To other forests (forestgate): DomainSecureEnabled", "True", "False"},
    {"DomainSecureEnabled    : False\n", "", EXCHANGE_UNKNOWN,
     "Send connector To other forests (forestgate): DomainSecureEnabled", "not in the output",
     "False"},
    {": 25 MB (26,214,400 bytes)", ": unlimited", EXCHANGE_WORTH,
     "Send connector To other forests (forestgate): MaxMessageSize", "unlimited",
     "the gateway's limit"},
    {"{gw.contoso.example}", "{gw.contoso.example, other.example}", EXCHANGE_WORTH,
     "Send connector To other forests (forestgate): SmartHosts", "other.example",
     "the gateway alone, or others like it"},
    {"AddressSpaces          : {smtp:*;1}",
     "Name : Old\nEnabled : False\nSmartHosts : {gw.contoso.example}\n"
     "SmartHostAuthMechanism : None\n\nAddressSpaces : {smtp:*;1}",
     0, NULL, NULL, NULL},
    /* Address spaces. */
    {", smtp:group.example;1}", "}", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): AddressSpaces", "{smtp:contoso.example;1}",
     "group.example"},
    {", smtp:group.example;1}", "...}", EXCHANGE_UNKNOWN,
     "Send connector To other forests (forestgate): AddressSpaces", "{smtp:contoso.example;1...}",
     "group.example"},
    {"smtp:group.example;1}", "smtp:group.example;1, smtp:fabrikam.example;1}", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): AddressSpaces", "smtp:fabrikam.example;1",
     "without this address space"},
    {"smtp:group.example;1}", "smtp:group.example;1, smtp:tailspin.example;5}", EXCHANGE_STOPS,
     "Send connector To other forests (forestgate): AddressSpaces", "smtp:tailspin.example;5",
     "without this address space"},
    {"smtp:group.example;1}", "smtp:group.example;1, smtp:elsewhere.example;1}", EXCHANGE_HARMS,
     "Send connector To other forests (forestgate): AddressSpaces", "smtp:elsewhere.example;1",
     "without this address space"},
    {"{smtp:*;1}", "{smtp:contoso.example;2, smtp:*;1}", 0, NULL, NULL, NULL},
    {"{smtp:contoso.example;1, smtp:group.example;1}",
     "{smtp:contoso.example;9, smtp:group.example;1}", 0, NULL, NULL, NULL},
    {"{smtp:*;1}", "{Local:SMTP:contoso.example;1}", EXCHANGE_HARMS,
     "Send connector Internet: AddressSpaces", "takes mail for contoso.example",
     "only the connector to the gateway takes it"},
    {"{smtp:contoso.example;1, smtp:group.example;1}", "{smtp:*.example;1, smtp:group.example;1}",
     EXCHANGE_HARMS, "Send connector To other forests (forestgate): AddressSpaces",
     "smtp:*.example;1", "without this address space"},
    {"{smtp:*;1}", "{X400:c=us;1}", 0, NULL, NULL, NULL},
    /* Receive connectors. */
    {"Tls, BasicAuth, BasicAuthRequireTLS", "Tls, Integrated", EXCHANGE_STOPS,
     "Receive connector " OURS ": AuthMechanism", "Tls, Integrated", "BasicAuth"},
    {"Tls, BasicAuth, BasicAuthRequireTLS", "BasicAuth, BasicAuthRequireTLS", EXCHANGE_STOPS,
     "Receive connector " OURS ": AuthMechanism", "BasicAuth, BasicAuthRequireTLS", "Tls"},
    {"Tls, BasicAuth, BasicAuthRequireTLS", "Tls, BasicAuth", EXCHANGE_HARMS,
     "Receive connector " OURS ": AuthMechanism", "Tls, BasicAuth", "BasicAuthRequireTLS"},
    {"PermissionGroups              : Custom", "PermissionGroups : AnonymousUsers, Custom",
     EXCHANGE_HARMS, "Receive connector " OURS ": PermissionGroups", "AnonymousUsers, Custom",
     "without AnonymousUsers"},
    {"MaxMessageSize                : 25MB", "MaxMessageSize : 10 MB (10,485,760 bytes)",
     EXCHANGE_HARMS, "Receive connector " OURS ": MaxMessageSize", "10 MB (10,485,760 bytes)",
     "26214400 octets or more"},
    {"MaxMessageSize                : 25MB",
     "MaxMessageSize : 25 MB (26\xc2\xa0"
     "214\xc2\xa0"
     "400 octets)",
     0, NULL, NULL, NULL},
    {"MaxMessageSize                : 25MB",
     "MaxMessageSize : 9 MB (9\xff"
     "437\xff"
     "184 octets)",
     EXCHANGE_HARMS, "Receive connector " OURS ": MaxMessageSize",
     "9 MB (9\xff"
     "437\xff"
     "184 octets)",
     "26214400 octets or more"},
    {"MaxInboundConnectionPerSource : 20", "MaxInboundConnectionPerSource : 5", EXCHANGE_WORTH,
     "Receive connector " OURS ": MaxInboundConnectionPerSource", "5",
     "at least `connections` of the gateway"},
    {"{10.1.0.5, 10.1.0.6}", "{10.9.0.0/16}", EXCHANGE_STOPS,
     "Receive connector HUB1\\Default HUB1: AuthMechanism", "Tls, Integrated, ExchangeServer",
     "BasicAuth"},
    {"{0.0.0.0-255.255.255.255}", "{10.1.0.5}", 0, NULL, NULL, NULL},
    {"Server                        : HUB1\n\n",
     "Server : HUB1\n\nAuthMechanism : Tls\nBindings "
     ": {0.0.0.0:25}\nIdentity : HUB1\\Narrow\nName : Narrow\nPermissionGroups : None\n"
     "RemoteIPRanges : {10.1.0.5}\nServer : HUB1\nEnabled : False\n\n",
     0, NULL, NULL, NULL},
    {"Bindings                      : {0.0.0.0:25}", "Bindings : {0.0.0.0:2525}", EXCHANGE_STOPS,
     "Receive connector HUB1\\Default HUB1: AuthMechanism", "Tls, Integrated, ExchangeServer",
     "BasicAuth"},
    {"Bindings                      : {0.0.0.0:25}", "Bindings : {[::]:25}", EXCHANGE_STOPS,
     "Receive connector HUB1\\Default HUB1: AuthMechanism", "Tls, Integrated, ExchangeServer",
     "BasicAuth"},
    {"Bindings                      : {0.0.0.0:25}",
     "Bindings : {[fe80::25]:2525, 10.2.0.7:2525}", EXCHANGE_STOPS,
     "Receive connector HUB1\\Default HUB1: AuthMechanism", "Tls, Integrated, ExchangeServer",
     "BasicAuth"},
    {"Bindings                      : {0.0.0.0:25}", "Bindings : {[::]:25, 10.2.0.7:25}", 0, NULL,
     NULL, NULL},
    {"{0.0.0.0-255.255.255.255}", "{10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4...}", 0, NULL, NULL,
     NULL},
    {"{10.1.0.5, 10.1.0.6}", "{10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4...}", EXCHANGE_UNKNOWN,
     "Receive connector " OURS ": RemoteIPRanges", "{10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4...}",
     "the whole list: is 10.1.0.5 in it?"},
    /* Permissions. */
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"), "", EXCHANGE_STOPS,
     "permissions on " OURS ": ms-Exch-SMTP-Submit", "not granted, unless through a group",
     "granted to svc-gw@fabrikam.example"},
    {RIGHT(OURS, SVC, "ms-Exch-Bypass-Anti-Spam"), "", EXCHANGE_HARMS,
     "permissions on " OURS ": ms-Exch-Bypass-Anti-Spam", "not granted, unless through a group",
     "granted to svc-gw@fabrikam.example"},
    {"Identity       : " OURS "\nUser           : " SVC "\nDeny           : False",
     "Identity : " OURS "\nUser : " SVC "\nDeny : True", EXCHANGE_STOPS,
     "permissions on " OURS ": ms-Exch-SMTP-Submit", "denied",
     "granted to svc-gw@fabrikam.example"},
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     RIGHT(OURS, "NT AUTHORITY\\ANONYMOUS LOGON", "ms-Exch-SMTP-Accept-Any-Recipient")
         RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     EXCHANGE_STOPS, "permissions on " OURS ": ms-Exch-SMTP-Accept-Any-Recipient",
     "granted to NT AUTHORITY\\ANONYMOUS LOGON", "not granted"},
    {RIGHT("To other forests (forestgate)", "NT AUTHORITY\\ANONYMOUS LOGON",
           "ms-Exch-Send-Headers-Routing"),
     "", EXCHANGE_UNKNOWN, "permissions on To other forests (forestgate)", "not in the output",
     "Get-ADPermission"},
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     RIGHT(OURS, "NT-AUTORIT\xc3\x84T\\ANONYMOUS-ANMELDUNG", "ms-Exch-SMTP-Accept-Any-Recipient")
         RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     EXCHANGE_STOPS, "permissions on " OURS ": ms-Exch-SMTP-Accept-Any-Recipient",
     "granted to NT AUTHORITY\\ANONYMOUS LOGON", "not granted"},
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     RIGHT(OURS, "Everyone", "") RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"), EXCHANGE_STOPS,
     "permissions on " OURS ": ms-Exch-SMTP-Accept-Any-Recipient",
     "granted to NT AUTHORITY\\ANONYMOUS LOGON", "not granted"},
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     RIGHT(OURS, "NT AUTHORITY\\Authenticated Users", "ms-Exch-SMTP-Submit"), 0, NULL, NULL,
     NULL},
    {RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     "Identity : " OURS "\nUser : " SVC "\nDeny : True\nInherited : True\n"
     "AccessRights : {GenericAll}\nExtendedRights :\n\n" RIGHT(OURS, SVC, "ms-Exch-SMTP-Submit"),
     0, NULL, NULL, NULL},
    /* Domains. */
    {"DomainName : fabrikam.example\nDomainType : Authoritative\n\n", "", EXCHANGE_STOPS,
     "accepted domain fabrikam.example", "missing", "Authoritative"},
    {"DomainName : group.example\nDomainType : InternalRelay",
     "DomainName : group.example\nDomainType : Authoritative", EXCHANGE_HARMS,
     "accepted domain group.example: DomainType", "Authoritative", "InternalRelay"},
    {"DomainName : group.example",
     "DomainName : contoso.example\nDomainType : Authoritative\n\n"
     "DomainName : group.example",
     EXCHANGE_STOPS, "accepted domain contoso.example: DomainType", "Authoritative",
     "no accepted domain here"},
    {"DomainName : tailspin.example", "DomainName : *.example", 0, NULL, NULL, NULL},
    {"DomainName : tailspin.example", "DomainName : TailSpin.Example", 0, NULL, NULL, NULL},
    {"DomainName : tailspin.example\nDomainType : InternalRelay",
     "DomainName : *.example\nDomainType : Authoritative", EXCHANGE_STOPS,
     "accepted domain contoso.example: DomainType", "Authoritative", "no accepted domain here"},
    {REMOTE("contoso.example"), "", EXCHANGE_WORTH, "remote domain contoso.example", "missing",
     "a remote domain of its own"},
    {"AutoReplyEnabled      : True", "AutoReplyEnabled : False", EXCHANGE_WORTH,
     "remote domain contoso.example: AutoReplyEnabled", "False", "True"},
    /* The organization. */
    {"MaxReceiveSize : 25 MB (26,214,400 bytes)", "MaxReceiveSize : 10MB", EXCHANGE_HARMS,
     "organization: MaxReceiveSize", "10MB", "26214400 octets or more"},
    {"MaxSendSize    : unlimited", "MaxSendSize : 10MB", EXCHANGE_WORTH,
     "organization: MaxSendSize", "10MB", "26214400 octets or more"},
    /* Certificates. */
    {": Valid", ": DateInvalid", EXCHANGE_STOPS, "certificate for hub1.fabrikam.example: Status",
     "DateInvalid", "Valid"},
    {"IsSelfSigned       : False", "IsSelfSigned : True", EXCHANGE_STOPS,
     "certificate for hub1.fabrikam.example: IsSelfSigned", "True", "False"},
    {"Services           : IIS, SMTP", "Services : IIS", EXCHANGE_UNKNOWN,
     "certificate for hub1.fabrikam.example",
     "none in the output names it and has SMTP among its services",
     "such a certificate on the server itself"},
    {"{hub1, hub1.fabrikam.example}", "{*.fabrikam.example}", 0, NULL, NULL, NULL},
    {"{hub1, hub1.fabrikam.example}", "{*.example}", EXCHANGE_UNKNOWN,
     "certificate for hub1.fabrikam.example",
     "none in the output names it and has SMTP among its services",
     "such a certificate on the server itself"},
};

static void
check_row(size_t i, const struct exchange_verdict *v)
{
    if (rows[i].place == NULL) {
        if (v->count > 0)
            fail_row(rows[i].to, "%s: %s", v->findings[0].place, v->findings[0].found);
        return;
    }
    if (v->count == 0)
        fail_row(rows[i].to, "nothing was found");
    const struct exchange_finding *f = &v->findings[0];
    if (strcmp(f->place, rows[i].place) != 0 || strcmp(f->found, rows[i].found) != 0 ||
        strcmp(f->wanted, rows[i].wanted) != 0 || f->severity != rows[i].severity)
        fail_row(rows[i].to, "%u \"%s\" \"%s\" \"%s\"", f->severity, f->place, f->found,
                 f->wanted);
    assert_true(f->why[0] != '\0');
}

static void
each_difference_is_named_with_what_it_does(void **state)
{
    struct buf b;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_init(&b, 64 * 1024);
        put_changed(&b, rows[i].from, rows[i].to);
        struct exchange_verdict v = judge(buf_slice(&b));
        check_row(i, &v);
        exchange_verdict_free(&v);
        buf_fini(&b);
    }
}

/* Two connectors to the gateway share the domains between them. */
static void
one_of_several_connectors_serves_each_domain(void **state)
{
    static const char both[] = "{smtp:contoso.example;1, smtp:group.example;1}";
    const char *at = strstr(good, both), *end = strstr(good, "\n\n") + 2;
    struct buf b;
    (void)state;
    buf_init(&b, 64 * 1024);
    for (int i = 0; i < 2; i++) {
        buf_put(&b, slice(good, (size_t)(at - good)));
        buf_put_str(&b, i == 0 ? "{smtp:contoso.example;1}" : "{smtp:group.example;1}");
        buf_put(&b, slice(at + strlen(both), (size_t)(end - at) - strlen(both)));
    }
    buf_put_str(&b, end);
    struct exchange_verdict v = judge(buf_slice(&b));
    if (v.count > 0)
        fail_msg("%s: %s", v.findings[0].place, v.findings[0].found);
    exchange_verdict_free(&v);
    buf_fini(&b);
}

static void
what_is_missing_is_not_called_well(void **state)
{
    struct exchange_verdict v = judge(slice_str("Name : x\n"));
    (void)state;
    assert_int_equal(v.count, 6);
    for (size_t i = 0; i < v.count; i++)
        assert_int_equal(v.findings[i].severity, EXCHANGE_UNKNOWN);
    assert_string_equal(v.findings[0].place, "output of Get-SendConnector");
    exchange_verdict_free(&v);
}

static void
the_worst_is_said_first_and_the_verdict_has_an_end(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1024 * 1024);
    put_changed(&b, "AutoReplyEnabled      : True", "AutoReplyEnabled : False");
    for (int i = 0; i < 2 * VERIFY_FINDINGS_MAX; i++)
        buf_printf(&b,
                   "\nName : %d\nAddressSpaces : {smtp:contoso.example;1}\n"
                   "SmartHostAuthMechanism : None\n",
                   i);
    struct exchange_verdict v = judge(buf_slice(&b));
    assert_int_equal(v.count, VERIFY_FINDINGS_MAX);
    assert_true(v.more);
    for (size_t i = 1; i < v.count; i++)
        assert_true(v.findings[i - 1].severity <= v.findings[i].severity);
    buf_clear(&b);
    exchange_verdict_text(plan, &v, &b);
    assert_non_null(strstr(buf_text(&b), "There is more: the first 400 are shown."));
    exchange_verdict_free(&v);
    buf_fini(&b);
}

static void
the_text_begins_with_the_sum(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 64 * 1024);
    put_changed(&b, ": Valid", ": DateInvalid");
    struct exchange_verdict v = judge(buf_slice(&b));
    buf_clear(&b);
    exchange_verdict_text(plan, &v, &b);
    static const char expected[] =
        "Exchange of forest fabrikam, against what gw.contoso.example needs: 42 compared, 1 "
        "stops "
        "mail.\n\nSTOPS MAIL, or lets through what must not pass\n\n"
        "  certificate for hub1.fabrikam.example: Status  (the record at line ";
    assert_memory_equal(buf_text(&b), expected, sizeof expected - 1);
    exchange_verdict_free(&v);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_it_should_be_is_all_that_is_said),
        cmocka_unit_test(each_difference_is_named_with_what_it_does),
        cmocka_unit_test(one_of_several_connectors_serves_each_domain),
        cmocka_unit_test(what_is_missing_is_not_called_well),
        cmocka_unit_test(the_worst_is_said_first_and_the_verdict_has_an_end),
        cmocka_unit_test(the_text_begins_with_the_sum),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
