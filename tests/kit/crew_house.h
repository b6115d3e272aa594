/*
 * crew_house.h - a crew of two workers on an empty spool, its threads not started: what the first
 * worker does runs on the loop of the test.
 */
#ifndef KIT_CREW_HOUSE_H
#define KIT_CREW_HOUSE_H

#include "gateway/relay/crew.h"
#include "tests/kit/config_folder.h"
#include "tests/kit/custody.h"

struct crew_house {
    struct config_folder folder;
    struct custody custody;
    struct workshop shop;
    struct loop *loop;
    struct crew *crew;
    struct runtime *runtime; /* the one it began with */
};

void crew_house_init(struct crew_house *h);
/* The crew may be freed before. */
void crew_house_fini(struct crew_house *h);

/* A runtime of config_folder_small with these lines behind it, below `send:`. */
struct runtime *crew_house_runtime(struct crew_house *h, const char *more_send);

#endif
