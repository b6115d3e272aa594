/*
 * smtp_server_auth.c - AUTH LOGIN and AUTH PLAIN (RFC 4954, RFC 4616, exchange-facts.md 3.4).
 *
 * Each comes with a first response in the command line or without. Name and password are decoded
 * into one buffer that never moves, so that no copy of them is left behind when it is wiped.
 * Input behind a line of the exchange ends the session, whatever the line says: it was put there
 * by somebody who cannot have seen our answer.
 */
#include "gateway/base/ascii.h"
#include "gateway/base/base64.h"
#include "gateway/base/mem.h"
#include "gateway/mail/smtp_server_private.h"

static const char challenge_name[] = "334 VXNlcm5hbWU6";     /* "Username:" */
static const char challenge_password[] = "334 UGFzc3dvcmQ6"; /* "Password:" */
static const char challenge_empty[] = "334 ";                /* RFC 4954 4: the blank stays */

/* After success and failure alike, and when the session ends in the middle. */
void
server_sasl_end(struct smtp_server *s)
{
    if (s->sasl.secret.data != NULL)
        mem_wipe(s->sasl.secret.data, s->sasl.secret.cap);
    buf_fini(&s->sasl.secret);
    if (s->state != SERVER_SASL)
        return;
    line_reader_wipe(&s->lines);
    server_move(s, server_resting_state(s));
}

static bool
is_pipelined(struct smtp_server *s)
{
    if (s->behind->len == 0)
        return false;
    server_sasl_end(s);
    server_close(s, SMTP_END_BEHIND_AUTH, "503 5.5.1 Bad sequence of commands");
    return true;
}

static void
challenge(struct smtp_server *s, enum sasl_step step, const char *line)
{
    s->sasl.step = step;
    server_say(s, line);
}

/* The exchange is over without a question: the reply is no logon that failed. */
static void
give_up(struct smtp_server *s, const char *line)
{
    server_sasl_end(s);
    server_refuse(s, line);
}

static void
count_failed_logon(struct smtp_server *s)
{
    if (++s->failed_logons >= FAILED_LOGONS_MAX)
        server_close(
            s, SMTP_END_LOGONS,
            "421 4.7.0 Too many errors on this connection, closing transmission channel");
}

/* Names and passwords that cannot be right need no question. */
static bool
is_plausible(struct slice credential)
{
    return credential.len > 0 && credential.len <= CREDENTIAL_MAX &&
           slice_find(credential, '\0') == credential.len;
}

static void
fail_logon(struct smtp_server *s)
{
    server_sasl_end(s);
    server_say(s, "535 5.7.3 Authentication unsuccessful");
    count_failed_logon(s);
}

static void
log_on(struct smtp_server *s, enum auth_mechanism mechanism, struct slice name,
       struct slice password)
{
    if (!is_plausible(name) || !is_plausible(password)) {
        fail_logon(s);
        return;
    }
    server_ask(s, SMTP_ASK_AUTH);
    s->question.auth.mechanism = mechanism;
    s->question.auth.name = name;
    s->question.auth.password = password;
}

/* RFC 4616: [who to act as] NUL name NUL password. Acting as somebody else is not offered. */
static void
log_on_plain(struct smtp_server *s, struct slice message)
{
    size_t first = slice_find(message, '\0');
    struct slice act_as = slice_head(message, first);
    struct slice rest = slice_from(message, first + 1);
    size_t second = slice_find(rest, '\0');
    struct slice name = slice_head(rest, second);
    struct slice password = slice_from(rest, second + 1);

    if (act_as.len > 0 && !slice_equal(act_as, name))
        name.len = 0;
    log_on(s, AUTH_PLAIN, name, password);
}

/* Base64 of a response, or of the first response in the command. */
static void
got_response(struct smtp_server *s, struct slice text)
{
    struct buf *secret = &s->sasl.secret;
    size_t before = secret->len;

    if (text.len / 4 * 3 > buf_room(secret)) { /* longer than all that is plausible */
        fail_logon(s);
        return;
    }
    if (!base64_decode(secret, text)) {
        give_up(s, "501 5.5.2 Invalid base64 data");
        return;
    }
    switch (s->sasl.step) {
    case SASL_LOGIN_NAME:
        s->sasl.name_len = secret->len;
        challenge(s, SASL_LOGIN_PASSWORD, challenge_password);
        return;
    case SASL_LOGIN_PASSWORD:
        log_on(s, AUTH_LOGIN, slice_head(buf_slice(secret), s->sasl.name_len),
               slice_from(buf_slice(secret), before));
        return;
    case SASL_PLAIN:
        log_on_plain(s, buf_slice(secret));
        return;
    }
}

void
server_sasl_line(struct smtp_server *s, struct slice line)
{
    if (is_pipelined(s))
        return;
    if (slice_is(line, "*"))
        give_up(s, "501 5.7.0 Authentication cancelled");
    else
        got_response(s, line);
}

static bool
find_mechanism(struct slice name, enum sasl_step *first)
{
    *first = ascii_is(name, "LOGIN") ? SASL_LOGIN_NAME : SASL_PLAIN;
    return *first == SASL_LOGIN_NAME || ascii_is(name, "PLAIN");
}

void
server_auth(struct smtp_server *s, struct slice args)
{
    size_t blank = slice_find(args, ' ');
    struct slice mechanism = slice_head(args, blank);
    struct slice response = ascii_trim(slice_from(args, blank));
    enum sasl_step first;

    if (!s->settings.auth_offered) {
        server_refuse(s, "502 5.3.3 Command not implemented");
        return;
    }
    if (s->authenticated) {
        server_refuse(s, "503 5.5.1 Bad sequence of commands");
        return;
    }
    if (mechanism.len == 0) {
        server_refuse(s, "501 5.5.4 Invalid arguments");
        return;
    }
    if (!find_mechanism(mechanism, &first)) {
        server_refuse(s, "504 5.7.4 Unrecognized authentication type");
        return;
    }
    buf_clear(&s->sasl.secret);
    if (buf_reserve(&s->sasl.secret, s->sasl.secret.max) == NULL) {
        buf_fini(&s->sasl.secret);
        server_say(s, "454 4.7.0 Temporary authentication failure");
        return;
    }
    server_move(s, SERVER_SASL);
    s->sasl.step = first;
    if (is_pipelined(s))
        return;
    if (response.len == 0)
        challenge(s, first, first == SASL_PLAIN ? challenge_empty : challenge_name);
    else
        got_response(s, slice_is(response, "=") ? slice(NULL, 0) : response);
}

void
server_got_auth(struct smtp_server *s, const struct reply *reply)
{
    s->authenticated = reply_is_success(reply);
    server_sasl_end(s);
    server_say_reply(s, reply);
    if (s->authenticated) {
        s->proven = true;
        s->errors = 0;
    } else if (reply_is_permanent(reply)) {
        count_failed_logon(s);
    }
}
