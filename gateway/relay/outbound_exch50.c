/*
 * outbound_exch50.c - what came beside a message by XEXCH50, on its way to the next server.
 */
#include "gateway/relay/exch50.h"
#include "gateway/relay/outbound_private.h"

static void
count_exch50(const struct outbound *b, enum exch50_fate fate)
{
    exch50_count(b->outlet->worker->shop->metrics, b->outlet->name, fate);
}

struct slice
outbound_exch50(const struct outbound *b)
{
    struct slice blob = b->d->parcel->envelope.exch50;
    if (blob.len == 0)
        return blob;
    if ((b->connector->rights & RIGHT_SEND_EXCH50) == 0)
        count_exch50(b, EXCH50_NO_RIGHT);
    else if (!exch50_fits(b->d))
        count_exch50(b, EXCH50_RECIPIENTS);
    else if (loop_now_ms(b->outlet->worker->loop) < b->lane->avoids.exch50_until_ms)
        count_exch50(b, EXCH50_HUNG);
    else
        return blob;
    return slice(NULL, 0);
}

static void
note_hung(const struct outbound *b)
{
    struct log_line line;
    b->lane->avoids.exch50_until_ms = UINT64_MAX;
    log_begin(&line, b->outlet->worker->shop->log, EV_exch50_hung, 0);
    log_str(&line, "connector", b->outlet->name);
    log_str(&line, "server", b->server_text);
    log_end(&line);
}

void
outbound_note_exch50(const struct outbound *b)
{
    switch (smtp_client_exch50(b->engine)) {
    case SMTP_EXCH50_NONE:
        return;
    case SMTP_EXCH50_TAKEN:
        count_exch50(b, EXCH50_PASSED);
        return;
    case SMTP_EXCH50_NOT_OFFERED:
        count_exch50(b, EXCH50_NOT_OFFERED);
        return;
    case SMTP_EXCH50_REFUSED:
        count_exch50(b, EXCH50_REFUSED);
        return;
    case SMTP_EXCH50_RECIPIENTS:
        count_exch50(b, EXCH50_RECIPIENTS);
        return;
    case SMTP_EXCH50_CLOSED: /* should it be the verb after all, the next try goes without */
        count_exch50(b, EXCH50_REFUSED);
        b->lane->avoids.exch50_until_ms = loop_now_ms(b->outlet->worker->loop) + EXCH50_AGAIN_MS;
        return;
    case SMTP_EXCH50_HUNG:
        count_exch50(b, EXCH50_HUNG);
        note_hung(b);
        return;
    }
}
