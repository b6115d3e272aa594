/* A trace field that parses is one that we could have written: put again, it parses to the same.
 */
#include "gateway/route/loop_trace.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice connector, again;
    unsigned char hash[LOOP_TRACE_HASH], hash_again[LOOP_TRACE_HASH];
    struct buf field;

    if (!loop_trace_parse(slice((const char *)data, size), &connector, hash))
        return 0;
    must(connector.len > 0 && connector.ptr >= (const char *)data &&
         connector.ptr + connector.len <= (const char *)data + size);

    buf_init(&field, 2048);
    loop_trace_put(&field, slice_str("gw.contoso.example"), connector, hash);
    must(buf_ok(&field));
    struct slice value = slice_from(buf_slice(&field), strlen(LOOP_TRACE_NAME ":"));
    must(loop_trace_parse(value, &again, hash_again));
    must(slice_equal(again, connector) && memcmp(hash, hash_again, sizeof hash) == 0);
    buf_fini(&field);
    return 0;
}
