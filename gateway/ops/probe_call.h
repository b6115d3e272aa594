/*
 * probe_call.h - the conversation of a probe with one server, over the first of its addresses
 * that takes the connection.
 */
#ifndef OPS_PROBE_CALL_H
#define OPS_PROBE_CALL_H

#include "gateway/net/resolve.h"
#include "gateway/ops/probe.h"

struct probe_call;

/* on_over(context) comes once, from the loop, when result is whole. settings, result and the
 * addresses must stay until then. begun_us is on the scale of clock_us(): what the timeout and
 * the whole time count from. NULL: out of memory. */
struct probe_call *probe_call_new(struct loop *loop, const struct probe_settings *settings,
                                  const struct sockaddr_storage *addresses, size_t count,
                                  uint64_t begun_us, struct probe_result *result,
                                  void (*on_over)(void *context), void *context);

/* After it is over. NULL is fine. */
void probe_call_free(struct probe_call **c);

#endif
