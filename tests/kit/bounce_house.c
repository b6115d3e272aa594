#include "tests/kit/bounce_house.h"

#include "gateway/base/clock.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* The server of reports takes none now, so that they can be read here; it counts them. */
static const char *
takes_no_report(struct fake_server *f, const char *line)
{
    int *offered = f->context;
    if (strncmp(line, "RCPT", 4) != 0)
        return NULL;
    ++*offered;
    return "450 4.2.0 later\r\n";
}

static const char *
refuses_gone(struct fake_server *f, const char *line)
{
    (void)f;
    return strstr(line, "<gone") != NULL ? "550 5.1.1 User unknown\r\n" : NULL;
}

static int reports;

void
bounce_house_init(struct house *h)
{
    house_init(h);
    reports = 0;
    h->home.context = &reports;
    h->home.answer = takes_no_report;
    h->first.answer = refuses_gone;
}

struct parcel *
bounce_house_hand_in(struct house *h, struct envelope e, const char *const *to,
                     const unsigned *notify, size_t count, struct slice content, int64_t wait_ms)
{
    struct envelope_recipient r[HOUSE_TO_MAX];
    struct parcel *p = NULL;
    struct spool_draft *d;
    struct err err;
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < count; i++) {
        (void)custody_envelope(&r[i], "hub", now, now + wait_ms);
        r[i].address = slice_str(to[i]);
        r[i].notify = notify[i];
    }
    e.received_unix_ms = now;
    e.recipients = r;
    e.recipient_count = count;
    assert_true(spool_begin(h->custody.spool, &d, &err));
    assert_true(spool_append(d, slice_str(BOUNCE_HOUSE_HEADER), &err));
    assert_true(spool_append(d, content, &err));
    spool_commit(h->custody.waiter.client, &d, &e, 7, NULL);
    struct spool_answer answer = waiter_next(&h->custody.waiter);
    assert_true(answer.ok);
    assert_true(parcel_load(h->custody.spool, answer.id, &p, &err));
    return p;
}

struct envelope
bounce_house_from_kim(void)
{
    return (struct envelope){.from = slice_str("kim@contoso.example")};
}

static bool
has_report(void *context)
{
    return reports > 0 && house_is_at_rest(context);
}

const char *
bounce_house_report(struct house *h, struct envelope *e, struct buf *out)
{
    uint64_t ids[2];
    turns_until(h->loop, has_report, h);
    struct body *body = NULL;
    struct slice piece;
    struct err err;
    assert_int_equal(spool_list(h->custody.spool, 0, ids, 2), 1);
    assert_true(custody_read(&h->custody, ids[0], e));
    assert_true(e->is_report && e->from.len == 0 && e->recipient_count == 1);
    assert_true(slice_is(e->recipients[0].address, "kim@contoso.example"));
    assert_true(spool_body(h->custody.spool, ids[0], &body, &err));
    assert_int_equal(body_size(body), e->size);
    buf_init(out, 16 << 20);
    static char scratch[1 << 16];
    for (uint64_t at = 0;; at += piece.len) {
        assert_true(body_read(body, at, scratch, sizeof scratch, &piece, &err));
        if (piece.len == 0)
            break;
        buf_put(out, piece);
    }
    body_unref(&body);
    return buf_text(out);
}

int
bounce_house_count(const char *text, const char *word)
{
    int count = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

const struct slice bounce_house_no_content = {"\r\n", 2};
