#include "gateway/mail/probe_kind.h"

static bool
said_any(const struct probe_deeds *d)
{
    for (enum smtp_verb v = 0; v < SMTP_VERBS; v++)
        if (d->said[v] > 0)
            return true;
    return false;
}

enum probe_kind
probe_kind_of(const struct probe_deeds *d)
{
    if (d->no_client)
        return PROBE_PROXY_LOCAL;
    if (d->said[SMTP_MAIL] > 0 || d->said[SMTP_RCPT] > 0 || d->said[SMTP_DATA] > 0 ||
        d->said[SMTP_BDAT] > 0)
        return PROBE_TRANSACTION;
    if (d->said[SMTP_AUTH] > 0)
        return PROBE_AUTH;
    if (d->said[SMTP_STARTTLS] > 0)
        return PROBE_STARTTLS;
    if (d->said[SMTP_EHLO] > 0 || d->said[SMTP_HELO] > 0)
        return PROBE_HELLO;
    if (said_any(d))
        return PROBE_COMMANDS;
    if (d->was_reset)
        return PROBE_RESET;
    return d->timed_out ? PROBE_SILENT : PROBE_CONNECT;
}

const char *
probe_kind_text(enum probe_kind kind)
{
    static const char *const texts[] = {
        [PROBE_PROXY_LOCAL] = "proxy-local",
        [PROBE_TRANSACTION] = "transaction",
        [PROBE_AUTH] = "auth",
        [PROBE_STARTTLS] = "starttls",
        [PROBE_HELLO] = "hello",
        [PROBE_COMMANDS] = "commands",
        [PROBE_RESET] = "reset",
        [PROBE_SILENT] = "silent",
        [PROBE_CONNECT] = "connect",
    };
    return texts[kind];
}
