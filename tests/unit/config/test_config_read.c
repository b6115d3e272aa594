#include "config/config_read.h"

#include "tests/kit/complaint_rows.h"
#include "tests/kit/test.h"

/* Keys that are not there, or should not be. */
static const struct complaint_row keys[] = {
    {"an unknown key", "version: 1",
     "version: 1\n"
     "xyzzy: 1",
     "2:1: error: unknown key \"xyzzy\"\n"},
    {"a misspelt key", "hostname:", "hostnam:",
     "2:1: error: unknown key \"hostnam\"; did you mean \"hostname\"?\n"},
    {"a misspelt key below", "password_file: secrets/contoso }",
     "pasword_file: secrets/contoso }",
     "32:24: error: unknown key \"pasword_file\"; did you mean "
     "\"password_file\"?\n"},
    {"a key of another place", "    tls: { verify: name }", "    verify: name",
     "35:5: error: unknown key \"verify\" here; it is known as "
     "\"send.*.tls.verify\"\n"},
    {"a key of the top below", "spool: { path: spool }", "spool: { path: spool, hostname: gw }",
     "4:23: error: unknown key \"hostname\" here; it is known as \"hostname\" at "
     "the top\n"},
    {"a key of below at the top", "version: 1",
     "version: 1\n"
     "message_size: 1MiB",
     "2:1: error: unknown key \"message_size\" here; it is known as "
     "\"limits.message_size\"\n"},
    {"a missing key at the top", "postmaster: postmaster@contoso.example\n", "",
     "error: \"postmaster\" is missing\n"},
    {"a missing section", "spool: { path: spool }\n", "", "error: \"spool\" is missing\n"},
    {"a missing key below", "    servers: [hub.contoso.example]\n", "",
     "30:3: error: \"servers\" is missing\n"},
    {"a missing key in a section", "auth: { user: svc, password_file: secrets/contoso }",
     "auth: { user: svc }", "32:5: error: \"password_file\" is missing\n"},
    {"no value", "version: 1", "version:", "1:9: error: version: nothing is given\n"},
    {"no keys below a name",
     "  contoso-hub:\n"
     "    servers: [hub.contoso.example]\n"
     "    auth: { user: svc, password_file: secrets/contoso }",
     "  contoso-hub:", "30:15: error: contoso-hub: nothing is given\n"},
    {"one value instead of a list", "[10.1.20.0/24]", "10.1.20.0/24",
     "19:15: error: networks: a list is wanted; write [10.1.20.0/24]\n"},
    {"a list instead of one value", "hostname: gw.contoso.example",
     "hostname: [gw.contoso.example]", "2:11: error: hostname: one value is wanted\n"},
    {"keys instead of a list", "[10.1.20.0/24]", "{ 10.1.20.0/24: true }",
     "19:15: error: networks: a list is wanted\n"},
    {"a value instead of keys", "spool: { path: spool }", "spool: spool",
     "4:8: error: spool: keys are wanted below it\n"},
    {"an empty list", "[hub.contoso.example]", "[]",
     "31:14: error: servers: at least one is needed\n"},
    {"an empty map",
     "  fabrikam:\n"
     "    domains: { fabrikam.example: authoritative }",
     "  fabrikam:\n"
     "    domains: {}",
     "14:14: error: domains: at least one is needed\n"},
    {"a list that says it twice", "[10.1.20.0/24]", "[10.1.20.0/24, 10.1.20.0/24]",
     "19:30: error: networks: \"10.1.20.0/24\" given twice\n"},
    {"too long a list", "[secrets/contoso.hash]",
     "[secrets/contoso.hash, secrets/contoso-next.hash, secrets/fabrikam.hash]",
     "22:59: error: password_hash_files: at most 2 may be given\n"},
    {"a balancer that is no network", "certificate: main }",
     "certificate: main, proxy_protocol: [lb1.contoso.example] }",
     "8:71: error: proxy_protocol: \"lb1.contoso.example\" is not a network; write 10.2.0.0/16, "
     "2001:db8::/32 or one address\n"},
    {"keys whose feature does not exist yet: directory", "    deliver: [contoso-hub]",
     "    deliver: [contoso-hub]\n"
     "    directory: contoso.csv",
     "13:5: error: \"directory\" is not available yet\n"},
    {"more workers than there can be", "version: 1",
     "version: 1\n"
     "workers: 65",
     "2:10: error: workers: 65 is out of range; it can be 1 to 64\n"},
    {"spf: a word that it does not know", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    spf: refuse",
     "21:10: error: spf: \"refuse\" is not one of off, mark, enforce\n"},
};

static void
config_read_knows_every_key_and_no_other(void **state)
{
    (void)state;
    complaint_rows_check(keys, COUNT_OF(keys));
}

/* Values that mean nothing. */
static const struct complaint_row values[] = {
    {"another version", "version: 1", "version: 2",
     "1:10: error: version: 2 is out of range; it must be 1\n"},
    {"a host name", "hostname: gw.contoso.example", "hostname: gw_1 contoso",
     "2:11: error: hostname: \"gw_1 contoso\" is not a host name; write "
     "gw.contoso.example\n"},
    {"a mail address", "postmaster: postmaster@contoso.example", "postmaster: postmaster",
     "3:13: error: postmaster: \"postmaster\" is not a mail address; write "
     "postmaster@contoso.example\n"},
    {"a duration", "version: 1",
     "version: 1\n"
     "drain: 30",
     "2:8: error: drain: \"30\" is not a duration; write 30s, 5m, 4h or 2d\n"},
    {"a duration out of range", "version: 1",
     "version: 1\n"
     "drain: 2d",
     "2:8: error: drain: 2d is out of range; it can be 0s to 1h\n"},
    {"a size", "version: 1",
     "version: 1\n"
     "limits: { message_size: 25MB }",
     "2:25: error: message_size: \"25MB\" is not a size; write 65536, 512KiB, "
     "25MiB or 4GiB\n"},
    {"a size out of range", "version: 1",
     "version: 1\n"
     "limits: { message_size: 1KiB }",
     "2:25: error: message_size: 1KiB is out of range; it can be 64KiB to 2GiB\n"},
    {"a number", "version: 1",
     "version: 1\n"
     "limits: { hops: many }",
     "2:17: error: hops: \"many\" is not a number\n"},
    {"a number out of range", "version: 1",
     "version: 1\n"
     "limits: { hops: 0 }",
     "2:17: error: hops: 0 is out of range; it can be 1 to 100\n"},
    {"true and false have one spelling", "{ verify: name }", "{ require: yes }",
     "35:21: error: require: \"yes\" is neither true nor false\n"},
    {"a word", "{ verify: name }", "{ verify: pim }",
     "35:20: error: verify: \"pim\" is not one of name, ca, pin, none; did you "
     "mean \"pin\"?\n"},
    {"a word far from any", "{ verify: name }", "{ verify: everything }",
     "35:20: error: verify: \"everything\" is not one of name, ca, pin, none\n"},
    {"a right with a slip", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, accept-header-organization]",
     "21:23: error: rights: \"accept-header-organization\" is not a right of receive connectors "
     "(forestgate manual names them); did you mean \"accept-headers-organization\"?\n"},
    {"a right far from any", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [everything]",
     "21:14: error: rights: \"everything\" is not a right of receive connectors (forestgate "
     "manual names them)\n"},
    {"a right of the other side", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [send-headers-routing]",
     "21:14: error: rights: \"send-headers-routing\" is a right of send connectors, not of "
     "receive connectors\n"},
    {"a right of the other side, of a send connector", "{ verify: name }",
     "{ verify: name }\n"
     "    rights: [default, ms-Exch-SMTP-Accept-Any-Sender]",
     "36:23: error: rights: \"ms-Exch-SMTP-Accept-Any-Sender\" is a right of receive connectors, "
     "not of send connectors\n"},
    {"a right by Exchange's name", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, ms-exch-accept-headers-forest]",
     "21:23: error: rights: \"ms-exch-accept-headers-forest\" is called "
     "\"accept-headers-forest\" here\n"},
    {"a right of Exchange that is none here", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, ms-Exch-SMTP-Submit]",
     "21:23: error: rights: \"ms-Exch-SMTP-Submit\" needs no word here: who logs on to a "
     "connector "
     "may submit\n"},
    {"a right by the other name that Exchange's pages print", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [ms-Exch-Accept-Exch50]",
     "21:14: error: rights: \"ms-Exch-Accept-Exch50\" is called \"accept-exch50\" here\n"},
    {"no right, in a list", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [none]",
     "21:14: error: rights: \"none\" stands alone, without a list: \"rights: none\"\n"},
    {"a right given twice", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: [default, accept-exch50, default]",
     "21:38: error: rights: \"default\" given twice\n"},
    {"rights that are no list", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: default",
     "21:13: error: rights: a list is wanted; write [default]\n"},
    {"an empty list of rights", "    speaks_for: [contoso]",
     "    speaks_for: [contoso]\n"
     "    rights: []",
     "21:13: error: rights: at least one is needed, or the word none\n"},
    {"a kind of domain", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authorative }",
     "14:34: error: fabrikam.example: \"authorative\" is not one of "
     "authoritative, internal-relay, external-relay; did you mean "
     "\"authoritative\"?\n"},
    {"an address", "\"10.1.0.5:25\"", "\"gw.contoso.example:25\"",
     "8:20: error: address: \"gw.contoso.example:25\" is not an address and port; "
     "write 10.1.0.5:25 or [::1]:25\n"},
    {"a network", "[10.1.20.0/24]", "[10.1.20.0/33]",
     "19:16: error: networks: \"10.1.20.0/33\" is not a network; write "
     "10.2.0.0/16, 2001:db8::/32 or one address\n"},
    {"a network with bits behind its prefix", "[10.1.20.0/24]", "[10.1.20.7/24]",
     "19:16: error: networks: \"10.1.20.7/24\" has bits behind its prefix; write "
     "10.1.20.0/24\n"},
    {"a server", "[hub.contoso.example]", "[\"hub.contoso.example:smtp\"]",
     "31:15: error: servers: \"hub.contoso.example:smtp\" is not a server; write "
     "hub1.example, hub1.example:25 or [2001:db8::1]:25\n"},
    {"a pin", "{ verify: name }", "{ verify: pin, pins: [\"sha256:00\"] }",
     "35:32: error: pins: \"sha256:00\" is not a pin; write sha256: and 44 "
     "characters of base64 or 64 of hex (forestgate pin SERVER shows it)\n"},
    {"a retry step", "version: 1",
     "version: 1\n"
     "retry: { connection: [4x] }",
     "2:23: error: connection: \"4x\" is not a retry step; write 5m or 4x1m\n"},
    {"no retry steps", "version: 1",
     "version: 1\n"
     "retry: { message: [] }",
     "2:19: error: message: at least one is needed\n"},
    {"a domain", "{ fabrikam.example: authoritative }", "{ \"*.*.example\": authoritative }",
     "14:16: error: domains: \"*.*.example\" is not a domain; write "
     "contoso.example or \"*.contoso.example\"\n"},
    {"no forest owns everything", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authoritative, \"*\": internal-relay }",
     "14:49: error: domains: no forest owns \"*\"; a way out is an address space "
     "of a send connector\n"},
    {"a cost", "{ verify: name }",
     "{ verify: name }\n"
     "    allow_from: [contoso]\n"
     "    address_spaces: { x.example: 101 }",
     "37:34: error: x.example: 101 is out of range; it can be 1 to 100\n"},
    {"a name with a blank", "  fabrikam:\n", "  the fabrikam:\n",
     "13:3: error: forests: \"the fabrikam\" is not a name; use up to 64 letters, "
     "digits, \"-\", \"_\" and \".\", a letter or digit first\n"
     "26:18: error: speaks_for: there is no \"fabrikam\" below \"forests\"\n"},
    {"a user name of blanks", "['CONTOSO\\svc']", "[' ']",
     "22:22: error: names: \" \" is not a user name: blanks at its ends, or "
     "nothing at all\n"},
    {"no user name at all", "['CONTOSO\\svc']", "['']",
     "22:22: error: names: nothing is given\n"},
    {"a control character", "path: spool", "path: \"sp\\nool\"",
     "4:16: error: path: \"sp?ool\" holds a control character\n"},
};

static void
config_read_refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    complaint_rows_check(values, COUNT_OF(values));
}

/* Names of other things, and of files. */
static const struct complaint_row names[] = {
    {"a certificate", "certificate: main }", "certificate: mian }",
     "8:48: error: certificate: there is no \"mian\" below \"certificates\"; did "
     "you mean \"main\"?\n"},
    {"a listener",
     "    listen: [main]\n"
     "    networks: [10.1",
     "    listen: [mains]\n"
     "    networks: [10.1",
     "18:14: error: listen: there is no \"mains\" below \"listen\"; did you mean "
     "\"main\"?\n"},
    {"a forest", "speaks_for: [contoso]", "speaks_for: [contosso]",
     "20:18: error: speaks_for: there is no \"contosso\" below \"forests\"; did "
     "you mean \"contoso\"?\n"},
    {"a send connector", "deliver: [contoso-hub]", "deliver: [edge]",
     "12:15: error: deliver: there is no \"edge\" below \"send\"\n"},
    {"a file that is not there", "certificate: tls/gw.pem", "certificate: tls/gone.pem",
     "6:24: error: certificate: cannot open @/tls/gone.pem: No such file or "
     "directory\n"},
    {"a key that others can read", "key: tls/gw.key", "key: tls/gw.pem",
     "6:41: error: key: @/tls/gw.pem has mode 0644, so others can reach it; chmod "
     "0600\n"},
    {"a secret that is not there", "secrets/contoso.hash", "secrets/gone.hash",
     "22:60: error: password_hash_files: cannot open @/secrets/gone.hash: No such "
     "file or directory\n"},
    {"a secret that others can read", "password_file: secrets/contoso }",
     "password_file: tls/gw.pem }",
     "32:39: error: password_file: @/tls/gw.pem has mode 0644, so others can "
     "reach it; chmod 0600\n"},
    {"an empty secret", "password_file: secrets/contoso }", "password_file: tls/gw.key }",
     "32:39: error: password_file: @/tls/gw.key is empty\n"},
    {"a password instead of its hash", "secrets/contoso.hash", "secrets/contoso",
     "22:60: error: password_hash_files: @/secrets/contoso does not hold a "
     "crypt(5) hash; make one with forestgate account hash\n"},
};

static void
config_read_finds_what_is_named(void **state)
{
    (void)state;
    complaint_rows_check(names, COUNT_OF(names));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_read_knows_every_key_and_no_other),
        cmocka_unit_test(config_read_refuses_values_that_do_not_fit),
        cmocka_unit_test(config_read_finds_what_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
