/*
 * outcome.h - which outcomes are meant: patterns over stage, code, enhanced code and words, for
 * the tables that give an outcome its meaning (verdict.c) and its sentence (diagnosis.c), which
 * are the only ones to include this: its names are short for their sake. Pure.
 */
#ifndef ROUTE_OUTCOME_H
#define ROUTE_OUTCOME_H

#include "gateway/mail/smtp_client.h"

#define AT(stage) (1U << SMTP_STAGE_##stage)

enum speaker { BOTH, PEER, OURS };
enum { ANY = -1 };

struct outcome_pattern {
    unsigned stages; /* of AT() */
    enum speaker speaker;
    int code;          /* 0 = any, 4 and 5 = the class, else the very code */
    int subject;       /* of the enhanced code, or ANY (then it may be missing) */
    int detail;        /* likewise */
    const char *words; /* somewhere in the text, without case; NULL = whatever it says */
};

bool outcome_fits(const struct outcome_pattern *p, const struct smtp_outcome *outcome);

#endif
