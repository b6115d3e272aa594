/* The tracking log: lines as Exchange 2007 writes them, files, and finding a line again. */
#include "gateway/journal/tracking_search.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/journal/journal_files.h"
#include "gateway/journal/tracking_index.h"
#include "tests/kit/test.h"

static const int64_t noon = 1795435200000; /* 2026-11-23T12:00:00Z */

struct place {
    char path[64];
    int folder;
};

static int
open_place(void **state)
{
    static struct place p;
    snprintf(p.path, sizeof p.path, "/tmp/tracking.XXXXXX");
    assert_non_null(mkdtemp(p.path));
    p.folder = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &p;
    return 0;
}

static int
close_place(void **state)
{
    struct place *p = *state;
    char command[128];
    close(p->folder);
    snprintf(command, sizeof command, "rm -r %s", p->path);
    return system(command);
}

/* ---- Lines ---- */

static struct tracking_event
sample(void)
{
    return (struct tracking_event){
        .unix_ms = noon,
        .source = "SMTP",
        .event = "SEND",
        .client_hostname = slice_str("gw.contoso.example"),
        .server_ip = slice_str("10.2.0.1"),
        .server_hostname = slice_str("hub1.fabrikam.example"),
        .connector = slice_str("fabrikam-hub"),
        .id = 5,
        .message_id = slice_str("<1@contoso.example>"),
        .recipients = slice_str("lee@fabrikam.example;mia@fabrikam.example"),
        .status = slice_str("250 2.1.5 OK, \"queued\";250 2.1.5 OK"),
        .bytes = 4096,
        .recipient_count = 2,
        .sender = slice_str("kim@contoso.example"),
    };
}

static const char sample_line[] =
    "2026-11-23T12:00:00.000Z,,gw.contoso.example,10.2.0.1,hub1.fabrikam.example,,fabrikam-hub,"
    "SMTP,SEND,0000000000005,<1@contoso.example>,lee@fabrikam.example;mia@fabrikam.example,"
    "\"250 2.1.5 OK, \"\"queued\"\";250 2.1.5 OK\",4096,2,,,,kim@contoso.example,"
    "kim@contoso.example,";

static void
a_line_is_as_exchange_writes_it(void **state)
{
    (void)state;
    struct buf line;
    const struct tracking_event e = sample();
    buf_init(&line, 4096);
    tracking_put(&line, &e);
    assert_true(slice_is(buf_slice(&line), sample_line));
    buf_fini(&line);
}

static void
a_line_is_read_back(void **state)
{
    (void)state;
    struct slice f[TRACKING_FIELD_COUNT];
    char room[200];
    assert_true(tracking_split(slice_str(sample_line), f));
    assert_true(slice_is(f[TRACKING_EVENT], "SEND") && slice_is(f[TRACKING_BYTES], "4096"));
    assert_true(slice_is(tracking_value(f[TRACKING_STATUS], room),
                         "250 2.1.5 OK, \"queued\";250 2.1.5 OK"));
    assert_int_equal(f[TRACKING_INFO].len + f[TRACKING_SUBJECT].len, 0);
    for (size_t len = 0; len < sizeof sample_line - 1; len++)
        if (tracking_split(slice(sample_line, len), f))
            fail_msg("the first %zu octets are taken for a line", len);
    assert_false(tracking_split(slice_str("#Fields: date-time,client-ip"), f));
}

static void
hostile_values_end_no_line_and_no_field(void **state)
{
    static const char hostile[] = "<a\",\r\n\0b\x7f\xff,\"\">";
    (void)state;
    struct buf line;
    struct slice f[TRACKING_FIELD_COUNT];
    struct tracking_event e = sample();
    e.message_id = slice(hostile, sizeof hostile - 1);
    e.recipients = slice_str("\xc3\xa9@fabrikam.example");
    buf_init(&line, 4096);
    tracking_put(&line, &e);
    assert_true(tracking_split(buf_slice(&line), f));
    assert_true(slice_is(f[TRACKING_MESSAGE_ID], "\"<a\"\",???b??,\"\"\"\">\""));
    assert_true(slice_is(f[TRACKING_RECIPIENTS], "\xc3\xa9@fabrikam.example"));
    assert_int_equal(slice_find(buf_slice(&line), '\n'), line.len);
    buf_fini(&line);
}

/* ---- Files ---- */

static void
files_have_a_day_and_a_number(void **state)
{
    uint32_t day, number;
    (void)state;
    assert_true(journal_is_file("MSGTRK20261123-12.log", "MSGTRK", &day, &number));
    assert_true(day == 20261123 && number == 12);
    static const char *const others[] = {"MSGTRK20261123-.log",
                                         "MSGTRK20261123-1.idx",
                                         "MSGTRK2026112-1.log",
                                         "RECV20261123-1.log",
                                         "MSGTRK20261123-1.log.new",
                                         "MSGTRK20261123-x.log",
                                         ""};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (journal_is_file(others[i], "MSGTRK", &day, &number))
            fail_row(others[i], "is taken for a file");
    assert_int_equal(journal_day_of(noon), 20261123);
    assert_int_equal(journal_day_of(0), 19700101);
}

static void
write_file(struct place *p, const char *name, struct slice text)
{
    int fd = openat(p->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
}

static bool
exists(struct place *p, const char *name)
{
    return faccessat(p->folder, name, F_OK, 0) == 0;
}

static void
old_and_many_files_are_removed(void **state)
{
    struct place *p = *state;
    char today[JOURNAL_NAME_MAX];
    char octets[1000] = "";
    const struct journal_settings settings = {.folder_size = 2500,
                                              .keep_ms = UINT64_C(3650) * 24 * 3600 * 1000,
                                              .on_remove = tracking_index_remove};
    snprintf(today, sizeof today, "MSGTRK%08u-1.log", journal_day_of(noon));
    write_file(p, "MSGTRK19990101-1.log", slice(octets, 1)); /* older than ten years */
    write_file(p, "MSGTRK19990101-1.idx", slice(octets, 1));
    write_file(p, "MSGTRK20260101-9.log", slice(octets, sizeof octets));
    write_file(p, "MSGTRK20260101-10.log", slice(octets, sizeof octets));
    write_file(p, today, slice(octets, sizeof octets));
    write_file(p, "other.log", slice(octets, sizeof octets));
    journal_tidy(p->folder, "MSGTRK", &settings);
    assert_false(exists(p, "MSGTRK19990101-1.log") || exists(p, "MSGTRK19990101-1.idx"));
    assert_false(exists(p, "MSGTRK20260101-9.log"));
    assert_true(exists(p, "MSGTRK20260101-10.log") && exists(p, today) && exists(p, "other.log"));
}

static void
a_journal_heads_its_file_and_goes_on_with_the_next(void **state)
{
    struct place *p = *state;
    struct err err;
    struct journal_settings settings = {.folder = p->path,
                                        .prefix = "MSGTRK",
                                        .log_type = TRACKING_LOG_TYPE,
                                        .fields = TRACKING_FIELDS,
                                        .file_size = 1 << 20,
                                        .folder_size = 1 << 30,
                                        .keep_ms = 1 << 30,
                                        .on_complete = tracking_index_make};
    for (int i = 0; i < 2; i++) {
        struct journal *j = NULL;
        assert_true(journal_new(&settings, &j, &err));
        journal_put(j, slice_str(sample_line));
        journal_put(j, slice_str(sample_line));
        journal_free(&j);
    }
    journal_put(NULL, slice_str(sample_line));
    size_t count;
    struct journal_file *files = journal_list(p->folder, "MSGTRK", &count);
    assert_int_equal(count, 2);
    char text[4096];
    int fd = openat(p->folder, files[1].name, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    close(fd);
    static const char head[] = "#Software: Microsoft Exchange Server\r\n#Version: 8.0.0.0\r\n"
                               "#Log-Type: Message Tracking Log\r\n#Date: ";
    assert_memory_equal(text, head, sizeof head - 1);
    const char *fields = strstr(text, "Z\r\n#Fields: date-time,client-ip,client-hostname,");
    assert_non_null(fields);
    const char *first = strstr(fields, ",message-info\r\n2026-11-23T12:00:00.000Z,");
    assert_non_null(first);
    assert_memory_equal(text + len - 2, "\r\n", 2);
    free(files);
}

/* ---- Finding ---- */

enum { LINES = 500 };

static size_t
make_file(struct place *p, const char *name)
{
    struct buf text, line;
    buf_init(&text, 1 << 20);
    buf_init(&line, 4096);
    buf_put_str(&text, "#Software: Microsoft Exchange Server\r\n");
    for (size_t i = 0; i < LINES; i++) {
        char message_id[40], to[80];
        struct tracking_event e = sample();
        e.unix_ms = noon + (int64_t)i * 1000;
        e.id = i + 1;
        snprintf(message_id, sizeof message_id, "<%zu@contoso.example>", i);
        snprintf(to, sizeof to, "r%zu@fabrikam.example;Shared@fabrikam.example", i);
        e.message_id = slice_str(message_id);
        e.recipients = slice_str(to);
        buf_clear(&line);
        tracking_put(&line, &e);
        buf_put(&text, buf_slice(&line));
        buf_put_str(&text, "\r\n");
    }
    write_file(p, name, buf_slice(&text));
    size_t len = text.len;
    buf_fini(&line);
    buf_fini(&text);
    return len;
}

static bool
count_line(void *context, const struct slice f[TRACKING_FIELD_COUNT])
{
    size_t *count = context;
    (void)f;
    ++*count;
    return true;
}

static size_t
find(struct place *p, const struct tracking_query *q, struct tracking_found *found)
{
    struct tracking_query query = *q;
    struct err err;
    size_t count = 0;
    query.limit = query.limit ? query.limit : LINES;
    query.to_unix_ms = query.to_unix_ms ? query.to_unix_ms : noon + 86400000;
    assert_true(tracking_search(p->path, &query, count_line, &count, found, &err));
    assert_int_equal(count, found->lines);
    return count;
}

static void
check_finding(struct place *p, bool has_index)
{
    struct tracking_found found;
    const struct tracking_query one = {.message_id = slice_str("<77@contoso.example>")};
    assert_int_equal(find(p, &one, &found), 1);
    assert_int_equal(found.scanned, has_index ? 0 : 1);
    const struct tracking_query none = {.message_id = slice_str("<777@contoso.example>")};
    assert_int_equal(find(p, &none, &found), 0);
    const struct tracking_query id = {.id = slice_str("0000000000005")};
    assert_int_equal(find(p, &id, &found), 1);
    const struct tracking_query both = {.recipient = slice_str("R5@FABRIKAM.example"),
                                        .sender = slice_str("Kim@contoso.example")};
    assert_int_equal(find(p, &both, &found), 1);
    const struct tracking_query all = {.recipient = slice_str("shared@fabrikam.example")};
    assert_int_equal(find(p, &all, &found), LINES);
    const struct tracking_query some = {.sender = slice_str("kim@contoso.example"), .limit = 7};
    assert_int_equal(find(p, &some, &found), 7);
    const struct tracking_query then = {.from_unix_ms = noon + 10000, .to_unix_ms = noon + 13000};
    assert_int_equal(find(p, &then, &found), 3);
    assert_int_equal(found.scanned, 1);
}

static void
lines_are_found_with_and_without_an_index(void **state)
{
    struct place *p = *state;
    (void)make_file(p, "MSGTRK20261123-1.log");
    check_finding(p, false);
    tracking_index_make(NULL, p->folder, "MSGTRK20261123-1.log");
    assert_true(exists(p, "MSGTRK20261123-1.idx"));
    check_finding(p, true);
}

/* Whatever became of the index: what it says is checked, and when it cannot be read the file
 * is. */
static void
a_broken_index_hides_nothing(void **state)
{
    struct place *p = *state;
    struct tracking_found found;
    struct stat st;
    const struct tracking_query one = {.message_id = slice_str("<77@contoso.example>")};
    (void)make_file(p, "MSGTRK20261123-1.log");
    tracking_index_make(NULL, p->folder, "MSGTRK20261123-1.log");
    assert_int_equal(fstatat(p->folder, "MSGTRK20261123-1.idx", &st, 0), 0);
    int fd = openat(p->folder, "MSGTRK20261123-1.idx", O_RDWR | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, st.st_size - 5), 0);
    assert_int_equal(find(p, &one, &found), 1);
    assert_int_equal(found.scanned, 1);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(find(p, &one, &found), 1);
    close(fd);
    /* A file that grew since: its index is of another one, and is made anew. */
    fd = openat(p->folder, "MSGTRK20261123-1.log", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "half a li", 9), 9);
    close(fd);
    tracking_index_make(NULL, p->folder, "MSGTRK20261123-1.log");
    assert_int_equal(find(p, &one, &found), 1);
    assert_int_equal(found.scanned, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_as_exchange_writes_it),
        cmocka_unit_test(a_line_is_read_back),
        cmocka_unit_test(hostile_values_end_no_line_and_no_field),
        cmocka_unit_test(files_have_a_day_and_a_number),
        TEST(old_and_many_files_are_removed),
        TEST(a_journal_heads_its_file_and_goes_on_with_the_next),
        TEST(lines_are_found_with_and_without_an_index),
        TEST(a_broken_index_hides_nothing),
    };
    return cmocka_run_group_tests_name("tracking", tests, NULL, NULL);
}
