#include "config/config_show.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/config_schema.h"
#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

enum { SHOWN_MAX = 1 << 18 };

static struct config_folder folder;

static int
make_folder(void **state)
{
    (void)state;
    config_folder_new(&folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    config_folder_remove(&folder);
    return 0;
}

/* What is shown of the configuration that text loads to; the caller ends the buffer. */
static void
load_and_show(const char *text, struct buf *shown)
{
    struct complaints complaints;
    struct config *config = NULL;
    buf_init(shown, SHOWN_MAX);
    bool good = config_folder_load(&folder, text, &config, &complaints);
    if (!good)
        fail_msg("%s", buf_text(&complaints.text));
    config_show(config, shown);
    assert_true(buf_ok(shown));
    config_unref(&config);
    complaints_fini(&complaints);
}

/* Everything that can be said, with characters that YAML would take for something else. */
static const char everything[] =
    "version: 1\n"
    "workers: 1\n"
    "hostname: gw.contoso.example\n"
    "postmaster: '\"o''hara: # 1\"@contoso.example'\n"
    "control: 'run: #1/it''s.sock'\n"
    "drain: 0s\n"
    "spool: { path: \"- spool\", map_size: 1TiB, reserve: 1MiB, body_in_file: 65537 }\n"
    "monitor: { address: \"[::1]:8025\", probe_networks: [10.0.9.0/24, \"2001:db8::/32\"] }\n"
    "pressure:\n"
    "  disk_free: { medium: off, high: 3MiB }\n"
    "  spool_size: { medium: auto, high: 5GiB }\n"
    "  commit_time: { medium: 250ms, high: off }\n"
    "  memory: { high: 1GiB }\n"
    "  messages: { medium: 10, high: 20 }\n"
    "  delay: 0s\n"
    "  hold: 2s\n"
    "limits: { message_size: 65536, recipients: 7, hops: 9, sessions: 11, idle: 301s }\n"
    "dns:\n"
    "  servers: [\"10.0.0.1:5353\", \"::1\"]\n"
    "  zones: { Contoso.example: [10.1.1.1] }\n"
    "retry: { connection: [1m, 1m, 5m], message: [90s], delay_notice: 1h, expire: 7d }\n"
    "certificates:\n"
    "  main: { certificate: tls/gw.pem, key: tls/gw.key }\n"
    "  \"1.0\": { certificate: tls/gw.pem, key: tls/gw.key }\n"
    "listen:\n"
    "  main: { address: 0.0.0.0, certificate: main, certificates: [\"1.0\"] }\n"
    "forests:\n"
    "  contoso:\n"
    "    domains: { \"*.contoso.example\": authoritative, x.example: internal-relay,\n"
    "               y.example: external-relay }\n"
    "    deliver: [hub, other]\n"
    "    hairpin: allow\n"
    "receive:\n"
    "  r:\n"
    "    listen: [main]\n"
    "    networks: [\"::/0\", 10.0.0.0/8]\n"
    "    speaks_for: [contoso]\n"
    "    tls: { profile: modern, require: true, clear_reply: 454 }\n"
    "    auth: required\n"
    "    accounts:\n"
    "      a: { names: ['CONTOSO\\svc', \"it's: #1\", '[x]', \"\\xe4\\u20ac\"],\n"
    "           password_hash_files: [secrets/contoso.hash] }\n"
    "    foreign_sender: refuse\n"
    "    spf: off\n"
    "    bare_newline: normalise\n"
    "    rights: [bypass-message-size-limit, default, accept-headers-routing]\n"
    "    message_size: 65536\n"
    "    connections: 3\n"
    "    connections_per_client: 2\n"
    "  clear:\n"
    "    listen: [main]\n"
    "    networks: [192.0.2.1]\n"
    "    tls: { require: false }\n"
    "    auth: none\n"
    "send:\n"
    "  hub:\n"
    "    servers: [HUB.contoso.example, \"10.1.1.1:26\", \"[2001:db8::1]:27\"]\n"
    "    balance: round-robin\n"
    "    connections: 1\n"
    "    messages_per_connection: 2\n"
    "    connection_age: 3s\n"
    "    idle: 0s\n"
    "    smtputf8: true\n"
    "    tls: { verify: ca, ca: tls/fabrikam-ca.pem, server_name: hub.contoso.example }\n"
    "    auth: { user: none, password_file: secrets/contoso }\n"
    "    address_spaces: { \"*\": 100, \"*.out.example\": 1, out.example: 2 }\n"
    "    allow_from: [contoso]\n"
    "    rights: none\n"
    "  other:\n"
    "    servers: [other]\n"
    "    tls: { require: false, verify: pin,\n"
    "           pins: [\"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"] }\n"
    "    auth: { user: 'it''s', password_file: secrets/fabrikam,\n"
    "            send_password_unverified: true }\n";

static void
config_show_writes_what_loads_to_the_same(void **state)
{
    static const char *const texts[] = {config_folder_small, everything};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct buf first, second;
        load_and_show(texts[i], &first);
        load_and_show(buf_text(&first), &second);
        assert_string_equal(buf_text(&second), buf_text(&first));
        buf_fini(&second);
        buf_fini(&first);
    }
}

/* Each of these is said in `everything` and not by default. */
static void
config_show_tells_what_was_set(void **state)
{
    static const char *const lines[] = {
        "\nworkers: 1\n",
        "\npostmaster: '\"o''hara: # 1\"@contoso.example'\n",
        "\n  body_in_file: 65537\n",
        "\n  address: '[::1]:8025'\n",
        "\n    high: 3MiB\n",
        "\n    medium: 250ms\n    high: off\n",
        "\n    medium: auto\n    high: 5GiB\n",
        "\n    medium: 10\n    high: 20\n",
        "\n  message_size: 64KiB\n",
        "\n  idle: 301s\n",
        "\n  servers: ['10.0.0.1:5353', '[::1]:53']\n",
        "\n    contoso.example: ['10.1.1.1:53']\n",
        "\n  connection: [2x1m, 5m]\n",
        "\n    address: '0.0.0.0:25'\n",
        "\n    certificates: [1.0]\n",
        "\n      '*.contoso.example': authoritative\n",
        "\n      x.example: internal-relay\n",
        "\n    hairpin: allow\n",
        "\n    networks: ['::/0', 10.0.0.0/8]\n",
        "\n      clear_reply: 454\n",
        "\n        names: [CONTOSO\\svc, 'it''s: #1', '[x]', '\xc3\xa4\xe2\x82\xac']\n",
        "\n    foreign_sender: refuse\n",
        "\n    rights: [accept-authoritative-domain-sender, accept-authentication-flag, "
        "accept-headers-routing, bypass-message-size-limit]\n",
        "\n    rights: none\n",
        "\n    bare_newline: normalise\n",
        "\n    networks: [192.0.2.1/32]\n",
        "\n    auth: none\n",
        "\n    servers: ['hub.contoso.example:25', '10.1.1.1:26', '[2001:db8::1]:27']\n",
        "\n    smtputf8: true\n",
        "\n      server_name: hub.contoso.example\n",
        "\n      user: none\n",
        "\n      '*': 100\n",
        "\n      require: false\n",
        "\n      send_password_unverified: true\n",
    };
    struct buf shown;
    (void)state;
    load_and_show(everything, &shown);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (strstr(buf_text(&shown), lines[i]) == NULL)
            fail_row(lines[i], "is not in\n%s", buf_text(&shown));
    buf_fini(&shown);
}

static void
config_show_tells_the_defaults_and_no_secret(void **state)
{
    struct buf shown;
    (void)state;
    load_and_show(config_folder_small, &shown);
    const char *text = buf_text(&shown);
    assert_non_null(strstr(text, "\ncontrol: none\n"));
    assert_non_null(strstr(text, "\nmonitor: none\n"));
    assert_non_null(strstr(text, "\n  map_size: 64GiB\n"));
    assert_non_null(strstr(text, "\n  servers: system\n"));
    assert_non_null(strstr(text, "\n  connection: [4x1m, 6x5m, 10m]\n"));
    assert_non_null(strstr(text, "\n      verify: name\n"));
    assert_non_null(strstr(text, "\n    rights: [accept-authoritative-domain-sender, "
                                 "accept-authentication-flag, accept-headers-routing]\n"));
    assert_non_null(strstr(text, "\n    rights: [send-headers-routing]\n"));
    assert_non_null(strstr(text, "/secrets/contoso\n"));
    assert_null(strstr(text, CONFIG_FOLDER_PASSWORD));
    assert_null(strstr(text, "$y$"));
    buf_fini(&shown);
}

/* Every row, that its path is unique and that what it needs is there. */
static void
check_rows(const char *parent, const char *manual, size_t *count)
{
    char below[ROW_PATH], line[ROW_PATH + 4];
    for (const struct row *row = NULL; (row = schema_next(parent, row)) != NULL;) {
        bool told = row->shape != SHAPE_NOT_YET;
        *count += 1;
        assert_ptr_equal(schema_find(parent, slice_str(row_key(row))), row);
        snprintf(line, sizeof line, "%s\n    ", row->path);
        if ((strstr(manual, line) != NULL) != told)
            fail_row(row->path, "%s", told ? "is not in the manual" : "is in the manual");
        if (row->say == NULL || row->say[strlen(row->say) - 1] == '.')
            fail_row(row->path, "has no sentence, or one with a full stop");
        if (row->min > row->max || (row->required && row->unset != NULL))
            fail_row(row->path, "contradicts itself");
        if (row->target != NULL && schema_find("", slice_str(row->target)) == NULL)
            fail_row(row->path, "leads nowhere");
        if (row->shape == SHAPE_NAMED && row_of_each(row) != NULL)
            check_rows(row->path, manual, count);
        else if (row->shape == SHAPE_NAMED || row->shape == SHAPE_SECTION)
            check_rows(row_below(row, below), manual, count);
    }
}

static void
config_manual_has_every_key_that_works(void **state)
{
    struct buf manual;
    size_t count = 0;
    (void)state;
    buf_init(&manual, SHOWN_MAX);
    config_manual(&manual);
    assert_true(buf_ok(&manual));
    check_rows("", buf_text(&manual), &count);
    assert_true(count > 80);
    assert_non_null(strstr(buf_text(&manual),
                           "retry.connection\n"
                           "    list of waits; default [4x1m, 6x5m, 10m]\n"
                           "    Waits while a server or connector cannot be reached; the last "
                           "one repeats.\n"));
    assert_non_null(strstr(buf_text(&manual), "limits.hops\n    number, 1 to 100; default 30\n"));
    assert_non_null(strstr(buf_text(&manual), "    word: name, ca, pin, none; default name\n"));
    assert_non_null(
        strstr(buf_text(&manual), "    word: modern, exchange2003; default modern\n"));
    assert_non_null(strstr(buf_text(&manual), "    word: off, mark, enforce; default off\n"));
    assert_non_null(strstr(buf_text(&manual),
                           "send.*.rights\n    list of rights, or none; default [default]\n"));
    buf_fini(&manual);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_show_writes_what_loads_to_the_same),
        cmocka_unit_test(config_show_tells_what_was_set),
        cmocka_unit_test(config_show_tells_the_defaults_and_no_secret),
        cmocka_unit_test(config_manual_has_every_key_that_works),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
