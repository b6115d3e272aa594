/* Whatever a peer, a sender or an original said: a report has lines of CRLF and none too long, is
 * ASCII unless it is told to be UTF-8, and has as many parts and groups of fields as it should.
 */
#include "gateway/mail/dsn.h"
#include "gateway/mail/quoted_printable.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { ROOM = 1 << 20, RECIPIENTS = 3, LINE_MOST = 998 };

/* What stands up to the next NUL. */
static struct slice
take(struct slice *in, size_t most)
{
    struct slice taken = slice_head(*in, slice_find(*in, '\0'));
    *in = slice_from(*in, taken.len + 1);
    return slice_head(taken, most);
}

static void
check_lines(struct slice text, bool is_ascii)
{
    while (text.len > 0) {
        size_t lf = slice_find(text, '\n');
        must(lf < text.len && lf > 0 && lf <= LINE_MOST && text.ptr[lf - 1] == '\r');
        for (size_t i = 0; i + 1 < lf; i++) {
            must(text.ptr[i] != '\r' && text.ptr[i] != '\0');
            must(!is_ascii || (unsigned char)text.ptr[i] < 128);
        }
        slice_skip(&text, lf + 1);
    }
}

static size_t
count(struct slice text, const char *what)
{
    size_t found = 0, len = strlen(what);
    for (; text.len >= len; slice_skip(&text, 1))
        found += memcmp(text.ptr, what, len) == 0;
    return found;
}

static void
check_report(const struct dsn *dsn)
{
    struct buf out;
    buf_init(&out, ROOM);
    dsn_put_head(&out, dsn);
    dsn_put_end(&out, dsn);
    must(buf_ok(&out));
    struct slice text = buf_slice(&out);
    check_lines(text, !dsn->utf8);
    must(count(text, "\r\n--=_0123456789") == 3 + (dsn->original != DSN_ORIGINAL_NONE));
    must(count(text, "\r\nFinal-Recipient: ") == dsn->recipient_count);
    must(count(text, "\r\nAction: ") == dsn->recipient_count);
    must(count(text, "\r\nOriginal-Envelope-Id: ") <= (dsn->envid.len > 0));
    buf_fini(&out);
}

static void
check_encoding(struct slice text)
{
    struct buf out;
    buf_init(&out, ROOM);
    quoted_printable_put(&out, text);
    buf_put_str(&out, "\r\n");
    must(buf_ok(&out));
    check_lines(buf_slice(&out), true);
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice in = slice((const char *)data, size < 20000 ? size : 20000);
    struct dsn_recipient recipients[RECIPIENTS];
    check_encoding(in);
    unsigned choice = size > 0 ? data[0] : 0;
    slice_skip(&in, size > 0);
    struct dsn dsn = {
        .hostname = slice_str("gw.contoso.example"),
        .postmaster = slice_str("postmaster@contoso.example"),
        .id = slice_str("0B5QX2K7V9M3A"),
        .boundary = slice_str("0123456789"),
        .sender = take(&in, 571),
        .message_id = take(&in, 900),
        .envid = take(&in, DSN_ENVID_MAX),
        .recipients = recipients,
        .recipient_count = RECIPIENTS,
        .original = (enum dsn_original)(choice % 3),
        .original_is_8bit = choice & 4,
        .original_is_utf8 = choice & 8,
        .utf8 = choice & 16,
    };
    if (dsn.sender.len == 0)
        return 0;
    for (unsigned i = 0; i < RECIPIENTS; i++)
        recipients[i] = (struct dsn_recipient){
            .address = take(&in, 571),
            .orcpt = take(&in, DSN_ORCPT_MAX),
            .action = (enum dsn_action)((choice + i) % 3),
            .remote_host = take(&in, 300),
            .last_error = take(&in, 500),
            .diagnosis = take(&in, 300),
        };
    check_report(&dsn);
    return 0;
}
