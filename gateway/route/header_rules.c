#include "gateway/route/header_rules.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/content_scan.h"
#include "gateway/mail/trace.h"
#include "gateway/route/loop_trace.h"

bool
hop_count_take(struct hop_count *count, struct slice field_name, uint32_t most,
               struct reply *refusal)
{
    if (trace_is_hop(field_name))
        count->received++;
    else if (ascii_is(field_name, LOOP_TRACE_NAME))
        count->passes++;
    if (hop_count_is(count) <= most)
        return true;
    *refusal = reply_make(554, "5.4.6", "Hop count exceeded - possible mail loop");
    return false;
}

uint32_t
hop_count_is(const struct hop_count *count)
{
    return count->received > count->passes ? count->received : count->passes;
}

bool
header_is_sound(struct slice raw, struct reply *refusal)
{
    if (!content_has_bare(raw))
        return true;
    *refusal = reply_make(550, "5.6.0",
                          "Message header has a NUL, or a CR or LF that is not "
                          "part of CRLF");
    return false;
}

struct reply
header_too_long(void)
{
    return reply_make(552, "5.3.4", "Header size exceeds fixed maximum size");
}
