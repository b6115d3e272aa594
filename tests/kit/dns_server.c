#include "tests/kit/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/watch.h"
#include "tests/kit/dns_book.h"

enum {
    PACKET_MAX = 1500,
    HEADER = 12,
    LOG_MAX = 128,
    LABEL_MAX = 64,
    TYPE_A = 1,
    TYPE_AAAA = 28,
    NXDOMAIN = 3,
    SERVFAIL = 2,
};

struct dns_server {
    int fd;
    struct watch *watch;
    int questions;
    char labels[LOG_MAX][LABEL_MAX]; /* the first one of each question */
    const char *const *book;         /* or NULL */
};

struct packet {
    unsigned char octets[PACKET_MAX];
    size_t len;
};

static void
put(struct packet *p, const void *octets, size_t n)
{
    must(p->len + n <= sizeof p->octets);
    memcpy(p->octets + p->len, octets, n);
    p->len += n;
}

/* A record of the name in the question, with this address. */
static void
put_address(struct packet *p, int type, const char *address)
{
    unsigned char head[] = {0xc0, HEADER, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, 4};
    unsigned char octets[16];
    must(inet_pton(type == TYPE_A ? AF_INET : AF_INET6, address, octets) == 1);
    head[11] = type == TYPE_A ? 4 : 16;
    put(p, head, sizeof head);
    put(p, octets, head[11]);
    p->octets[7]++; /* ANCOUNT */
}

/* Our question ends behind its name, type and class; 0: it is not one. */
static size_t
question_end(const struct packet *p, int *type)
{
    size_t at = HEADER;
    while (at < p->len && p->octets[at] != 0)
        at += p->octets[at] + 1U;
    if (at + 5 > p->len)
        return 0;
    *type = p->octets[at + 1] << 8 | p->octets[at + 2];
    return at + 5;
}

static void
put_answers(struct packet *p, const char *label, int type)
{
    if (strcmp(label, "four") == 0 && type == TYPE_A) {
        put_address(p, type, "10.0.0.4");
    } else if (strcmp(label, "six") == 0 && type == TYPE_AAAA) {
        put_address(p, type, "fd00::6");
    } else if (strcmp(label, "half") == 0 && type == TYPE_A) {
        put_address(p, type, "10.0.0.5");
    } else if (strcmp(label, "both") == 0 && type == TYPE_A) {
        put_address(p, type, "10.0.0.10");
        put_address(p, type, "10.0.0.2");
        put_address(p, type, "10.0.0.1");
    } else if (strcmp(label, "both") == 0 && type == TYPE_AAAA) {
        put_address(p, type, "fd00::2");
        put_address(p, type, "fd00::1");
    } else if (strcmp(label, "many") == 0 && type == TYPE_A) {
        for (int i = 20; i > 0; i--) {
            char address[16];
            snprintf(address, sizeof address, "10.0.1.%d", i);
            put_address(p, type, address);
        }
    } else if (strcmp(label, "nowhere") == 0) {
        p->octets[3] |= NXDOMAIN;
    } else if (strcmp(label, "broken") == 0) {
        p->octets[3] |= SERVFAIL;
    }
}

/* ---- Out of the book ----------------------------------------------------------------------- */

static void
put_name(struct packet *p, struct slice name)
{
    while (name.len > 0) {
        size_t len = slice_find(name, '.');
        unsigned char octet = (unsigned char)len;
        put(p, &octet, 1);
        put(p, name.ptr, len);
        name = slice_from(name, len + 1);
    }
    put(p, "", 1);
}

static void
put_strings(struct packet *p, struct slice text)
{
    do {
        struct slice piece = slice_head(text, 255);
        unsigned char octet = (unsigned char)piece.len;
        put(p, &octet, 1);
        put(p, piece.ptr, piece.len);
        text = slice_from(text, piece.len);
    } while (text.len > 0);
}

static void
put_record(struct packet *p, int type, struct slice data)
{
    unsigned char head[] = {0xc0, HEADER, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, 0};
    put(p, head, sizeof head);
    size_t start = p->len;
    if (type == RECORD_MX)
        put(p, "\0\12", 2);
    if (type == RECORD_MX || type == RECORD_PTR)
        put_name(p, data);
    else if (type == RECORD_TXT)
        put_strings(p, data);
    else
        put(p, data.ptr, data.len);
    p->octets[start - 2] = (unsigned char)((p->len - start) >> 8);
    p->octets[start - 1] = (unsigned char)(p->len - start);
    p->octets[7]++; /* ANCOUNT */
}

/* The name in the question, with dots. */
static void
question_name(const struct packet *p, char name[256])
{
    size_t at = HEADER, n = 0;
    while (at < p->len && p->octets[at] != 0 && n + p->octets[at] + 1U < 256) {
        if (n > 0)
            name[n++] = '.';
        memcpy(name + n, p->octets + at + 1, p->octets[at]);
        n += p->octets[at];
        at += p->octets[at] + 1U;
    }
    name[n] = '\0';
}

/* False: say nothing. */
static bool
put_from_book(const struct dns_server *s, struct packet *p, const char *name, int type)
{
    static const int types[] = {RECORD_A, RECORD_PTR, RECORD_MX, RECORD_TXT, RECORD_AAAA};
    struct dns_book_answer a = {.finding = RECORDS_NONE};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i] == type)
            dns_book_find(s->book, name, (enum record_type)type, &a);
    for (size_t i = 0; i < a.count; i++)
        put_record(p, type, a.list[i]);
    if (a.finding == RECORDS_NO_NAME)
        p->octets[3] |= NXDOMAIN;
    if (a.finding == RECORDS_FAILED)
        p->octets[3] |= SERVFAIL;
    return a.finding != RECORDS_TIMEOUT;
}

/* ---- Answers ------------------------------------------------------------------------------- */

static bool
is_silent(const char *label, int type)
{
    return strcmp(label, "silent") == 0 || (strcmp(label, "half") == 0 && type == TYPE_AAAA);
}

/* Turn the question into its answer. False: say nothing. */
static bool
make_answer(struct dns_server *s, struct packet *p)
{
    int type = 0;
    size_t end = p->len > HEADER ? question_end(p, &type) : 0;
    if (end == 0)
        return false;
    char label[LABEL_MAX] = "";
    memcpy(label, p->octets + HEADER + 1, p->octets[HEADER] & 0x3f);
    if (s->questions < LOG_MAX)
        memcpy(s->labels[s->questions], label, sizeof label);
    s->questions++;
    char name[256] = "";
    question_name(p, name);
    if (s->book == NULL && is_silent(label, type))
        return false;

    p->len = end;
    memset(p->octets + 6, 0, 6); /* no records yet */
    p->octets[2] |= 0x84;        /* an answer, authoritative */
    p->octets[3] = 0x80;         /* recursion is available */
    if (s->book != NULL)
        return put_from_book(s, p, name, type);
    put_answers(p, label, type);
    return true;
}

static void
on_readable(void *context)
{
    struct dns_server *s = context;
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    struct packet p;
    ssize_t n =
        recvfrom(s->fd, p.octets, sizeof p.octets, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 0)
        return;
    p.len = (size_t)n;
    if (make_answer(s, &p))
        must(sendto(s->fd, p.octets, p.len, 0, (struct sockaddr *)&from, len) == (ssize_t)p.len);
}

struct dns_server *
dns_server_new(struct loop *l, struct sockaddr_storage *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct dns_server *s = mem_new(sizeof *s);
    must(s != NULL);
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, sizeof at) == 0 &&
         getsockname(s->fd, (struct sockaddr *)&at, &len) == 0);
    memcpy(address, &at, sizeof at);
    s->watch = watch_new(l, s->fd, on_readable, s);
    must(s->watch != NULL);
    return s;
}

void
dns_server_free(struct dns_server **s)
{
    watch_free(&(*s)->watch);
    close((*s)->fd);
    mem_free(s);
}

void
dns_server_use_book(struct dns_server *s, const char *const *lines)
{
    s->book = lines;
}

int
dns_server_questions(const struct dns_server *s)
{
    return s->questions;
}

int
dns_server_questions_for(const struct dns_server *s, const char *label)
{
    int n = 0;
    for (int i = 0; i < s->questions && i < LOG_MAX; i++)
        n += strcmp(s->labels[i], label) == 0;
    return n;
}
