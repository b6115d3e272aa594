#include "config/config_check.h"

#include "tests/kit/complaint_rows.h"
#include "tests/kit/test.h"

/* Things that fit one by one, and not together. */
static const struct complaint_row mistakes[] = {
    {"an address listened on twice", "certificate: main }",
     "certificate: main }\n"
     "  more: { address: \"10.1.0.5:25\", certificate: main }",
     "9:20: error: address: 10.1.0.5:25 is taken by listener \"main\" "
     "(10.1.0.5:25)\n"},
    {"all addresses and one of them", "certificate: main }",
     "certificate: main }\n"
     "  more: { address: \"[::]:25\", certificate: main }",
     "9:20: error: address: [::]:25 is taken by listener \"main\" (10.1.0.5:25)\n"},
    {"the monitor's address", "version: 1",
     "version: 1\n"
     "monitor: { address: \"0.0.0.0:25\" }",
     "9:20: error: address: 10.1.0.5:25 is taken by monitor (0.0.0.0:25)\n"},
    {"everybody's header is believed", "certificate: main }",
     "certificate: main, proxy_protocol: [10.0.9.0/24, 0.0.0.0/0] }",
     "8:70: error: proxy_protocol: 0.0.0.0/0 is everybody; name the load balancers and "
     "monitors\n"},
    {"everybody is a probe", "version: 1",
     "version: 1\n"
     "monitor: { address: \"127.0.0.1:8025\", probe_networks: [\"::/0\"] }",
     "2:55: error: probe_networks: ::/0 is everybody; name the load balancers and monitors\n"},
    {"a socket's path", "version: 1",
     "version: 1\n"
     "control: "
     "/tmp/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/"
     "long/long/long/long/control.sock",
     "2:10: error: control: the path of a socket has at most 107 octets, and this "
     "is "
     "/tmp/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/long/"
     "long/long/long/long/control.sock\n"},
    {"a notice behind the end", "version: 1",
     "version: 1\n"
     "retry: { delay_notice: 2d }",
     "2:24: error: delay_notice must be shorter than expire: nobody is told that "
     "a returned message is late\n"},
    {"medium behind high", "version: 1",
     "version: 1\n"
     "pressure:\n"
     "  disk_free: { medium: 1GiB, high: 2GiB }\n"
     "  spool_size: { medium: 2GiB, high: 1GiB }\n"
     "  commit_time: { medium: 5s }\n"
     "  memory: { medium: 1GiB, high: 1GiB }\n"
     "  messages: { medium: 3, high: 2 }",
     "3:14: error: disk_free: medium must come before high\n"
     "4:15: error: spool_size: medium must come before high\n"
     "5:16: error: commit_time: medium must come before high\n"
     "6:11: error: memory: medium must come before high\n"
     "7:13: error: messages: medium must come before high\n"},
    {"a domain owned twice", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authoritative, CONTOSO.example: authoritative }",
     "14:49: error: domains: \"contoso.example\" is owned by forest \"contoso\" "
     "already (line 11); make one of them internal-relay\n"},
    {"a domain owned twice, and what is below it once",
     "{ contoso.example: authoritative }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { fabrikam.example: authoritative }",
     "{ contoso.example: authoritative, \"*.contoso.example\": authoritative }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { contoso.example: authoritative }",
     "14:16: error: domains: \"contoso.example\" is owned by forest \"contoso\" already "
     "(line 11); make one of them internal-relay\n"},
    {"a domain listed twice, with another forest between",
     "{ contoso.example: authoritative }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { fabrikam.example: authoritative }",
     "{ contoso.example: internal-relay }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { contoso.example: authoritative, Contoso.example: internal-relay }",
     "14:48: error: domains: \"contoso.example\" given twice; also on line 14\n"},
    {"a domain listed twice", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authoritative, Fabrikam.example: internal-relay }",
     "14:49: error: domains: \"fabrikam.example\" given twice; also on line 14\n"},
    {"a domain relayed in circles",
     "{ contoso.example: authoritative }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { fabrikam.example: authoritative }",
     "{ contoso.example: authoritative, shared.example: internal-relay }\n"
     "    deliver: [contoso-hub]\n"
     "  fabrikam:\n"
     "    domains: { fabrikam.example: authoritative, shared.example: "
     "internal-relay }",
     "14:49: error: domains: \"shared.example\" is internal-relay here and in "
     "forest \"contoso\" (line 11), and authoritative nowhere: its mail would go "
     "in circles\n"},
    {"nobody can log on",
     "    accounts:\n"
     "      svc: { names: ['CONTOSO\\svc'], password_hash_files: "
     "[secrets/contoso.hash] }\n",
     "",
     "17:3: error: \"accounts\" is missing: nobody could log on to "
     "\"contoso-hub\"; \"auth: none\" trusts its networks instead\n"},
    {"accounts that nobody uses", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    auth: none",
     "21:11: warning: auth: none: whoever reaches \"contoso-hub\" from its "
     "networks is trusted without a password\n"
     "22:5: error: accounts: nobody logs on with \"auth: none\"\n"},
    {"the whole world is trusted",
     "[10.1.20.0/24]\n"
     "    speaks_for: [contoso]\n"
     "    accounts:\n"
     "      svc: { names: ['CONTOSO\\svc'], password_hash_files: "
     "[secrets/contoso.hash] }",
     "[0.0.0.0/0]\n"
     "    auth: none",
     "20:11: error: auth: none on 0.0.0.0/0 would let everybody in; name the "
     "networks that you trust\n"
     "20:11: warning: auth: none: whoever reaches \"contoso-hub\" from its "
     "networks is trusted without a password\n"},
    {"a name of two accounts",
     "    accounts:\n"
     "      svc: { names: ['CONTOSO\\svc']",
     "    accounts:\n"
     "      old: { names: ['contoso\\SVC'], password_hash_files: "
     "[secrets/contoso.hash] }\n"
     "      svc: { names: ['CONTOSO\\svc']",
     "23:21: error: names: \"CONTOSO\\svc\" is a name of account \"old\" already\n"},
    {"one name in two connectors for one client",
     "[10.2.0.0/16]\n"
     "    speaks_for: [fabrikam]\n"
     "    accounts:\n"
     "      svc: { names: ['FABRIKAM\\svc']",
     "[10.2.0.0/16, 10.1.20.0/24]\n"
     "    speaks_for: [fabrikam]\n"
     "    accounts:\n"
     "      svc: { names: ['contoso\\svc']",
     "28:21: error: names: \"contoso\\svc\" is an account of \"contoso-hub\" too, "
     "and both take 10.1.20.0/24 on listener \"main\"\n"},
    {"two TLS policies for one client",
     "[10.2.0.0/16]\n"
     "    speaks_for: [fabrikam]",
     "[10.1.20.0/24]\n"
     "    tls: { clear_reply: 454 }\n"
     "    speaks_for: [fabrikam]",
     "26:10: error: tls: \"fabrikam-hub\" and \"contoso-hub\" take 10.1.20.0/24 "
     "on listener \"main\", so they must agree on profile, require and "
     "clear_reply\n"},
    {"an account or none for one client",
     "[10.2.0.0/16]\n"
     "    speaks_for: [fabrikam]\n"
     "    accounts:\n"
     "      svc: { names: ['FABRIKAM\\svc'], password_hash_files: "
     "[secrets/fabrikam.hash] }",
     "[10.1.20.0/24]\n"
     "    speaks_for: [fabrikam]\n"
     "    auth: none",
     "27:11: warning: auth: none: whoever reaches \"fabrikam-hub\" from its "
     "networks is trusted without a password\n"
     "27:11: error: auth: \"fabrikam-hub\" and \"contoso-hub\" take 10.1.20.0/24 "
     "on listener \"main\", so only accounts can tell them apart\n"},
    {"any sender where outsiders are refused", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    foreign_sender: refuse\n"
     "    rights: [default, accept-any-sender]",
     "22:23: error: rights: accept-any-sender takes the senders that foreign_sender: refuse "
     "refuses; say one of them\n"},
    {"any recipient without a logon",
     "    speaks_for: [contoso]\n"
     "    accounts:\n"
     "      svc: { names: ['CONTOSO\\svc'], password_hash_files: "
     "[secrets/contoso.hash] }",
     "    speaks_for: [contoso]\n"
     "    auth: none\n"
     "    rights: [default, accept-any-recipient]",
     "21:11: warning: auth: none: whoever reaches \"contoso-hub\" from its networks is trusted "
     "without a password\n"
     "22:23: error: rights: accept-any-recipient needs accounts; with \"auth: none\" every host "
     "of "
     "the networks could relay anywhere\n"},
    {"a message larger than any", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    message_size: 26MiB",
     "21:19: error: message_size: more than limits.message_size\n"},
    {"one client more than all", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    connections: 10\n"
     "    connections_per_client: 11",
     "22:29: error: connections_per_client: more than connections (10)\n"},
    {"two profiles for one client",
     "[10.2.0.0/16]\n"
     "    speaks_for: [fabrikam]",
     "[10.1.20.0/24]\n"
     "    tls: { profile: exchange2003 }\n"
     "    speaks_for: [fabrikam]",
     "26:10: error: tls: \"fabrikam-hub\" and \"contoso-hub\" take 10.1.20.0/24 "
     "on listener \"main\", so they must agree on profile, require and "
     "clear_reply\n"
     "26:21: warning: TLS IS LOWERED for \"fabrikam-hub\": TLS 1.0 and static RSA protect "
     "little; it is for Windows Server 2003 with KB948963, and only for as long as needed\n"},
    {"lowered TLS to anybody whom an authority knows", "{ verify: name }",
     "{ profile: exchange2003, verify: ca, ca: tls/fabrikam-ca.pem }",
     "35:21: warning: TLS IS LOWERED for the servers of \"fabrikam-hub\": TLS 1.0 and static "
     "RSA protect little; it is for Windows Server 2003 with KB948963, and only for as long as "
     "needed\n"
     "35:43: error: verify: profile exchange2003 needs \"verify: name\" or \"verify: pin\"\n"},
    {"lowered TLS to anybody",
     "{ verify: name }\n"
     "    auth: { user: svc, password_file: secrets/fabrikam }",
     "{ profile: exchange2003, verify: none }\n"
     "    auth: none",
     "35:21: warning: TLS IS LOWERED for the servers of \"fabrikam-hub\": TLS 1.0 and static "
     "RSA protect little; it is for Windows Server 2003 with KB948963, and only for as long as "
     "needed\n"
     "35:43: error: verify: profile exchange2003 needs \"verify: name\" or \"verify: pin\"\n"
     "35:43: warning: verify: none: \"fabrikam-hub\" encrypts, but anybody could be at the other "
     "end\n"
     "36:11: warning: auth: none: where the servers of \"fabrikam-hub\" offer no AUTH, mail from "
     "outside cannot be marked AUTH=<>; Exchange takes it for internal if the gateway is secured "
     "externally there\n"},
    {"pin without pins", "{ verify: name }", "{ verify: pin }",
     "35:20: error: verify: pin needs \"pins\"; forestgate pin "
     "hub.fabrikam.example shows the server's\n"},
    {"pins without pin", "{ verify: name }",
     "{ pins: [\"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"] }",
     "35:12: error: pins: only \"verify: pin\" looks at them\n"},
    {"ca without ca", "{ verify: name }", "{ verify: ca }",
     "35:20: error: verify: ca needs \"ca\", a file of roots\n"},
    {"a ca that nobody looks at", "{ verify: name }",
     "{ verify: pin, ca: tls/fabrikam-ca.pem, pins: "
     "[\"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"] }",
     "35:25: error: ca: only \"verify: name\" and \"verify: ca\" look at it\n"},
    {"a password for anybody", "{ verify: name }", "{ verify: none }",
     "35:20: warning: verify: none: \"fabrikam-hub\" encrypts, but anybody could "
     "be at the other end\n"
     "36:5: error: auth: with \"verify: none\" anybody could be given the "
     "password; verify the server, or say send_password_unverified: true\n"},
    {"a password in clear", "{ verify: name }", "{ require: false }",
     "35:21: warning: TLS IS NOT REQUIRED of the servers of \"fabrikam-hub\": "
     "mail may leave in clear\n"
     "36:5: error: auth: with \"require: false\" anybody could be given the "
     "password; verify the server, or say send_password_unverified: true\n"},
    {"a password for anybody, and then not",
     "{ verify: name }\n"
     "    auth: { user: svc,",
     "{ verify: none }\n"
     "    auth: { send_password_unverified: false, user: svc,",
     "35:20: warning: verify: none: \"fabrikam-hub\" encrypts, but anybody could "
     "be at the other end\n"
     "36:39: error: send_password_unverified: must be true with \"verify: none\"\n"},
    {"a way out for nobody knows whom", "{ verify: name }",
     "{ verify: name }\n"
     "    address_spaces: { \"*\": 1 }",
     "36:5: error: address_spaces: \"*\" needs \"allow_from\", the forests that "
     "may use it\n"},
    {"who may use nothing", "{ verify: name }",
     "{ verify: name }\n"
     "    allow_from: [contoso]",
     "36:5: error: allow_from: who may use which \"address_spaces\"? None are "
     "given\n"},
    {"an address space given twice", "{ verify: name }",
     "{ verify: name }\n"
     "    allow_from: [contoso]\n"
     "    address_spaces: { x.example: 1, X.example: 2 }",
     "37:37: error: address_spaces: \"x.example\" given twice; first on line 37\n"},
    {"the gateway itself", "[hub.contoso.example]", "[10.1.0.5]",
     "31:15: error: servers: 10.1.0.5:25 is listener \"main\" of the gateway "
     "itself\n"},
};

static void
config_check_refuses_what_does_not_fit_together(void **state)
{
    (void)state;
    complaint_rows_check(mistakes, COUNT_OF(mistakes));
}

/* Contoso's connectors of config_folder_small, from what its receive connector may gain to what
 * its send connector may. */
#define FROM_ACCOUNTS_TO_SERVERS                                                                 \
    "    accounts:\n"                                                                            \
    "      svc: { names: ['CONTOSO\\svc'], password_hash_files: [secrets/contoso.hash] }\n"      \
    "  fabrikam-hub:\n"                                                                          \
    "    listen: [main]\n"                                                                       \
    "    networks: [10.2.0.0/16]\n"                                                              \
    "    speaks_for: [fabrikam]\n"                                                               \
    "    accounts:\n"                                                                            \
    "      svc: { names: ['FABRIKAM\\svc'], password_hash_files: [secrets/fabrikam.hash] }\n"    \
    "send:\n"                                                                                    \
    "  contoso-hub:\n"                                                                           \
    "    servers: [hub.contoso.example]\n"

/* Things that are allowed, and that somebody should know. The configuration loads. */
static const struct complaint_row warnings[] = {
    {"TLS not required of clients", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    tls: { require: false }",
     "21:21: warning: TLS IS NOT REQUIRED of \"contoso-hub\": mail, and "
     "passwords, may arrive in clear\n"},
    {"a reply that is never given", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    tls: { require: false, clear_reply: 454 }",
     "21:21: warning: TLS IS NOT REQUIRED of \"contoso-hub\": mail, and "
     "passwords, may arrive in clear\n"
     "21:41: warning: clear_reply: nothing is refused in clear with \"require: "
     "false\"\n"},
    {"TLS lowered for clients", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    tls: { profile: exchange2003 }",
     "21:21: warning: TLS IS LOWERED for \"contoso-hub\": TLS 1.0 and static RSA protect "
     "little; it is for Windows Server 2003 with KB948963, and only for as long as needed\n"},
    {"TLS lowered for servers", "{ verify: name }", "{ profile: exchange2003 }",
     "35:21: warning: TLS IS LOWERED for the servers of \"fabrikam-hub\": TLS 1.0 and static "
     "RSA protect little; it is for Windows Server 2003 with KB948963, and only for as long as "
     "needed\n"},
    {"TLS not required of servers",
     "{ verify: name }\n"
     "    auth: { user: svc,",
     "{ require: false }\n"
     "    auth: { send_password_unverified: true, user: svc,",
     "35:21: warning: TLS IS NOT REQUIRED of the servers of \"fabrikam-hub\": "
     "mail may leave in clear\n"},
    {"anybody at the other end",
     "{ verify: name }\n"
     "    auth: { user: svc,",
     "{ verify: none }\n"
     "    auth: { send_password_unverified: true, user: svc,",
     "35:20: warning: verify: none: \"fabrikam-hub\" encrypts, but anybody could "
     "be at the other end\n"},
    {"a risk that is not there", "{ user: svc, password_file: secrets/fabrikam }",
     "{ user: svc, password_file: secrets/fabrikam, send_password_unverified: "
     "true }",
     "36:57: warning: send_password_unverified: has no effect, \"fabrikam-hub\" "
     "verifies its servers\n"},
    {"networks trusted without a password",
     "    accounts:\n"
     "      svc: { names: ['CONTOSO\\svc'], password_hash_files: "
     "[secrets/contoso.hash] }\n",
     "    auth: none\n",
     "21:11: warning: auth: none: whoever reaches \"contoso-hub\" from its "
     "networks is trusted without a password\n"},
    {"anybody's name", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, accept-any-sender]",
     "21:23: warning: ANY SENDER is taken from \"contoso-hub\": mail that names a sender of "
     "another forest, or of nobody, counts as from inside\n"},
    {"any recipient", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [accept-any-recipient]",
     "21:14: warning: ANY RECIPIENT is taken from \"contoso-hub\": its accounts may use every "
     "address space, whatever allow_from says\n"},
    {"a size that nobody bypasses", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, bypass-message-size-limit]",
     "21:23: warning: rights: bypass-message-size-limit has no effect: message_size is "
     "limits.message_size, which nobody bypasses\n"},
    {"fields that come in and cannot leave", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, accept-headers-organization, accept-headers-forest, accept-exch50]",
     "21:23: warning: rights: accept-headers-organization has no effect: no send connector holds "
     "send-headers-organization\n"
     "21:52: warning: rights: accept-headers-forest has no effect: no send connector holds "
     "send-headers-forest\n"
     "21:75: warning: rights: accept-exch50 has no effect: no send connector holds "
     "send-exch50\n"},
    {"fields that may leave and cannot come in", "{ verify: name }",
     "{ verify: name }\n"
     "    rights: [default, send-headers-forest]",
     "36:23: warning: rights: send-headers-forest has no effect: no receive connector holds "
     "accept-headers-forest\n"},
    {"fields for servers that do not know them",
     "    speaks_for: [contoso]\n" FROM_ACCOUNTS_TO_SERVERS,
     "    speaks_for: [contoso]\n"
     "    rights: [default, accept-headers-organization]\n" FROM_ACCOUNTS_TO_SERVERS
     "    tls: { profile: exchange2003 }\n"
     "    rights: [default, send-headers-organization]\n",
     "33:21: warning: TLS IS LOWERED for the servers of \"contoso-hub\": TLS 1.0 and static RSA "
     "protect little; it is for Windows Server 2003 with KB948963, and only for as long as "
     "needed\n"
     "34:23: warning: rights: send-headers-organization has no effect on the servers of "
     "\"contoso-hub\" and leaks: Exchange 2003 neither reads nor removes these fields\n"},
    {"mail from outside that cannot be marked",
     "auth: { user: svc, password_file: secrets/fabrikam }", "auth: none",
     "36:11: warning: auth: none: where the servers of \"fabrikam-hub\" offer no AUTH, mail from "
     "outside cannot be marked AUTH=<>; Exchange takes it for internal if the gateway is secured "
     "externally there\n"},
    {"no Received to count by", "{ verify: name }",
     "{ verify: name }\n"
     "    rights: none",
     "36:13: warning: rights: without send-headers-routing \"fabrikam-hub\" removes Received: "
     "the "
     "servers behind it cannot count hops, and find a loop late or never\n"},
    {"impatience", "version: 1",
     "version: 1\n"
     "limits: { idle: 1m }",
     "2:17: warning: idle: less than the five minutes of RFC 5321 4.5.3.2.7; slow "
     "servers may be cut off\n"},
    {"more connections than Exchange takes", "{ verify: name }",
     "{ verify: name }\n"
     "    connections: 21",
     "36:18: warning: connections: Exchange 2007 takes 20 from one source, unless "
     "it was told otherwise\n"},
    {"a connection that Exchange closes", "{ verify: name }",
     "{ verify: name }\n"
     "    connection_age: 10m",
     "36:21: warning: connection_age: Exchange closes a connection after 10m\n"},
    {"address spaces that nobody may use", "{ verify: name }",
     "{ verify: name }\n"
     "    address_spaces: { x.example: 1 }",
     "36:5: warning: address_spaces: nobody may use them without \"allow_from\"\n"},
    {"an address space that is a forest's", "{ verify: name }",
     "{ verify: name }\n"
     "    allow_from: [contoso]\n"
     "    address_spaces: { fabrikam.example: 1 }",
     "37:23: warning: address_spaces: \"fabrikam.example\" is a domain of forest "
     "\"fabrikam\", whose connectors carry its mail\n"},
    {"a certificate that nobody shows", "key: tls/gw.key }",
     "key: tls/gw.key }\n"
     "  old: { certificate: tls/gw.pem, key: tls/gw.key }",
     "7:3: warning: certificate \"old\" is used by no listener\n"},
    {"a listener that nobody may use", "certificate: main }",
     "certificate: main }\n"
     "  more: { address: \"10.1.0.6:25\", certificate: main }",
     "9:3: warning: listener \"more\" belongs to no receive connector: it refuses "
     "everybody\n"},
    {"a forest that nobody speaks for", "    speaks_for: [contoso]\n", "",
     "10:3: warning: no receive connector speaks for forest \"contoso\": all its "
     "senders are external\n"},
    {"a send connector that nothing uses", "send:\n",
     "send:\n"
     "  edge: { servers: [edge.contoso.example], auth: none }\n",
     "30:3: warning: send connector \"edge\" is used by no forest and has no "
     "address spaces\n"},
    {"a postmaster who cannot be reached", "postmaster@contoso.example",
     "postmaster@tailspin.example",
     "3:13: warning: postmaster: no forest owns \"tailspin.example\" and no "
     "address space covers it\n"},
};

static void
config_check_warns_of_what_may_surprise(void **state)
{
    (void)state;
    complaint_rows_check(warnings, COUNT_OF(warnings));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_check_refuses_what_does_not_fit_together),
        cmocka_unit_test(config_check_warns_of_what_may_surprise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
