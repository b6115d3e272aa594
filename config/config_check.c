#include "config/config_check_private.h"

#include <netinet/in.h>
#include <sys/un.h>

struct where
check_place(const struct node *node, struct where thing)
{
    return node != NULL ? node->where : thing;
}

struct where
check_key_place(const struct node *node, struct where thing)
{
    return node != NULL && node->key != NULL ? node->key->where : thing;
}

static bool
is_any(const struct endpoint *e)
{
    static const struct in6_addr any6 = IN6ADDR_ANY_INIT;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memcpy(&in, &e->addr, sizeof in);
    memcpy(&in6, &e->addr, sizeof in6);
    return e->addr.ss_family == AF_INET ? in.sin_addr.s_addr == htonl(INADDR_ANY)
                                        : memcmp(&in6.sin6_addr, &any6, sizeof any6) == 0;
}

/* Both families keep the port at the same place. */
static in_port_t
port_of(const struct endpoint *e)
{
    struct sockaddr_in in;
    memcpy(&in, &e->addr, sizeof in);
    return in.sin_port;
}

/* Can they not both be listened on? "[::]" takes IPv4 as well. */
static bool
collide(const struct endpoint *a, const struct endpoint *b)
{
    /* What was refused has no family, and a complaint already. */
    if (a->addr.ss_family == AF_UNSPEC || b->addr.ss_family == AF_UNSPEC ||
        port_of(a) != port_of(b))
        return false;
    if (strcmp(a->text, b->text) == 0)
        return true;
    const struct endpoint *any = is_any(a) ? a : is_any(b) ? b : NULL;
    return any != NULL &&
           (any->addr.ss_family == AF_INET6 || a->addr.ss_family == b->addr.ss_family);
}

static void
check_addresses(struct check *check)
{
    const struct config *c = check->config;
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener *l = &c->listeners[i];
        const struct node *address = NODE_AT(check->root, "listen", l->name, "address");
        for (size_t k = 0; k < i; k++)
            if (collide(&l->address, &c->listeners[k].address))
                report_error(check->report, check_place(address, l->where),
                             "address: %s is taken by listener \"%s\" (%s)", l->address.text,
                             c->listeners[k].name, c->listeners[k].address.text);
        if (c->monitor != NULL && collide(&l->address, c->monitor))
            report_error(check->report, check_place(address, l->where),
                         "address: %s is taken by monitor (%s)", l->address.text,
                         c->monitor->text);
    }
}

/* Who is believed about others, or spared what others are not, is not everybody. */
static void
check_not_all(struct check *check, const struct network *networks, size_t count,
              const struct node *node, const char *what)
{
    struct where nowhere = {check->config->file, 0, 0};
    for (size_t i = 0; i < count; i++)
        if (networks[i].bits == 0)
            report_error(check->report, check_place(node, nowhere),
                         "%s: %s is everybody; name the load balancers and monitors", what,
                         networks[i].text);
}

static void
check_balancers(struct check *check)
{
    const struct config *c = check->config;
    check_not_all(check, c->probe_networks, c->probe_network_count,
                  NODE_AT(check->root, "monitor", "probe_networks"), "probe_networks");
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener *l = &c->listeners[i];
        check_not_all(check, l->proxy_networks, l->proxy_network_count,
                      NODE_AT(check->root, "listen", l->name, "proxy_protocol"),
                      "proxy_protocol");
    }
}

static void
check_control(struct check *check)
{
    const struct sockaddr_un *un = NULL;
    const char *path = check->config->control_path;
    struct where nowhere = {check->config->file, 0, 0};
    if (path != NULL && strlen(path) >= sizeof un->sun_path)
        report_error(check->report, check_place(NODE_AT(check->root, "control"), nowhere),
                     "control: the path of a socket has at most %zu octets, and this is %s",
                     sizeof un->sun_path - 1, path);
}

static void
check_times(struct check *check)
{
    const struct config *c = check->config;
    struct where nowhere = {c->file, 0, 0};
    const struct node *retry = NODE_AT(check->root, "retry");

    /* 0: one of them was refused. */
    if (c->expire_ms > 0 && c->delay_notice_ms >= c->expire_ms) {
        const struct node *notice = node_find(retry, slice_str("delay_notice"));
        const struct node *expire = node_find(retry, slice_str("expire"));
        report_error(check->report, check_place(notice != NULL ? notice : expire, nowhere),
                     "delay_notice must be shorter than expire: nobody is told that a returned "
                     "message is late");
    }
    if (c->session_idle_ms > 0 && c->session_idle_ms < 300000)
        report_warning(check->report,
                       check_place(NODE_AT(check->root, "limits", "idle"), c->where_limits),
                       "idle: less than the five minutes of RFC 5321 4.5.3.2.7; slow servers may "
                       "be cut off");
}

/* Medium comes first, or it never comes. 0: off, auto or refused. */
static void
check_pressure_pair(struct check *check, const char *resource, uint64_t first, uint64_t then)
{
    struct where nowhere = {check->config->file, 0, 0};
    if (first == 0 || then == 0 || first < then)
        return;
    report_error(check->report, check_place(NODE_AT(check->root, "pressure", resource), nowhere),
                 "%s: medium must come before high", resource);
}

static void
check_pressure(struct check *check)
{
    const struct config *c = check->config;
    check_pressure_pair(check, "disk_free", c->pressure_disk_free_high,
                        c->pressure_disk_free_medium);
    check_pressure_pair(check, "spool_size", c->pressure_spool_size_medium,
                        c->pressure_spool_size_high);
    check_pressure_pair(check, "commit_time", c->pressure_commit_time_medium_ms,
                        c->pressure_commit_time_high_ms);
    check_pressure_pair(check, "memory", c->pressure_memory_medium, c->pressure_memory_high);
    check_pressure_pair(check, "messages", c->pressure_messages_medium,
                        c->pressure_messages_high);
}

void
config_check(const struct config *config, const struct node *root, struct report *report)
{
    struct check check = {config, root, report};
    check_addresses(&check);
    check_balancers(&check);
    check_control(&check);
    check_times(&check);
    check_pressure(&check);
    check_forests(&check);
    check_receive(&check);
    check_send(&check);
    check_rights(&check);
    if (report->errors > 0)
        return;
    check_loose_ends(&check);
    check_right_pairs(&check);
}
