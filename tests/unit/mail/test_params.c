/* Rows: what stands behind the '>', and what it means or how it is refused; where nothing is
 * offered that need not be, and where all is. */
#include "gateway/mail/params.h"

#include "tests/kit/test.h"

static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char twice[] = "501 5.5.4 Parameter given twice";
static const char unknown[] = "555 5.5.4 Unsupported parameter";
static const char no_binary[] = "555 5.5.4 BODY=BINARYMIME is not supported";

static const struct good_row {
    const char *say;
    const char *text;
    struct smtp_mail want;
} good_rows[] = {
    {"nothing", "", {.size = 0}},
    {"blanks only", "  \t ", {.size = 0}},
    {"SIZE", " SIZE=100", {.size_given = true, .size = 100}},
    {"SIZE of nothing known", " SIZE=0", {.size_given = true}},
    {"SIZE in 20 digits", " SIZE=00000000000000000100", {.size_given = true, .size = 100}},
    {"the largest 64-bit SIZE",
     " SIZE=18446744073709551615",
     {.size_given = true, .size = UINT64_MAX}},
    {"SIZE beyond 64 bits",
     " SIZE=99999999999999999999",
     {.size_given = true, .size = UINT64_MAX}},
    {"BODY=7BIT", " BODY=7BIT", {.body = SMTP_BODY_7BIT}},
    {"BODY=8BITMIME", " BODY=8BITMIME", {.body = SMTP_BODY_8BITMIME}},
    {"AUTH=<>", " AUTH=<>", {.auth_given = true, .auth = {"<>", 2}}},
    {"AUTH of a mailbox",
     " AUTH=kim@b.example",
     {.auth_given = true, .auth = {"kim@b.example", 13}}},
    {"AUTH in xtext", " AUTH=e+3Dmc2+2B@b", {.auth_given = true, .auth = {"e=mc2+@b", 8}}},
    {"all at once, in any case, with many blanks",
     "  size=7   Body=8bitMIME auth=<> ",
     {.size_given = true,
      .size = 7,
      .body = SMTP_BODY_8BITMIME,
      .auth_given = true,
      .auth = {"<>", 2}}},
    {"a tab for a blank",
     "\tSIZE=7\tBODY=7BIT",
     {.size_given = true, .size = 7, .body = SMTP_BODY_7BIT}},
};

static const struct bad_row {
    const char *say;
    const char *text;
    const char *refusal;
} bad_rows[] = {
    {"no blank in front", "SIZE=1", invalid},
    {"SIZE without a value", " SIZE", invalid},
    {"SIZE of nothing", " SIZE=", invalid},
    {"SIZE in 21 digits", " SIZE=000000000000000000001", invalid},
    {"a negative SIZE", " SIZE=-1", invalid},
    {"a SIZE with a unit", " SIZE=1k", invalid},
    {"SIZE twice", " SIZE=1 SIZE=1", twice},
    {"SIZE=0 twice", " SIZE=0 SIZE=0", twice},
    {"BODY twice", " BODY=7BIT BODY=8BITMIME", twice},
    {"AUTH twice", " AUTH=<> AUTH=<>", twice},
    {"BODY=BINARYMIME", " BODY=BINARYMIME", no_binary},
    {"another BODY", " BODY=16BIT", invalid},
    {"BODY without a value", " BODY", invalid},
    {"AUTH of nothing", " AUTH=", invalid},
    {"AUTH that is not xtext", " AUTH=a+2@b.example", invalid},
    {"AUTH with an equals sign in clear", " AUTH=a=b", invalid},
    {"AUTH that hides a line end", " AUTH=a+0D+0ARSET", invalid},
    {"AUTH that hides a NUL", " AUTH=a+00", invalid},
    {"AUTH with 8 bits", " AUTH=a+E4", invalid},
    {"RET of DSN", " RET=HDRS", unknown},
    {"SMTPUTF8", " SMTPUTF8", unknown},
    {"an unknown keyword with a dash", " X-ODD=1", unknown},
    {"an unknown keyword before a good one", " XYZ SIZE=1", unknown},
    {"an equals sign alone", " =", invalid},
    {"a value without a keyword", " =1", invalid},
    {"a keyword that begins with a dash", " -SIZE=1", invalid},
    {"a keyword with 8 bits",
     " S\xcd"
     "ZE=1",
     invalid},
    {"a second path", " <eve@c.example>", invalid},
};

static const struct good_row good_rows_offered[] = {
    {"BODY=BINARYMIME", " BODY=binarymime", {.body = SMTP_BODY_BINARYMIME}},
};

static const struct bad_row bad_rows_offered[] = {
    {"another BODY", " BODY=BINARY", invalid},
    {"BODY twice", " BODY=BINARYMIME BODY=BINARYMIME", twice},
};

static const struct smtp_server_settings plain = {.size_max = 1000};
static const struct smtp_server_settings full = {.binarymime_offered = true};

static void
take_row(const struct good_row *row, const struct smtp_server_settings *offers)
{
    const struct smtp_mail *want = &row->want;
    struct smtp_mail mail = {0};
    const char *refusal;
    struct buf room;
    buf_init(&room, strlen(row->text) + 1);
    if (!params_read_mail(slice_str(row->text), offers, &room, &mail, &refusal))
        fail_row(row->say, "refused: %s", refusal);
    if (mail.size_given != want->size_given || mail.size != want->size ||
        mail.body != want->body || mail.auth_given != want->auth_given ||
        !slice_equal(mail.auth, want->auth))
        fail_row(row->say, "size %d %llu, body %d, auth '%.*s'", mail.size_given,
                 (unsigned long long)mail.size, mail.body, SLICE_ARG(mail.auth));
    buf_fini(&room);
}

static void
refuse_row(const struct bad_row *row, const struct smtp_server_settings *offers)
{
    struct smtp_mail mail = {0};
    const char *refusal;
    struct buf room;
    buf_init(&room, strlen(row->text) + 1);
    if (params_read_mail(slice_str(row->text), offers, &room, &mail, &refusal))
        fail_row(row->say, "taken");
    if (strcmp(refusal, row->refusal) != 0)
        fail_row(row->say, "refused with %s", refusal);
    buf_fini(&room);
}

static void
params_takes_every_good_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_rows); i++) {
        take_row(&good_rows[i], &plain);
        take_row(&good_rows[i], &full);
    }
    for (size_t i = 0; i < COUNT_OF(good_rows_offered); i++)
        take_row(&good_rows_offered[i], &full);
}

static void
params_refuses_every_bad_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++)
        refuse_row(&bad_rows[i], &plain);
    for (size_t i = 0; i < COUNT_OF(bad_rows_offered); i++)
        refuse_row(&bad_rows_offered[i], &full);
}

static void
params_takes_none_at_rcpt(void **state)
{
    (void)state;
    const char *refusal;
    assert_true(params_read_rcpt(slice_str(""), &refusal));
    assert_true(params_read_rcpt(slice_str("  "), &refusal));
    assert_false(params_read_rcpt(slice_str(" NOTIFY=NEVER"), &refusal));
    assert_string_equal(refusal, unknown);
    assert_false(params_read_rcpt(slice_str("x"), &refusal));
    assert_string_equal(refusal, invalid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(params_takes_every_good_row),
        cmocka_unit_test(params_refuses_every_bad_row),
        cmocka_unit_test(params_takes_none_at_rcpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
