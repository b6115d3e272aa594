#include "gateway/ops/control_words.h"

#include "gateway/base/ascii.h"

void
control_put_word(struct buf *request, struct slice word)
{
    if (request->len > 0)
        buf_put_char(request, ' ');
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (ascii_is_print(c) && c != ' ' && c != '%')
            buf_put_char(request, c);
        else
            buf_printf(request, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static size_t
decode(struct slice word, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < word.len; i++) {
        int high = word.ptr[i] == '%' && i + 2 < word.len ? ascii_hex_value(word.ptr[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(word.ptr[i + 2]) : -1;
        to[n++] = (char)(low >= 0 ? high << 4 | low : word.ptr[i]);
        i += low >= 0 ? 2 : 0;
    }
    return n;
}

size_t
control_read_words(struct slice request, char *room, struct slice words[CONTROL_WORDS])
{
    size_t count = 0;
    while (request.len > 0 && count < CONTROL_WORDS) {
        size_t n = slice_find(request, ' ');
        if (n > 0) {
            words[count++] = slice(room, decode(slice_head(request, n), room));
            room += n;
        }
        request = slice_from(request, n + 1);
    }
    return count;
}

void
control_put_end(struct buf *answer, int status)
{
    must(status >= 0 && status <= 9);
    buf_put_char(answer, '\0');
    buf_put_char(answer, (char)('0' + status));
    buf_put_char(answer, '\n');
}

int
control_read_end(struct slice end)
{
    bool is_end = end.len == CONTROL_END && end.ptr[0] == '\0' && ascii_is_digit(end.ptr[1]) &&
                  end.ptr[2] == '\n';
    return is_end ? end.ptr[1] - '0' : -1;
}
