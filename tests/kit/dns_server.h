/*
 * dns_server.h - a tiny DNS server on 127.0.0.1, in the loop of the test.
 *
 * What it answers depends on the first label of the name, whatever follows:
 *
 *     four     A 10.0.0.4                   six      AAAA fd00::6
 *     both     A 10.0.0.10, .2, .1; AAAA fd00::2, fd00::1
 *     many     A 10.0.1.20 down to 10.0.1.1
 *     empty    no addresses                 nowhere  no such name
 *     broken   server failure               silent   nothing at all
 *     half     A 10.0.0.5; nothing at all to AAAA
 *
 * unless it was given a book (dns_book.h): then that says what it answers.
 */
#ifndef KIT_DNS_SERVER_H
#define KIT_DNS_SERVER_H

#include <sys/socket.h>

#include "gateway/net/loop.h"

struct dns_server;

/* Aborts when it cannot. address: where it listens. */
struct dns_server *dns_server_new(struct loop *l, struct sockaddr_storage *address);
void dns_server_free(struct dns_server **s);

/* lines as in dns_book.h, borrowed. */
void dns_server_use_book(struct dns_server *s, const char *const *lines);

/* How many questions came, and how many of them for names that begin with label. */
int dns_server_questions(const struct dns_server *s);
int dns_server_questions_for(const struct dns_server *s, const char *label);

#endif
