/* Marked messages, asked for by forestgate preflight --round-trip. */
#include "gateway/ops/control.h"
#include "gateway/ops/control_text.h"
#include "gateway/relay/roundtrip.h"

int
control_roundtrip_start(const struct control_means *means, const struct slice *words,
                        size_t count, struct buf *out)
{
    char token[ROUNDTRIP_TOKEN];
    struct err err;
    if (count != 2) {
        buf_put_str(out, "round-trip start takes two addresses.\n");
        return 2;
    }
    if (!roundtrip_send(means->worker, words[0], words[1], token, &err)) {
        buf_printf(out, "%s\n", err.text);
        return 1;
    }
    buf_printf(out, "%s\n", token);
    return 0;
}

/* What a queue says of its connector, while nothing is said about the message itself. */
static const char *
connector_trouble(const struct control_means *means, const struct roundtrip *r, char *room,
                  size_t size)
{
    struct envelope e;
    struct arena arena;
    struct err err;
    arena_init(&arena, ENVELOPE_RECORD_MAX);
    room[0] = '\0';
    if (r->id != 0 && spool_read(means->shop->spool, r->id, &arena, &e, &err)) {
        struct board_connector c;
        if (board_read(means->shop->board, e.recipients[0].connector, &c)) {
            slice_copy_text(room, size, slice_str(c.last_error));
            board_connector_fini(&c);
        }
    }
    arena_fini(&arena);
    return room;
}

int
control_roundtrip_look(const struct control_means *means, const struct slice *words, size_t count,
                       struct buf *out)
{
    static const char *const there[] = {"under-way", "delivered", "deferred", "ended"};
    static const char *const back[] = {"not-seen", "came", "own-report"};
    struct roundtrip r;
    char trouble[ROUNDTRIP_WORDS];
    if (count != 1 || !roundtrip_look(means->shop->roundtrips, words[0],
                                      loop_now_ms(means->worker->loop), &r)) {
        buf_put_str(out, "There is no such round trip: the gateway was started again, or it is "
                         "too long ago.\n");
        return 1;
    }
    char id[ID_TEXT] = "";
    if (r.id != 0)
        id_text(r.id, id);
    const char *words_there = r.there == ROUNDTRIP_UNDER_WAY
                                  ? connector_trouble(means, &r, trouble, sizeof trouble)
                                  : r.there_words;
    json_t *json = json_object();
    control_json_set(json, "id", control_json_text(id));
    control_json_set(json, "there", json_string(there[r.there]));
    control_json_set(json, "there_words", control_json_text(words_there));
    control_json_set(json, "back", json_string(back[r.back]));
    control_json_set(json, "back_words", control_json_text(r.back_words));
    control_put_json(out, json);
    return 0;
}
