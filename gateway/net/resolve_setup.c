#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "gateway/net/loop_private.h"
#include "gateway/net/resolve_private.h"

enum { SERVER_TEXT = INET6_ADDRSTRLEN + sizeof "@65535" };

static bool
check(int status, const char *what, struct err *err)
{
    if (status == UB_NOERROR)
        return true;
    enum err_kind kind = status == UB_NOMEM ? ERR_NOMEM : ERR_DNS;
    return err_set(err, kind, "resolver: %s: %s", what, ub_strerror(status));
}

static bool
set_options(struct ub_ctx *ctx, struct err *err)
{
    static const struct {
        const char *name;
        const char *value;
    } options[] = {
        /* The validator would need a signed path from the root to each private zone. */
        {"module-config:", "iterator"},
        /* Questions under way, each with a socket. The default for programs is 16: as many names
         * whose servers are silent, and all others would wait behind them. */
        {"outgoing-range:", "512"},
        {"msg-cache-size:", "4m"},
        {"rrset-cache-size:", "8m"},
        /* Old servers answer "no such name" for the empty names in between. */
        {"qname-minimisation:", "no"},
        /* The names of 10.0.0.0/8 and its like: the servers of private forests know them. */
        {"unblock-lan-zones:", "yes"},
        /* A name that was just added, or a server that was down, is found again within a minute,
         * not after the defaults of an hour and a quarter of one. */
        {"cache-max-negative-ttl:", "60"},
        {"infra-host-ttl:", "60"},
        {"infra-keep-probing:", "yes"},
    };
    for (size_t i = 0; i < COUNT_OF(options); i++)
        TRY(check(ub_ctx_set_option(ctx, options[i].name, options[i].value), options[i].name,
                  err));
    return true;
}

/* "10.1.1.1@53": libunbound's way to write it. */
static void
server_text(const struct endpoint *server, char text[SERVER_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";
    const void *address = &server->addr;
    unsigned port;
    if (server->addr.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = address;
        uv_ip4_name(v4, host, sizeof host);
        port = ntohs(v4->sin_port);
    } else {
        const struct sockaddr_in6 *v6 = address;
        uv_ip6_name(v6, host, sizeof host);
        port = ntohs(v6->sin6_port);
    }
    snprintf(text, SERVER_TEXT, "%s@%u", host, port);
}

static bool
set_zone(struct ub_ctx *ctx, const struct dns_zone *zone, struct err *err)
{
    char text[SERVER_TEXT];
    for (size_t i = 0; i < zone->server_count; i++) {
        server_text(&zone->servers[i], text);
        TRY(check(ub_ctx_set_stub(ctx, zone->zone, text, 0), zone->zone, err));
    }
    return true;
}

/* Without a readable resolv.conf the server is this machine (resolv.conf(5)). */
static bool
set_servers(struct ub_ctx *ctx, const struct config *config, const char *resolv_conf,
            struct err *err)
{
    char text[SERVER_TEXT];
    if (config->dns_server_count == 0) {
        int status = ub_ctx_resolvconf(ctx, resolv_conf);
        if (status == UB_READFILE)
            status = ub_ctx_set_fwd(ctx, "127.0.0.1");
        return check(status, resolv_conf, err);
    }
    for (size_t i = 0; i < config->dns_server_count; i++) {
        server_text(&config->dns_servers[i], text);
        TRY(check(ub_ctx_set_fwd(ctx, text), text, err));
    }
    return true;
}

/* An unreadable or odd hosts file is not ours to mend: the lines before the odd one count. */
static bool
set_hosts(struct ub_ctx *ctx, const char *hosts, struct err *err)
{
    int status = ub_ctx_hosts(ctx, hosts);
    if (status == UB_READFILE || status == UB_SYNTAX)
        return true;
    return check(status, hosts, err);
}

static bool
set_up(struct ub_ctx *ctx, const struct config *config, const char *hosts,
       const char *resolv_conf, struct err *err)
{
    ub_ctx_debugout(ctx, NULL); /* standard error is for our log */
    TRY(check(ub_ctx_async(ctx, 1), "thread", err));
    TRY(set_options(ctx, err));
    TRY(set_hosts(ctx, hosts, err));
    TRY(set_servers(ctx, config, resolv_conf, err));
    for (size_t i = 0; i < config->dns_zone_count; i++)
        TRY(set_zone(ctx, &config->dns_zones[i], err));
    /* Names below test. have their own servers in a laboratory; libunbound would deny them. Last,
     * because it ends the set-up. */
    return check(ub_ctx_zone_add(ctx, "test.", "nodefault"), "zone test.", err);
}

/* libunbound makes locks of the whole process when a context's set-up ends, and unmakes them with
 * each context: one at a time. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static bool
make(const struct config *config, const char *hosts, const char *resolv_conf, struct ub_ctx **out,
     struct err *err)
{
    struct ub_ctx *ctx = ub_ctx_create();
    if (ctx == NULL)
        return err_set(err, ERR_NOMEM, "resolver: out of memory");
    if (!set_up(ctx, config, hosts, resolv_conf, err)) {
        ub_ctx_delete(ctx);
        return false;
    }
    *out = ctx;
    return true;
}

bool
resolve_setup(const struct config *config, const char *hosts, const char *resolv_conf,
              struct ub_ctx **out, struct err *err)
{
    pthread_mutex_lock(&making);
    bool ok = make(config, hosts, resolv_conf, out, err);
    pthread_mutex_unlock(&making);
    return ok;
}

void
resolve_unmake(struct ub_ctx *ctx)
{
    pthread_mutex_lock(&making);
    ub_ctx_delete(ctx);
    pthread_mutex_unlock(&making);
}
