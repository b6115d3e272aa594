/*
 * test.h - what every unit test begins with: cmocka and the headers it needs before it.
 */
#ifndef KIT_TEST_H
#define KIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fail in the name of a table row. */
#define fail_row(say, ...)                                                                       \
    do {                                                                                         \
        print_error("row: %s\n", (say));                                                         \
        fail_msg(__VA_ARGS__);                                                                   \
    } while (0)

#endif
