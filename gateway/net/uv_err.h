/*
 * uv_err.h - libuv's status codes, which on this system are negative errno values.
 */
#ifndef NET_UV_ERR_H
#define NET_UV_ERR_H

#include "gateway/base/err.h"

/* Fill err as err_sys() does, from a status instead of errno. False. */
#define err_uv(err, kind, status, ...) err_set_at((err), (kind), -(status), ERR_HERE, __VA_ARGS__)

#endif
