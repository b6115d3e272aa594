/* Paths and files, addresses and networks, domains, and the names of other things in the file. */
#include "config/config_secret.h"
#include "config/config_suggest.h"
#include "config/config_type.h"
#include "config/config_value.h"
#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"

enum { PATH_TEXT_MAX = 1024 };

/* Relative paths are relative to the folder of the file. */
static bool
read_path(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    (void)row;
    TRY(type_check_line(text, PATH_TEXT_MAX, err));
    if (text.len > 0 && text.ptr[0] == '/')
        return type_keep_text(room, text, to, err);
    size_t folder = strlen(room->folder);
    char *path = arena_new(room->memory, folder + text.len + 1);
    if (path == NULL)
        return type_no_memory(err);
    memcpy(path, room->folder, folder);
    memcpy(path + folder, text.ptr, text.len);
    memcpy(to, &path, sizeof path);
    return true;
}

const struct value_type type_path = {"path", sizeof(char *), read_path, type_show_text};

static bool
read_file(const struct value_room *room, const struct row *row, struct slice text, void *to,
          struct err *err)
{
    TRY(read_path(room, row, text, to, err));
    return config_secret_check_readable(type_text_at(to), err);
}

const struct value_type type_file = {"file", sizeof(char *), read_file, type_show_text};

static bool
read_key_file(const struct value_room *room, const struct row *row, struct slice text, void *to,
              struct err *err)
{
    TRY(read_path(room, row, text, to, err));
    return config_secret_check_key(type_text_at(to), err);
}

const struct value_type type_key_file = {"private key file", sizeof(char *), read_key_file,
                                         type_show_text};

/* Only the path: config_secret.h reads what is in it, when all paths are known. */
const struct value_type type_secret_file = {"secret file", sizeof(char *), read_path,
                                            type_show_text};

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
        return type_no_memory(err);
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
    return type_keep_lower(room, host, &server->host, err);
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
    return type_keep_lower(room, name, to, err);
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
    const char *name = type_text_at(from);
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
    return type_keep_lower(room, text, to, err);
}

const struct value_type type_zone = {"domain", sizeof(char *), read_zone, type_show_text};

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
        const char *name = type_text_at(item);
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
    type_show_text(row, item, out);
}

const struct value_type type_name_of = {"name", sizeof(void *), read_name_of, show_name_of};
