#include "tests/bench/load.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "tests/bench/program.h"

bool
load_is_all_done(const struct load *l)
{
    if (l->is_ending)
        return l->under_way == 0;
    if (l->options.retry)
        return l->accepted >= l->options.messages;
    return l->accepted + l->failed >= l->options.messages;
}

bool
load_may_begin(const struct load *l)
{
    uint64_t done = l->options.retry ? l->accepted : l->accepted + l->failed;
    if (l->is_ending || done + l->under_way >= l->options.messages)
        return false;
    if (l->options.rate == 0)
        return true;
    uint64_t allowed = (wire_now_ns() - l->begin_ns) / 1000 * l->options.rate / 1000000 + 1;
    return l->begun < allowed;
}

/* The pattern with each '%' replaced by the number. */
static void
fill_pattern(char *out, size_t size, const char *pattern, uint64_t n)
{
    size_t used = 0;
    for (; *pattern && used + 24 < size; pattern++) {
        if (*pattern == '%')
            used += (size_t)snprintf(out + used, size - used, "%lu", n);
        else
            out[used++] = *pattern;
    }
    out[used] = '\0';
}

/* The recipients of the pattern, with commas between them. */
static void
make_recipients(struct session *c, uint64_t n)
{
    fill_pattern(c->to, sizeof c->to, c->load->options.to, n);
    struct slice rest = slice_str(c->to);
    for (c->recipient_count = 0; rest.len > 0 && c->recipient_count < TO_MAX;) {
        size_t end = slice_find(rest, ',');
        c->recipients[c->recipient_count++].address = slice_head(rest, end);
        slice_skip(&rest, end < rest.len ? end + 1 : end);
    }
}

static void
make_head(struct session *c, uint64_t n)
{
    const struct options *o = &c->load->options;
    fill_pattern(c->from, sizeof c->from, o->from, n);
    make_recipients(c, n);
    buf_clear(&c->head);
    buf_printf(&c->head, "From: <%s>\r\nTo: <%.*s>", c->from,
               SLICE_ARG(c->recipients[0].address));
    for (size_t i = 1; i < c->recipient_count; i++)
        buf_printf(&c->head, ",\r\n <%.*s>", SLICE_ARG(c->recipients[i].address));
    buf_printf(&c->head, "\r\nSubject: message %lu\r\n", n);
    buf_printf(&c->head, "Message-ID: <%lu.%ld@load.bench.example>\r\n", n,
               c->load->begin_unix_ms);
    if (o->mark != NULL) {
        snprintf(c->mark, sizeof c->mark, "%s-%lu", o->mark, n);
        buf_printf(&c->head, "X-Mark: %s\r\n\r\nThis is %s.\r\n", c->mark, c->mark);
    } else {
        buf_put_str(&c->head, "\r\n");
    }
    must(buf_ok(&c->head));
}

void
load_make_filler(struct load *l)
{
    static const char line[] = "The quick brown fox jumps over the lazy dog, as every day and "
                               "also tonight..\r\n";
    size_t lines = l->options.size / (sizeof line - 1) + 2;
    l->filler_len = lines * (sizeof line - 1);
    l->filler = mem_new(l->filler_len);
    must(l->filler != NULL);
    for (size_t i = 0; i < lines; i++)
        memcpy(l->filler + i * (sizeof line - 1), line, sizeof line - 1);
}

/* The end of the filler, so that it ends with a line; not beginning inside a line's end. */
static struct slice
filler_of(const struct load *l, size_t wanted)
{
    if (wanted < 2)
        return (struct slice){0};
    struct slice s = slice_from(slice(l->filler, l->filler_len), l->filler_len - wanted);
    if (s.ptr[0] == '\n')
        slice_skip(&s, 1);
    return s;
}

void
load_begin_message(struct session *c)
{
    struct load *l = c->load;
    make_head(c, l->begun++);
    size_t rest = l->options.size > c->head.len ? l->options.size - c->head.len : 0;
    c->parts[0] = buf_slice(&c->head);
    c->parts[1] = filler_of(l, rest);
    if (l->ledger >= 0) {
        struct content_hash hash;
        content_hash_init(&hash);
        content_hash_add(&hash, c->parts[0]);
        content_hash_add(&hash, c->parts[1]);
        content_hash_end(&hash, c->hash);
        content_hash_fini(&hash);
    }
    memset(c->outcomes, 0, sizeof c->outcomes);
    c->transaction = (struct smtp_transaction){
        .from = slice_str(c->from),
        .to = c->recipients,
        .to_count = c->recipient_count,
        .size = c->parts[0].len + c->parts[1].len,
        .body = SMTP_BODY_UNSAID,
        .outcomes = c->outcomes,
    };
    c->dot_ns = 0;
    c->is_busy = true;
    l->under_way++;
    smtp_client_send(c->engine, &c->transaction, clock_ms());
}

static void
write_ledger(const struct session *c)
{
    struct buf line;
    if (c->load->ledger < 0)
        return;
    buf_init(&line, TO_MAX * (TO_TEXT + 256));
    for (size_t i = 0; i < c->recipient_count; i++) {
        const struct reply *reply = &c->outcomes[i].reply;
        char code[16];
        snprintf(code, sizeof code, "%d", reply->code);
        const char *lost = c->dot_ns == 0 ? "cut" : "unanswered";
        buf_printf(&line, "%s %s %.*s %s %ld\n", c->mark, c->hash,
                   SLICE_ARG(c->recipients[i].address), reply->local ? lost : code,
                   clock_unix_ms());
    }
    program_log(c->load->ledger, &line);
    buf_fini(&line);
}

void
load_count_error(struct load *l, const struct reply *reply)
{
    bool is_said = !reply->local && reply->code > 0 && reply->code < CODES;
    int code = is_said ? reply->code : CODE_LOST;
    if (l->errors[code]++ == 0)
        fprintf(stderr, "smtp-load: first %s: %d %s\n", is_said ? "refusal of its kind" : "loss",
                reply->code, reply->text);
}

void
load_end_message(struct session *c)
{
    struct load *l = c->load;
    const struct reply *reply = &c->outcomes[0].reply;
    for (size_t i = 1; i < c->recipient_count && reply_is_success(reply); i++)
        reply = &c->outcomes[i].reply;
    c->is_busy = false;
    c->sent++;
    l->under_way--;
    l->last_ns = wire_now_ns();
    l->last_unix_ms = clock_unix_ms();
    write_ledger(c);
    if (!reply_is_success(reply)) {
        l->failed++;
        load_count_error(l, reply);
        return;
    }
    if (l->accepted < l->options.messages)
        l->latencies_us[l->accepted] = (uint32_t)((l->last_ns - c->dot_ns) / 1000);
    l->accepted++;
}
