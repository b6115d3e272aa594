#include "gateway/relay/answers.h"

#include "gateway/base/mem.h"

enum { COLLECT_AT_ONCE = 64 };

/* A slot is free (fn NULL, next_free) or waits for the answer of its generation. */
struct slot {
    answer_fn *fn;
    void *context;
    uint32_t generation;
    uint32_t next_free;
};

struct answers {
    struct slot *slots;
    uint32_t cap;
    uint32_t first_free; /* cap: none */
    size_t owed;
};

struct answers *
answers_new(void)
{
    return mem_new(sizeof(struct answers));
}

static bool
grow(struct answers *a)
{
    uint32_t cap = a->cap ? a->cap * 2 : 64;
    struct slot *slots = mem_resize(a->slots, cap * sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = a->cap; i < cap; i++)
        slots[i] = (struct slot){.next_free = i + 1};
    a->slots = slots;
    a->first_free = a->cap;
    a->cap = cap;
    return true;
}

uint64_t
answers_expect(struct answers *a, answer_fn *fn, void *context)
{
    if (a->first_free == a->cap && !grow(a))
        return 0;
    uint32_t at = a->first_free;
    struct slot *slot = &a->slots[at];
    a->first_free = slot->next_free;
    slot->fn = fn;
    slot->context = context;
    slot->generation++;
    a->owed++;
    return (uint64_t)slot->generation << 32 | at;
}

/* The slot of a token that is still owed, made free; NULL for any other number. */
static struct slot *
take_slot(struct answers *a, uint64_t token)
{
    uint32_t at = (uint32_t)token;
    if (at >= a->cap)
        return NULL;
    struct slot *slot = &a->slots[at];
    if (slot->fn == NULL || slot->generation != (uint32_t)(token >> 32))
        return NULL;
    slot->next_free = a->first_free;
    a->first_free = at;
    a->owed--;
    return slot;
}

void
answers_forget(struct answers *a, uint64_t token)
{
    struct slot *slot = take_slot(a, token);
    if (slot != NULL)
        slot->fn = NULL;
}

static void
dispatch(struct answers *a, const struct spool_answer *answer)
{
    struct slot *slot = take_slot(a, answer->token);
    if (slot == NULL)
        return;
    answer_fn *fn = slot->fn;
    slot->fn = NULL;
    fn(slot->context, answer); /* may expect more: slot is stale afterwards */
}

void
answers_collect(struct answers *a, struct spool_client *client)
{
    struct spool_answer list[COLLECT_AT_ONCE];
    size_t n;
    while ((n = spool_collect(client, list, COLLECT_AT_ONCE)) > 0)
        for (size_t i = 0; i < n; i++)
            dispatch(a, &list[i]);
}

size_t
answers_owed(const struct answers *a)
{
    return a->owed;
}

void
answers_free(struct answers **ref)
{
    struct answers *a = *ref;
    *ref = NULL;
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->cap; i++) {
        if (a->slots[i].fn == NULL)
            continue;
        struct spool_answer gone = {.token = (uint64_t)a->slots[i].generation << 32 | i};
        err_set(&gone.err, ERR_CLOSED, "the gateway is ending");
        dispatch(a, &gone);
    }
    mem_free(&a->slots);
    mem_free(&a);
}
