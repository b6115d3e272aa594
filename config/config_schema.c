#include "config/config_schema.h"

#include <stdio.h>

#include "config/config_type.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define SECONDS 1000ULL
#define MINUTES (60 * SECONDS)
#define HOURS (60 * MINUTES)
#define DAYS (24 * HOURS)

static const struct word foreign_sender_words[] = {
    {"external", FOREIGN_SENDER_EXTERNAL},
    {"refuse", FOREIGN_SENDER_REFUSE},
    {0},
};
static const struct word bare_newline_words[] = {
    {"refuse", BARE_NEWLINE_REFUSE},
    {"normalise", BARE_NEWLINE_NORMALISE},
    {0},
};
static const struct word domain_words[] = {
    {"authoritative", DOMAIN_AUTHORITATIVE},
    {"internal-relay", DOMAIN_INTERNAL_RELAY},
    {"external-relay", DOMAIN_EXTERNAL_RELAY},
    {0},
};
static const struct word profile_words[] = {
    {"modern", TLS_PROFILE_MODERN},
    {"exchange2003", TLS_PROFILE_EXCHANGE2003},
    {0},
};
static const struct word verify_words[] = {
    {"name", TLS_VERIFY_NAME},
    {"ca", TLS_VERIFY_CA},
    {"pin", TLS_VERIFY_PIN},
    {"none", TLS_VERIFY_NONE},
    {0},
};
static const struct word balance_words[] = {
    {"failover", BALANCE_FAILOVER},
    {"round-robin", BALANCE_ROUND_ROBIN},
    {0},
};
static const struct word peer_words[] = {
    {"exchange", PEER_EXCHANGE},
    {"gateway", PEER_GATEWAY},
    {0},
};
static const struct word clear_reply_words[] = {{"530", 530}, {"454", 454}, {0}};
static const struct word hairpin_words[] = {{"refuse", 0}, {"allow", 1}, {0}};
static const struct word auth_words[] = {{"none", 0}, {"required", 1}, {0}};
static const struct word spf_words[] = {
    {"off", SPF_OFF}, {"mark", SPF_MARK}, {"enforce", SPF_ENFORCE}, {0}};

/* Shape, kind of value and member of a row. */
#define ONE(kind, owner, member)                                                                 \
    .shape = SHAPE_ONE, .type = &type_##kind, .at = offsetof(struct owner, member)
#define LIST(kind, owner, member, member_count)                                                  \
    .shape = SHAPE_LIST, .type = &type_##kind, .at = offsetof(struct owner, member),             \
    .count_at = offsetof(struct owner, member_count)
#define NAMED(kind, owner, member, member_count, item)                                           \
    .shape = SHAPE_NAMED, .type = &type_##kind, .at = offsetof(struct owner, member),            \
    .count_at = offsetof(struct owner, member_count), .size = sizeof(struct item),               \
    .where_at = offsetof(struct item, where)
#define RIGHTS(side)                                                                             \
    .shape = SHAPE_GATHERED, .type = &type_##side##_right,                                       \
    .at = offsetof(struct side##_connector, rights),                                             \
    .where_at = offsetof(struct side##_connector, rights_where), .once = true, .none = "none",   \
    .unset = "default"
#define SECTION .shape = SHAPE_SECTION
#define NOT_YET .shape = SHAPE_NOT_YET
#define RANGE(low, high) .min = (low), .max = (high)
#define REQUIRED .required = true

/* The whole language of the file. A row's path is its place; its members' struct is that of the
 * nearest name above it, or struct config. */
static const struct row rows[] = {
    {"version", ONE(count, config, version), RANGE(1, 1), REQUIRED,
     .say = "the version of this file's language"},
    {"workers", ONE(count, config, workers), RANGE(1, 64), .none = "auto",
     .say = "how many threads carry mail; auto is one for each processor, at most four"},
    {"hostname", ONE(host, config, hostname), REQUIRED,
     .say = "the gateway's own name, in its banner, EHLO, Received fields and reports"},
    {"postmaster", ONE(mailbox, config, postmaster), REQUIRED,
     .say = "who gets mail for <postmaster> and reports that cannot go anywhere else"},
    {"control", ONE(path, config, control_path), .none = "none",
     .say = "the socket through which the other subcommands reach the daemon"},
    {"reread", ONE(duration, config, reread_ms), RANGE(0, 1 * HOURS), .unset = "10s",
     .say =
         "how often certificates, keys and secret files are looked at for a change; 0s: never"},
    {"drain", ONE(duration, config, drain_ms), RANGE(0, 1 * HOURS), .unset = "30s",
     .say = "how long SIGTERM waits for what is under way"},

    {"spool", SECTION, REQUIRED, .say = "where mail in our custody is kept"},
    {"spool.path", ONE(path, config, spool_path), REQUIRED,
     .say = "the folder, on a local disk; one daemon at a time owns it"},
    {"spool.map_size", ONE(size, config, spool_map_size), RANGE(1 * MIB, 16 * TIB),
     .unset = "64GiB", .say = "the most that the database in the folder may grow to"},
    {"spool.reserve", ONE(size, config, spool_reserve), RANGE(0, 1 * TIB), .unset = "64MiB",
     .say = "disk kept free to record outcomes when mail is no longer accepted"},
    {"spool.body_in_file", ONE(size, config, spool_body_in_file), RANGE(0, 1 * GIB),
     .unset = "128KiB", .say = "messages of this size and above are files of their own"},

    {"tracking", SECTION, .say = "the message tracking log, as files of Exchange 2007's"},
    {"tracking.path", ONE(path, config, tracking_path), .none = "none",
     .say = "their folder; forestgate track reads them"},
    {"tracking.file_size", ONE(size, config, tracking_file_size), RANGE(64 * KIB, 1 * GIB),
     .unset = "10MiB", .say = "a new file begins at this size, and each day (UTC)"},
    {"tracking.folder_size", ONE(size, config, tracking_folder_size), RANGE(1 * MIB, 16 * TIB),
     .unset = "4GiB",
     .say = "the oldest files are removed beyond this; a million messages take "
            "about 0.7 GiB"},
    {"tracking.keep", ONE(duration, config, tracking_keep_ms), RANGE(1 * HOURS, 3650 * DAYS),
     .unset = "30d", .say = "older files are removed"},

    {"protocol_log", SECTION,
     .say = "conversations with clients and servers, as Exchange 2007's protocol logs"},
    {"protocol_log.path", ONE(path, config, protocol_log_path), .none = "none",
     .say = "their folder; nothing is written until forestgate log protocol switches it on"},
    {"protocol_log.file_size", ONE(size, config, protocol_log_file_size),
     RANGE(64 * KIB, 1 * GIB), .unset = "10MiB",
     .say = "a new file begins at this size, and each day (UTC)"},
    {"protocol_log.folder_size", ONE(size, config, protocol_log_folder_size),
     RANGE(1 * MIB, 16 * TIB), .unset = "250MiB",
     .say = "the oldest files are removed beyond this, half of it for each direction"},
    {"protocol_log.keep", ONE(duration, config, protocol_log_keep_ms),
     RANGE(1 * HOURS, 3650 * DAYS), .unset = "30d", .say = "older files are removed"},

    {"monitor", SECTION, .none = "none", .at = offsetof(struct config, monitor),
     .say = "the HTTP address that answers /livez, /readyz, /status and /metrics"},
    {"monitor.address", ONE(endpoint_new, config, monitor), REQUIRED,
     .say = "where to listen; it has no password, so choose an inner address"},
    {"monitor.probe_networks", LIST(network, config, probe_networks, probe_network_count),
     .say = "load balancers and monitors: answered, counted, not logged unless they bring mail"},
    {"monitor.evidence", ONE(duration, config, monitor_evidence_ms),
     RANGE(1 * SECONDS, 1 * HOURS), .unset = "30s",
     .say = "how long /readyz?forest= believes what happened at a server; then an idle one is "
            "asked quietly, without mail"},

    {"pressure", SECTION,
     .say = "back pressure: from when on new mail is taken slowly (medium) or refused with 452 "
            "4.3.1 (high)"},
    {"pressure.disk_free", SECTION, .say = "what the disk of the spool has left"},
    {"pressure.disk_free.medium", ONE(size, config, pressure_disk_free_medium),
     RANGE(0, 16 * TIB), .unset = "512MiB", .none = "off", .say = "less than this is medium"},
    {"pressure.disk_free.high", ONE(size, config, pressure_disk_free_high), RANGE(0, 16 * TIB),
     .unset = "256MiB", .none = "off", .say = "less than this is high"},
    {"pressure.spool_size", SECTION, .say = "how much of spool.map_size is in use"},
    {"pressure.spool_size.medium", ONE(size, config, pressure_spool_size_medium),
     RANGE(0, 16 * TIB), .none = "auto",
     .say = "this and more is medium; auto is 75 % of the map, less the reserve"},
    {"pressure.spool_size.high", ONE(size, config, pressure_spool_size_high), RANGE(0, 16 * TIB),
     .none = "auto", .say = "this and more is high; auto is 90 % of the map, less the reserve"},
    {"pressure.commit_time", SECTION,
     .say = "how long the spool takes to make a change durable: the mean of ten seconds, or the "
            "age of the change that is under way"},
    {"pressure.commit_time.medium", ONE(duration, config, pressure_commit_time_medium_ms),
     RANGE(0, 1 * HOURS), .unset = "1s", .none = "off", .say = "this and more is medium"},
    {"pressure.commit_time.high", ONE(duration, config, pressure_commit_time_high_ms),
     RANGE(0, 1 * HOURS), .unset = "5s", .none = "off",
     .say = "this and more is high, and no delivery is begun either"},
    {"pressure.memory", SECTION, .say = "what the process has in memory of its own"},
    {"pressure.memory.medium", ONE(size, config, pressure_memory_medium), RANGE(0, 16 * TIB),
     .none = "auto",
     .say = "this and more is medium; auto is 60 % of what the service or the machine has"},
    {"pressure.memory.high", ONE(size, config, pressure_memory_high), RANGE(0, 16 * TIB),
     .none = "auto", .say = "this and more is high; auto is 75 % of that"},
    {"pressure.messages", SECTION, .say = "how many messages are in custody"},
    {"pressure.messages.medium", ONE(count, config, pressure_messages_medium),
     RANGE(0, 1000000000), .none = "off", .say = "this and more is medium"},
    {"pressure.messages.high", ONE(count, config, pressure_messages_high), RANGE(0, 1000000000),
     .none = "off", .say = "this and more is high"},
    {"pressure.delay", ONE(duration, config, pressure_delay_ms), RANGE(0, 30 * SECONDS),
     .unset = "1s", .say = "how late MAIL is answered at medium"},
    {"pressure.hold", ONE(duration, config, pressure_hold_ms), RANGE(0, 1 * HOURS),
     .unset = "10s", .say = "how long it must be better before a level falls by one"},

    {"limits", SECTION, .where_at = offsetof(struct config, where_limits),
     .say = "what one message and all sessions together may use"},
    {"limits.message_size", ONE(size, config, limit_message_size), RANGE(64 * KIB, 2 * GIB),
     .unset = "25MiB",
     .say = "the largest message, as it travels: base64 adds a third to what users see"},
    {"limits.recipients", ONE(count, config, limit_recipients), RANGE(1, 50000), .unset = "5000",
     .say = "the most recipients of one message (RFC 5321 4.5.3.1.8: 100)"},
    {"limits.hops", ONE(count, config, limit_hops), RANGE(1, 100), .unset = "30",
     .say = "a message with more Received fields than this is in a loop"},
    {"limits.reports", ONE(count, config, limit_reports), RANGE(0, 1000000), .unset = "100",
     .say = "reports to one sender in an hour; further ones wait for their turn; 0 is no limit"},
    {"limits.sessions", ONE(count, config, limit_sessions), RANGE(1, 100000), .unset = "1000",
     .say = "the most sessions at once, over all listeners"},
    {"limits.probe_sessions", ONE(count, config, limit_probe_sessions), RANGE(0, 1000),
     .unset = "16",
     .say = "sessions of monitor.probe_networks taken beyond that and beyond connections: a full "
            "gateway is not dead"},
    {"limits.command", ONE(duration, config, command_ms), RANGE(1 * SECONDS, 1 * HOURS),
     .unset = "5m", .say = "how long one command may take from its first octet to its last"},
    {"limits.data_rate", ONE(size, config, data_rate), RANGE(0, 1 * GIB), .unset = "1KiB",
     .say = "the least that a client must send a second, over two minutes; 0 is no limit"},
    {"limits.auth_failures", ONE(count, config, limit_auth_failures), RANGE(1, 100000),
     .unset = "10", .say = "wrong passwords from one address, in ten minutes, that block it"},
    {"limits.auth_block", ONE(duration, config, auth_block_ms), RANGE(1 * SECONDS, 1 * DAYS),
     .unset = "10m", .say = "how long the address is refused then"},
    {"limits.idle", ONE(duration, config, session_idle_ms), RANGE(1 * SECONDS, 1 * HOURS),
     .unset = "5m",
     .say = "how long a client may be silent (RFC 5321 4.5.3.2.7: at least five minutes)"},

    {"dns", SECTION, .say = "who answers questions about names, besides /etc/hosts"},
    {"dns.servers", LIST(endpoint, config, dns_servers, dns_server_count), .port = 53,
     .none = "system", .say = "name servers; system means those of /etc/resolv.conf"},
    {"dns.zones", NAMED(zone, config, dns_zones, dns_zone_count, dns_zone),
     .say = "domains that have name servers of their own, as private forests do"},
    {"dns.zones.*", LIST(endpoint, dns_zone, servers, server_count), .port = 53, REQUIRED,
     .say = "the name servers of the domain and all below it"},

    {"retry", SECTION, .say = "when mail that could not be delivered is tried again"},
    {"retry.connection", .shape = SHAPE_GATHERED, .type = &type_retry_steps,
     .at = offsetof(struct config, retry_connection), .unset = "4x1m, 6x5m, 10m",
     .say = "waits while a server or connector cannot be reached; the last one repeats"},
    {"retry.message", .shape = SHAPE_GATHERED, .type = &type_retry_steps,
     .at = offsetof(struct config, retry_message), .unset = "1m, 5m, 15m",
     .say = "waits after a 4xx for one message or recipient; the last one repeats"},
    {"retry.delay_notice", ONE(duration, config, delay_notice_ms), RANGE(1 * SECONDS, 30 * DAYS),
     .unset = "4h", .say = "when the sender is told that the message is late"},
    {"retry.expire", ONE(duration, config, expire_ms), RANGE(1 * SECONDS, 30 * DAYS),
     .unset = "2d",
     .say = "when the message is returned, but never before one attempt since the start"},

    {"certificates", NAMED(name, config, certificates, certificate_count, certificate), REQUIRED,
     .say = "what the gateway shows to those who connect"},
    {"certificates.*.certificate", ONE(file, certificate, certificate_file), REQUIRED,
     .say = "PEM: the certificate, then those that lead to its root"},
    {"certificates.*.key", ONE(key_file, certificate, key_file), REQUIRED,
     .say = "PEM: its private key; a file that others cannot read"},

    {"listen", NAMED(name, config, listeners, listener_count, listener), REQUIRED,
     .say = "addresses that take mail"},
    {"listen.*.address", ONE(endpoint, listener, address), .port = 25, REQUIRED,
     .say = "address and port; 0.0.0.0 and [::] are all addresses"},
    {"listen.*.certificate", ONE(name_of, listener, certificate), .target = "certificates",
     REQUIRED, .say = "the certificate for clients that name no host (Exchange names none)"},
    {"listen.*.certificates", LIST(name_of, listener, more_certificates, more_certificates_count),
     .target = "certificates", .say = "more, chosen by the host that the client names (SNI)"},
    {"listen.*.proxy_protocol", LIST(network, listener, proxy_networks, proxy_network_count),
     .say = "load balancers that begin with a PROXY header (version 1 or 2), and must"},

    {"forests", NAMED(name, config, forests, forest_count, forest), REQUIRED,
     .say = "Exchange organizations: the domains they own and the connectors that reach them"},
    {"forests.*.domains", NAMED(domain, forest, domains, domain_count, forest_domain), REQUIRED,
     .say = "accepted domains; \"*.d\" is d and all below, an exact entry wins"},
    {"forests.*.domains.*", ONE(words, forest_domain, kind), .words = domain_words, REQUIRED,
     .say = "as in Exchange 2007; a domain is authoritative in one forest only"},
    {"forests.*.deliver", LIST(name_of, forest, deliver, deliver_count), .target = "send",
     REQUIRED, .say = "send connectors that reach the forest, the preferred one first"},
    {"forests.*.hairpin", ONE(switch, forest, hairpin), .words = hairpin_words, .unset = "refuse",
     .say =
         "whether mail from the forest may go back into it, to other servers than it came from"},
    {"forests.*.directory", NOT_YET, .say = "the forest's recipients, from a GALSync export"},

    {"receive", NAMED(name, config, receive, receive_count, receive_connector), REQUIRED,
     .say = "who may connect, chosen by listener and narrowest network, then by account"},
    {"receive.*.listen", LIST(name_of, receive_connector, listen, listen_count),
     .target = "listen", REQUIRED, .say = "on which listeners"},
    {"receive.*.networks", LIST(network, receive_connector, networks, network_count), REQUIRED,
     .say = "from which addresses"},
    {"receive.*.speaks_for", LIST(name_of, receive_connector, speaks_for, speaks_for_count),
     .target = "forests",
     .say = "the forests whose senders are believed; all others are external"},
    {"receive.*.tls", SECTION, .say = "encryption of these sessions"},
    {"receive.*.tls.profile", ONE(words, receive_connector, tls_profile), .words = profile_words,
     .unset = "modern",
     .say = "modern: TLS 1.2 and up; exchange2003: TLS 1.0 to 1.2 and static RSA"},
    {"receive.*.tls.require", ONE(bool, receive_connector, tls_require), .unset = "true",
     .say = "no AUTH and no mail before STARTTLS"},
    {"receive.*.tls.clear_reply", ONE(words, receive_connector, tls_clear_reply),
     .words = clear_reply_words, .unset = "530",
     .say = "the reply to mail in clear; Exchange 2003 bounces at 530 and waits at 454"},
    {"receive.*.auth", ONE(switch, receive_connector, auth_required), .words = auth_words,
     .unset = "required", .say = "none trusts the networks alone"},
    {"receive.*.accounts", NAMED(name, receive_connector, accounts, account_count, account),
     .say = "who may log on"},
    {"receive.*.accounts.*.names", LIST(login, account, names, name_count), REQUIRED,
     .say = "what the client sends as user name: DOMAIN\\user, user@domain or user"},
    {"receive.*.accounts.*.password_hash_files",
     LIST(secret_file, account, hash_files, hash_count), RANGE(1, 2), REQUIRED,
     .say = "one crypt(5) hash in each (forestgate account hash); two during a change"},
    {"receive.*.foreign_sender", ONE(words, receive_connector, foreign_sender),
     .words = foreign_sender_words, .unset = "external",
     .say = "a sender of no forest that the connector speaks for: accept as external, or refuse"},
    {"receive.*.spf", ONE(words, receive_connector, spf), .words = spf_words, .unset = "off",
     .say =
         "check the sender's domain against the client's address: mark the result in the header; "
         "enforce also refuses a fail with 550 5.7.23"},
    {"receive.*.bare_newline", ONE(words, receive_connector, bare_newline),
     .words = bare_newline_words, .unset = "refuse",
     .say = "a CR or LF alone in a message: refuse the message, or make it CRLF"},
    {"receive.*.rights", RIGHTS(receive),
     .say = "what may come in here, after Exchange's extended rights; see RIGHTS below"},
    {"receive.*.message_size", ONE(size, receive_connector, message_size),
     RANGE(64 * KIB, 2 * GIB),
     .say = "the largest message from here; unset, limits.message_size"},
    {"receive.*.connections", ONE(count, receive_connector, connections), RANGE(1, 100000),
     .unset = "1000", .say = "the most sessions at once"},
    {"receive.*.connections_per_network", ONE(count, receive_connector, connections_per_network),
     RANGE(1, 100000), .unset = "1000",
     .say = "the most sessions at once from each of its networks"},
    {"receive.*.connections_per_client", ONE(count, receive_connector, connections_per_client),
     RANGE(1, 100000), .unset = "100",
     .say = "the most sessions at once from one address (IPv6: one /64)"},

    {"send", NAMED(name, config, send, send_count, send_connector), REQUIRED,
     .say = "lists of servers with one TLS policy and one credential"},
    {"send.*.servers", LIST(server, send_connector, servers, server_count), .port = 25,
     .where_at = offsetof(struct server, where), REQUIRED,
     .say = "hosts, never MX; a name with several addresses is several servers"},
    {"send.*.balance", ONE(words, send_connector, balance), .words = balance_words,
     .unset = "failover", .say = "failover keeps the order given; round-robin takes turns"},
    {"send.*.peer", ONE(words, send_connector, peer), .words = peer_words, .unset = "exchange",
     .say = "what answers there: the forest's own exchange servers, or its gateway, where "
            "forestgate exchange-setup is asked for that forest"},
    {"send.*.connections", ONE(count, send_connector, connections), RANGE(1, 1000), .unset = "10",
     .say = "the most per server; Exchange 2007 allows 20 from one source"},
    {"send.*.messages_per_connection", ONE(count, send_connector, messages_per_connection),
     RANGE(1, 100000), .unset = "20", .say = "then a connection is closed"},
    {"send.*.connection_age", ONE(duration, send_connector, connection_age_ms),
     RANGE(1 * SECONDS, 1 * HOURS), .unset = "4m",
     .say = "no new message on a connection older than this; Exchange closes at 10m"},
    {"send.*.idle", ONE(duration, send_connector, idle_ms), RANGE(0, 1 * HOURS), .unset = "1m",
     .say = "how long a connection without mail is kept"},
    {"send.*.smtputf8", ONE(bool, send_connector, smtputf8), .unset = "false",
     .say = "the servers take mail with UTF-8 addresses; offered to clients when any "
            "connector says so (Exchange 2000 to 2010 take none)"},
    {"send.*.tls", SECTION, .say = "encryption of these connections"},
    {"send.*.tls.profile", ONE(words, send_connector, tls_profile), .words = profile_words,
     .unset = "modern",
     .say = "modern: TLS 1.2 and up; exchange2003: TLS 1.0 to 1.2 and static RSA"},
    {"send.*.tls.require", ONE(bool, send_connector, tls_require), .unset = "true",
     .say = "mail waits when the server offers no STARTTLS"},
    {"send.*.tls.verify", ONE(words, send_connector, tls_verify), .words = verify_words,
     .unset = "name",
     .say = "name: chain and host name; ca: chain to the file; pin: the public key; none"},
    {"send.*.tls.ca", ONE(file, send_connector, tls_ca_file),
     .say = "PEM: the roots that count; unset, those of the system"},
    {"send.*.tls.server_name", ONE(host, send_connector, tls_server_name),
     .say = "the name in the certificate, when it is not the server's"},
    {"send.*.tls.pins", LIST(pin, send_connector, pins, pin_count),
     .say = "SHA-256 of public keys (forestgate pin SERVER), for self-signed certificates"},
    {"send.*.auth", SECTION, REQUIRED, .none = "none",
     .at = offsetof(struct send_connector, auth_user),
     .say = "how the gateway logs on; none must be said"},
    {"send.*.auth.user", ONE(login, send_connector, auth_user), REQUIRED, .say = "the user name"},
    {"send.*.auth.password_file", ONE(secret_file, send_connector, auth_password_file), REQUIRED,
     .say = "a file that holds the password and nothing else"},
    {"send.*.auth.send_password_unverified", ONE(bool, send_connector, send_password_unverified),
     .unset = "false", .say = "give the password to a server that has not proved who it is"},
    {"send.*.address_spaces",
     NAMED(address_space, send_connector, address_spaces, address_space_count, address_space),
     .say = "domains of no forest that leave here: exact, then longest \"*.d\", then \"*\""},
    {"send.*.address_spaces.*", ONE(count, address_space, cost), RANGE(1, 100), REQUIRED,
     .say = "the cost; the lowest is taken, then the first name"},
    {"send.*.allow_from", LIST(name_of, send_connector, allow_from, allow_from_count),
     .target = "forests", .say = "the forests that may use the address spaces"},
    {"send.*.rights", RIGHTS(send),
     .say = "what may leave here, after Exchange's extended rights; see RIGHTS below"},
};

/* What of path is below parent ("" is above all), or NULL when it is not directly below. */
static const char *
key_below(const char *path, const char *parent)
{
    size_t n = strlen(parent);
    if (n > 0) {
        if (strncmp(path, parent, n) != 0 || path[n] != '.')
            return NULL;
        path += n + 1;
    }
    return strchr(path, '.') == NULL ? path : NULL;
}

const struct row *
schema_find(const char *parent, struct slice key)
{
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const char *name = key_below(row->path, parent);
        if (name != NULL && slice_is(key, name))
            return row;
    }
    return NULL;
}

const struct row *
schema_next(const char *parent, const struct row *after)
{
    for (const struct row *row = after ? after + 1 : rows; row < rows + COUNT_OF(rows); row++)
        if (key_below(row->path, parent) != NULL)
            return row;
    return NULL;
}

const struct row *
schema_elsewhere(const char *parent, struct slice key)
{
    const char *star = strchr(parent, '*');
    struct slice thing = slice(parent, star ? (size_t)(star - parent) : 0);
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++)
        if (slice_is(key, row_key(row)) && slice_starts(slice_str(row->path), thing) &&
            (strchr(row->path, '*') != NULL) == (star != NULL))
            return row;
    return NULL;
}

const char *
row_key(const struct row *row)
{
    const char *dot = strrchr(row->path, '.');
    return dot ? dot + 1 : row->path;
}

const char *
row_below(const struct row *row, char path[ROW_PATH])
{
    snprintf(path, ROW_PATH, "%s%s", row->path, row->shape == SHAPE_NAMED ? ".*" : "");
    return path;
}

const struct row *
row_of_each(const struct row *row)
{
    return schema_find(row->path, slice_str("*"));
}

void *
row_member(const struct row *row, void *base)
{
    return (char *)base + row->at;
}

const void *
row_member_const(const struct row *row, const void *base)
{
    return (const char *)base + row->at;
}

struct row_items
row_items(const struct row *row, const void *base)
{
    struct row_items items = {.size = row->shape == SHAPE_NAMED ? row->size : row->type->size};
    memcpy(&items.first, row_member_const(row, base), sizeof items.first);
    memcpy(&items.count, (const char *)base + row->count_at, sizeof items.count);
    return items;
}

bool
row_is_none(const struct row *row, const void *base)
{
    static const char zeros[sizeof(void *)];
    if (row->shape == SHAPE_LIST || row->shape == SHAPE_NAMED)
        return row_items(row, base).count == 0;
    /* A number or a pointer: nothing is zero. A section's member is a pointer. */
    size_t size = row->type != NULL ? row->type->size : sizeof(void *);
    must(size <= sizeof zeros);
    return memcmp(row_member_const(row, base), zeros, size) == 0;
}
