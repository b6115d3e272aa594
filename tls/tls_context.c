#include "tls/tls_context.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "tls/tls_err.h"
#include "tls/tls_openssl.h"
#include "tls/tls_private.h"
#include "tls/tls_profile.h"
#include "tls/tls_verify.h"

/* Separates our tickets from those of another program with the same key file. */
static const unsigned char session_id_context[] = "forestgate smtp";

static struct tls_context *
context_new(bool is_server, enum tls_profile profile, size_t ctx_count, struct err *err)
{
    struct tls_context *c = mem_new(sizeof *c);
    if (c != NULL) {
        atomic_store(&c->refs, 1);
        c->is_server = is_server;
        c->profile = profile;
        if (is_server)
            tls_tickets_init(&c->tickets, clock_ms());
        c->bio_method = tls_bio_method_new();
        c->ctx = mem_new(ctx_count * sizeof(SSL_CTX *));
        if (c->bio_method != NULL && c->ctx != NULL)
            return c;
        tls_context_unref(&c);
    }
    err_set(err, ERR_NOMEM, "TLS context: out of memory");
    return NULL;
}

/* OpenSSL would ask for a pass phrase on the terminal. */
static int
have_no_pass_phrase(char *room, int size, int writing, void *unused)
{
    (void)room, (void)size, (void)writing, (void)unused;
    return -1;
}

static EVP_PKEY *
read_key(const char *file_name, struct err *err)
{
    BIO *file = BIO_new_file(file_name, "r");
    if (file == NULL) {
        tls_err_take(err, "key %s", file_name);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, have_no_pass_phrase, NULL);
    if (key == NULL) {
        /* The queue speaks of decoders; the operator knows files. */
        tls_err_forget();
        err_set(err, ERR_TLS, "key %s: not a private key in PEM, or it has a pass phrase",
                file_name);
    }
    BIO_free(file);
    return key;
}

/* Whatever the profile, the key must be strong enough; the suites of exchange2003 all want RSA.
 */
static bool
check_own_key(const EVP_PKEY *key, const char *file_name, enum tls_profile profile,
              struct err *err)
{
    if (!tls_profile_takes_key(key))
        return err_set(err, ERR_TLS, "key %s has only %d bits; RSA of %d bits is the least",
                       file_name, EVP_PKEY_get_bits(key), TLS_KEY_BITS_LEAST);
    if (profile == TLS_EXCHANGE2003 && !EVP_PKEY_is_a(key, "RSA"))
        return err_set(
            err, ERR_TLS,
            "key %s is not an RSA key, and tls.profile exchange2003 has use for no other",
            file_name);
    return true;
}

static bool
load_pair(SSL_CTX *ctx, enum tls_profile profile, const struct tls_key_pair *pair,
          struct err *err)
{
    tls_err_forget();
    if (SSL_CTX_use_certificate_chain_file(ctx, pair->certificate_file) != 1)
        return tls_err_take(err, "certificate %s", pair->certificate_file);
    EVP_PKEY *key = read_key(pair->key_file, err);
    if (key == NULL)
        return false;
    bool ok = X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) == 1;
    if (!ok)
        err_set(err, ERR_TLS, "key %s does not belong to certificate %s", pair->key_file,
                pair->certificate_file);
    else if (!check_own_key(key, pair->key_file, profile, err))
        ok = false;
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        ok = tls_err_take(err, "key %s", pair->key_file);
    EVP_PKEY_free(key);
    return ok;
}

/* Server name indication: the pair whose certificate has the name, else the first. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    const struct tls_context *c = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < c->ctx_count; i++) {
        X509 *cert = SSL_CTX_get0_certificate(c->ctx[i]);
        if (X509_check_host(cert, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
            continue;
        if (i > 0)
            SSL_set_SSL_CTX(ssl, c->ctx[i]);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* A ticket is made or opened, whichever pair's certificate is shown. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
          EVP_MAC_CTX *hash, int make)
{
    struct tls_filter *f = SSL_get_app_data(ssl);
    struct tls_ticket_keys keys;
    tls_tickets_keys(&f->context->tickets, clock_ms(), &keys);
    int answer = make ? tls_tickets_make(&keys, name, iv, cipher, hash)
                      : tls_tickets_open(&keys, name, iv, cipher, hash);
    mem_wipe(&keys, sizeof keys);
    /* 2 = take it and give a new one, since one of TLS 1.3 is used once. */
    return answer == 1 && !make && SSL_version(ssl) >= TLS1_3_VERSION ? 2 : answer;
}

static bool
add_server_ctx(struct tls_context *c, const struct tls_key_pair *pair, struct err *err)
{
    SSL_CTX *ctx = tls_profile_new_ctx(TLS_server_method(), c->profile, err);
    if (ctx == NULL)
        return false;
    c->ctx[c->ctx_count++] = ctx;
    /* No client is asked for a certificate: accounts say who it is. Exchange 2007 would answer
     * with its self-signed one, which proves nothing, and a Schannel client without any has to be
     * told by its application to go on (SEC_I_INCOMPLETE_CREDENTIALS), which is one more thing to
     * fail. Whoever has one is taken as "not verified", like all the others. */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_dh_auto(ctx, 1);
    /* Tickets carry the sessions; a cache here would only remember them a second time. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_session_id_context(ctx, session_id_context, sizeof session_id_context - 1) ==
         1);
    return load_pair(ctx, c->profile, pair, err);
}

bool
tls_context_new_server(enum tls_profile profile, const struct tls_key_pair *pairs,
                       size_t pair_count, struct tls_context **out, struct err *err)
{
    must(pair_count > 0);
    struct tls_context *c = context_new(true, profile, pair_count, err);
    if (c == NULL)
        return false;
    for (size_t i = 0; i < pair_count; i++) {
        if (!add_server_ctx(c, &pairs[i], err)) {
            tls_context_unref(&c);
            return false;
        }
    }
    SSL_CTX_set_tlsext_servername_callback(c->ctx[0], on_server_name);
    SSL_CTX_set_tlsext_servername_arg(c->ctx[0], c);
    must(SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ctx[0], on_ticket) == 1);
    *out = c;
    return true;
}

/* A session that may be resumed: at the end of the handshake in TLS 1.2, with each ticket in 1.3.
 * 1 = the reference is ours now. */
static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_filter *f = SSL_get_app_data(ssl);
    if (f->session_key == NULL || f->state == FILTER_FAILED)
        return 0;
    tls_session_cache_put(f->context->sessions, slice(f->session_key, f->session_key_len),
                          &session);
    return 1;
}

static bool
load_system_roots(SSL_CTX *ctx, const struct tls_roots *at_hand, struct err *err)
{
    struct tls_roots *read = NULL;
    if (at_hand == NULL && !tls_roots_new(&read, err))
        return false;
    SSL_CTX_set1_cert_store(ctx, at_hand != NULL ? at_hand->store : read->store);
    tls_roots_free(&read);
    return true;
}

static bool
load_roots(SSL_CTX *ctx, const struct tls_client_settings *s, struct err *err)
{
    if (s->ca_file == NULL)
        return load_system_roots(ctx, s->roots, err);
    tls_err_forget();
    if (SSL_CTX_load_verify_file(ctx, s->ca_file) != 1)
        return tls_err_take(err, "ca file %s", s->ca_file);
    /* What the operator put there is trusted, also when it is an issuing authority below a root
     * or the server's own certificate. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return true;
}

static bool
fill_client(struct tls_context *c, const struct tls_client_settings *s, struct err *err)
{
    SSL_CTX *ctx = tls_profile_new_ctx(TLS_client_method(), s->profile, err);
    if (ctx == NULL)
        return false;
    c->ctx[c->ctx_count++] = ctx;
    c->trust = s->trust;
    c->sessions = tls_session_cache_new();
    c->pins = mem_new(s->pin_count * sizeof *c->pins);
    if (c->sessions == NULL || c->pins == NULL)
        return err_set(err, ERR_NOMEM, "TLS context: out of memory");
    if (s->pin_count > 0)
        memcpy(c->pins, s->pins, s->pin_count * sizeof *c->pins);
    c->pin_count = s->pin_count;

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, tls_verify_callback, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new_session);
    if (s->trust == TLS_TRUST_NAME || s->trust == TLS_TRUST_CA)
        return load_roots(ctx, s, err);
    return true;
}

bool
tls_context_new_client(const struct tls_client_settings *settings, struct tls_context **out,
                       struct err *err)
{
    struct tls_context *c = context_new(false, settings->profile, 1, err);
    if (c == NULL)
        return false;
    if (!fill_client(c, settings, err)) {
        tls_context_unref(&c);
        return false;
    }
    *out = c;
    return true;
}

struct tls_context *
tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void
tls_context_unref(struct tls_context **c)
{
    struct tls_context *gone = *c;
    *c = NULL;
    if (gone == NULL || atomic_fetch_sub(&gone->refs, 1) > 1)
        return;
    if (gone->is_server)
        tls_tickets_fini(&gone->tickets);
    tls_session_cache_free(&gone->sessions);
    for (size_t i = 0; i < gone->ctx_count; i++)
        SSL_CTX_free(gone->ctx[i]);
    mem_free(&gone->ctx);
    mem_free(&gone->pins);
    BIO_meth_free(gone->bio_method);
    mem_free(&gone);
}
