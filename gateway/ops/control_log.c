/* log protocol: which conversations are written down, switched while the gateway runs. */
#include "config/config_value.h"
#include "gateway/ops/control.h"
#include "gateway/ops/control_text.h"
#include "gateway/relay/protocol_log.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static int
usage(struct buf *out)
{
    buf_put_str(out, "log protocol on CONNECTOR|NETWORK [--for 1h], off CONNECTOR|NETWORK|--all, "
                     "or list.\n");
    return 2;
}

static int
switch_on(const struct control_means *means, struct slice word, const struct slice *words,
          size_t count, struct buf *out)
{
    uint64_t for_ms = HOUR_MS;
    struct slice value = control_value_of(words, count, "--for");
    struct err err;
    if (control_has_word(words, count, "--for") && !value_read_duration(value, &for_ms, &err)) {
        buf_put_str(out, "--for takes a duration like 30m or 2h.\n");
        return 2;
    }
    if (!protocol_log_on(means->shop->protocol_log, means->worker->runtime->config, word, for_ms,
                         loop_now_ms(means->worker->loop), &err)) {
        buf_printf(out, "%s.\n", err.text);
        return 1;
    }
    buf_printf(out, "Sessions of %.*s that begin from now on are written down.\n",
               SLICE_ARG(word));
    return 0;
}

int
control_log_protocol(const struct control_means *means, const struct slice *words, size_t count,
                     struct buf *out)
{
    struct protocol_log *l = means->shop->protocol_log;
    if (l == NULL) {
        buf_put_str(out, "The configuration names no protocol_log.path; it takes a restart.\n");
        return 1;
    }
    if (count >= 2 && slice_is(words[0], "on"))
        return switch_on(means, words[1], words + 2, count - 2, out);
    if (count == 2 && slice_is(words[0], "off")) {
        bool all = slice_is(words[1], "--all");
        size_t gone = protocol_log_off(l, all ? slice(NULL, 0) : words[1]);
        buf_printf(out, "%zu switched off; sessions that are open are written to their end.\n",
                   gone);
        return gone > 0 ? 0 : 1;
    }
    if (count != 1 || !slice_is(words[0], "list"))
        return usage(out);
    protocol_log_list(l, loop_now_ms(means->worker->loop), out);
    return 0;
}
