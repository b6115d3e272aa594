/* Rows: what stands behind the '>', and what it means or how it is refused; where nothing is
 * offered that need not be, and where all is. */
#include "gateway/mail/params.h"

#include "tests/kit/test.h"

static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char twice[] = "501 5.5.4 Parameter given twice";
static const char unknown[] = "555 5.5.4 Unsupported parameter";

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

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
    {"another BODY", " BODY=16BIT", invalid},
    {"BODY without a value", " BODY", invalid},
    {"AUTH of nothing", " AUTH=", invalid},
    {"AUTH that is not xtext", " AUTH=a+2@b.example", invalid},
    {"AUTH with an equals sign in clear", " AUTH=a=b", invalid},
    {"AUTH that hides a line end", " AUTH=a+0D+0ARSET", invalid},
    {"AUTH that hides a NUL", " AUTH=a+00", invalid},
    {"AUTH with 8 bits", " AUTH=a+E4", invalid},
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
    {"SMTPUTF8", " smtputf8", {.utf8 = true}},
    {"RET=FULL", " RET=full", {.dsn_return = DSN_RETURN_FULL}},
    {"RET=HDRS", " ret=HDRS", {.dsn_return = DSN_RETURN_HEADERS}},
    {"ENVID", " ENVID=QQ314159", {.envid = {"QQ314159", 8}}},
    {"ENVID stays xtext", " ENVID=a+2Bb", {.envid = {"a+2Bb", 5}}},
    {"ENVID of 100 octets",
     " ENVID=" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN,
     {.envid = {TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN, 100}}},
    {"ENVID beside AUTH",
     " ENVID=a+2Bb AUTH=c+2Bd",
     {.envid = {"a+2Bb", 5}, .auth_given = true, .auth = {"c+d", 3}}},
};

static const struct bad_row bad_rows_offered[] = {
    {"another BODY", " BODY=BINARY", invalid},
    {"BODY twice", " BODY=BINARYMIME BODY=BINARYMIME", twice},
    {"SMTPUTF8 with a value", " SMTPUTF8=yes", invalid},
    {"SMTPUTF8 with an empty value", " SMTPUTF8=", invalid},
    {"SMTPUTF8 twice", " SMTPUTF8 SMTPUTF8", twice},
    {"RET without a value", " RET", invalid},
    {"another RET", " RET=HEADERS", invalid},
    {"RET twice", " RET=FULL RET=FULL", twice},
    {"ENVID of nothing", " ENVID=", invalid},
    {"ENVID without a value", " ENVID", invalid},
    {"ENVID of 101 octets", " ENVID=" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1", invalid},
    {"ENVID that is not xtext", " ENVID=a=b", invalid},
    {"ENVID with small hexadecimals", " ENVID=a+2b", invalid},
    {"ENVID that hides a line end", " ENVID=a+0D+0ATo:", invalid},
    {"ENVID with 8 bits", " ENVID=\xc3\xa4", invalid},
    {"ENVID twice", " ENVID=a ENVID=a", twice},
    {"NOTIFY at MAIL", " NOTIFY=NEVER", unknown},
};

static const struct rcpt_row {
    const char *say;
    const char *text;
    const char *refusal; /* NULL: good */
    unsigned notify;
    const char *orcpt;
} rcpt_rows[] = {
    {"nothing", "", NULL, 0, ""},
    {"blanks only", "  ", NULL, 0, ""},
    {"NEVER", " NOTIFY=never", NULL, DSN_NOTIFY_NEVER, ""},
    {"one", " NOTIFY=SUCCESS", NULL, DSN_NOTIFY_SUCCESS, ""},
    {"two", " NOTIFY=FAILURE,DELAY", NULL, DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY, ""},
    {"three", " NOTIFY=Delay,Success,Failure", NULL,
     DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY | DSN_NOTIFY_SUCCESS, ""},
    {"one said twice", " NOTIFY=DELAY,DELAY", NULL, DSN_NOTIFY_DELAY, ""},
    {"ORCPT", " ORCPT=rfc822;kim+2Bx@b.example", NULL, 0, "rfc822;kim+2Bx@b.example"},
    {"ORCPT of an X.400 address", " ORCPT=x400;/c+3Dus/a+3D+20/", NULL, 0,
     "x400;/c+3Dus/a+3D+20/"},
    {"ORCPT in UTF-8", " ORCPT=utf-8;\\x{E9}@b.example", NULL, 0, "utf-8;\\x{E9}@b.example"},
    {"ORCPT of 500 octets",
     " ORCPT=rfc822;123" HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN,
     NULL, 0, "rfc822;123" HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN},
    {"both", " ORCPT=rfc822;a NOTIFY=NEVER", NULL, DSN_NOTIFY_NEVER, "rfc822;a"},
    {"NOTIFY of nothing", " NOTIFY=", invalid, 0, ""},
    {"NOTIFY without a value", " NOTIFY", invalid, 0, ""},
    {"NEVER and another", " NOTIFY=NEVER,SUCCESS", invalid, 0, ""},
    {"another and NEVER", " NOTIFY=SUCCESS,NEVER", invalid, 0, ""},
    {"a comma at the end", " NOTIFY=SUCCESS,", invalid, 0, ""},
    {"a comma at the front", " NOTIFY=,SUCCESS", invalid, 0, ""},
    {"another word", " NOTIFY=SUCCESS,MAYBE", invalid, 0, ""},
    {"NOTIFY twice", " NOTIFY=DELAY NOTIFY=DELAY", twice, 0, ""},
    {"ORCPT twice", " ORCPT=rfc822;a ORCPT=rfc822;a", twice, 0, ""},
    {"ORCPT without a type", " ORCPT=kim@b.example", invalid, 0, ""},
    {"ORCPT with an empty type", " ORCPT=;kim@b.example", invalid, 0, ""},
    {"ORCPT with an odd type", " ORCPT=rfc:822;kim@b.example", invalid, 0, ""},
    {"ORCPT without an address", " ORCPT=rfc822;", invalid, 0, ""},
    {"ORCPT without a value", " ORCPT", invalid, 0, ""},
    {"ORCPT that is not xtext", " ORCPT=rfc822;a=b", invalid, 0, ""},
    {"ORCPT that hides a line end", " ORCPT=rfc822;a+0AX:", invalid, 0, ""},
    {"ORCPT with 8 bits", " ORCPT=utf-8;\xc3\xa9@b.example", invalid, 0, ""},
    {"ORCPT of 501 octets",
     " ORCPT=rfc822;1234" HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN,
     invalid, 0, ""},
    {"RET at RCPT", " RET=FULL", unknown, 0, ""},
    {"SMTPUTF8 at RCPT", " SMTPUTF8", unknown, 0, ""},
};

static const struct smtp_server_settings plain = {.size_max = 1000};
static const struct smtp_server_settings full = {.binarymime_offered = true,
                                                 .smtputf8_offered = true};

static void
take_row(const struct good_row *row, const struct smtp_server_settings *offers)
{
    const struct smtp_mail *want = &row->want;
    struct smtp_mail mail = {0};
    const char *refusal;
    struct buf room;
    buf_init(&room, strlen(row->text) + 1);
    assert_non_null(buf_reserve(&room, strlen(row->text) + 1));
    if (!params_read_mail(slice_str(row->text), offers, &room, &mail, &refusal))
        fail_row(row->say, "refused: %s", refusal);
    if (mail.size_given != want->size_given || mail.size != want->size ||
        mail.body != want->body || mail.auth_given != want->auth_given ||
        !slice_equal(mail.auth, want->auth))
        fail_row(row->say, "size %d %llu, body %d, auth '%.*s'", mail.size_given,
                 (unsigned long long)mail.size, mail.body, SLICE_ARG(mail.auth));
    if (mail.utf8 != want->utf8 || mail.dsn_return != want->dsn_return ||
        !slice_equal(mail.envid, want->envid))
        fail_row(row->say, "utf8 %d, ret %d, envid '%.*s'", mail.utf8, mail.dsn_return,
                 SLICE_ARG(mail.envid));
    buf_fini(&room);
}

static void
refuse_row(const struct bad_row *row, const struct smtp_server_settings *offers)
{
    struct smtp_mail mail = {0};
    const char *refusal;
    struct buf room;
    buf_init(&room, strlen(row->text) + 1);
    assert_non_null(buf_reserve(&room, strlen(row->text) + 1));
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
params_reads_every_row_of_rcpt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rcpt_rows); i++) {
        const struct rcpt_row *row = &rcpt_rows[i];
        struct smtp_rcpt rcpt = {0};
        const char *refusal;
        struct buf room;
        buf_init(&room, strlen(row->text) + 1);
        bool good = params_read_rcpt(slice_str(row->text), &room, &rcpt, &refusal);
        if (good != (row->refusal == NULL) || (!good && strcmp(refusal, row->refusal) != 0))
            fail_row(row->say, "%s", good ? "taken" : refusal);
        if (good && (rcpt.notify != row->notify || !slice_is(rcpt.orcpt, row->orcpt)))
            fail_row(row->say, "notify %u, orcpt '%.*s'", rcpt.notify, SLICE_ARG(rcpt.orcpt));
        assert_int_equal(room.len, 0);
        buf_fini(&room);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(params_takes_every_good_row),
        cmocka_unit_test(params_refuses_every_bad_row),
        cmocka_unit_test(params_reads_every_row_of_rcpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
