/*
 * However the network cuts what a client sends, the server says the same, asks the same and
 * takes the same message; and every transaction that was begun is accounted for
 * (server_driver.c insists).
 *
 * The first octet chooses the settings, the second the size of the pieces, the third which
 * questions get bad answers. Two things depend on what comes in one packet, by design: input
 * behind AUTH and behind STARTTLS. So a packet ends behind each of their lines.
 */
#include "gateway/base/ascii.h"
#include "tests/kit/server_driver.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum {
    SETTINGS_TLS = 1,
    SETTINGS_AUTH = 2,
    SETTINGS_NORMALISE = 4,
    SETTINGS_SMALL = 8,
    SETTINGS_MORE = 16
};

static void
begin(struct server_driver *d, unsigned char choice, unsigned char trouble)
{
    struct smtp_server_settings settings = server_driver_settings();
    static const struct {
        enum smtp_ask ask;
        int code;
        const char *enhanced;
    } troubles[] = {
        {SMTP_ASK_AUTH, 454, "4.7.0"},    {SMTP_ASK_MAIL, 452, "4.3.1"},
        {SMTP_ASK_RCPT, 550, "5.7.1"},    {SMTP_ASK_RCPT, 421, "4.3.2"},
        {SMTP_ASK_DATA, 451, "4.3.0"},    {SMTP_ASK_MESSAGE, 554, "5.6.0"},
        {SMTP_ASK_MESSAGE, 421, "4.3.2"},
    };

    settings.tls_required = choice & SETTINGS_TLS;
    settings.auth_required = choice & SETTINGS_AUTH;
    settings.normalise_bare_newline = choice & SETTINGS_NORMALISE;
    settings.binarymime_offered = choice & SETTINGS_MORE;
    settings.smtputf8_offered = choice & SETTINGS_MORE;
    settings.exch50_offered = choice & SETTINGS_MORE;
    settings.exch50_max = 50;
    if (choice & SETTINGS_SMALL) {
        settings.size_max = 16;
        settings.recipients_max = 1;
    }
    server_driver_init(d, &settings);
    for (size_t i = 0; i < COUNT_OF(troubles); i++) {
        if (trouble >> i & 1) {
            struct reply reply = reply_make(troubles[i].code, troubles[i].enhanced, "No");
            server_driver_prepare(d, troubles[i].ask, &reply);
        }
    }
}

static bool
holds(struct slice line, const char *word)
{
    for (; line.len > 0; slice_skip(&line, 1))
        if (ascii_starts(line, word))
            return true;
    return false;
}

/* Is a response to a challenge due? */
static bool
is_challenged(const struct server_driver *d)
{
    struct slice said = buf_slice(&d->said);
    size_t from = said.len < 2 ? 0 : said.len - 2;

    while (from > 0 && said.ptr[from - 1] != '\n')
        from--;
    return slice_starts(slice_from(said, from), slice_str("334 "));
}

/* How much of in comes in one packet: at most max octets and one line, or, with max 0, as many
 * lines as may come together. */
static size_t
packet(const struct server_driver *d, struct slice in, size_t max)
{
    size_t line_len = slice_find(in, '\n') + 1, at = 0;

    if (max > 0)
        return max < line_len ? max : line_len;
    if (is_challenged(d))
        return line_len;
    while (at < in.len) {
        struct slice rest = slice_from(in, at);
        struct slice line = slice_head(rest, slice_find(rest, '\n') + 1);
        at += line.len;
        if (holds(line, "AUTH") || holds(line, "STARTTLS"))
            break;
    }
    return at;
}

static void
converse(struct server_driver *d, struct slice in, size_t max)
{
    while (in.len > 0) {
        struct slice piece = slice_head(in, packet(d, in, max));
        server_driver_send(d, piece);
        slice_skip(&in, piece.len);
        if (server_driver_open_question(d) == SMTP_ASK_STARTTLS) {
            smtp_server_tls_done(d->server, d->now_ms);
            server_driver_pump(d);
        }
    }
    server_driver_wait(d, 10 * 60 * 1000);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct server_driver whole, cut;

    if (size < 3 || size > 100000)
        return 0;
    struct slice in = slice((const char *)data + 3, size - 3);
    begin(&whole, data[0], data[2]);
    begin(&cut, data[0], data[2]);
    converse(&whole, in, 0);
    converse(&cut, in, 1 + data[1] % 8U);

    must(slice_equal(buf_slice(&whole.said), buf_slice(&cut.said)));
    must(slice_equal(buf_slice(&whole.asked), buf_slice(&cut.asked)));
    must(server_driver_open_question(&whole) == SMTP_ASK_CLOSE);
    must(whole.transactions == 0 && cut.transactions == 0);
    if (smtp_server_injected_octets(cut.server) > 0)
        must(smtp_server_injected_octets(whole.server) > 0);
    server_driver_fini(&whole);
    server_driver_fini(&cut);
    return 0;
}
