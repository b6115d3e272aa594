#include "gateway/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/* A handler gets nothing but a number: the only state that is not handed down from app.c. */
static struct in_flight *_Atomic noted_in;
static struct sigaction before[COUNT_OF(signals)];

/* Async-signal-safe: a store, sigaction and raise. */
static void
on_crash(int number)
{
    struct in_flight *f = noted_in;
    if (f != NULL)
        in_flight_note_crash(f);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (signals[i] == number)
            sigaction(number, &before[i], NULL);
    raise(number); /* comes when this returns, and meets what was there before us */
}

void
crash_watch(struct in_flight *f)
{
    bool is_first = noted_in == NULL && f != NULL;
    noted_in = f;
    if (!is_first)
        return;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_crash;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &action, &before[i]);
}
