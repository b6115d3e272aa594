#include "config/config_value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/base64.h"
#include "gateway/mail/address.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: the first that divides a value evenly shows it. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"", 1},
};

/* Digits and one of the units. */
static bool
read_with_unit(struct slice text, const struct unit *units, size_t unit_count, uint64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && ascii_is_digit(text.ptr[digits]))
        digits++;
    uint64_t number;
    if (!ascii_number(slice_head(text, digits), UINT64_MAX / 2, &number))
        return false;
    for (size_t i = 0; i < unit_count; i++) {
        if (!slice_is(slice_from(text, digits), units[i].name))
            continue;
        if (number > UINT64_MAX / 2 / units[i].factor)
            return false;
        *out = number * units[i].factor;
        return true;
    }
    return false;
}

static void
show_with_unit(uint64_t value, const struct unit *units, struct buf *out)
{
    while (value % units->factor != 0)
        units++;
    buf_put_num(out, value / units->factor);
    buf_put_str(out, units->name);
}

bool
value_read_duration(struct slice text, uint64_t *ms, struct err *err)
{
    if (read_with_unit(text, durations, COUNT_OF(durations), ms))
        return true;
    return err_set(err, ERR_CONFIG, "\"%.*s\" is not a duration; write 30s, 5m, 4h or 2d",
                   QUOTED(text));
}

void
value_show_duration(uint64_t ms, struct buf *out)
{
    if (ms == 0)
        buf_put_str(out, "0s");
    else
        show_with_unit(ms, durations, out);
}

bool
value_read_size(struct slice text, uint64_t *octets, struct err *err)
{
    if (read_with_unit(text, sizes, COUNT_OF(sizes), octets))
        return true;
    return err_set(err, ERR_CONFIG, "\"%.*s\" is not a size; write 65536, 512KiB, 25MiB or 4GiB",
                   QUOTED(text));
}

void
value_show_size(uint64_t octets, struct buf *out)
{
    if (octets == 0)
        buf_put_char(out, '0');
    else
        show_with_unit(octets, sizes, out);
}

/* An address of either family into 16 octets; its family, or 0. */
static int
read_address(struct slice text, unsigned char octets[16])
{
    char room[INET6_ADDRSTRLEN];
    if (text.len >= sizeof room || memchr(text.ptr, '\0', text.len) != NULL)
        return 0;
    memcpy(room, text.ptr, text.len);
    room[text.len] = '\0';
    if (inet_pton(AF_INET, room, octets) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, room, octets) == 1 ? AF_INET6 : 0;
}

/* "host:port", "[v6]:port", "host", "v6". The host comes without brackets; port 0 = not given. */
static bool
split_port(struct slice text, struct slice *host, uint16_t *port)
{
    struct slice after;
    *port = 0;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = slice_find(text, ']');
        if (end == text.len)
            return false;
        *host = slice(text.ptr + 1, end - 1);
        after = slice_from(text, end + 1);
    } else {
        size_t colon = slice_find(text, ':');
        after = slice_from(text, colon);
        *host = slice_head(text, colon);
        if (slice_find(slice_from(after, 1), ':') < slice_from(after, 1).len) {
            *host = text; /* two colons and no brackets: all of it is IPv6 */
            return true;
        }
    }
    if (after.len == 0)
        return true;
    uint64_t number;
    if (after.ptr[0] != ':' || !ascii_number(slice_from(after, 1), UINT16_MAX, &number) ||
        number == 0)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* sockaddr_storage may alias neither sockaddr_in nor sockaddr_in6 by assignment: copy. */
static void
fill_endpoint(struct endpoint *out, int family, const unsigned char octets[16], uint16_t port)
{
    char address[INET6_ADDRSTRLEN];
    *out = (struct endpoint){0};
    inet_ntop(family, octets, address, sizeof address);
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in.sin_addr, octets, sizeof in.sin_addr);
        memcpy(&out->addr, &in, sizeof in);
        snprintf(out->text, sizeof out->text, "%s:%u", address, port);
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&in6.sin6_addr, octets, sizeof in6.sin6_addr);
        memcpy(&out->addr, &in6, sizeof in6);
        snprintf(out->text, sizeof out->text, "[%s]:%u", address, port);
    }
}

bool
value_read_endpoint(struct slice text, uint16_t default_port, struct endpoint *out,
                    struct err *err)
{
    struct slice host;
    uint16_t port;
    unsigned char octets[16];

    int family = split_port(text, &host, &port) ? read_address(host, octets) : 0;
    if (family == 0)
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not an address and port; write 10.1.0.5:25 or [::1]:25",
                       QUOTED(text));
    if (port == 0)
        port = default_port;
    if (port == 0)
        return err_set(err, ERR_CONFIG, "\"%.*s\" lacks its port; write %s%.*s%s:8025",
                       QUOTED(text), family == AF_INET6 ? "[" : "", QUOTED(host),
                       family == AF_INET6 ? "]" : "");
    fill_endpoint(out, family, octets, port);
    return true;
}

/* Clear what lies behind the prefix. False: something was there. */
static bool
mask(unsigned char octets[16], size_t len, unsigned bits)
{
    bool clean = true;
    for (size_t i = 0; i < len; i++) {
        unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * (unsigned)i : 0;
        unsigned char masked = (unsigned char)(octets[i] & (0xff00U >> kept));
        clean = clean && masked == octets[i];
        octets[i] = masked;
    }
    return clean;
}

bool
value_read_network(struct slice text, struct network *out, struct err *err)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t slash = slice_find(text, '/');
    struct network net = {0};

    net.family = read_address(slice_head(text, slash), net.octets);
    size_t len = net.family == AF_INET ? 4 : 16;
    uint64_t bits = 8 * len;
    if (net.family == 0 ||
        (slash < text.len && !ascii_number(slice_from(text, slash + 1), 8 * len, &bits)))
        return err_set(
            err, ERR_CONFIG,
            "\"%.*s\" is not a network; write 10.2.0.0/16, 2001:db8::/32 or one address",
            QUOTED(text));
    net.bits = (unsigned)bits;
    bool clean = mask(net.octets, len, net.bits);
    char address[INET6_ADDRSTRLEN];
    inet_ntop(net.family, net.octets, address, sizeof address);
    snprintf(net.text, sizeof net.text, "%s/%u", address, net.bits);
    if (!clean)
        return err_set(err, ERR_CONFIG, "\"%.*s\" has bits behind its prefix; write %s",
                       QUOTED(text), net.text);
    /* Such clients are seen as what they are: IPv4. */
    if (net.family == AF_INET6 && net.bits >= 96 && memcmp(net.octets, mapped, 12) == 0)
        return err_set(err, ERR_CONFIG, "\"%.*s\" is IPv4 in disguise; write it as IPv4",
                       QUOTED(text));
    *out = net;
    return true;
}

bool
value_read_server(struct slice text, uint16_t default_port, struct slice *host, uint16_t *port,
                  struct err *err)
{
    unsigned char octets[16];
    if (!split_port(text, host, port) ||
        (read_address(*host, octets) == 0 && !domain_is_valid(*host)))
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is not a server; write hub1.example, hub1.example:25 or "
                       "[2001:db8::1]:25",
                       QUOTED(text));
    if (*port == 0)
        *port = default_port;
    return true;
}

void
value_show_server(const char *host, uint16_t port, struct buf *out)
{
    bool v6 = strchr(host, ':') != NULL;
    buf_printf(out, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

static bool
read_hex_pin(struct slice hex, struct pin *out)
{
    if (hex.len != 2 * sizeof out->sha256)
        return false;
    for (size_t i = 0; i < sizeof out->sha256; i++) {
        int high = ascii_hex_value(hex.ptr[2 * i]), low = ascii_hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->sha256[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool
read_base64_pin(struct slice text, struct pin *out)
{
    struct buf raw;
    buf_init(&raw, sizeof out->sha256);
    bool good = base64_decode(&raw, text) && raw.len == sizeof out->sha256;
    if (good)
        memcpy(out->sha256, raw.data, sizeof out->sha256);
    buf_fini(&raw);
    return good;
}

bool
value_read_pin(struct slice text, struct pin *out, struct err *err)
{
    static const char prefix[] = "sha256:";
    struct slice digest = slice_from(text, sizeof prefix - 1);
    if (ascii_starts(text, prefix) && (read_hex_pin(digest, out) || read_base64_pin(digest, out)))
        return true;
    return err_set(
        err, ERR_CONFIG,
        "\"%.*s\" is not a pin; write sha256: and 44 characters of base64 or 64 of hex "
        "(forestgate pin SERVER shows it)",
        QUOTED(text));
}

void
value_show_pin(const struct pin *pin, struct buf *out)
{
    buf_put_str(out, "sha256:");
    base64_encode(out, slice((const char *)pin->sha256, sizeof pin->sha256));
}

bool
value_read_retry_step(struct slice text, struct retry_steps *steps, struct err *err)
{
    uint64_t times = 1;
    uint64_t wait_ms;
    size_t x = slice_find(text, 'x');
    struct slice wait = x < text.len ? slice_from(text, x + 1) : text;

    if ((x < text.len && !ascii_number(slice_head(text, x), RETRY_STEPS_MAX, &times)) ||
        !read_with_unit(wait, durations, COUNT_OF(durations), &wait_ms) || times == 0 ||
        wait_ms == 0)
        return err_set(err, ERR_CONFIG, "\"%.*s\" is not a retry step; write 5m or 4x1m",
                       QUOTED(text));
    if (times > RETRY_STEPS_MAX - steps->count)
        return err_set(err, ERR_CONFIG, "more than %d retry steps", RETRY_STEPS_MAX);
    while (times-- > 0)
        steps->wait_ms[steps->count++] = wait_ms;
    return true;
}

void
value_show_retry_steps(const struct retry_steps *steps, struct buf *out)
{
    for (size_t i = 0; i < steps->count;) {
        size_t same = i;
        while (same < steps->count && steps->wait_ms[same] == steps->wait_ms[i])
            same++;
        if (i > 0)
            buf_put_str(out, ", ");
        if (same - i > 1)
            buf_printf(out, "%zux", same - i);
        value_show_duration(steps->wait_ms[i], out);
        i = same;
    }
}
