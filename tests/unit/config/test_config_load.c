#include "config/config_load.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config_rights.h"
#include "gateway/base/mem.h"
#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

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

/* It must load without a word. */
static struct config *
load(const char *text)
{
    struct complaints complaints;
    struct config *config = NULL;
    bool good = config_folder_load(&folder, text, &config, &complaints);
    assert_string_equal(buf_text(&complaints.text), "");
    assert_int_equal(complaints.errors + complaints.warnings, 0);
    assert_true(good);
    complaints_fini(&complaints);
    return config;
}

/* The example that postmasters copy, from the file itself. */
static struct config *
load_example(void)
{
    static char text[65536];
    FILE *file = fopen("config/forestgate.yaml", "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    return load(text);
}

static void
assert_path(const char *path, const char *name)
{
    char room[2 * CONFIG_FOLDER_PATH];
    assert_string_equal(path, config_folder_file(&folder, name, room));
}

static void
config_load_reads_the_top_of_the_example(void **state)
{
    struct config *c = load_example();
    (void)state;
    assert_int_equal(c->version, 1);
    assert_int_equal(c->workers, 0);
    assert_int_equal(c->generation, 0);
    assert_string_equal(c->hostname, "gw.contoso.example");
    assert_string_equal(c->postmaster, "postmaster@contoso.example");
    assert_path(c->file, "forestgate.yaml");
    assert_path(c->control_path, "control.sock");
    assert_path(c->spool_path, "spool");
    assert_int_equal(c->spool_map_size, 64ULL << 30);
    assert_int_equal(c->spool_reserve, 64 << 20);
    assert_int_equal(c->spool_body_in_file, 128 << 10);
    assert_string_equal(c->monitor->text, "127.0.0.1:8025");
    assert_int_equal(c->probe_network_count, 1);
    assert_string_equal(c->probe_networks[0].text, "10.0.9.0/24");
    assert_int_equal(c->drain_ms, 30000);
    config_unref(&c);
    assert_null(c);
}

static void
config_load_reads_limits_names_and_times_of_the_example(void **state)
{
    struct config *c = load_example();
    (void)state;
    assert_int_equal(c->limit_message_size, 25 << 20);
    assert_int_equal(c->limit_recipients, 5000);
    assert_int_equal(c->limit_hops, 30);
    assert_int_equal(c->limit_sessions, 1000);
    assert_int_equal(c->session_idle_ms, 300000);
    assert_true(c->where_limits.line > 1);
    assert_string_equal(c->where_limits.file, c->file);

    assert_int_equal(c->dns_server_count, 0);
    assert_int_equal(c->dns_zone_count, 2);
    assert_string_equal(c->dns_zones[0].zone, "contoso.example");
    assert_int_equal(c->dns_zones[0].server_count, 2);
    assert_string_equal(c->dns_zones[0].servers[1].text, "10.1.1.2:53");
    assert_string_equal(c->dns_zones[1].zone, "fabrikam.example");

    assert_int_equal(c->retry_connection.count, 11);
    assert_int_equal(c->retry_connection.wait_ms[0], 60000);
    assert_int_equal(c->retry_connection.wait_ms[3], 60000);
    assert_int_equal(c->retry_connection.wait_ms[4], 300000);
    assert_int_equal(c->retry_connection.wait_ms[10], 600000);
    assert_int_equal(c->retry_message.count, 3);
    assert_int_equal(c->retry_message.wait_ms[2], 900000);
    assert_int_equal(c->delay_notice_ms, 4 * 3600000);
    assert_int_equal(c->expire_ms, 48 * 3600000);
    config_unref(&c);
}

static void
config_load_reads_listeners_and_forests_of_the_example(void **state)
{
    struct config *c = load_example();
    (void)state;
    assert_int_equal(c->certificate_count, 1);
    assert_string_equal(c->certificates[0].name, "main");
    assert_path(c->certificates[0].certificate_file, "tls/gw.pem");
    assert_path(c->certificates[0].key_file, "tls/gw.key");
    assert_int_equal(c->listener_count, 1);
    assert_string_equal(c->listeners[0].address.text, "10.1.0.5:25");
    assert_ptr_equal(c->listeners[0].certificate, &c->certificates[0]);
    assert_int_equal(c->listeners[0].more_certificates_count, 0);

    assert_int_equal(c->forest_count, 3);
    const struct forest *f = &c->forests[0];
    assert_string_equal(f->name, "contoso");
    assert_int_equal(f->domain_count, 2);
    assert_string_equal(f->domains[0].name, "contoso.example");
    assert_false(f->domains[0].wildcard);
    assert_int_equal(f->domains[0].kind, DOMAIN_AUTHORITATIVE);
    assert_string_equal(f->domains[1].name, "contoso.example");
    assert_true(f->domains[1].wildcard);
    assert_int_equal(f->domains[1].where.line, f->domains[0].where.line + 1);
    assert_int_equal(f->domains[1].where.column, 7);
    assert_int_equal(f->deliver_count, 1);
    assert_ptr_equal(f->deliver[0], &c->send[0]);
    assert_false(f->hairpin);
    assert_string_equal(c->forests[2].name, "tailspin");
    assert_ptr_equal(c->forests[2].deliver[0], c->forests[1].deliver[0]);
    config_unref(&c);
}

static void
config_load_reads_receive_connectors_of_the_example(void **state)
{
    struct config *c = load_example();
    (void)state;
    assert_int_equal(c->receive_count, 2);
    const struct receive_connector *r = &c->receive[1];
    assert_string_equal(r->name, "fabrikam-hub");
    assert_int_equal(r->listen_count, 1);
    assert_ptr_equal(r->listen[0], &c->listeners[0]);
    assert_int_equal(r->network_count, 1);
    assert_int_equal(r->networks[0].family, AF_INET);
    assert_int_equal(r->networks[0].bits, 16);
    assert_int_equal(r->speaks_for_count, 2);
    assert_ptr_equal(r->speaks_for[0], &c->forests[1]);
    assert_ptr_equal(r->speaks_for[1], &c->forests[2]);
    assert_int_equal(r->tls_profile, TLS_PROFILE_MODERN);
    assert_true(r->tls_require);
    assert_int_equal(r->tls_clear_reply, 530);
    assert_true(r->auth_required);
    assert_int_equal(r->foreign_sender, FOREIGN_SENDER_EXTERNAL);
    assert_int_equal(r->spf, SPF_MARK);
    assert_int_equal(r->bare_newline, BARE_NEWLINE_REFUSE);
    assert_int_equal(r->rights, RIGHTS_OF_RECEIVE);
    assert_int_equal(r->rights_where.line, 0);
    assert_int_equal(r->message_size, c->limit_message_size);
    assert_int_equal(r->connections, 1000);
    assert_int_equal(r->connections_per_client, 100);

    const struct account *a = &c->receive[0].accounts[0];
    assert_int_equal(c->receive[0].account_count, 1);
    assert_string_equal(a->name, "svc-forestgate");
    assert_int_equal(a->name_count, 2);
    assert_string_equal(a->names[0], "CONTOSO\\svc-forestgate");
    assert_string_equal(a->names[1], "svc-forestgate@contoso.example");
    assert_int_equal(a->hash_count, 2);
    assert_string_equal(a->hashes[0], CONFIG_FOLDER_HASH);
    assert_string_equal(a->hashes[1], CONFIG_FOLDER_HASH);
    assert_path(a->hash_files[1], "secrets/contoso-next.hash");
    config_unref(&c);
}

static void
config_load_reads_send_connectors_of_the_example(void **state)
{
    struct config *c = load_example();
    (void)state;
    assert_int_equal(c->send_count, 3);
    const struct send_connector *s = &c->send[0];
    assert_string_equal(s->name, "contoso-bridgeheads");
    assert_int_equal(s->server_count, 2);
    assert_string_equal(s->servers[0].host, "bh1.contoso.example");
    assert_int_equal(s->servers[0].port, 25);
    assert_int_equal(s->servers[1].where.line, s->servers[0].where.line);
    assert_true(s->servers[1].where.column > s->servers[0].where.column);
    assert_int_equal(s->balance, BALANCE_FAILOVER);
    assert_int_equal(s->connections, 10);
    assert_int_equal(s->messages_per_connection, 20);
    assert_int_equal(s->connection_age_ms, 240000);
    assert_int_equal(s->idle_ms, 60000);
    assert_false(s->smtputf8);
    assert_true(s->tls_require);
    assert_int_equal(s->tls_verify, TLS_VERIFY_PIN);
    assert_null(s->tls_ca_file);
    assert_null(s->tls_server_name);
    assert_int_equal(s->pin_count, 2);
    assert_int_equal(s->pins[0].sha256[0], 0x9f);
    assert_int_equal(s->pins[1].sha256[31], 0x52);
    assert_string_equal(s->auth_user, "CONTOSO\\svc-forestgate");
    assert_string_equal(s->auth_password, CONFIG_FOLDER_PASSWORD);
    assert_false(s->send_password_unverified);

    s = &c->send[1];
    assert_int_equal(s->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(s->tls_verify, TLS_VERIFY_NAME);
    assert_path(s->tls_ca_file, "tls/fabrikam-ca.pem");

    s = &c->send[2];
    assert_null(s->auth_user);
    assert_null(s->auth_password);
    assert_int_equal(s->address_space_count, 1);
    assert_string_equal(s->address_spaces[0].domain, "");
    assert_true(s->address_spaces[0].wildcard);
    assert_int_equal(s->address_spaces[0].cost, 10);
    assert_int_equal(s->allow_from_count, 1);
    assert_ptr_equal(s->allow_from[0], &c->forests[0]);
    config_unref(&c);
}

static void
config_load_leaves_out_what_was_not_given(void **state)
{
    struct config *c = load(config_folder_small);
    (void)state;
    assert_null(c->control_path);
    assert_null(c->monitor);
    assert_int_equal(c->dns_zone_count, 0);
    assert_int_equal(c->where_limits.line, 0);
    assert_int_equal(c->limit_hops, 30);
    config_unref(&c);
}

/* text with the first `from` replaced; the caller frees. */
static char *
replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    size_t size = strlen(text) + strlen(to) + 1;
    char *result = malloc(size);
    assert_non_null(result);
    snprintf(result, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return result;
}

static const struct word_row {
    const char *say, *from, *to;
} good_rows[] = {
    {"one worker", "version: 1", "version: 1\nworkers: 1"},
    {"as many workers as there can be", "version: 1", "version: 1\nworkers: 64"},
    {"nothing, in so many words", "version: 1", "version: 1\ncontrol: none\nmonitor: none"},
    {"the system's name servers, in so many words", "spool:", "dns: { servers: system }\nspool:"},
    {"spf: off", "    speaks_for: [contoso]", "    speaks_for: [contoso]\n    spf: off"},
    {"spf: mark", "    speaks_for: [contoso]", "    speaks_for: [contoso]\n    spf: mark"},
    {"spf: enforce", "    speaks_for: [contoso]", "    speaks_for: [contoso]\n    spf: enforce"},
    {"quoted keys", "spool: { path: spool }", "\"spool\": { 'path': \"spool\" }"},
    {"a document that begins and ends in so many words", "version: 1",
     "--- # a comment\nversion: 1"},
    {"hash files of another account", "secrets/fabrikam.hash", "secrets/contoso-next.hash"},
    {"a wildcard elsewhere", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authoritative, \"*.contoso.example\": authoritative }"},
    {"a shared name space", "{ fabrikam.example: authoritative }",
     "{ fabrikam.example: authoritative, contoso.example: internal-relay }"},
};

static void
config_load_takes_what_is_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_rows); i++) {
        char *text = replaced(config_folder_small, good_rows[i].from, good_rows[i].to);
        struct config *c = load(text);
        config_unref(&c);
        free(text);
    }
}

static void
config_load_lowers_what_compares_without_case(void **state)
{
    char *text = replaced(config_folder_small, "{ contoso.example: authoritative }",
                          "{ \"*.Contoso.EXAMPLE\": authoritative }");
    char *more = replaced(text, "[hub.contoso.example]", "[HUB.Contoso.example]");
    struct config *c = load(more);
    (void)state;
    assert_string_equal(c->forests[0].domains[0].name, "contoso.example");
    assert_string_equal(c->send[0].servers[0].host, "hub.contoso.example");
    config_unref(&c);
    free(more);
    free(text);
}

static void
config_load_takes_windows_line_ends_and_a_byte_order_mark(void **state)
{
    char text[2 * 4096] = "\xef\xbb\xbf";
    size_t n = 3;
    (void)state;
    for (const char *p = config_folder_small; *p != '\0'; p++) {
        if (*p == '\n')
            text[n++] = '\r';
        text[n++] = *p;
    }
    must(n < sizeof text);
    struct config *c = load(text);
    assert_int_equal(c->forests[0].where.line, 10);
    config_unref(&c);
}

/* A file that cannot be read at all. */
static void
assert_refused(const char *path, const char *said)
{
    struct complaints complaints;
    struct config *config = NULL;
    complaints_init(&complaints);
    assert_false(config_load(path, &config, &complaints));
    assert_null(config);
    assert_int_equal(complaints.errors, 1);
    assert_string_equal(buf_text(&complaints.text), said);
    complaints_fini(&complaints);
}

static void
config_load_says_which_file_it_cannot_read(void **state)
{
    (void)state;
    assert_refused("/tmp/no-such-folder/gw.yaml",
                   "/tmp/no-such-folder/gw.yaml: error: cannot open it: No such file or "
                   "directory\n");
    assert_refused("/tmp", "/tmp: error: cannot read it: Is a directory\n");
}

static void
config_load_refuses_a_file_over_a_mebibyte(void **state)
{
    char path[2 * CONFIG_FOLDER_PATH], said[4 * CONFIG_FOLDER_PATH];
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);
    (void)state;
    assert_non_null(text);
    memset(text, '#', size);
    config_folder_file(&folder, "large.yaml", path);

    config_folder_write(&folder, "large.yaml", slice(text, size), 0644);
    snprintf(said, sizeof said, "%s: error: larger than 1048576 octets\n", path);
    assert_refused(path, said);
    config_folder_write(&folder, "large.yaml", slice(text, size - 1), 0644);
    snprintf(said, sizeof said, "%s: error: nothing is configured\n", path);
    assert_refused(path, said);
    free(text);
}

static void
config_load_resolves_paths_against_the_folder_of_a_relative_file(void **state)
{
    char *before = getcwd(NULL, 0);
    struct complaints complaints;
    struct config *c = NULL;
    (void)state;
    config_folder_write(&folder, "gw.yaml", slice_str(config_folder_small), 0644);
    assert_int_equal(chdir(folder.path), 0);
    complaints_init(&complaints);
    assert_true(config_load("gw.yaml", &c, &complaints));
    assert_int_equal(chdir(before), 0);
    assert_string_equal(c->file, "gw.yaml");
    assert_path(c->spool_path, "spool");
    config_unref(&c);

    assert_int_equal(chdir(folder.path), 0);
    assert_true(config_load("tls/../gw.yaml", &c, &complaints));
    assert_int_equal(chdir(before), 0);
    assert_path(c->spool_path, "tls/../spool");
    config_unref(&c);
    complaints_fini(&complaints);
    free(before);
}

/* Whichever call for memory fails: no config, an error, and nothing left behind (the sanitizer
 * looks). */
static void
config_load_survives_every_failure_of_memory(void **state)
{
    bool good = false;
    (void)state;
    for (long calls = 0; !good; calls++) {
        struct complaints complaints;
        struct config *c = NULL;
        mem_fail_after(calls);
        good = config_folder_load(&folder, config_folder_small, &c, &complaints);
        mem_fail_after(-1);
        assert_true(good == (complaints.errors == 0));
        assert_true(good == (c != NULL));
        config_unref(&c);
        complaints_fini(&complaints);
        assert_true(calls < 10000);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_load_reads_the_top_of_the_example),
        cmocka_unit_test(config_load_reads_limits_names_and_times_of_the_example),
        cmocka_unit_test(config_load_reads_listeners_and_forests_of_the_example),
        cmocka_unit_test(config_load_reads_receive_connectors_of_the_example),
        cmocka_unit_test(config_load_reads_send_connectors_of_the_example),
        cmocka_unit_test(config_load_leaves_out_what_was_not_given),
        cmocka_unit_test(config_load_takes_what_is_good),
        cmocka_unit_test(config_load_lowers_what_compares_without_case),
        cmocka_unit_test(config_load_takes_windows_line_ends_and_a_byte_order_mark),
        cmocka_unit_test(config_load_says_which_file_it_cannot_read),
        cmocka_unit_test(config_load_refuses_a_file_over_a_mebibyte),
        cmocka_unit_test(config_load_resolves_paths_against_the_folder_of_a_relative_file),
        cmocka_unit_test(config_load_survives_every_failure_of_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
