/*
 * dns_book.h - what DNS says, in lines of text, for checks that ask it without a network:
 *
 *     "fabrikam.example TXT v=spf1 mx -all"
 *     "fabrikam.example MX mail.fabrikam.example"
 *     "mail.fabrikam.example A 10.2.0.7"
 *     "broken.example TXT !"                        the servers cannot say
 *     "silent.example TXT ~"                        nor do they say that
 *
 * A name that has a line but none of the type asked for has no such record; one without a line
 * does not exist.
 */
#ifndef KIT_DNS_BOOK_H
#define KIT_DNS_BOOK_H

#include "gateway/net/spf_evaluate.h"

enum { DNS_BOOK_RECORDS = 32 }; /* of one name and type */

struct dns_book_answer {
    enum records_finding finding;        /* also TIMEOUT: "~", nobody answers */
    struct slice list[DNS_BOOK_RECORDS]; /* addresses as octets, all else as text */
    size_t count;
    char octets[DNS_BOOK_RECORDS][16];
};

/* lines end with NULL. */
void dns_book_find(const char *const *lines, const char *name, enum record_type type,
                   struct dns_book_answer *out);

/* Answers one question of a check. */
void dns_book_answer(const char *const *lines, struct spf_evaluation *e,
                     const struct spf_question *question);

/* Runs to the end; the number of questions. */
size_t dns_book_run(const char *const *lines, struct spf_evaluation *e);

#endif
