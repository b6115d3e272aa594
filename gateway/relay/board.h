/*
 * board.h - the notice board: what the owner of each send connector says of it, and what the
 * process says of its configuration, for whoever looks from another thread (control socket,
 * monitor, metrics).
 *
 * Writing  the owner's thread: three numbers at each turn of its pump (relaxed stores), the whole
 *          notice only when something about a server or the connector has changed.
 * Reading  any thread: a copy, taken under the board's lock.
 * Bounds   BOARD_CONNECTORS_MAX notices of at most BOARD_SERVERS_MAX servers.
 *
 * Times are monotonic milliseconds (clock_ms), 0 = never; only certificates and the loading of
 * configurations have calendar time.
 */
#ifndef RELAY_BOARD_H
#define RELAY_BOARD_H

#include "gateway/base/err.h"
#include "gateway/route/evidence.h"
#include "gateway/route/hop_offers.h"

enum { BOARD_CONNECTORS_MAX = 256, BOARD_SERVERS_MAX = 64, BOARD_ERROR_MAX = 512 };

/* One address of a server. */
struct board_server {
    char host[256]; /* as the configuration calls it */
    char address[64];
    uint16_t port;
    struct evidence evidence;
    uint32_t connections;
    uint32_t failures;                /* in a row; 0 = healthy */
    uint64_t blocked_until_ms;        /* for whatever reason; also the next: */
    uint64_t logon_refused_until_ms;  /* by this one, whatever others say; may be past */
    char last_error[BOARD_ERROR_MAX]; /* "" = none since the last success */
    char tls[16];                     /* of the last connection; "" = in clear, or none yet */
    char cipher[64];
    char verified[16];
    int64_t peer_expires_unix_s; /* 0 = it showed no certificate yet */
    struct hop_offers offers;    /* of the last EHLO that led to a connection for mail */
};

/* A send connector. */
struct board_connector {
    char name[64];
    uint64_t connections; /* these three are the freshest */
    uint64_t ready;       /* messages in memory that wait for a connection */
    uint64_t in_flight;
    bool is_queue_suspended; /* by an operator, until resumed */
    uint64_t suspended_until_ms;
    uint64_t logon_refused_until_ms; /* by a look: no logon is tried by looks until then */
    uint64_t logon_doubted_until_ms; /* likewise: the last one got no clear answer */
    uint64_t names_failed_ms;
    uint64_t next_try_ms;             /* when every server waits; 0 = nothing holds it up */
    char last_error[BOARD_ERROR_MAX]; /* "" = none since the last success */
    uint64_t last_error_ms;
    uint64_t last_delivery_ms;
    bool is_looking; /* a quiet look is under way */
    struct board_server *servers;
    size_t server_count;
};

struct board;
/* version: of the program, static text. NULL: out of memory. */
struct board *board_new(const char *version);
void board_free(struct board **b);

/* ---- The owner of a send connector ---- */

struct board_place;

/* NULL: there is no board, or it is full, or no memory: nothing is said of this connector. */
struct board_place *board_enter(struct board *b, const char *name);
void board_leave(struct board *b, struct board_place **place);

/* place may be NULL below. All of the notice but its first three numbers; servers are copied. */
void board_say(struct board *b, struct board_place *place, const struct board_connector *notice);
void board_count(struct board_place *place, uint64_t connections, uint64_t ready,
                 uint64_t in_flight);
/* The server number `server` of the last notice took a message, or has so many connections. */
void board_delivered(struct board_place *place, size_t server, uint64_t now_ms);
void board_connected(struct board_place *place, size_t server, uint32_t connections);

/* ---- Whoever reads ---- */

/* The notice of that name, owned by the caller until board_connector_fini(). False: there is
 * none, or no memory. */
MUST_USE bool board_read(struct board *b, struct slice name, struct board_connector *out);
void board_connector_fini(struct board_connector *c);

/* Names on the board, at most max; how many. */
size_t board_names(struct board *b, char (*out)[64], size_t max);

/* Of one server, and of the connector: a server that refuses the logon takes no mail, however
 * well it answers. */
enum belief board_server_belief(const struct board_server *s, uint64_t now_ms, uint64_t fresh_ms);
enum belief board_belief(const struct board_connector *c, uint64_t now_ms, uint64_t fresh_ms);
bool board_is_suspended(const struct board_connector *c, uint64_t now_ms);
/* When its mail is tried again, if something holds it up; else 0. */
uint64_t board_next_try_ms(const struct board_connector *c, uint64_t now_ms);
/* Not suspended, and some server has not failed last: mail would be tried there. */
bool board_is_up(const struct board_connector *c, uint64_t now_ms);

/* What the servers of this connector are known to take: some of them, or each. */
struct hop_offers board_offers(struct board *b, struct slice name, enum hop_join join,
                               uint64_t now_ms);
/* Is any connector known to lack BINARYMIME? */
bool board_someone_lacks_binary(struct board *b, uint64_t now_ms);

/* Messages at servers, over all connectors. */
uint64_t board_in_flight(struct board *b);

/* ---- The process ---- */

struct board_process {
    const char *version;
    int64_t started_unix_ms;
    bool draining;
    uint64_t generation; /* of the configuration in force */
    int64_t loaded_unix_ms;
    int64_t refused_unix_ms; /* the last reload that found mistakes; 0 = none */
    char refused_why[512];
};

void board_say_loaded(struct board *b, uint64_t generation);
void board_say_refused(struct board *b, struct slice why);
void board_say_draining(struct board *b);
struct board_process board_process(struct board *b);

#endif
