#include "gateway/route/verdict.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "tests/kit/test.h"

enum { STAGES = SMTP_STAGE_IDLE + 1 };

static const char *const stage_names[STAGES] = {
    "connect", "banner", "EHLO",    "STARTTLS",        "TLS", "AUTH", "MAIL",
    "RCPT",    "DATA",   "content", "between messages"};

/*
 * What a cell wants. Small letters: nobody need do anything; capitals: an alarm.
 *
 *   d  delivered                       n N  the server's trouble, the next one
 *   w W  this message waits            f    the next server, and fewer connections
 *   r  this recipient waits            s    this recipient apart, at once
 *   b B  this message bounces          S    the connector is suspended
 *   c C  this recipient bounces
 */
static char
letter_of(struct verdict v)
{
    static const char plain[] = {'d', 'n', 'w', 's', 'b', 's'};
    char letter = plain[v.consequence];

    if (v.scope == SCOPE_RECIPIENT && v.consequence == CONSEQUENCE_DEFER)
        letter = 'r';
    if (v.scope == SCOPE_RECIPIENT && v.consequence == CONSEQUENCE_BOUNCE)
        letter = 'c';
    if (v.fewer_connections)
        letter = 'f';
    return v.alarm ? ascii_upper(letter) : letter;
}

/* Each consequence has its scope; nothing else is a verdict. */
static bool
scope_fits(struct verdict v)
{
    switch (v.consequence) {
    case CONSEQUENCE_DELIVERED:
    case CONSEQUENCE_SPLIT:
        return v.scope == SCOPE_RECIPIENT;
    case CONSEQUENCE_NEXT_SERVER:
        return v.scope == SCOPE_SERVER;
    case CONSEQUENCE_SUSPEND:
        return v.scope == SCOPE_CONNECTOR && v.alarm;
    case CONSEQUENCE_DEFER:
    case CONSEQUENCE_BOUNCE:
        return v.scope == SCOPE_RECIPIENT || v.scope == SCOPE_MESSAGE;
    }
    return false;
}

enum { PEER, OURS };

/* clang-format off */
static const struct grid_row {
    int speaker, code;
    const char *enhanced, *text;
    char want[STAGES + 1];
    /*                                             connect
                                                   |banner
                                                   ||EHLO
                                                   |||STARTTLS
                                                   ||||TLS
                                                   |||||AUTH
                                                   ||||||MAIL
                                                   |||||||RCPT
                                                   ||||||||DATA
                                                   |||||||||content
                                                   ||||||||||between messages */
} grid[] = {
    /* The classes. */
    {PEER, 250, "2.0.0", "OK",                    "nnnnnnnnndn"},
    {PEER, 250, NULL,    "",                      "nnnnnnnnndn"},
    {PEER, 354, NULL,    "Start mail input",      "nnnnnnnnnwn"},
    {PEER, 421, "4.4.1", "Connection timed out",  "nnnnnnnnnnn"},
    {PEER, 421, NULL,    "",                      "nnnnnnnnnnn"},
    {PEER, 450, NULL,    "busy",                  "nnnNnnwrwwn"},
    {PEER, 451, "4.3.0", "later",                 "nnnNnnwrwwn"},
    {PEER, 454, "4.7.0", "TLS not available",     "nnnNnnwrwwn"},
    {PEER, 500, "5.3.3", "Unrecognized command",  "nNNNNSbcbbn"},
    {PEER, 502, "5.3.3", "Command not implemented","nNNNNSbcbbn"},
    {PEER, 550, NULL,    "no",                    "nNNNNSbcbbn"},
    {PEER, 554, "5.0.0", "no",                    "nNNNNSbcbbn"},
    {PEER, 599, NULL,    "no",                    "nNNNNSbcbbn"},
    /* Connections and load. */
    {PEER, 421, "4.3.2", "The maximum number of concurrent server connections has exceeded a "
                         "per-source limit, closing transmission channel",
                                                  "nffnnnnnnnn"},
    {PEER, 421, "4.3.2", "Service not active",    "nnnnnnnnnnn"},
    {PEER, 452, "4.3.1", "Insufficient system resources",
                                                  "nnnNnnnrwwn"},
    {PEER, 503, "5.5.2", "Send hello first",      "nNNNNSnnnbn"},
    /* The logon. */
    {PEER, 504, "5.7.4", "Unrecognized authentication type",
                                                  "nNNNNNWcbbn"},
    {PEER, 530, "5.7.0", "Must issue a STARTTLS command first",
                                                  "nNNNNNSSSbn"},
    {PEER, 530, "5.7.1", "Client was not authenticated",
                                                  "nNNNNNSSSbn"},
    {PEER, 535, "5.7.3", "Authentication unsuccessful",
                                                  "nNNNNSWcbbn"},
    {PEER, 454, "4.7.0", "Temporary authentication failure",
                                                  "nnnNnnwrwwn"},
    /* The sender. */
    {PEER, 550, "5.7.1", "Client does not have permissions to send as this sender",
                                                  "nNNNNSWWWWn"},
    {PEER, 550, "5.7.60","SMTP; Client does not have permissions to SEND AS THIS SENDER",
                                                  "nNNNNSWWWWn"},
    {PEER, 550, NULL,    "does not have permissions to send as this sender",
                                                  "nNNNNSWWWWn"},
    {PEER, 554, "5.7.1", "Sender denied",         "nNNNNSWcbbn"},
    {PEER, 501, "5.1.7", "Invalid address",       "nNNNNSbcbbn"},
    /* The recipient. */
    {PEER, 550, "5.1.1", "User unknown",          "nNNNNSbcbbn"},
    {PEER, 550, "5.1.1", "User unknown in relay recipient table",
                                                  "nNNNNSbcbbn"},
    {PEER, 550, "5.7.1", "Unable to relay for kim@b.example",
                                                  "nNNNNSWCbbn"},
    {PEER, 550, NULL,    "unable to RELAY",       "nNNNNSbCbbn"},
    {PEER, 554, "5.7.1", "<kim@b.example>: Relay access denied",
                                                  "nNNNNSWCbbn"},
    {PEER, 550, "5.7.1", "RESOLVER.RST.AuthRequired; authentication required",
                                                  "nNNNNSWcbbn"},
    {PEER, 452, "4.5.3", "Too many recipients",   "nnnNnnwswwn"},
    {PEER, 451, "4.5.3", "Too many recipients",   "nnnNnnwswwn"},
    {PEER, 452, NULL,    "Too many recipients",   "nnnNnnwswwn"},
    {PEER, 452, NULL,    "Insufficient system storage",
                                                  "nnnNnnwrwwn"},
    {PEER, 552, NULL,    "too many recipients",   "nNNNNSbsbbn"},
    {PEER, 550, "5.5.3", "Too many recipients",   "nNNNNSbsbbn"},
    {PEER, 552, "5.2.2", "Mailbox full",          "nNNNNSbcbbn"},
    /* The content. */
    {PEER, 552, "5.3.4", "Message size exceeds fixed maximum message size",
                                                  "nNNNNSbcbbn"},
    {PEER, 552, NULL,    "too big",               "nNNNNSbcbbn"},
    {PEER, 554, "5.4.6", "Hop count exceeded - possible mail loop",
                                                  "nNNNNSBCBBn"},
    {PEER, 554, NULL,    "too many hops (hop count 31)",
                                                  "nNNNNSBcBBn"},
    {PEER, 554, "5.6.0", "Corrupt message content","nNNNNSbcbbn"},
    /* What we say ourselves. */
    {OURS, 451, "4.3.0", "cannot read the message","nnnnnnwwwwn"},
    {OURS, 451, "4.4.1", "connection refused",    "nnnnnnnnnwn"},
    {OURS, 451, "4.4.2", "connection lost",       "nnnnnnnnnwn"},
    {OURS, 451, "4.4.4", "no such name",          "nnnnnnnnnwn"},
    {OURS, 451, "4.5.0", "not an SMTP reply",     "nnnnnnnnnwn"},
    {OURS, 451, "4.7.5", "certificate expired",   "nnnNNNnnnwn"},
    {OURS, 451, "5.7.3", "no AUTH LOGIN",         "nnnNNNnnnwn"},
    {OURS, 530, "5.7.0", "no STARTTLS",           "nnnNNNbcbbn"},
    {OURS, 552, "5.3.4", "more than its SIZE",    "nnnnnnbcbbn"},
    {OURS, 554, "5.4.6", "loop",                  "nnnnnnBCBBn"},
};
/* clang-format on */

static struct smtp_outcome
outcome_of(const struct grid_row *r, int stage)
{
    struct smtp_outcome o = {.stage = (enum smtp_stage)stage,
                             .reply = reply_make(r->code, r->enhanced, "%s", r->text)};
    o.reply.local = r->speaker == OURS;
    return o;
}

static void
verdict_means_what_the_table_says_in_every_cell(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(grid); i++)
        for (int stage = 0; stage < STAGES; stage++) {
            struct smtp_outcome o = outcome_of(&grid[i], stage);
            struct verdict v = verdict_of(&o);
            if (letter_of(v) != grid[i].want[stage] || !scope_fits(v))
                fail_row(grid[i].text, "%d %s at %s: %c (%s, %s), wanted %c", grid[i].code,
                         grid[i].enhanced, stage_names[stage], letter_of(v),
                         verdict_scope_text(v.scope), verdict_consequence_text(v.consequence),
                         grid[i].want[stage]);
        }
}

/* A 5xx before MAIL, or a lost connection anywhere, never reaches a sender as a report. */
static void
verdict_never_bounces_what_no_recipient_or_content_was_refused_for(void **state)
{
    (void)state;
    for (int code = 200; code < 600; code++)
        for (int subject = 0; subject <= 7; subject++)
            for (int stage = 0; stage < STAGES; stage++) {
                char enhanced[16];
                snprintf(enhanced, sizeof enhanced, "%d.%d.1", code / 100, subject);
                struct smtp_outcome o = {
                    .stage = (enum smtp_stage)stage,
                    .reply = reply_make(code, code / 100 == 3 ? NULL : enhanced, "words")};
                bool may_bounce = code >= 500 && stage >= SMTP_STAGE_MAIL;
                struct verdict v = verdict_of(&o);
                if (v.consequence == CONSEQUENCE_BOUNCE && !may_bounce)
                    fail_row(stage_names[stage], "%d %s bounces", code, enhanced);
                if (v.consequence == CONSEQUENCE_DELIVERED &&
                    (stage != SMTP_STAGE_CONTENT || code / 100 != 2))
                    fail_row(stage_names[stage], "%d %s counts as delivered", code, enhanced);
                assert_true(scope_fits(v));
            }
}

static void
verdict_takes_a_reply_without_a_code(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGES; stage++) {
        struct smtp_outcome o = {.stage = (enum smtp_stage)stage};
        struct verdict v = verdict_of(&o);
        assert_true(v.consequence == CONSEQUENCE_NEXT_SERVER ||
                    v.consequence == CONSEQUENCE_DEFER);
        o.reply.local = true;
        v = verdict_of(&o);
        assert_true(v.consequence == CONSEQUENCE_NEXT_SERVER ||
                    v.consequence == CONSEQUENCE_DEFER);
    }
}

static void
verdict_names_its_scopes_and_consequences(void **state)
{
    (void)state;
    assert_string_equal(verdict_scope_text(SCOPE_RECIPIENT), "recipient");
    assert_string_equal(verdict_scope_text(SCOPE_CONNECTOR), "connector");
    assert_string_equal(verdict_consequence_text(CONSEQUENCE_NEXT_SERVER), "next-server");
    assert_string_equal(verdict_consequence_text(CONSEQUENCE_SUSPEND), "suspend");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_means_what_the_table_says_in_every_cell),
        cmocka_unit_test(verdict_never_bounces_what_no_recipient_or_content_was_refused_for),
        cmocka_unit_test(verdict_takes_a_reply_without_a_code),
        cmocka_unit_test(verdict_names_its_scopes_and_consequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
