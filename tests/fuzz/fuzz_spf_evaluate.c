/* Records of strangers go through filter and library: no crash, an end within the limits, and a
 * reason that fits a log line. Each line of the input is one SPF record, given in the order in
 * which they are asked for; the octet in front of it decides what other questions find. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/ascii.h"
#include "gateway/net/spf_evaluate.h"
#include "gateway/route/spf_record.h"
#include "gateway/route/spf_reduce.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct slice
take_line(struct slice *rest)
{
    size_t len = slice_find(*rest, '\n');
    struct slice line = slice_head(*rest, len);
    *rest = slice_from(*rest, len + 1);
    return line;
}

static void
answer(struct spf_evaluation *e, const struct spf_question *q, struct slice *rest, unsigned seed)
{
    const char addresses[] = "\x0a\x02\x00\x07\x0a\x02\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01";
    struct slice list[16];
    size_t count = seed % COUNT_OF(list);
    enum records_finding finding = seed % 11 == 0   ? RECORDS_NO_NAME
                                   : seed % 13 == 0 ? RECORDS_FAILED
                                                    : RECORDS_FOUND;
    if (q->type == RECORD_TXT) {
        list[0] = take_line(rest);
        spf_evaluation_answer(e, list[0].len > 0 ? RECORDS_FOUND : RECORDS_NONE, list,
                              list[0].len > 0);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (q->type == RECORD_A)
            list[i] = slice(addresses + (i + seed) % 3 * 4, 4);
        else if (q->type == RECORD_AAAA)
            list[i] = slice(addresses, 16);
        else
            list[i] = slice_str(i % 2 ? "one.a.example" : "b.example");
    }
    spf_evaluation_answer(e, count > 0 ? finding : RECORDS_NONE, list,
                          finding == RECORDS_FOUND ? count : 0);
}

/* What is reduced is still harmless, no longer than promised, and reduced for good. */
static void
check_reduced(struct slice record, const struct sockaddr *client)
{
    struct buf once, twice;
    buf_init(&once, SPF_RECORD_MAX + 64);
    buf_init(&twice, SPF_RECORD_MAX + 128);
    spf_reduce(&once, record, client);
    spf_reduce(&twice, buf_slice(&once), client);
    must(buf_ok(&once) && slice_equal(buf_slice(&once), buf_slice(&twice)));
    must(once.len > SPF_RECORD_MAX || spf_record_vet(buf_slice(&once)) == SPF_RECORD_GOOD);
    must(spf_mechanisms(buf_slice(&once)) <= spf_mechanisms(record) ||
         slice_is(buf_slice(&once), spf_record_invalid));
    buf_fini(&once);
    buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct sockaddr_storage client = {.ss_family = AF_INET};
    void *at = &client;
    struct sockaddr_in *v4 = at;
    struct sockaddr_in6 *v6 = at;
    if (size < 2)
        return 0;
    unsigned seed = data[0];
    struct slice rest = slice((const char *)data + 1, size - 1);
    if (seed & 1)
        must(inet_pton(AF_INET, "10.2.0.7", &v4->sin_addr) == 1);
    else
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xfd, 7}};

    enum spf_record_kind first = spf_record_vet(slice_head(rest, slice_find(rest, '\n')));
    if (first == SPF_RECORD_GOOD)
        check_reduced(slice_head(rest, slice_find(rest, '\n')), at);
    struct spf_evaluation *e =
        spf_evaluation_new(at, slice_str("ex03.a.example"), slice_str("kim.o'hara+x"),
                           slice_str("a.sub.of.a.longer.name.example"));
    must(e != NULL);
    struct spf_question question;
    size_t questions = 0;
    while (spf_evaluation_run(e, &question)) {
        must(++questions <= SPF_LOOKUPS_MAX);
        answer(e, &question, &rest, seed + (unsigned)questions * 7);
    }
    char why[SPF_WHY_TEXT];
    enum spf_result result = spf_evaluation_result(e, why);
    must(first != SPF_RECORD_OTHER || result == SPF_NONE);
    must(first != SPF_RECORD_REFUSED || result == SPF_PERMERROR);
    must(memchr(why, '\0', sizeof why) != NULL && why[0] != '\0');
    spf_evaluation_free(&e);
    return 0;
}
