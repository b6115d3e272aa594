#include "tls/tls_err.h"

#include <stdarg.h>
#include <stdio.h>

#include "tls/tls_openssl.h"

void
tls_err_forget(void)
{
    /* Clearing walks the whole queue, looking does not, and nearly always there is nothing. */
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

#define NO_VERSION                                                                               \
    "no TLS version in common; tls.profile modern takes 1.2 and up, exchange2003 1.0 to 1.2"

/* What operators meet most, in their words. */
static const struct {
    int reason;
    const char *say;
} known[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "the other side does not speak TLS here"},
    {SSL_R_HTTP_REQUEST, "the other side speaks HTTP, not TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, NO_VERSION},
    {SSL_R_VERSION_TOO_LOW, NO_VERSION},
    {SSL_R_NO_SHARED_CIPHER,
     "no cipher in common; Windows Server 2003 has one with KB948963, Windows 2000 none"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
     "the other side does not know secure renegotiation (RFC 5746), which tls.profile modern "
     "wants "
     "and exchange2003 does not"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "the other side left without close_notify"},
};

static const char *
ssl_reason_text(int reason)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i].reason == reason)
            return known[i].say;
    return NULL;
}

/* What an alert may mean, where its name alone says too little. */
static const char *
alert_text(int alert)
{
    switch (alert) {
    case SSL_AD_PROTOCOL_VERSION:
        return ": " NO_VERSION;
    case SSL_AD_HANDSHAKE_FAILURE:
        return ": no cipher or version in common, or it wants a certificate of ours";
    default:
        return "";
    }
}

bool
tls_err_take(struct err *err, const char *what, ...)
{
    char noun[160];
    va_list args;
    va_start(args, what);
    vsnprintf(noun, sizeof noun, what, args);
    va_end(args);

    unsigned long code = ERR_get_error();
    ERR_clear_error();
    int reason = ERR_GET_REASON(code);
    if (ERR_SYSTEM_ERROR(code))
        return err_set_at(err, ERR_IO, reason, ERR_HERE, "%s", noun);
    if (reason == ERR_R_MALLOC_FAILURE)
        return err_set(err, ERR_NOMEM, "%s: out of memory", noun);

    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        if (reason > SSL_AD_REASON_OFFSET)
            return err_set(err, ERR_TLS, "%s: the other side refused with the alert \"%s\"%s",
                           noun, SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET),
                           alert_text(reason - SSL_AD_REASON_OFFSET));
        const char *say = ssl_reason_text(reason);
        if (say != NULL)
            return err_set(err, ERR_TLS, "%s: %s", noun, say);
    }
    const char *text = ERR_reason_error_string(code);
    return err_set(err, ERR_TLS, "%s: %s", noun, text ? text : "no reason given");
}
