#include "tls/tls_filter.h"

#include <arpa/inet.h>

#include "gateway/base/mem.h"
#include "tls/tls_err.h"
#include "tls/tls_private.h"
#include "tls/tls_trouble_note.h"
#include "tls/tls_verify.h"

enum {
    RECORD_MAX = 16 * 1024, /* plaintext in one record (RFC 8446 5.1) */
    RECORD_EXTRA = 256,     /* what protection adds at most, and an alert or key update */
    READ_LEAST = 256,       /* room to read into when hardly any ciphertext came */
    RECORD_LEAST = 4096,    /* smaller records only for the end of the plaintext */
};

static struct tls_filter *
filter_new(struct tls_context *c, struct buf *wire_out)
{
    struct tls_filter *f = mem_new(sizeof *f);
    if (f == NULL)
        return NULL;
    f->context = tls_context_ref(c);
    f->wire = (struct tls_wire){.out = wire_out, .allowance = HANDSHAKE_MAX};
    f->verified = "none";

    tls_err_forget();
    f->ssl = SSL_new(c->ctx[0]);
    bool ok = f->ssl != NULL && SSL_set_app_data(f->ssl, f) == 1;
    BIO *bio = ok ? tls_bio_new(c->bio_method, &f->wire) : NULL;
    if (bio == NULL) {
        tls_filter_free(&f);
        return NULL;
    }
    SSL_set_bio(f->ssl, bio, bio);
    return f;
}

struct tls_filter *
tls_filter_new_server(struct tls_context *c, struct buf *wire_out)
{
    must(c->is_server);
    struct tls_filter *f = filter_new(c, wire_out);
    if (f != NULL)
        SSL_set_accept_state(f->ssl);
    return f;
}

/* "gw.example." and "[10.1.1.1]" are ways to write gw.example and 10.1.1.1. */
static bool
take_host(struct tls_filter *f, const char *host)
{
    struct slice name = slice_str(host);
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = slice(name.ptr + 1, name.len - 2);
    else if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    f->host = mem_text(name);
    if (f->host == NULL)
        return false;
    unsigned char address[16];
    f->host_is_address =
        inet_pton(AF_INET, f->host, address) == 1 || inet_pton(AF_INET6, f->host, address) == 1;
    return true;
}

/* Windows Server 2003 does not know server name indication and chooses nothing by it. */
static bool
sends_name(const struct tls_filter *f)
{
    return !f->host_is_address && f->context->profile != TLS_EXCHANGE2003;
}

static bool
take_session_key(struct tls_filter *f, struct slice key)
{
    if (key.len == 0)
        return true;
    f->session_key = mem_text(key);
    f->session_key_len = key.len;
    return f->session_key != NULL;
}

static void
offer_session(struct tls_filter *f)
{
    if (f->session_key == NULL)
        return;
    struct slice key = slice(f->session_key, f->session_key_len);
    SSL_SESSION *s = tls_session_cache_take(f->context->sessions, key);
    if (s == NULL)
        return;
    f->offered_session = SSL_set_session(f->ssl, s) == 1;
    SSL_SESSION_free(s);
}

struct tls_filter *
tls_filter_new_client(struct tls_context *c, const char *host, struct slice session_key,
                      struct buf *wire_out)
{
    must(!c->is_server);
    struct tls_filter *f = filter_new(c, wire_out);
    if (f == NULL)
        return NULL;
    SSL_set_connect_state(f->ssl);
    if (!take_host(f, host) || !take_session_key(f, session_key) ||
        (sends_name(f) && SSL_set_tlsext_host_name(f->ssl, f->host) != 1)) {
        tls_filter_free(&f);
        return NULL;
    }
    offer_session(f);
    /* The first flight: it can only wait for the answer, or lack memory. */
    int r = SSL_do_handshake(f->ssl);
    if (r == 1 || SSL_get_error(f->ssl, r) != SSL_ERROR_WANT_READ)
        tls_filter_free(&f);
    return f;
}

void
tls_filter_free(struct tls_filter **f)
{
    struct tls_filter *gone = *f;
    *f = NULL;
    if (gone == NULL)
        return;
    if (gone->ssl != NULL && (gone->state == FILTER_OPEN || gone->state == FILTER_ENDED)) {
        /* Else OpenSSL marks the session as not resumable, because nobody said close_notify. A
         * mail connection that is cut says nothing against its keys. */
        SSL_set_shutdown(gone->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(gone->ssl);
    X509_free(gone->refused_peer);
    mem_free(&gone->host);
    mem_free(&gone->session_key);
    mem_free(&gone->refusal);
    mem_free(&gone->warning);
    mem_free(&gone->trouble);
    tls_context_unref(&gone->context);
    mem_free(&gone);
}

/* The session is over: say why in the words of whoever knows best. */
static bool
fail(struct tls_filter *f, struct err *err)
{
    bool was_shaking = f->state == FILTER_SHAKING;
    f->state = FILTER_FAILED;
    if (f->offered_session && was_shaking)
        tls_session_cache_forget(f->context->sessions, slice(f->session_key, f->session_key_len));
    if (was_shaking)
        tls_trouble_note_error(f);
    if (f->refusal != NULL) {
        tls_err_forget();
        return err_set(err, ERR_TLS, "%s", f->refusal);
    }
    if (f->wire.is_exhausted)
        return err_set(err, ERR_TLS, "TLS handshake: more than %d octets before its end",
                       HANDSHAKE_MAX);
    if (f->wire.is_stuck)
        return err_set(err, ERR_LIMIT, "TLS: no room for output");
    return tls_err_take(err, was_shaking ? "TLS handshake" : "TLS");
}

static bool
shake(struct tls_filter *f, struct err *err)
{
    tls_err_forget();
    int r = SSL_do_handshake(f->ssl);
    if (r == 1) {
        if (!f->context->is_server && SSL_session_reused(f->ssl) && !tls_verify_resumed(f))
            return fail(f, err);
        f->state = FILTER_OPEN;
        f->wire.allowance = SIZE_MAX;
        return true;
    }
    return SSL_get_error(f->ssl, r) == SSL_ERROR_WANT_READ || fail(f, err);
}

/* Plaintext is never longer than its ciphertext: room for that, so that an idle session's buffer
 * does not grow to a record for every line. */
static size_t
room_wanted(const struct tls_filter *f, const struct buf *plain_out)
{
    size_t n = f->wire.in->len;
    size_t held = (size_t)SSL_pending(f->ssl);
    if (n < held)
        n = held;
    if (n < READ_LEAST)
        n = READ_LEAST;
    if (n > RECORD_MAX)
        n = RECORD_MAX;
    return n < buf_room(plain_out) ? n : buf_room(plain_out);
}

/* Asking OpenSSL once more would only tell that more is wanted. */
static bool
is_used_up(const struct tls_filter *f)
{
    return f->wire.in->len == 0 && SSL_has_pending(f->ssl) == 0;
}

static bool
decrypt(struct tls_filter *f, struct buf *plain_out, struct err *err)
{
    while (buf_room(plain_out) > 0) {
        size_t n = room_wanted(f, plain_out);
        char *to = buf_reserve(plain_out, n);
        if (to == NULL)
            return err_set(err, ERR_NOMEM, "TLS: no memory for input");
        tls_err_forget();
        int r = SSL_read_ex(f->ssl, to, n, &n);
        if (r == 1) {
            buf_grew(plain_out, n);
            if (is_used_up(f))
                return true;
            continue;
        }
        switch (SSL_get_error(f->ssl, r)) {
        case SSL_ERROR_WANT_READ:
            return true;
        case SSL_ERROR_ZERO_RETURN:
            f->state = FILTER_ENDED;
            return true;
        default:
            return fail(f, err);
        }
    }
    return true;
}

bool
tls_filter_feed(struct tls_filter *f, struct slice *wire_in, struct buf *plain_out,
                struct err *err)
{
    if (f->state == FILTER_FAILED)
        return err_set(err, ERR_STATE, "TLS: the session has failed before");
    bool ok = true;
    f->wire.in = wire_in;
    if (f->state == FILTER_SHAKING)
        ok = shake(f, err);
    if (ok && f->state == FILTER_OPEN)
        ok = decrypt(f, plain_out, err);
    f->wire.in = NULL;
    /* Whatever follows close_notify is not part of the session (RFC 8446 6.1). */
    if (f->state == FILTER_ENDED)
        slice_skip(wire_in, wire_in->len);
    return ok;
}

/* How much of plain to put in the next record: all that one holds, or what has room now. */
static size_t
record_length(const struct tls_filter *f, struct slice plain)
{
    size_t want = plain.len < RECORD_MAX ? plain.len : RECORD_MAX;
    size_t room = buf_room(f->wire.out);
    if (room >= want + RECORD_EXTRA)
        return want;
    room = room > RECORD_EXTRA ? room - RECORD_EXTRA : 0;
    /* Many small records cost more than waiting until the wire has taken some. */
    return room >= RECORD_LEAST || f->wire.out->len == 0 ? room : 0;
}

bool
tls_filter_write(struct tls_filter *f, struct slice *plain, struct err *err)
{
    if (f->state == FILTER_SHAKING)
        return true;
    if (f->state == FILTER_FAILED || f->said_close)
        return err_set(err, ERR_STATE, "TLS: the session is closed for writing");
    for (;;) {
        size_t n = record_length(f, *plain);
        if (n == 0)
            return true;
        tls_err_forget();
        if (SSL_write_ex(f->ssl, plain->ptr, n, &n) != 1)
            return fail(f, err);
        slice_skip(plain, n);
    }
}

bool
tls_filter_is_open(const struct tls_filter *f)
{
    return f->state == FILTER_OPEN || f->state == FILTER_ENDED;
}

bool
tls_filter_is_ended(const struct tls_filter *f)
{
    return f->state == FILTER_ENDED;
}

void
tls_filter_close(struct tls_filter *f)
{
    if (!tls_filter_is_open(f) || f->said_close)
        return;
    tls_err_forget();
    /* 0: said, the peer's is not here; an error: no room, and then nobody waits for it. */
    (void)SSL_shutdown(f->ssl);
    tls_err_forget();
    f->said_close = true;
}
