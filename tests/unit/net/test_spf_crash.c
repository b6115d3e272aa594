/* Two records that any domain can publish and that end a process whose libspf2 sees them
 * (dependencies.md 5.1). The first half proves that they still do, without our filter; the second
 * that with it they are permanent errors. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/nameser.h>
#include <spf2/spf.h>

#include "gateway/base/buf.h"
#include "gateway/net/spf_evaluate.h"
#include "tests/kit/dns_book.h"
#include "tests/kit/test.h"

struct evil {
    struct buf record;      /* of evil.example */
    struct buf explanation; /* of explain.evil.example */
};

static void
put_macros(struct buf *out, size_t letters)
{
    for (int i = 0; i < 127; i++)
        buf_put_str(out, "%{d}");
    for (size_t i = 0; i < letters; i++)
        buf_put_char(out, 'a');
}

static void
make_long_term(struct evil *evil)
{
    buf_init(&evil->record, 8192);
    buf_init(&evil->explanation, 8192);
    buf_put_str(&evil->record, "v=spf1 a:");
    put_macros(&evil->record, 4000);
    buf_put_str(&evil->record, " -all");
}

static void
make_long_explanation(struct evil *evil)
{
    buf_init(&evil->record, 8192);
    buf_init(&evil->explanation, 8192);
    buf_put_str(&evil->record, "v=spf1 -all exp=explain.evil.example");
    put_macros(&evil->explanation, 300);
}

static void
unmake(struct evil *evil)
{
    buf_fini(&evil->record);
    buf_fini(&evil->explanation);
}

/* ---- The library alone --------------------------------------------------------------------- */

static SPF_dns_rr_t *
raw_lookup(SPF_dns_server_t *dns, const char *name, ns_type type, int should_cache)
{
    struct evil *evil = dns->hook;
    (void)should_cache;
    if (type != ns_t_txt)
        return SPF_dns_rr_new_init(dns, name, type, 0, NO_DATA);
    struct buf *text = strncmp(name, "explain", 7) == 0 ? &evil->explanation : &evil->record;
    SPF_dns_rr_t *reply = SPF_dns_rr_new_init(dns, name, type, 0, NETDB_SUCCESS);
    assert_int_equal(SPF_dns_rr_buf_realloc(reply, 0, text->len + 1), SPF_E_SUCCESS);
    memcpy(reply->rr[0]->txt, buf_text(text), text->len + 1);
    reply->num_rr = 1;
    return reply;
}

static void
check_without_filter(struct evil *evil)
{
    SPF_dns_server_t dns = {.lookup = raw_lookup, .name = "raw", .hook = evil};
    SPF_response_t *response = NULL;
    SPF_server_t *server = SPF_server_new_dns(&dns, 0);
    SPF_request_t *request = SPF_request_new(server);
    SPF_request_set_ipv4_str(request, "10.2.0.7");
    SPF_request_set_helo_dom(request, "ex03.evil.example");
    SPF_request_set_env_from(request, "kim@evil.example");
    SPF_request_query_mailfrom(request, &response);
}

/* Did the library end the child that showed it the record? */
static bool
ends_a_process(struct evil *evil)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (freopen("/dev/null", "w", stdout) == NULL ||
            freopen("/dev/null", "w", stderr) == NULL)
            _exit(0);
        for (int signal_number = 1; signal_number < 32; signal_number++)
            signal(signal_number, SIG_DFL); /* cmocka catches what would end it */
        check_without_filter(evil);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* ---- With the filter ----------------------------------------------------------------------- */

static enum spf_result
check_with_filter(struct evil *evil, size_t *questions)
{
    struct sockaddr_in client = {.sin_family = AF_INET};
    char why[SPF_WHY_TEXT];
    char record[8192], explanation[8192];
    assert_int_equal(inet_pton(AF_INET, "10.2.0.7", &client.sin_addr), 1);
    snprintf(record, sizeof record, "evil.example TXT %s", buf_text(&evil->record));
    snprintf(explanation, sizeof explanation, "explain.evil.example TXT %s",
             buf_text(&evil->explanation));
    const char *const book[] = {record, explanation, NULL};
    const void *at = &client;
    struct spf_evaluation *e = spf_evaluation_new(at, slice_str("ex03.evil.example"),
                                                  slice_str("kim"), slice_str("evil.example"));
    assert_non_null(e);
    *questions = dns_book_run(book, e);
    enum spf_result result = spf_evaluation_result(e, why);
    spf_evaluation_free(&e);
    return result;
}

/* A later libspf2 may be mended: then there is nothing left to prove, and the filter stays. */
static void
say_if_mended(struct evil *evil, const char *what)
{
    if (!ends_a_process(evil))
        print_message("this libspf2 survives %s: it carries a fix\n", what);
}

static void
a_term_that_overflows_the_library_is_a_permanent_error(void **state)
{
    (void)state;
    struct evil evil;
    size_t questions;
    make_long_term(&evil);
    say_if_mended(&evil, "a long term of macros");
    assert_int_equal(check_with_filter(&evil, &questions), SPF_PERMERROR);
    assert_int_equal(questions, 1);
    unmake(&evil);
}

static void
an_explanation_that_overflows_the_library_is_never_fetched(void **state)
{
    (void)state;
    struct evil evil;
    size_t questions;
    make_long_explanation(&evil);
    say_if_mended(&evil, "a long explanation of macros");
    assert_int_equal(check_with_filter(&evil, &questions), SPF_FAIL);
    assert_int_equal(questions, 1);
    unmake(&evil);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_term_that_overflows_the_library_is_a_permanent_error),
        cmocka_unit_test(an_explanation_that_overflows_the_library_is_never_fetched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
