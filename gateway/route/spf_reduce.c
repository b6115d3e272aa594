#include "gateway/route/spf_reduce.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "config/config.h"
#include "gateway/base/ascii.h"
#include "gateway/route/spf_record.h"

static struct slice
take_term(struct slice *rest)
{
    size_t len = slice_find(*rest, ' ');
    struct slice term = slice_head(*rest, len);
    *rest = slice_from(*rest, len + 1);
    return term;
}

static struct slice
without_qualifier(struct slice term)
{
    bool has_one = term.len > 0 && slice_find(slice_str("+-~?"), term.ptr[0]) < 4;
    return slice_from(term, has_one);
}

/* "name=": a modifier. */
static bool
is_modifier(struct slice term)
{
    size_t n = 0;
    while (n < term.len &&
           (ascii_is_alnum(term.ptr[n]) || slice_find(slice_str("-_."), term.ptr[n]) < 3))
        n++;
    return n > 0 && n < term.len && term.ptr[n] == '=' && ascii_is_alpha(term.ptr[0]);
}

static bool
is_redirect(struct slice term)
{
    return ascii_starts(term, "redirect=");
}

/* "10.2.0.0/16" behind "ip4:"; false: it is no such thing. */
static bool
read_network(struct slice text, int family, struct network *out)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = slice_find(text, '/');
    struct slice length = slice_from(text, len + 1);
    uint64_t most = family == AF_INET ? 32 : 128, bits = most;

    if (len >= sizeof address)
        return false;
    slice_copy_text(address, sizeof address, slice_head(text, len));
    if (len < text.len &&
        (!ascii_number(length, most, &bits) || (length.len > 1 && length.ptr[0] == '0')))
        return false;
    *out = (struct network){.family = family, .bits = (unsigned)bits};
    return inet_pton(family, address, out->octets) == 1;
}

static bool
read_address_term(struct slice term, struct network *out)
{
    struct slice word = without_qualifier(term);
    bool is_v4 = ascii_starts(word, "ip4:");

    if (!is_v4 && !ascii_starts(word, "ip6:"))
        return false;
    return read_network(slice_from(word, 4), is_v4 ? AF_INET : AF_INET6, out);
}

/* The qualifier of the term, and the client's address. */
static void
put_client(struct buf *out, struct slice term, const struct sockaddr *client)
{
    char text[INET6_ADDRSTRLEN];
    const void *address = client;
    const struct sockaddr_in *v4 = address;
    const struct sockaddr_in6 *v6 = address;
    bool is_v4 = client->sa_family == AF_INET;
    const void *octets = is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;

    buf_put_char(out, ' ');
    buf_put(out, slice_head(term, term.len - without_qualifier(term).len));
    buf_put_str(out, is_v4 ? "ip4:" : "ip6:");
    buf_put_str(out, inet_ntop(client->sa_family, octets, text, sizeof text));
}

static void
put_term(struct buf *out, struct slice term)
{
    buf_put_char(out, ' ');
    buf_put(out, term);
}

void
spf_reduce(struct buf *out, struct slice record, const struct sockaddr *client)
{
    struct slice rest = record, redirect = {NULL, 0};
    bool has_all = false, is_decided = false;
    unsigned redirects = 0, explanations = 0;

    buf_put(out, take_term(&rest));
    while (rest.len > 0) {
        struct slice term = take_term(&rest);
        struct network network;
        has_all = has_all || ascii_is(without_qualifier(term), "all");
        explanations += ascii_starts(term, "exp=");
        redirects += is_redirect(term);
        if (is_redirect(term)) {
            redirect = term;
        } else if (!read_address_term(term, &network)) {
            if (term.len > 0)
                put_term(out, term);
        } else if (!is_decided && network_holds(&network, client)) {
            put_client(out, term, client);
            is_decided = true;
        }
    }
    if (redirect.len > 0 && !has_all)
        put_term(out, redirect);
    if (redirects > 1 || explanations > 1) {
        buf_clear(out);
        buf_put_str(out, spf_record_invalid);
    }
}

unsigned
spf_mechanisms(struct slice record)
{
    unsigned count = 0;

    take_term(&record);
    while (record.len > 0) {
        struct slice term = take_term(&record);
        if (term.len > 0 && (!is_modifier(term) || is_redirect(term)))
            count++;
    }
    return count;
}
