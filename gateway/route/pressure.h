/*
 * pressure.h - back pressure: how short the gateway is of what it lives on. Pure: whoever asks
 * brings readings and a clock.
 *
 * Takes    a reading of each resource now and then, and the bounds of the configuration.
 * Gives    a level for each, and the worst of them: normal, medium (MAIL is answered late), high
 *          (452 4.3.1 at MAIL); and the reason in words with numbers.
 * Follows  exchange-facts 5.4, with Exchange's three levels; decision 0013 for the bounds.
 *
 * A level rises with the first reading past its bound. It falls one step at a time, when readings
 * were an eighth better than that bound throughout the hold time, so that it does not flap; what
 * was refused at high comes slowly first.
 */
#ifndef ROUTE_PRESSURE_H
#define ROUTE_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "gateway/base/buf.h"

enum pressure_resource {
    PRESSURE_DISK_FREE,   /* octets; the only one of which less is worse */
    PRESSURE_SPOOL_SIZE,  /* octets of the spool's database in use */
    PRESSURE_COMMIT_TIME, /* milliseconds */
    PRESSURE_MEMORY,      /* octets of the process */
    PRESSURE_MESSAGES,    /* in custody */
    PRESSURE_RESOURCES,
};

enum pressure_level { PRESSURE_NORMAL, PRESSURE_MEDIUM, PRESSURE_HIGH };

struct pressure_bounds {
    uint64_t medium; /* from here on, or (disk_free) below; 0 = never */
    uint64_t high;
};

/* One resource. All zero is a good beginning. */
struct pressure_gauge {
    enum pressure_level level;
    uint64_t reading; /* the last */
    struct pressure_bounds bounds;
    bool is_better; /* than the bound of its level, with the margin, since: */
    uint64_t better_since_ms;
};

struct pressure {
    struct pressure_gauge of[PRESSURE_RESOURCES];
};

/* The bounds in force. "auto" becomes numbers: of the map, less the reserve, three quarters and
 * nine tenths; of memory_limit (octets; 0: not known, no bound) likewise 60 and 75 percent. */
void pressure_bounds_of(const struct config *config, uint64_t memory_limit,
                        struct pressure_bounds out[PRESSURE_RESOURCES]);

/* What a reading alone says. */
enum pressure_level pressure_level_of(enum pressure_resource resource, uint64_t reading,
                                      const struct pressure_bounds *bounds);

/* A new reading of one resource; the bounds may have changed as well. True: so has the level. */
bool pressure_read(struct pressure *p, enum pressure_resource resource, uint64_t reading,
                   struct pressure_bounds bounds, uint64_t hold_ms, uint64_t now_ms);

/* The level of the worst resource, and (may be NULL) which one: the first at that level. */
enum pressure_level pressure_worst(const struct pressure *p, enum pressure_resource *which);

/* Commits take too long: no delivery is begun, since its outcome could not be recorded. */
bool pressure_pauses_delivery(const struct pressure *p);

/* "disk_free", "normal": as configuration, metrics and status call them. */
const char *pressure_resource_text(enum pressure_resource resource);
const char *pressure_level_text(enum pressure_level level);

/* "commits take 2.4 s; medium from 1 s": what was read, and the bound that matters: of the level,
 * or of the next one when it is normal. */
void pressure_put_why(struct buf *out, const struct pressure *p, enum pressure_resource resource);

#endif
