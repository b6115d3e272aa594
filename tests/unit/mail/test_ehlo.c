#include "gateway/mail/ehlo.h"

#include "gateway/base/must.h"
#include "tests/kit/flush.h"
#include "tests/kit/masked.h"
#include "tests/kit/test.h"

static const struct ehlo_row {
    const char *line;
    struct ehlo want;
} rows[] = {
    {"PIPELINING", {.pipelining = true}},
    {"pipelining", {.pipelining = true}},
    {"PIPELININGS", {0}},
    {"8bitmime", {.eight_bit_mime = true}},
    {"STARTTLS", {.starttls = true}},
    {"TLS", {0}},
    {"SIZE", {.size = true}},
    {"SIZE 0", {.size = true}},
    {"SIZE 10485760", {.size = true, .size_max = 10485760}},
    {"size=2048", {.size = true, .size_max = 2048}},
    {"SIZE unlimited", {.size = true}},
    {"SIZE 99999999999999999999", {.size = true}},
    {"AUTH", {.auth = true}},
    {"AUTH ", {.auth = true}},
    {"AUTH GSSAPI NTLM LOGIN", {.auth = true, .auth_login = true}},
    {"AUTH=LOGIN", {.auth = true, .auth_login = true}},
    {"AUTH=LOGIN PLAIN", {.auth = true, .auth_login = true, .auth_plain = true}},
    {"auth\tplain  login", {.auth = true, .auth_login = true, .auth_plain = true}},
    {"AUTH XLOGIN PLAINTEXT", {.auth = true}},
    {"X-EXPS=LOGIN", {0}},
    {"X-EXPS GSSAPI NTLM LOGIN", {0}},
    {"X-LINK2STATE", {0}},
    {"XEXCH50", {.xexch50 = true}},
    {"CHUNKING", {.chunking = true}},
    {"BinaryMime", {.binary_mime = true}},
    {"DSN", {.dsn = true}},
    {"SMTPUTF8", {.smtputf8 = true}},
    {"ENHANCEDSTATUSCODES", {.enhanced_status_codes = true}},
    {"OK", {0}},
    {"", {0}},
    {"=", {0}},
    {"XXXXXXXA", {.masked = true}},
    {"XXXX", {.masked = true}},
    {"XXXXAB", {0}},
    {"XXX", {0}},
    {"********", {.masked = true}},
    {"****0*2***", {.masked = true}},
};

static bool
is_same(const struct ehlo *a, const struct ehlo *b)
{
    return a->chunking == b->chunking && a->binary_mime == b->binary_mime && a->dsn == b->dsn &&
           a->smtputf8 == b->smtputf8 && a->enhanced_status_codes == b->enhanced_status_codes &&
           a->xexch50 == b->xexch50 && a->pipelining == b->pipelining &&
           a->eight_bit_mime == b->eight_bit_mime && a->starttls == b->starttls &&
           a->size == b->size && a->size_max == b->size_max && a->auth == b->auth &&
           a->auth_login == b->auth_login && a->auth_plain == b->auth_plain &&
           a->masked == b->masked;
}

static void
ehlo_understands_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ehlo e = {0};
        ehlo_take_line(&e, flush_copy(slice_str(rows[i].line)));
        if (!is_same(&e, &rows[i].want))
            fail_row(rows[i].line, "understood as something else");
    }
}

static void
ehlo_adds_one_auth_line_to_the_other(void **state)
{
    (void)state;
    struct ehlo e = {0};
    ehlo_take_line(&e, slice_str("AUTH PLAIN"));
    ehlo_take_line(&e, slice_str("AUTH=LOGIN"));
    ehlo_take_line(&e, slice_str("AUTH"));
    assert_true(e.auth_plain && e.auth_login);
}

/* Whole lists, from exchange-facts.md 3.2: known, but for the order of the lines of 2000 and of
 * an inspected one, which are inferred. */
static const struct {
    const char *say;
    const char *lines[24];
    struct ehlo want;
} lists[] = {
    {"Exchange 2000 with a certificate, before TLS",
     {"TURN",
      "ATRN",
      "SIZE 2097152",
      "ETRN",
      "PIPELINING",
      "DSN",
      "ENHANCEDSTATUSCODES",
      "8bitmime",
      "BINARYMIME",
      "CHUNKING",
      "VRFY",
      "TLS",
      "STARTTLS",
      "X-EXPS GSSAPI NTLM LOGIN",
      "X-EXPS=LOGIN",
      "AUTH GSSAPI NTLM LOGIN",
      "AUTH=LOGIN",
      "X-LINK2STATE",
      "XEXCH50",
      "OK"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .chunking = true,
      .binary_mime = true,
      .dsn = true,
      .enhanced_status_codes = true,
      .xexch50 = true,
      .starttls = true,
      .size = true,
      .size_max = 2097152,
      .auth = true,
      .auth_login = true}},
    {"Exchange 2003 without a certificate, Basic switched off",
     {"TURN", "SIZE", "ETRN", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8bitmime",
      "BINARYMIME", "CHUNKING", "VRFY", "X-EXPS GSSAPI NTLM", "AUTH GSSAPI NTLM", "X-LINK2STATE",
      "XEXCH50", "OK"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .chunking = true,
      .binary_mime = true,
      .dsn = true,
      .enhanced_status_codes = true,
      .xexch50 = true,
      .size = true,
      .auth = true}},
    {"Exchange 2007 before TLS: LOGIN only behind it",
     {"SIZE 10485760", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS",
      "AUTH NTLM", "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "XEXCH50"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .chunking = true,
      .binary_mime = true,
      .dsn = true,
      .enhanced_status_codes = true,
      .xexch50 = true,
      .starttls = true,
      .size = true,
      .size_max = 10485760,
      .auth = true}},
    {"Exchange 2010, externally secured: AUTH without a word",
     {"SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH",
      "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "XEXCH50", "XRDST", "XSHADOW"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .chunking = true,
      .binary_mime = true,
      .dsn = true,
      .enhanced_status_codes = true,
      .xexch50 = true,
      .starttls = true,
      .size = true,
      .auth = true}},
    {"Exchange 2007 whose certificate has expired: STARTTLS is gone, X-ANONYMOUSTLS is not",
     {"SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "X-ANONYMOUSTLS", "AUTH NTLM",
      "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "XEXCH50"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .chunking = true,
      .binary_mime = true,
      .dsn = true,
      .enhanced_status_codes = true,
      .xexch50 = true,
      .size = true,
      .auth = true}},
    {"an inspecting firewall before Exchange 2003",
     {"SIZE 10485760", "PIPELINING", MASKED_STARTTLS, "********", "8bitmime", "OK"},
     {.pipelining = true,
      .eight_bit_mime = true,
      .size = true,
      .size_max = 10485760,
      .masked = true}},
};

static void
ehlo_understands_the_lists_of_exchange(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct ehlo e = {0};
        for (size_t n = 0; lists[i].lines[n] != NULL; n++)
            ehlo_take_line(&e, flush_copy(slice_str(lists[i].lines[n])));
        if (!is_same(&e, &lists[i].want))
            fail_row(lists[i].say, "understood as something else");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ehlo_understands_every_row),
        cmocka_unit_test(ehlo_understands_the_lists_of_exchange),
        cmocka_unit_test(ehlo_adds_one_auth_line_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
