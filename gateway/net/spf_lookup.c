/*
 * spf_lookup.c - what the library asks of DNS, and what it gets of it: the answers of this check.
 */
#include "gateway/net/spf_evaluate_private.h"
#include "gateway/route/accept.h"
#include "gateway/route/spf_record.h"
#include "gateway/route/spf_reduce.h"

enum {
    NAME_MAX_QUERY = 253, /* RFC 7208 7.3 */
    POINTERS_MAX = 10,    /* names of a PTR answer that count (RFC 7208 4.6.4) */
};

/* ---- What the library asks ----------------------------------------------------------------- */

/* Out of memory here is the end in the library: it aborts when it gets nothing. */
static SPF_dns_rr_t *
make_reply(struct spf_evaluation *e, const char *name, ns_type type, SPF_dns_stat_t status)
{
    return SPF_dns_rr_new_init(&e->dns, name, type, 0, status);
}

static SPF_dns_rr_t *
reply_with_records(struct spf_evaluation *e, const struct answer *a, ns_type type)
{
    SPF_dns_rr_t *reply = make_reply(e, a->name, type, NETDB_SUCCESS);
    for (size_t i = 0; reply != NULL && i < a->count; i++) {
        size_t len = a->list[i].len;
        if (SPF_dns_rr_buf_realloc(reply, (int)i, len + 1) != SPF_E_SUCCESS)
            break;
        /* All members of the union begin where it does. */
        void *to = reply->rr[i];
        memcpy(to, a->list[i].ptr, len);
        if (a->type != RECORD_A && a->type != RECORD_AAAA)
            ((char *)to)[len] = '\0';
        reply->num_rr = (int)i + 1;
    }
    return reply;
}

const struct answer *
spf_find_answer(const struct spf_evaluation *e, const char *name, enum record_type type)
{
    for (size_t i = 0; i < e->answer_count; i++)
        if (e->answers[i].type == type && strcasecmp(e->answers[i].name, name) == 0)
            return &e->answers[i];
    return NULL;
}

/* Is this the address of the next host of an MX or PTR answer? Otherwise it is a term. */
static bool
is_address_of_host(struct spf_evaluation *e, const char *name, enum record_type type)
{
    struct hosts *h = &e->hosts;
    if ((type == RECORD_A || type == RECORD_AAAA) && h->of != NULL && h->next < h->of->count &&
        slice_is(h->of->list[h->next], name)) {
        h->next++;
        return true;
    }
    h->of = NULL;
    return false;
}

/* Count a term that asks DNS; the first record is that of the domain itself, and no term. */
static void
count_term(struct spf_evaluation *e, enum record_type type)
{
    if (type == RECORD_TXT && e->records++ == 0)
        return;
    if (++e->terms > SPF_TERMS_MAX)
        e->limit = "more than 10 terms that need DNS";
}

static void
count_void(struct spf_evaluation *e, const struct answer *a)
{
    bool is_void = a->finding == RECORDS_NONE || a->finding == RECORDS_NO_NAME;
    if (is_void && a->type != RECORD_TXT && ++e->voids > SPF_VOIDS_MAX)
        e->limit = "more than 2 terms for which DNS has no answer";
}

/* The library counts what it expands by its own rules: it may be longer than a name can be. */
static const char *
shortened(const char *name)
{
    while (strlen(name) > NAME_MAX_QUERY && strchr(name, '.') != NULL)
        name = strchr(name, '.') + 1;
    return name;
}

static bool
type_of(ns_type asked, enum record_type *type)
{
    switch ((int)asked) {
    case ns_t_a:
        *type = RECORD_A;
        return true;
    case ns_t_aaaa:
        *type = RECORD_AAAA;
        return true;
    case ns_t_mx:
        *type = RECORD_MX;
        return true;
    case ns_t_ptr:
        *type = RECORD_PTR;
        return true;
    case ns_t_txt:
        *type = RECORD_TXT;
        return true;
    default:
        return false; /* SPF, type 99, is history (RFC 7208 3.1) */
    }
}

static void
note_question(struct spf_evaluation *e, const char *name, enum record_type type)
{
    if (e->answer_count == SPF_LOOKUPS_MAX) {
        e->limit = "more than 40 look-ups";
        return;
    }
    e->wants = true;
    e->question.type = type;
    e->question.name = arena_copy(&e->memory, slice_str(name)).ptr;
    if (e->question.name == NULL)
        e->failed = e->domain;
}

/* Once the run is to end, there is nothing to be had any more. */
SPF_dns_rr_t *
spf_lookup(SPF_dns_server_t *dns, const char *asked_name, ns_type asked_type, int should_cache)
{
    struct spf_evaluation *e = dns->hook;
    const char *name = shortened(asked_name);
    enum record_type type;
    (void)should_cache;
    if (!type_of(asked_type, &type))
        return make_reply(e, asked_name, asked_type, NO_DATA);
    if (e->wants || e->limit != NULL || e->failed != NULL)
        return make_reply(e, asked_name, asked_type, TRY_AGAIN);

    bool is_term = !is_address_of_host(e, name, type);
    bool of_pointer = !is_term && e->hosts.of->type == RECORD_PTR;
    if (is_term)
        count_term(e, type);
    const struct answer *a = spf_find_answer(e, name, type);
    if (a == NULL && e->limit == NULL)
        note_question(e, name, type);
    else if (a != NULL && is_term)
        count_void(e, a);
    if (a == NULL || e->limit != NULL)
        return make_reply(e, asked_name, asked_type, TRY_AGAIN);

    if (a->finding == RECORDS_FOUND) {
        if (type == RECORD_MX || type == RECORD_PTR)
            e->hosts = (struct hosts){.of = a};
        return reply_with_records(e, a, asked_type);
    }
    if (a->finding == RECORDS_NO_NAME || a->finding == RECORDS_NONE || type == RECORD_PTR ||
        of_pointer)
        return make_reply(e, asked_name, asked_type,
                          a->finding == RECORDS_NO_NAME ? HOST_NOT_FOUND : NO_DATA);
    e->failed = a->name;
    return make_reply(e, asked_name, asked_type, TRY_AGAIN);
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* How many records of an answer are looked at: one more than is good shows that it is too many.
 */
static size_t
most_of(enum record_type type)
{
    switch (type) {
    case RECORD_TXT:
        return 2;
    case RECORD_MX:
        return SPF_MAX_DNS_MX + 1;
    case RECORD_PTR:
        return POINTERS_MAX;
    case RECORD_A:
    case RECORD_AAAA:
        break;
    }
    return RECORDS_MAX;
}

/* Would the library know all of the record, or leave out without a word what has no room? Of a
 * record with a mistake it tells that later, when it compiles it for itself. */
static bool
fits_library(struct spf_evaluation *e, struct slice record)
{
    SPF_response_t *response = SPF_response_new(e->request);
    SPF_record_t *compiled = NULL;
    bool fits = response != NULL;
    if (fits && SPF_record_compile(e->server, response, &compiled, record.ptr) == SPF_E_SUCCESS)
        fits = compiled->num_mech == spf_mechanisms(record);
    if (compiled != NULL)
        SPF_record_free(compiled);
    if (response != NULL)
        SPF_response_free(response);
    return fits;
}

/* What the library gets of an SPF record: as much of it as concerns this client, or an invalid
 * one. ptr NULL: out of memory. */
static struct slice
reduce(struct spf_evaluation *e, struct slice record)
{
    struct sockaddr_storage client;
    struct buf text;
    must(accept_address(e->client, &client));
    buf_init(&text, SPF_RECORD_MAX + 64);
    spf_reduce(&text, record, (struct sockaddr *)&client);
    struct slice reduced =
        buf_ok(&text) ? arena_copy(&e->memory, buf_slice(&text)) : slice(NULL, 0);
    buf_fini(&text);
    if (reduced.ptr == NULL || fits_library(e, reduced))
        return reduced;
    e->is_refused = true;
    return slice_str(spf_record_invalid);
}

/* Of TXT records the library sees SPF records only, and none that could harm it. */
static bool
keep_record(struct spf_evaluation *e, struct answer *a, struct slice record)
{
    enum spf_record_kind kind = a->type == RECORD_TXT ? spf_record_vet(record) : SPF_RECORD_OTHER;
    if (a->type == RECORD_TXT && kind == SPF_RECORD_OTHER)
        return true;
    e->is_refused = e->is_refused || kind == SPF_RECORD_REFUSED;
    if (kind == SPF_RECORD_REFUSED)
        a->list[a->count] = slice_str(spf_record_invalid);
    else if (kind == SPF_RECORD_GOOD)
        a->list[a->count] = reduce(e, record);
    else
        a->list[a->count] = arena_copy(&e->memory, record);
    return a->list[a->count++].ptr != NULL;
}

void
spf_evaluation_answer(struct spf_evaluation *e, enum records_finding finding,
                      const struct slice *list, size_t count)
{
    must(e->wants && e->answer_count < SPF_LOOKUPS_MAX);
    struct answer *a = &e->answers[e->answer_count++];
    size_t most = most_of(e->question.type);
    *a = (struct answer){
        .name = e->question.name,
        .type = e->question.type,
        .finding = finding,
        .list = arena_new(&e->memory, (count < most ? count : most) * sizeof *a->list + 1),
    };
    e->wants = false;
    if (finding != RECORDS_FOUND)
        return;
    bool ok = a->list != NULL;
    for (size_t i = 0; ok && i < count && a->count < most; i++)
        ok = keep_record(e, a, list[i]);
    if (!ok)
        a->finding = RECORDS_FAILED;
    else if (a->count == 0)
        a->finding = RECORDS_NONE;
}
