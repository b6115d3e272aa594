/*
 * flush.h - bytes that end where the readable memory ends: one octet further and the test dies.
 */
#ifndef KIT_FLUSH_H
#define KIT_FLUSH_H

#include "gateway/base/slice.h"

enum { FLUSH_MAX = 64 * 1024 };

/* A copy of text whose last octet is the last of a page before an unmapped one. Valid until the
 * next call; one at a time. */
struct slice flush_copy(struct slice text);

#endif
