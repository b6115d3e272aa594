#include "gateway/relay/doors.h"

#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/listener.h"

struct door {
    struct door *next;
    struct crew *crew;
    char address[64]; /* of the configuration: a reload finds its listener by it */
    struct port *port;
};

struct doors {
    struct crew *crew;
    struct door *first;
};

static void
on_fd(void *context, int fd)
{
    struct door *d = context;
    const struct config *config = crew_first(d->crew)->runtime->config;
    const struct listener *l = config_listener_at(config, d->address);
    if (l != NULL)
        crew_hand(d->crew, l, fd);
    else
        close(fd); /* the configuration has just dropped it: the door is about to close */
}

static bool
is_open(const struct doors *doors, const char *address)
{
    const struct door *d = doors->first;
    while (d != NULL && strcmp(d->address, address) != 0)
        d = d->next;
    return d != NULL;
}

static bool
open_one(struct doors *doors, const struct listener *l, struct err *err)
{
    struct worker *w = crew_first(doors->crew);
    struct door *d = mem_new(sizeof *d);
    if (d == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    d->crew = doors->crew;
    slice_copy_text(d->address, sizeof d->address, slice_str(l->address.text));
    if (!port_open(w->loop, (const struct sockaddr *)&l->address.addr, on_fd, d, &d->port, err)) {
        mem_free(&d);
        return err_within(err, "listener %s", l->name);
    }
    d->next = doors->first;
    doors->first = d;
    struct log_line line;
    log_begin(&line, w->shop->log, EV_listening, 0);
    log_str(&line, "listener", l->name);
    log_str(&line, "address", port_text(d->port));
    log_end(&line);
    return true;
}

struct doors *
doors_new(struct crew *crew)
{
    struct doors *doors = mem_new(sizeof *doors);
    if (doors != NULL)
        doors->crew = crew;
    return doors;
}

bool
doors_open(struct doors *doors, const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (!is_open(doors, config->listeners[i].address.text))
            TRY(open_one(doors, &config->listeners[i], err));
    return true;
}

void
doors_keep(struct doors *doors, const struct config *config)
{
    struct door **at = &doors->first;
    while (*at != NULL) {
        struct door *d = *at;
        if (config != NULL && config_listener_at(config, d->address) != NULL) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        port_close(&d->port);
        mem_free(&d);
    }
}

void
doors_free(struct doors **doors)
{
    if (*doors == NULL)
        return;
    doors_keep(*doors, NULL);
    mem_free(doors);
}
