/* Names, words and numbers; what is on the disk or in the network is in config_type_place.c. */
#include "config/config_type.h"

#include "config/config_suggest.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"

enum { NAME_MAX_LEN = 64, LOGIN_MAX = 320 };

bool
type_no_memory(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

bool
type_keep_text(const struct value_room *room, struct slice text, void *to, struct err *err)
{
    const char *kept = arena_copy(room->memory, text).ptr;
    if (kept == NULL)
        return type_no_memory(err);
    memcpy(to, &kept, sizeof kept);
    return true;
}

bool
type_keep_lower(const struct value_room *room, struct slice text, void *to, struct err *err)
{
    char *kept = arena_new(room->memory, text.len + 1);
    if (kept == NULL)
        return type_no_memory(err);
    for (size_t i = 0; i < text.len; i++)
        kept[i] = ascii_lower(text.ptr[i]);
    memcpy(to, &kept, sizeof kept);
    return true;
}

const char *
type_text_at(const void *from)
{
    const char *text;
    memcpy(&text, from, sizeof text);
    return text;
}

void
type_show_text(const struct row *row, const void *from, struct buf *out)
{
    (void)row;
    buf_put_str(out, type_text_at(from));
}

bool
type_check_line(struct slice text, size_t max, struct err *err)
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
    return type_keep_text(room, text, to, err);
}

const struct value_type type_mailbox = {"mail address", sizeof(char *), read_mailbox,
                                        type_show_text};

static bool
read_host(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    if (!domain_is_valid(text))
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a host name; write gw.contoso.example",
                       QUOTED(text));
    return type_keep_lower(room, text, to, err);
}

const struct value_type type_host = {"host name", sizeof(char *), read_host, type_show_text};

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
    return type_keep_text(room, text, to, err);
}

const struct value_type type_name = {"name", sizeof(char *), read_name, type_show_text};

/* What a client sends as user name; what it means to Exchange is Exchange's business. */
static bool
read_login(const struct value_room *room, const struct row *row, struct slice text, void *to,
           struct err *err)
{
    (void)row;
    TRY(type_check_line(text, LOGIN_MAX, err));
    if (ascii_trim(text).len != text.len || text.len == 0)
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a user name: blanks at its ends, or nothing at all",
                       QUOTED(text));
    return type_keep_text(room, text, to, err);
}

const struct value_type type_login = {"user name", sizeof(char *), read_login, type_show_text};

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
    err_set(err, ERR_CONFIG, "%s is out of range; it %s be %s", buf_text(&given),
            row->min == row->max ? "must" : "can", buf_text(&range));
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
        if (slice_is(text, w->text)) {
            *value = w->value;
            return true;
        }
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
