#include "gateway/route/hop_offers.h"

struct hop_offers
hop_offers_of(const struct ehlo *said, uint64_t now_ms)
{
    return (struct hop_offers){
        .known_ms = now_ms,
        .binary = said->binary_mime && said->chunking,
        .size_max = said->size_max,
        .eight_bit = said->eight_bit_mime,
    };
}

/* Is a a greater limit than b? 0 is none. */
static bool
is_greater(uint64_t a, uint64_t b)
{
    return b > 0 && (a == 0 || a > b);
}

void
hop_offers_add(struct hop_offers *all, size_t count_before, const struct hop_offers *server,
               enum hop_join join, uint64_t now_ms)
{
    bool is_fresh = server->known_ms > 0 && now_ms < server->known_ms + HOP_OFFERS_FRESH_MS;
    if (!is_fresh || (count_before > 0 && all->known_ms == 0)) {
        *all = (struct hop_offers){.known_ms = 0};
        return;
    }
    if (count_before == 0) {
        *all = *server;
        return;
    }
    if (join == HOP_ANY) {
        all->binary = all->binary || server->binary;
        all->eight_bit = all->eight_bit || server->eight_bit;
    } else {
        all->binary = all->binary && server->binary;
        all->eight_bit = all->eight_bit && server->eight_bit;
    }
    if (is_greater(server->size_max, all->size_max) == (join == HOP_ANY))
        all->size_max = server->size_max;
}

bool
hop_lacks_binary(const struct hop_offers *hop)
{
    return hop->known_ms > 0 && !hop->binary;
}

bool
hop_takes(const struct hop_offers *hop, bool is_8bit, uint64_t size)
{
    if (hop->known_ms == 0)
        return !is_8bit && size <= HOP_ANYBODY_OCTETS;
    return (!is_8bit || hop->eight_bit) && (hop->size_max == 0 || size <= hop->size_max);
}

struct reply
hop_no_binary(void)
{
    return reply_make(554, "5.6.3", "Conversion required: the next server takes no BINARYMIME");
}

bool
hop_refuses(const struct hop_offers *hop, enum smtp_body_type body, uint64_t size,
            struct reply *reply)
{
    if (body == SMTP_BODY_BINARYMIME && hop_lacks_binary(hop)) {
        *reply = hop_no_binary();
        return true;
    }
    if (hop->known_ms > 0 && hop->size_max > 0 && size > hop->size_max) {
        *reply = reply_make(552, "5.3.4",
                            "Message of %llu octets exceeds the next server's limit of %llu",
                            (unsigned long long)size, (unsigned long long)hop->size_max);
        return true;
    }
    return false;
}
