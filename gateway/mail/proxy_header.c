#include "gateway/mail/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/ascii.h"

enum { V2_FIXED = 16, V2_ADDRESSES_MAX = 36 };

static const char v1_begins[] = "PROXY ";
static const char v2_begins[] = "\r\n\r\n\0\r\nQUIT\n";
enum { V1_BEGINS = sizeof v1_begins - 1, V2_BEGINS = sizeof v2_begins - 1 };

void
proxy_reader_init(struct proxy_reader *r)
{
    *r = (struct proxy_reader){0};
}

const char *
proxy_client_text(enum proxy_client client)
{
    static const char *const texts[] = {"client", "local", "unknown", "zero"};
    return texts[client];
}

bool
proxy_header_begins(struct slice octets)
{
    return slice_starts(octets, slice(v1_begins, V1_BEGINS)) ||
           slice_starts(octets, slice(v2_begins, V2_BEGINS));
}

static enum proxy_result
bad(struct proxy_reader *r, const char *fault)
{
    r->fault = fault;
    return PROXY_BAD;
}

/* ---- What the address says ---- */

static bool
is_zero(const unsigned char *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] != 0)
            return false;
    return true;
}

/* An address of nothing but zeros, also ::ffff:0.0.0.0, is nobody's. */
static enum proxy_client
put_source(struct proxy_reader *r, int family, const unsigned char *address, in_port_t port)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
    bool is_v4 = family == AF_INET;
    bool has_v4 = !is_v4 && memcmp(address, mapped, sizeof mapped) == 0;

    if (has_v4 ? is_zero(address + 12, 4) : is_zero(address, is_v4 ? 4 : 16))
        return PROXY_ZERO;
    memcpy(&v4.sin_addr, address, sizeof v4.sin_addr);
    if (is_v4) {
        memcpy(&r->source, &v4, sizeof v4);
        return PROXY_CLIENT;
    }
    memcpy(&v6.sin6_addr, address, sizeof v6.sin6_addr);
    memcpy(&r->source, &v6, sizeof v6);
    return PROXY_CLIENT;
}

/* ---- Version 1 ---- */

/* Cut the next word off the front; words are parted by one blank. */
static bool
take_word(struct slice *line, struct slice *word)
{
    size_t n = slice_find(*line, ' ');
    *word = slice_head(*line, n);
    *line = slice_from(*line, n + 1);
    return word->len > 0;
}

static bool
read_ip(struct slice word, int family, unsigned char octets[16])
{
    char text[INET6_ADDRSTRLEN];
    if (word.len >= sizeof text || slice_find(word, '\0') < word.len)
        return false;
    slice_copy_text(text, sizeof text, word);
    return inet_pton(family, text, octets) == 1;
}

static bool
read_port(struct slice word, in_port_t *port)
{
    uint64_t number;
    if (!ascii_number(word, UINT16_MAX, &number) || (word.len > 1 && word.ptr[0] == '0'))
        return false;
    *port = htons((uint16_t)number);
    return true;
}

static enum proxy_result
judge_line(struct proxy_reader *r, struct slice line)
{
    static const char odd[] = "the line is not \"PROXY TCP4|TCP6 from to port port\"";
    unsigned char source[16], target[16];
    in_port_t source_port, target_port;
    struct slice word, from, to, from_port;

    slice_skip(&line, V1_BEGINS);
    if (!take_word(&line, &word))
        return bad(r, odd);
    if (slice_is(word, "UNKNOWN")) { /* whatever follows is to be ignored */
        r->client = PROXY_UNKNOWN;
        return PROXY_DONE;
    }
    int family = slice_is(word, "TCP4") ? AF_INET : AF_INET6;
    if (family == AF_INET6 && !slice_is(word, "TCP6"))
        return bad(r, odd);
    if (!take_word(&line, &from) || !take_word(&line, &to) || !take_word(&line, &from_port))
        return bad(r, odd);
    if (!read_ip(from, family, source) || !read_ip(to, family, target))
        return bad(r, "the line has an address that is none of its family");
    if (!read_port(from_port, &source_port) || !read_port(line, &target_port))
        return bad(r, "the line has a port that is none");
    r->client = put_source(r, family, source, source_port);
    return PROXY_DONE;
}

static enum proxy_result
judge_v1(struct proxy_reader *r)
{
    if (r->kept[r->len - 1] == '\n') {
        if (r->kept[r->len - 2] != '\r')
            return bad(r, "the line does not end with CRLF");
        return judge_line(r, slice(r->kept, r->len - 2));
    }
    return r->len < PROXY_LINE_MAX ? PROXY_MORE : bad(r, "the line is over 107 octets");
}

/* ---- Version 2 ---- */

/* Octets of addresses that the family has; 0: none that we read. */
static size_t
addresses_of(unsigned char family)
{
    switch (family) {
    case 0x11:
        return 12; /* TCP over IPv4: from, to, port, port */
    case 0x21:
        return 36;
    default:
        return 0;
    }
}

static enum proxy_result
judge_v2(struct proxy_reader *r)
{
    if (r->len < V2_FIXED)
        return PROXY_MORE;
    unsigned char head[V2_FIXED + V2_ADDRESSES_MAX];
    memcpy(head, r->kept, r->len < sizeof head ? r->len : sizeof head);
    unsigned char command = head[12] & 0x0f;
    size_t length = (size_t)head[14] << 8 | head[15];
    size_t wanted = command == 1 ? addresses_of(head[13]) : 0;

    if (head[12] >> 4 != 2 || command > 1)
        return bad(r, "a version or command that is not known");
    if (length < wanted)
        return bad(r, "the header is shorter than its addresses");
    if (r->len < V2_FIXED + wanted)
        return PROXY_MORE;

    r->client = command == 0 ? PROXY_LOCAL : PROXY_UNKNOWN;
    if (wanted > 0) {
        size_t address = wanted == 12 ? 4 : 16;
        in_port_t port;
        memcpy(&port, head + V2_FIXED + 2 * address, sizeof port);
        r->client = put_source(r, wanted == 12 ? AF_INET : AF_INET6, head + V2_FIXED, port);
    }
    r->to_skip = length - wanted;
    return PROXY_DONE;
}

/* ---- Either ---- */

/* One more octet was kept. */
static enum proxy_result
judge(struct proxy_reader *r)
{
    if (r->version == 1)
        return judge_v1(r);
    if (r->version == 2)
        return judge_v2(r);
    size_t n = r->len;
    if (n <= V1_BEGINS && memcmp(r->kept, v1_begins, n) == 0)
        r->version = n == V1_BEGINS ? 1 : 0;
    else if (n <= V2_BEGINS && memcmp(r->kept, v2_begins, n) == 0)
        r->version = n == V2_BEGINS ? 2 : 0;
    else
        return bad(r, "the connection does not begin with a PROXY header");
    return PROXY_MORE;
}

/* Octet by octet: a header has few, and none behind it may be used. */
enum proxy_result
proxy_read(struct proxy_reader *r, struct slice *in)
{
    enum proxy_result result = PROXY_MORE;

    if (r->to_skip == 0)
        while (result == PROXY_MORE && in->len > 0) {
            must(r->len < sizeof r->kept);
            r->kept[r->len++] = in->ptr[0];
            slice_skip(in, 1);
            result = judge(r);
        }
    if (result == PROXY_BAD || (result == PROXY_MORE && r->to_skip == 0))
        return result;
    size_t n = in->len < r->to_skip ? in->len : r->to_skip;
    slice_skip(in, n);
    r->to_skip -= n;
    return r->to_skip > 0 ? PROXY_MORE : PROXY_DONE;
}
