/*
 * The kinds of values in the schema table: each reads its text into a member and shows the member
 * as text. What the text means by itself is config_value.h's; here it meets the row's range,
 * words and folder.
 */
#include <unistd.h>

#include "config/config_schema.h"
#include "config/config_secret.h"
#include "config/config_suggest.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"

enum { TEXT_MAX = 1024, NAME_MAX_LEN = 64, LOGIN_MAX = 320 };

static bool
no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

/* Keep text in the member at `to`, a const char *. */
static bool
keep_text(const struct value_room *room, struct slice text, void *to, struct err *err)
{
    const char *kept = arena_copy(room->memory, text).ptr;
    if (kept == NULL)
        return no_memory(err);
    memcpy(to, &kept, sizeof kept);
    return true;
}

static bool
keep_lower(const struct value_room *room, struct slice text, void *to, struct err *err)
{
    char *kept = arena_new(room->memory, text.len + 1);
    if (kept == NULL)
        return no_memory(err);
    for (size_t i = 0; i < text.len; i++)
        kept[i] = ascii_lower(text.ptr[i]);
    memcpy(to, &kept, sizeof kept);
    return true;
}

static const char *
text_at(const void *from)
{
    const char *text;
    memcpy(&text, from, sizeof text);
    return text;
}

static void
show_text(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_str(out, text_at(from));
}

/* One line that can be shown: no control characters. */
static bool
check_line(struct slice text, size_t max, struct err *err)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return err_set(err, ERR_CONFIG, "\"%.*s\" holds a control character", QUOTED(text));
    if (text.len > max)
        return err_set(err, ERR_CONFIG, "\"%.*s...\" is longer than %zu octets", QUOTED(text),
                       max);
    return true;
}

static bool
read_mailbox(const struct value_room *room, const struct row *row, struct slice text, void *to,
             struct err *err)
{
    struct address address;
    (void)row;
    if (!address_parse(text, &address) || address.domain.len == 0)
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a mail address; write postmaster@contoso.example",
                       QUOTED(text));
    return keep_text(room, text, to, err);
}

const struct value_type type_mailbox = {"mail address", sizeof(char *), read_mailbox, show_text};

static bool
read_host(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    if (!domain_is_valid(text))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a host name; write gw.contoso.example",
                       QUOTED(text));
    return keep_lower(room, text, to, err);
}

const struct value_type type_host = {"host name", sizeof(char *), read_host, show_text};

/* Names stand in logs and metrics: nothing there that would need quotes. */
static bool
read_name(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    bool good = text.len > 0 && text.len <= NAME_MAX_LEN && ascii_is_alnum(text.ptr[0]);
    for (size_t i = 0; i < text.len && good; i++)
        good = ascii_is_alnum(text.ptr[i]) || memchr("-_.", text.ptr[i], 3) != NULL;
    if (!good)
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a name; use up to %d letters, digits, \"-\", \"_\" and "
                       "\".\", a letter or digit first",
                       QUOTED(text), NAME_MAX_LEN);
    return keep_text(room, text, to, err);
}

const struct value_type type_name = {"name", sizeof(char *), read_name, show_text};

/* What a client sends as user name; what it means to Exchange is Exchange's business. */
static bool
read_login(const struct value_room *room, const struct row *row, struct slice text, void *to,
           struct err *err)
{
    (void)row;
    TRY(check_line(text, LOGIN_MAX, err));
    if (ascii_trim(text).len != text.len || text.len == 0)
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a user name: blanks at its ends, or nothing at all",
                       QUOTED(text));
    return keep_text(room, text, to, err);
}

const struct value_type type_login = {"user name", sizeof(char *), read_login, show_text};

/* The range of the row, each end shown as a value of its own type. */
static bool
check_range(const struct row *row, uint64_t value, void (*show)(uint64_t, struct buf *),
            struct err *err)
{
    if ((row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max))
        return true;
    struct buf range;
    buf_init(&range, 80);
    show(row->min, &range);
    if (row->max != row->min) {
        buf_put_str(&range, " to ");
        show(row->max, &range);
    }
    struct buf given;
    buf_init(&given, 40);
    show(value, &given);
    err_set(err, ERR_CONFIG, "%s is out of range; it can be %s", buf_text(&given),
            buf_text(&range));
    buf_fini(&given);
    buf_fini(&range);
    return false;
}

static bool
read_duration(const struct value_room *room, const struct row *row, struct slice text, void *to,
              struct err *err)
{
    uint64_t ms;
    (void)room;
    TRY(value_read_duration(text, &ms, err));
    TRY(check_range(row, ms, value_show_duration, err));
    memcpy(to, &ms, sizeof ms);
    return true;
}

static void
show_duration(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    value_show_duration(*(const uint64_t *)from, out);
}

const struct value_type type_duration = {"duration", sizeof(uint64_t), read_duration,
                                         show_duration};

static bool
read_size(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    uint64_t octets;
    (void)room;
    TRY(value_read_size(text, &octets, err));
    TRY(check_range(row, octets, value_show_size, err));
    memcpy(to, &octets, sizeof octets);
    return true;
}

static void
show_size(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    value_show_size(*(const uint64_t *)from, out);
}

const struct value_type type_size = {"size", sizeof(uint64_t), read_size, show_size};

static void
show_number(uint64_t number, struct buf *out)
{
    buf_put_num(out, number);
}

static bool
read_count(const struct value_room *room, const struct row *row, struct slice text, void *to,
           struct err *err)
{
    uint64_t number;
    (void)room;
    if (!ascii_number(text, UINT32_MAX, &number))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a number", QUOTED(text));
    TRY(check_range(row, number, show_number, err));
    uint32_t kept = (uint32_t)number;
    memcpy(to, &kept, sizeof kept);
    return true;
}

static void
show_count(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_num(out, *(const uint32_t *)from);
}

const struct value_type type_count = {"number", sizeof(uint32_t), read_count, show_count};

static bool
read_workers(const struct value_room *room, const struct row *row, struct slice text, void *to,
             struct err *err)
{
    TRY(read_count(room, row, text, to, err));
    if (*(uint32_t *)to > 1)
        return err_set(err, ERR_CONFIG, "more than one worker is not available yet");
    return true;
}

const struct value_type type_workers = {"number", sizeof(uint32_t), read_workers, show_count};

static bool
read_bool(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)room, (void)row;
    if (!slice_is(text, "true") && !slice_is(text, "false"))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is neither true nor false", QUOTED(text));
    *(bool *)to = slice_is(text, "true");
    return true;
}

static void
show_bool(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_str(out, *(const bool *)from ? "true" : "false");
}

const struct value_type type_bool = {"true or false", sizeof(bool), read_bool, show_bool};

/* "x is not one of a, b, c", and what it may have meant. */
static bool
no_such_word(const struct row *row, struct slice text, struct err *err)
{
    struct suggest suggest;
    char near[SUGGEST_TEXT];
    struct buf all;

    suggest_init(&suggest, text);
    buf_init(&all, 120);
    for (const struct word *w = row->words; w->text != NULL; w++) {
        if (w->not_yet)
            continue;
        buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", w->text);
        suggest_offer(&suggest, slice_str(w->text));
    }
    err_set(err, ERR_CONFIG, "\"%.*s\" is not one of %s%s", QUOTED(text), buf_text(&all),
            suggest_text(&suggest, near));
    buf_fini(&all);
    return false;
}

static bool
find_word(const struct row *row, struct slice text, unsigned *value, struct err *err)
{
    for (const struct word *w = row->words; w->text != NULL; w++) {
        if (!slice_is(text, w->text))
            continue;
        if (w->not_yet)
            return err_set(err, ERR_CONFIG, "\"%s\" is not available yet", w->text);
        *value = w->value;
        return true;
    }
    return no_such_word(row, text, err);
}

static void
show_word(const struct row *row, unsigned value, struct buf *out)
{
    for (const struct word *w = row->words; w->text != NULL; w++) {
        if (w->value != value)
            continue;
        buf_put_str(out, w->text);
        return;
    }
}

/* Enums and int alike: four octets. */
static bool
read_words(const struct value_room *room, const struct row *row, struct slice text, void *to,
           struct err *err)
{
    unsigned value;
    (void)room;
    TRY(find_word(row, text, &value, err));
    memcpy(to, &value, sizeof value);
    return true;
}

static void
show_words(const struct row *row, const void *from, struct buf *out)
{
    unsigned value;
    memcpy(&value, from, sizeof value);
    show_word(row, value, out);
}

const struct value_type type_words = {"word", sizeof(unsigned), read_words, show_words};

/* Two words for a bool. */
static bool
read_switch(const struct value_room *room, const struct row *row, struct slice text, void *to,
            struct err *err)
{
    unsigned value;
    (void)room;
    TRY(find_word(row, text, &value, err));
    *(bool *)to = value != 0;
    return true;
}

static void
show_switch(const struct row *row, const void *from, struct buf *out)
{
    show_word(row, *(const bool *)from ? 1 : 0, out);
}

const struct value_type type_switch = {"word", sizeof(bool), read_switch, show_switch};

/* Relative paths are relative to the folder of the file. */
static bool
read_path(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    TRY(check_line(text, TEXT_MAX, err));
    if (text.len > 0 && text.ptr[0] == '/')
        return keep_text(room, text, to, err);
    size_t folder = strlen(room->folder);
    char *path = arena_new(room->memory, folder + text.len + 1);
    if (path == NULL)
        return no_memory(err);
    memcpy(path, room->folder, folder);
    memcpy(path + folder, text.ptr, text.len);
    memcpy(to, &path, sizeof path);
    return true;
}

const struct value_type type_path = {"path", sizeof(char *), read_path, show_text};

static bool
read_file(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    TRY(read_path(room, row, text, to, err));
    return config_secret_check_readable(text_at(to), err);
}

const struct value_type type_file = {"file", sizeof(char *), read_file, show_text};

static bool
read_key_file(const struct value_room *room, const struct row *row, struct slice text, void *to,
              struct err *err)
{
    TRY(read_path(room, row, text, to, err));
    return config_secret_check_key(text_at(to), err);
}

const struct value_type type_key_file = {"private key file", sizeof(char *), read_key_file,
                                         show_text};

/* Only the path: config_secret.h reads what is in it, when all paths are known. */
const struct value_type type_secret_file = {"secret file", sizeof(char *), read_path, show_text};

static bool
read_endpoint(const struct value_room *room, const struct row *row, struct slice text, void *to,
              struct err *err)
{
    (void)room;
    return value_read_endpoint(text, row->port, to, err);
}

static void
show_endpoint(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_str(out, ((const struct endpoint *)from)->text);
}

const struct value_type type_endpoint = {"address and port", sizeof(struct endpoint),
                                         read_endpoint, show_endpoint};

/* An endpoint that may be absent: the member is a pointer. */
static bool
read_endpoint_new(const struct value_room *room, const struct row *row, struct slice text,
                  void *to, struct err *err)
{
    struct endpoint *endpoint = arena_new(room->memory, sizeof *endpoint);
    if (endpoint == NULL)
        return no_memory(err);
    TRY(value_read_endpoint(text, row->port, endpoint, err));
    memcpy(to, &endpoint, sizeof endpoint);
    return true;
}

static void
show_endpoint_at(const struct row *row, const void *from, struct buf *out)
{
    const struct endpoint *endpoint;
    memcpy(&endpoint, from, sizeof endpoint);
    show_endpoint(row, endpoint, out);
}

const struct value_type type_endpoint_new = {"address and port", sizeof(struct endpoint *),
                                             read_endpoint_new, show_endpoint_at};

static bool
read_network(const struct value_room *room, const struct row *row, struct slice text, void *to,
             struct err *err)
{
    (void)room, (void)row;
    return value_read_network(text, to, err);
}

static void
show_network(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_str(out, ((const struct network *)from)->text);
}

const struct value_type type_network = {"network", sizeof(struct network), read_network,
                                        show_network};

static bool
read_server(const struct value_room *room, const struct row *row, struct slice text, void *to,
            struct err *err)
{
    struct server *server = to;
    struct slice host;
    TRY(value_read_server(text, row->port, &host, &server->port, err));
    return keep_lower(room, host, &server->host, err);
}

static void
show_server(const struct row *row, const void *from, struct buf *out)
{
    const struct server *server = from;
    (void)row;
    value_show_server(server->host, server->port, out);
}

const struct value_type type_server = {"host and port", sizeof(struct server), read_server,
                                       show_server};

static bool
read_pin(const struct value_room *room, const struct row *row, struct slice text, void *to,
         struct err *err)
{
    (void)room, (void)row;
    return value_read_pin(text, to, err);
}

static void
show_pin(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    value_show_pin(from, out);
}

const struct value_type type_pin = {"pin", sizeof(struct pin), read_pin, show_pin};

static bool
read_retry_steps(const struct value_room *room, const struct row *row, struct slice text,
                 void *to, struct err *err)
{
    (void)room, (void)row;
    return value_read_retry_step(text, to, err);
}

static void
show_retry_steps(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    value_show_retry_steps(from, out);
}

const struct value_type type_retry_steps = {"waits", sizeof(struct retry_steps), read_retry_steps,
                                            show_retry_steps};

/* Domains of forests and address spaces begin alike, so that one reader serves both. */
struct pattern {
    const char *name;
    bool wildcard;
};
_Static_assert(offsetof(struct forest_domain, name) == offsetof(struct pattern, name) &&
                   offsetof(struct forest_domain, wildcard) == offsetof(struct pattern, wildcard),
               "forest_domain begins as pattern");
_Static_assert(offsetof(struct address_space, domain) == offsetof(struct pattern, name) &&
                   offsetof(struct address_space, wildcard) == offsetof(struct pattern, wildcard),
               "address_space begins as pattern");

static bool
read_domain(const struct value_room *room, const struct row *row, struct slice text, void *to,
            struct err *err)
{
    struct slice name = text;
    bool wildcard = slice_starts(text, slice_str("*."));
    (void)row;
    if (wildcard)
        slice_skip(&name, 2);
    if (slice_is(text, "*"))
        return err_set(err, ERR_CONFIG,
                       "no forest owns \"*\"; a way out is an address space of a send connector");
    if (!domain_is_valid(name))
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a domain; write contoso.example or \"*.contoso.example\"",
                       QUOTED(text));
    memcpy((char *)to + offsetof(struct pattern, wildcard), &wildcard, sizeof wildcard);
    return keep_lower(room, name, to, err);
}

static bool
read_address_space(const struct value_room *room, const struct row *row, struct slice text,
                   void *to, struct err *err)
{
    if (!slice_is(text, "*"))
        return read_domain(room, row, text, to, err);
    struct address_space *space = to;
    space->domain = "";
    space->wildcard = true;
    return true;
}

static void
show_domain(const struct row *row, const void *from, struct buf *out)
{
    bool wildcard = *(const bool *)((const char *)from + offsetof(struct pattern, wildcard));
    const char *name = text_at(from);
    (void)row;
    buf_printf(out, "%s%s%s", wildcard ? "*" : "", wildcard && name[0] ? "." : "", name);
}

const struct value_type type_domain = {"domain", sizeof(struct pattern), read_domain,
                                       show_domain};
const struct value_type type_address_space = {"domain or \"*\"", sizeof(struct pattern),
                                              read_address_space, show_domain};

static bool
read_zone(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    if (!domain_is_valid(text))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a domain; write contoso.example",
                       QUOTED(text));
    return keep_lower(room, text, to, err);
}

const struct value_type type_zone = {"domain", sizeof(char *), read_zone, show_text};

/* The name of a certificate, listener, forest or send connector. Each of these structs begins
 * with its name, and all of them have their names before the first value is read. */
static bool
read_name_of(const struct value_room *room, const struct row *row, struct slice text, void *to,
             struct err *err)
{
    const struct row *target = schema_find("", slice_str(row->target));
    struct row_items items = row_items(target, room->config);
    struct suggest suggest;
    char near[SUGGEST_TEXT];

    suggest_init(&suggest, text);
    for (size_t i = 0; i < items.count; i++) {
        const void *item = (const char *)items.first + i * items.size;
        const char *name = text_at(item);
        if (name == NULL)
            continue;
        if (slice_is(text, name)) {
            memcpy(to, &item, sizeof item);
            return true;
        }
        suggest_offer(&suggest, slice_str(name));
    }
    return err_set(err, ERR_CONFIG, "there is no \"%.*s\" below \"%s\"%s", QUOTED(text),
                   row->target, suggest_text(&suggest, near));
}

static void
show_name_of(const struct row *row, const void *from, struct buf *out)
{
    const void *item;
    memcpy(&item, from, sizeof item);
    show_text(row, item, out);
}

const struct value_type type_name_of = {"name", sizeof(void *), read_name_of, show_name_of};
