#include "gateway/net/spf_evaluate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <threads.h>

#include "gateway/base/mem.h"
#include "gateway/net/spf_evaluate_private.h"

enum { MEMORY_MAX = 1024 * 1024 }; /* the records of one check */

/* ---- A check ------------------------------------------------------------------------------- */

/* Explanations are texts of strangers: none is fetched. */
static SPF_errcode_t
no_explanation(SPF_server_t *server, const char *domain, char **text, size_t *room)
{
    (void)server;
    (void)domain;
    if (*text != NULL && *room > 0)
        (*text)[0] = '\0';
    return SPF_E_SUCCESS;
}

/* What the library would write to standard error; only the words before its abort() stay. */
static void
silence(void)
{
    SPF_warning_handler = NULL;
    SPF_info_handler = NULL;
    SPF_debug_handler = NULL;
}

static bool
take_client(struct spf_evaluation *e, const struct sockaddr *client)
{
    const void *address = client;
    const struct sockaddr_in *v4 = address;
    const struct sockaddr_in6 *v6 = address;
    const void *octets = &v4->sin_addr;
    bool is_v4 = client->sa_family == AF_INET;
    if (!is_v4) {
        is_v4 = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        octets = v6->sin6_addr.s6_addr + (is_v4 ? 12 : 0);
    }
    return inet_ntop(is_v4 ? AF_INET : AF_INET6, octets, e->client, sizeof e->client) != NULL;
}

static bool
set_client(struct spf_evaluation *e)
{
    if (strchr(e->client, ':') != NULL)
        return SPF_request_set_ipv6_str(e->request, e->client) == SPF_E_SUCCESS;
    return SPF_request_set_ipv4_str(e->request, e->client) == SPF_E_SUCCESS;
}

static bool
set_sender(struct spf_evaluation *e, struct slice hello, struct slice local)
{
    char name[DOMAIN_MAX + 1];
    char sender[SPF_LOCAL_MAX + 1 + DOMAIN_MAX + 1];
    slice_copy_text(name, sizeof name, hello);
    snprintf(sender, sizeof sender, "%.*s@%s", SLICE_ARG(slice_head(local, SPF_LOCAL_MAX)),
             e->domain);
    return SPF_request_set_helo_dom(e->request, name[0] ? name : "unknown") == SPF_E_SUCCESS &&
           SPF_request_set_env_from(e->request, sender) == 0;
}

struct spf_evaluation *
spf_evaluation_new(const struct sockaddr *client, struct slice hello, struct slice local,
                   struct slice domain)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, silence);
    struct spf_evaluation *e = mem_new(sizeof *e);
    if (e == NULL)
        return NULL;
    arena_init(&e->memory, MEMORY_MAX);
    slice_copy_text(e->domain, sizeof e->domain, domain);
    e->dns.lookup = spf_lookup;
    e->dns.get_exp = no_explanation;
    e->dns.name = "forestgate";
    e->dns.hook = e;
    e->server = SPF_server_new_dns(&e->dns, 0);
    e->request = e->server != NULL ? SPF_request_new(e->server) : NULL;
    if (e->request == NULL || !take_client(e, client) || !set_client(e) ||
        !set_sender(e, hello, local))
        spf_evaluation_free(&e);
    return e;
}

void
spf_evaluation_free(struct spf_evaluation **ref)
{
    struct spf_evaluation *e = *ref;
    if (e == NULL)
        return;
    if (e->request != NULL)
        SPF_request_free(e->request);
    if (e->server != NULL)
        SPF_server_free(e->server);
    arena_fini(&e->memory);
    mem_free(ref);
}

/* Errors often come without a result of their own, and a record with a mistake is "no record" in
 * the library's codes: whether there is one we know. */
static enum spf_result
result_of(const struct spf_evaluation *e, SPF_result_t result, SPF_errcode_t code)
{
    const struct answer *record = spf_find_answer(e, e->domain, RECORD_TXT);
    if (record != NULL && record->finding != RECORDS_FOUND)
        return SPF_NONE;
    if (record == NULL || code == SPF_E_DNS_ERROR || code == SPF_E_NO_MEMORY)
        return SPF_TEMPERROR;
    switch (result) {
    case SPF_RESULT_NEUTRAL:
        return SPF_NEUTRAL;
    case SPF_RESULT_PASS:
        return SPF_PASS;
    case SPF_RESULT_FAIL:
        return SPF_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return SPF_SOFTFAIL;
    case SPF_RESULT_TEMPERROR:
        return SPF_TEMPERROR;
    case SPF_RESULT_NONE:
    case SPF_RESULT_PERMERROR:
    case SPF_RESULT_INVALID:
        break;
    }
    return SPF_PERMERROR;
}

/* The mistake that it found first says most. */
static SPF_errcode_t
first_mistake(SPF_response_t *response, SPF_errcode_t code)
{
    for (int i = 0; i < SPF_response_messages(response); i++)
        if (SPF_error_errorp(SPF_response_message(response, i)))
            return SPF_error_code(SPF_response_message(response, i));
    return code;
}

bool
spf_evaluation_run(struct spf_evaluation *e, struct spf_question *question)
{
    SPF_response_t *response = NULL;
    e->wants = false;
    e->hosts = (struct hosts){.of = NULL};
    e->records = e->terms = e->voids = 0;
    e->limit = e->failed = NULL;
    (void)set_client(
        e); /* forgets what %{p} found in an earlier run: it may not have known all */

    SPF_errcode_t code = SPF_request_query_mailfrom(e->request, &response);
    SPF_result_t result = SPF_RESULT_INVALID;
    if (response != NULL) {
        result = SPF_response_result(response);
        e->mistake = first_mistake(response, code);
        SPF_response_free(response);
    }
    if (e->wants && e->question.name != NULL) {
        *question = e->question;
        return true;
    }
    if (e->limit != NULL)
        e->result = SPF_PERMERROR;
    else if (e->failed != NULL)
        e->result = SPF_TEMPERROR;
    else
        e->result = result_of(e, result, code);
    return false;
}

/* ---- The result ---------------------------------------------------------------------------- */

/* What a domain's postmaster must look for. */
static const char *
mistake_text(const struct spf_evaluation *e)
{
    if (e->is_refused)
        return "it is too long, or has octets or macros that are not taken";
    switch ((int)e->mistake) {
    case SPF_E_MULTIPLE_RECORDS:
        return "there are several";
    case SPF_E_UNKNOWN_MECH:
        return "it has a term that SPF does not know";
    case SPF_E_BIG_DNS:
        return "it needs too many look-ups";
    case SPF_E_RECURSIVE:
        return "it includes itself";
    case SPF_E_NOT_SPF:
    case SPF_E_INCLUDE_RETURNED_NONE:
        return "it includes a domain that has none";
    case SPF_E_INVALID_IP4:
    case SPF_E_INVALID_IP6:
    case SPF_E_INVALID_CIDR:
        return "an address in it is wrong";
    case SPF_E_INVALID_ESC:
    case SPF_E_INVALID_VAR:
    case SPF_E_INVALID_DELIM:
    case SPF_E_BIG_SUBDOM:
        return "a macro in it is wrong";
    default:
        return "a term in it is wrong";
    }
}

enum spf_result
spf_evaluation_result(const struct spf_evaluation *e, char why[SPF_WHY_TEXT])
{
    const char *domain = e->domain, *client = e->client;
    switch (e->result) {
    case SPF_NONE:
        snprintf(why, SPF_WHY_TEXT, "%.120s has no SPF record", domain);
        break;
    case SPF_NEUTRAL:
        snprintf(why, SPF_WHY_TEXT, "%.100s does not say whether %s may send its mail", domain,
                 client);
        break;
    case SPF_PASS:
        snprintf(why, SPF_WHY_TEXT, "%.100s lets %s send its mail", domain, client);
        break;
    case SPF_FAIL:
        snprintf(why, SPF_WHY_TEXT, "%.100s does not let %s send its mail", domain, client);
        break;
    case SPF_SOFTFAIL:
        snprintf(why, SPF_WHY_TEXT, "%.100s probably does not let %s send its mail", domain,
                 client);
        break;
    case SPF_TEMPERROR:
        snprintf(why, SPF_WHY_TEXT, "DNS could not tell about %.120s",
                 e->failed != NULL ? e->failed : domain);
        break;
    case SPF_PERMERROR:
        snprintf(why, SPF_WHY_TEXT, "the SPF record of %.80s is in error: %s%s", domain,
                 e->limit != NULL ? "it asks for " : "",
                 e->limit != NULL ? e->limit : mistake_text(e));
        break;
    }
    return e->result;
}
