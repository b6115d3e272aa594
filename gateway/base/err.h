/*
 * err.h - what went wrong, where, in one sentence.
 *
 * A function that can fail returns bool, takes a struct err as its last argument (never NULL)
 * and fills it before it returns false. The kind decides what happens next; the text informs.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum err_kind {
    ERR_NONE,
    ERR_SYNTAX,  /* bytes that are not what they should be */
    ERR_LIMIT,   /* correct, but more than we take */
    ERR_STATE,   /* correct, but not now */
    ERR_REFUSED, /* the other side, or a policy, said no */
    ERR_TIMEOUT, /* a wait reached its deadline */
    ERR_CLOSED,  /* the other side is gone */
    ERR_IO,      /* the system said no; sys is errno */
    ERR_FULL,    /* no room: disk, map or quota */
    ERR_TLS,     /* handshake, certificate or record */
    ERR_DNS,     /* a name could not be resolved */
    ERR_NOMEM,
    ERR_CONFIG, /* the operator's file says something we cannot do */
};

struct err {
    enum err_kind kind;
    int sys;        /* errno at the time, or 0 */
    const char *at; /* "file.c:123", static storage */
    char text[240]; /* one printable line, no full stop */
};

#define ERR_TO_TEXT2(x) #x
#define ERR_TO_TEXT(x) ERR_TO_TEXT2(x)
#define ERR_HERE __FILE__ ":" ERR_TO_TEXT(__LINE__)

/* Both are false, so that a failing function can end in one line:
 *     return err_set(err, ERR_LIMIT, "line longer than %zu octets", max); */
#define err_set(err, kind, ...) err_set_at((err), (kind), 0, ERR_HERE, __VA_ARGS__)
#define err_sys(err, kind, ...) err_set_at((err), (kind), errno, ERR_HERE, __VA_ARGS__)

/* Fill err. With sys, ": " and its meaning are appended. Unprintable bytes become '?'. False. */
bool err_set_at(struct err *err, enum err_kind kind, int sys, const char *at, const char *fmt,
                ...) PRINTF_LIKE(5, 6);

/* Put the noun that the caller knows in front of the text ("noun: text"). False. */
bool err_within(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Nothing to release: TRY(step(..., err)); */
#define TRY(step)                                                                                \
    do {                                                                                         \
        if (!(step))                                                                             \
            return false;                                                                        \
    } while (0)

#endif
