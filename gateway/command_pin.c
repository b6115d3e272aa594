#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/mail/smtp_client.h"
#include "tls/tls_identity.h"

enum { WIRE_MAX = 64 * 1024, WAIT_S = 30 };

/* A blocking conversation up to the handshake: this command is a process of its own. */
struct call {
    int fd;
    struct smtp_client *engine;
    struct tls_filter *tls;
    struct buf wire_out;
    struct buf plain;
};

static bool
dial(const char *host, const char *port, int *fd, struct err *err)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct timeval wait = {.tv_sec = WAIT_S};
    int why = getaddrinfo(host, port, &want, &list);
    if (why != 0)
        return err_set(err, ERR_DNS, "%s: %s", host, gai_strerror(why));
    *fd = -1;
    for (const struct addrinfo *a = list; a != NULL && *fd < 0; a = a->ai_next) {
        *fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (*fd < 0)
            continue;
        setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        if (connect(*fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(*fd);
            *fd = -1;
        }
    }
    freeaddrinfo(list);
    return *fd >= 0 || err_set(err, ERR_IO, "%s:%s: no connection", host, port);
}

static bool
send_all(int fd, struct slice octets, struct err *err)
{
    while (octets.len > 0) {
        ssize_t n = send(fd, octets.ptr, octets.len, MSG_NOSIGNAL);
        if (n <= 0)
            return err_set(err, ERR_CLOSED, "the server closed the connection");
        slice_skip(&octets, (size_t)n);
    }
    return true;
}

/* The SMTP part, up to the server's 220 to STARTTLS. */
static bool
speak_smtp(struct call *c, struct err *err)
{
    char piece[4096];
    while (smtp_client_task(c->engine) == SMTP_TASK_WAIT) {
        struct slice out = smtp_client_output(c->engine);
        TRY(send_all(c->fd, out, err));
        smtp_client_sent(c->engine, out.len);
        ssize_t n = recv(c->fd, piece, sizeof piece, 0);
        if (n <= 0)
            return err_set(err, ERR_CLOSED, "no answer from the server");
        struct slice in = slice(piece, (size_t)n);
        smtp_client_feed(c->engine, &in, clock_ms());
    }
    if (smtp_client_task(c->engine) == SMTP_TASK_STARTTLS)
        return true;
    const struct smtp_outcome *why = smtp_client_failure(c->engine);
    return err_set(err, ERR_TLS, "%s", why->reply.text);
}

static bool
shake_hands(struct call *c, const char *host, enum tls_profile profile, struct err *err)
{
    struct tls_context *context = NULL;
    const struct tls_client_settings settings = {.profile = profile, .trust = TLS_TRUST_NONE};
    TRY(tls_context_new_client(&settings, &context, err));
    c->tls = tls_filter_new_client(context, host, slice_str("pin"), &c->wire_out);
    tls_context_unref(&context);
    if (c->tls == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    while (!tls_filter_is_open(c->tls)) {
        char piece[16384];
        TRY(send_all(c->fd, buf_slice(&c->wire_out), err));
        buf_clear(&c->wire_out);
        ssize_t n = recv(c->fd, piece, sizeof piece, 0);
        if (n <= 0)
            return err_set(err, ERR_CLOSED, "the server closed the connection in the handshake");
        struct slice in = slice(piece, (size_t)n);
        TRY(tls_filter_feed(c->tls, &in, &c->plain, err));
    }
    return true;
}

static bool
print_identity(const struct call *c, struct err *err)
{
    struct tls_identity who;
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    struct buf pin;
    if (!tls_identity_of_peer(c->tls, &who))
        return err_set(err, ERR_TLS, "the server showed no certificate");
    clock_iso(who.not_before_unix_s * 1000, from);
    clock_iso(who.not_after_unix_s * 1000, to);
    buf_init(&pin, 128);
    tls_pin_put(&pin, who.pin);
    printf(
        "pin:      %s\nsubject:  %s\nissuer:   %s%s\nnames:    %s\nvalid:    %.10s to %.10s%s\n"
        "key:      %d bits\nsession:  %s %s\n",
        buf_text(&pin), who.subject, who.issuer, who.self_signed ? " (self-signed)" : "",
        who.names, from, to, who.not_after_unix_s < clock_unix_ms() / 1000 ? " (EXPIRED)" : "",
        who.key_bits, tls_filter_version(c->tls), tls_filter_cipher(c->tls));
    buf_fini(&pin);
    return true;
}

static bool
call(const char *host, const char *port, enum tls_profile profile, struct err *err)
{
    const struct smtp_client_settings settings = {.hello = slice_str("localhost"),
                                                  .tls_required = true};
    struct call c = {.fd = -1};
    buf_init(&c.wire_out, WIRE_MAX);
    buf_init(&c.plain, WIRE_MAX);
    bool ok = dial(host, port, &c.fd, err);
    if (ok && (c.engine = smtp_client_new(&settings, clock_ms())) == NULL)
        ok = err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && speak_smtp(&c, err) && send_all(c.fd, smtp_client_output(c.engine), err) &&
         shake_hands(&c, host, profile, err) && print_identity(&c, err);
    tls_filter_free(&c.tls);
    smtp_client_free(&c.engine);
    buf_fini(&c.wire_out);
    buf_fini(&c.plain);
    if (c.fd >= 0)
        close(c.fd);
    return ok;
}

/* --profile as in the configuration: with modern nobody learns the pin of a server of 2003. */
static bool
read_profile(const char *word, enum tls_profile *profile)
{
    *profile = strcmp(word, "exchange2003") == 0 ? TLS_EXCHANGE2003 : TLS_MODERN;
    return *profile == TLS_EXCHANGE2003 || strcmp(word, "modern") == 0;
}

int
command_pin(int argc, char **argv)
{
    char host[256];
    const char *word = "modern";
    enum tls_profile profile;
    struct err err;
    int rest;
    const struct option_spec specs[] = {{"profile", &word, NULL, NULL}};
    if (!options_read(argc, argv, NULL, specs, COUNT_OF(specs), &rest))
        return 2;
    if (rest + 1 != argc || strlen(argv[rest]) >= sizeof host || !read_profile(word, &profile)) {
        fprintf(stderr, "forestgate pin [--profile modern|exchange2003] HOST[:PORT]\n");
        return 2;
    }
    slice_copy_text(host, sizeof host, slice_str(argv[rest]));
    char *colon = strrchr(host, ':');
    bool has_port = colon != NULL && strchr(host, ':') == colon;
    if (has_port)
        *colon = '\0';
    if (call(host, has_port ? colon + 1 : "25", profile, &err))
        return 0;
    fprintf(stderr, "forestgate pin: %s: %s\n", argv[rest], err.text);
    return 1;
}
