#include "tests/kit/dns_book.h"

#include <arpa/inet.h>

#include "gateway/base/ascii.h"

static const char *
type_text(enum record_type type)
{
    switch (type) {
    case RECORD_A:
        return "A";
    case RECORD_AAAA:
        return "AAAA";
    case RECORD_MX:
        return "MX";
    case RECORD_PTR:
        return "PTR";
    case RECORD_TXT:
        return "TXT";
    }
    never("record_type has five values");
}

static struct slice
take_word(struct slice *rest)
{
    size_t len = slice_find(*rest, ' ');
    struct slice word = slice_head(*rest, len);
    *rest = slice_from(*rest, len + 1);
    return word;
}

/* An address as octets, anything else as it is. */
static struct slice
data_of(struct slice text, enum record_type type, char room[16])
{
    char address[INET6_ADDRSTRLEN];
    if (type != RECORD_A && type != RECORD_AAAA)
        return text;
    slice_copy_text(address, sizeof address, text);
    must(inet_pton(type == RECORD_A ? AF_INET : AF_INET6, address, room) == 1);
    return slice(room, type == RECORD_A ? 4 : 16);
}

void
dns_book_find(const char *const *lines, const char *name, enum record_type type,
              struct dns_book_answer *out)
{
    out->finding = RECORDS_NO_NAME;
    out->count = 0;
    for (; *lines != NULL; lines++) {
        struct slice rest = slice_str(*lines);
        if (!ascii_is(take_word(&rest), name))
            continue;
        if (out->finding == RECORDS_NO_NAME)
            out->finding = RECORDS_NONE;
        if (!slice_is(take_word(&rest), type_text(type)))
            continue;
        if (slice_is(rest, "!") || slice_is(rest, "~")) {
            out->finding = slice_is(rest, "!") ? RECORDS_FAILED : RECORDS_TIMEOUT;
            return;
        }
        must(out->count < DNS_BOOK_RECORDS);
        out->finding = RECORDS_FOUND;
        out->list[out->count] = data_of(rest, type, out->octets[out->count]);
        out->count++;
    }
}

void
dns_book_answer(const char *const *lines, struct spf_evaluation *e,
                const struct spf_question *question)
{
    struct dns_book_answer a;
    dns_book_find(lines, question->name, question->type, &a);
    spf_evaluation_answer(e, a.finding, a.list, a.count);
}

size_t
dns_book_run(const char *const *lines, struct spf_evaluation *e)
{
    struct spf_question question;
    size_t questions = 0;
    while (spf_evaluation_run(e, &question)) {
        dns_book_answer(lines, e, &question);
        questions++;
    }
    return questions;
}
