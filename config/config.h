/*
 * config.h - what is in force: the immutable result of reading the configuration file.
 *
 * Built by config_load.h, swapped whole on reload, shared by reference count. Everything here is
 * owned by the struct config and lives as long as a reference does. Text is NUL-terminated; an
 * optional text that was not given is NULL. Order is the order of the file.
 *
 * `where` is the place in the file, for forestgate explain and for every later complaint.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "gateway/base/slice.h"

struct where {
    const char *file;
    unsigned line; /* from 1; 0 = a default, not in the file */
    unsigned column;
};

/* "10.1.0.5:25", "[::1]:25": an address and port ready for bind or connect. */
struct endpoint {
    struct sockaddr_storage addr;
    char text[64];
};

/* "10.2.0.0/16": an address, all of it masked, and the number of leading bits that count. */
struct network {
    int family; /* AF_INET or AF_INET6 */
    unsigned char octets[16];
    unsigned bits;
    char text[64];
};

enum tls_profile_name { TLS_PROFILE_MODERN, TLS_PROFILE_EXCHANGE2003 };
enum tls_verify { TLS_VERIFY_NAME, TLS_VERIFY_CA, TLS_VERIFY_PIN, TLS_VERIFY_NONE };

struct certificate {
    const char *name;
    const char *certificate_file; /* resolved against the folder of the file */
    const char *key_file;
    struct where where;
};

struct listener {
    const char *name;
    struct endpoint address;
    const struct certificate *certificate;        /* the default one, used without SNI */
    const struct certificate **more_certificates; /* `certificates: [..]`, chosen by SNI */
    size_t more_certificates_count;
    struct network *proxy_networks; /* who begins with a PROXY header, and must */
    size_t proxy_network_count;
    struct where where;
};

/* Exchange 2007's accepted domains (exchange-facts.md 5.1). */
enum domain_kind { DOMAIN_AUTHORITATIVE, DOMAIN_INTERNAL_RELAY, DOMAIN_EXTERNAL_RELAY };

struct forest_domain {
    const char *name; /* lower case, without "*." */
    bool wildcard;    /* "*.d": d and all below */
    enum domain_kind kind;
    struct where where;
};

struct send_connector;

struct forest {
    const char *name;
    struct forest_domain *domains;
    size_t domain_count;
    const struct send_connector **deliver; /* in the order of preference */
    size_t deliver_count;
    bool hairpin; /* hairpin: allow (design.md 10, own forest) */
    struct where where;
};

struct account {
    const char *name;   /* the key in the file: what logs show */
    const char **names; /* what a client may send: DOMAIN\user, user@domain, user */
    size_t name_count;
    const char **hashes; /* crypt(5) hashes, one or two valid at once; never logged */
    size_t hash_count;
    const char **hash_files; /* where each came from */
    struct where where;
};

/* One client can meet this many receive connectors, which only their accounts tell apart. */
enum { RECEIVE_TIES_MAX = 16 };

enum foreign_sender { FOREIGN_SENDER_EXTERNAL, FOREIGN_SENDER_REFUSE };
enum spf { SPF_OFF, SPF_MARK, SPF_ENFORCE };
enum bare_newline { BARE_NEWLINE_REFUSE, BARE_NEWLINE_NORMALISE };

/* What a connector may do, named after Exchange's extended rights (config_rights.h). */
enum right {
    RIGHT_ACCEPT_ANY_SENDER = 1 << 0,
    RIGHT_ACCEPT_ANY_RECIPIENT = 1 << 1,
    RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER = 1 << 2,
    RIGHT_ACCEPT_AUTHENTICATION_FLAG = 1 << 3,
    RIGHT_ACCEPT_HEADERS_ORGANIZATION = 1 << 4,
    RIGHT_ACCEPT_HEADERS_FOREST = 1 << 5,
    RIGHT_ACCEPT_HEADERS_ROUTING = 1 << 6,
    RIGHT_BYPASS_MESSAGE_SIZE_LIMIT = 1 << 7,
    RIGHT_ACCEPT_EXCH50 = 1 << 8,
    RIGHT_SEND_HEADERS_ORGANIZATION = 1 << 9,
    RIGHT_SEND_HEADERS_FOREST = 1 << 10,
    RIGHT_SEND_HEADERS_ROUTING = 1 << 11,
    RIGHT_SEND_EXCH50 = 1 << 12,
};

struct receive_connector {
    const char *name;
    const struct listener **listen;
    size_t listen_count;
    struct network *networks;
    size_t network_count;
    const struct forest **speaks_for;
    size_t speaks_for_count;
    enum tls_profile_name tls_profile;
    bool tls_require;         /* true unless tls: { require: false } */
    int tls_clear_reply;      /* 530, or 454 during migration */
    struct account *accounts; /* none: the networks alone are trusted (`auth: none`) */
    size_t account_count;
    bool auth_required; /* false only with `auth: none` */
    enum foreign_sender foreign_sender;
    enum spf spf;
    enum bare_newline bare_newline;
    unsigned rights;                  /* of enum right, those that begin with ACCEPT or BYPASS */
    struct where rights_where;        /* line 0: the defaults */
    uint64_t message_size;            /* octets; at most limits.message_size */
    uint32_t connections;             /* sessions at once, over all its clients */
    uint32_t connections_per_network; /* of `networks`, each */
    uint32_t connections_per_client;  /* an IPv4 address, or an IPv6 /64 */
    struct where where;
};

enum balance { BALANCE_FAILOVER, BALANCE_ROUND_ROBIN };

/* What answers at the servers of a send connector. */
enum peer { PEER_EXCHANGE, PEER_GATEWAY };

struct server {
    const char *host; /* a name, or an address as text */
    uint16_t port;
    struct where where;
};

struct address_space {
    const char *domain; /* lower case without "*."; "" for "*" */
    bool wildcard;      /* "*.d" or "*" */
    uint32_t cost;      /* 1 to 100 */
    struct where where;
};

struct pin {
    unsigned char sha256[32];
};

struct send_connector {
    const char *name;
    struct server *servers;
    size_t server_count;
    enum balance balance;
    enum peer peer;
    uint32_t connections;             /* per server and process; default 10 */
    uint32_t messages_per_connection; /* default 20 */
    uint64_t connection_age_ms;       /* a connection takes no new message after this; 4m */
    uint64_t idle_ms;                 /* a kept connection without mail is closed; 1m */
    bool smtputf8;                    /* mail with UTF-8 addresses may go there (RFC 6531) */
    enum tls_profile_name tls_profile;
    bool tls_require;
    enum tls_verify tls_verify;
    const char *tls_ca_file;     /* NULL: the system's */
    const char *tls_server_name; /* name to verify and SNI; NULL: the server's host */
    struct pin *pins;
    size_t pin_count;
    const char *auth_user;     /* NULL: auth: none */
    const char *auth_password; /* never logged */
    const char *auth_password_file;
    bool send_password_unverified;
    struct address_space *address_spaces;
    size_t address_space_count;
    const struct forest **allow_from; /* who may use the address spaces */
    size_t allow_from_count;
    unsigned rights;           /* of enum right, those that begin with SEND */
    struct where rights_where; /* line 0: the defaults */
    struct where where;
};

enum { RETRY_STEPS_MAX = 64 };

/* "[4x1m, 6x5m, 10m]" is {60000 x 4, 300000 x 6, 600000}: the last one repeats. */
struct retry_steps {
    uint64_t wait_ms[RETRY_STEPS_MAX];
    size_t count; /* at least 1 */
};

struct dns_zone {
    const char *zone; /* lower case: this domain and all below it */
    struct endpoint *servers;
    size_t server_count;
    struct where where;
};

struct config {
    _Atomic unsigned refs;
    const char *file;    /* as given on the command line */
    struct slice source; /* its text: read again when a file that it names has changed */
    uint64_t files;      /* config_files_look() from before they were read */
    uint64_t generation; /* counts loads in this process; config_load leaves 0 */

    uint32_t version; /* of the file's language: 1 */
    uint32_t workers; /* 0 = auto */
    const char *hostname;
    const char *postmaster;
    const char *spool_path;
    uint64_t spool_map_size;     /* octets of address space; 64GiB */
    uint64_t spool_reserve;      /* octets of disk kept free for outcomes; 64MiB */
    uint64_t spool_body_in_file; /* bodies from this size are files; 128KiB */
    const char *control_path;    /* NULL: no control socket */
    const char *tracking_path;   /* the folder of the message tracking log; NULL: none is kept */
    uint64_t tracking_file_size;
    uint64_t tracking_folder_size;
    uint64_t tracking_keep_ms;
    const char *protocol_log_path; /* the folder of protocol logs; NULL: none can be kept */
    uint64_t protocol_log_file_size;
    uint64_t protocol_log_folder_size;
    uint64_t protocol_log_keep_ms;
    struct endpoint *monitor;     /* NULL: no monitor */
    uint64_t monitor_evidence_ms; /* how long /readyz?forest= believes what happened; 30s */
    struct network *probe_networks;
    size_t probe_network_count;

    /* Back pressure (route/pressure.h). 0: off, or (spool_size, memory) auto. */
    uint64_t pressure_disk_free_medium, pressure_disk_free_high; /* octets; 512MiB, 256MiB */
    uint64_t pressure_spool_size_medium, pressure_spool_size_high;
    uint64_t pressure_commit_time_medium_ms, pressure_commit_time_high_ms; /* 1s, 5s */
    uint64_t pressure_memory_medium, pressure_memory_high;
    uint32_t pressure_messages_medium, pressure_messages_high;
    uint64_t pressure_delay_ms; /* before MAIL is answered at medium; 1s */
    uint64_t pressure_hold_ms;  /* before a level falls; 10s */

    uint64_t limit_message_size;
    uint32_t limit_recipients;
    uint32_t limit_hops;
    uint32_t limit_reports; /* to one sender in an hour; 0: any */
    uint32_t limit_sessions;
    uint32_t limit_probe_sessions; /* beyond limit_sessions, for probe_networks alone */
    uint32_t limit_auth_failures;  /* of one client before it is blocked */
    uint64_t auth_block_ms;
    uint64_t command_ms;      /* from the first octet of a command line to its last */
    uint64_t data_rate;       /* octets a second; 0 = any */
    uint64_t session_idle_ms; /* RFC 5321 4.5.3.2.7: at least 5 minutes */
    uint64_t reread_ms;       /* how often config_files_look() is asked; 0 = never; 10s */
    uint64_t drain_ms;        /* how long SIGTERM waits for what is under way; 30s */

    struct endpoint *dns_servers; /* none: the system's resolv.conf */
    size_t dns_server_count;
    struct dns_zone *dns_zones;
    size_t dns_zone_count;

    struct retry_steps retry_connection;
    struct retry_steps retry_message;
    uint64_t delay_notice_ms;
    uint64_t expire_ms;

    struct certificate *certificates;
    size_t certificate_count;
    struct listener *listeners;
    size_t listener_count;
    struct forest *forests;
    size_t forest_count;
    struct receive_connector *receive;
    size_t receive_count;
    struct send_connector *send;
    size_t send_count;

    struct where where_limits; /* for explain */
    void *memory;              /* an arena that owns all of the above */
};

struct config *config_ref(struct config *config);

/* Gives the reference back; the last one wipes the secrets and frees. NULL is fine. */
void config_unref(struct config **config);

/* The receive connector of that name, or NULL. */
const struct receive_connector *config_receive(const struct config *config, struct slice name);

/* The connector of that name, or NULL. */
const struct send_connector *config_send(const struct config *config, struct slice name);
/* The listener of that address, as the file writes it, or NULL. */
const struct listener *config_listener_at(const struct config *config, const char *address);
const struct forest *config_forest(const struct config *config, struct slice name);
/* Is the connector one of those under `deliver`? */
bool forest_delivers_by(const struct forest *forest, const struct send_connector *send);
/* Is the forest one of those that it speaks for? */
bool receive_speaks_for(const struct receive_connector *receive, const struct forest *forest);
/* The first domain of which the forest is the home; NULL: it has none. */
const char *forest_home_domain(const struct forest *forest);

/* A load balancer or monitor of monitor.probe_networks? */
bool config_is_probe(const struct config *config, const struct sockaddr *address);

bool network_holds(const struct network *network, const struct sockaddr *address);

#endif
