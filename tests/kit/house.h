/*
 * house.h - one worker in the loop of the test with its spool, two servers of fabrikam ("hub", in
 * order) and one of contoso ("home", where reports go). Waits are an hour, so that nothing is
 * tried again unless a test asks.
 */
#ifndef KIT_HOUSE_H
#define KIT_HOUSE_H

#include "gateway/relay/outlet.h"
#include "tests/kit/config_folder.h"
#include "tests/kit/custody.h"
#include "tests/kit/fake_server.h"

struct house {
    struct config_folder folder;
    struct custody custody;
    struct workshop shop;
    struct loop *loop;
    struct worker *worker;
    struct runtime *runtime;
    struct fake_server home, first, second;
};

void house_init(struct house *h);
void house_fini(struct house *h);

struct outlet *house_hub(struct house *h);

/* Nothing is in flight, and nothing waits for the spool. For turns_until(). */
bool house_is_at_rest(void *house);
/* Run until this many messages are in custody, and nothing is under way. */
void house_until_left(struct house *h, uint64_t messages);

enum { HOUSE_TO_MAX = 8 };

/* A message in custody; recipient i is due at due[i] (NULL: now), and it is offered. */
uint64_t house_send_from(struct house *h, const char *from, const char *const *to, size_t count,
                         const int64_t *due);
uint64_t house_send(struct house *h, const char *recipient);

/* forestgate queue retry hub */
void house_retry(struct house *h);

#endif
