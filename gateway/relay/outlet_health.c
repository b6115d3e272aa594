/* How the servers of a connector are: what is remembered of failures and successes, and said. */
#include "gateway/relay/outlet_private.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/relay/outbound.h"

/* ---- Sentences ---- */

struct diagnosis
outlet_diagnosis(const struct outlet *o, const struct lane *lane, const struct outbound *by,
                 const struct smtp_outcome *why)
{
    struct diagnosis_context c = {
        .is_exchange2003 = o->connector->tls_profile == TLS_PROFILE_EXCHANGE2003,
        .user = o->connector->auth_user,
        .now_unix_s = clock_unix_ms() / 1000,
        .logon_unix_s =
            credential_state(o->worker->shop->credentials, &o->credential).worked_unix_s,
    };
    if (lane != NULL) {
        c.tls_unix_s = lane->tls_unix_s;
        c.expires_unix_s = lane->peer_expires_unix_s;
    }
    if (by != NULL) {
        c.is_masked = outbound_is_masked(by);
        c.trouble = outbound_trouble(by);
    }
    return diagnosis_of(why, &c);
}

void
outlet_remember_error(struct outlet *o, const struct lane *lane, const struct outbound *by,
                      const struct smtp_outcome *why)
{
    struct diagnosis d = outlet_diagnosis(o, lane, by, why);
    struct buf text;
    buf_init(&text, sizeof o->last_error);
    diagnosis_put_line(&text, &why->reply, &d);
    slice_copy_text(o->last_error, sizeof o->last_error, buf_slice(&text));
    o->last_error_ms = loop_now_ms(o->worker->loop);
    buf_fini(&text);
}

/* ---- Health ---- */

struct timetable
outlet_connection_timetable(const struct outlet *o)
{
    const struct retry_steps *steps = &o->runtime->config->retry_connection;
    return (struct timetable){steps->wait_ms, steps->count};
}

static void
log_server(struct outlet *o, const struct lane *lane, uint64_t now)
{
    char where[280];
    snprintf(where, sizeof where, "%s:%u", lane->host, lane->port);
    struct log_line line;
    log_begin(&line, o->worker->shop->log, EV_server_failed, 0);
    log_str(&line, "connector", o->name);
    log_str(&line, "server", where);
    log_str(&line, "why", o->last_error);
    uint64_t until = outlet_blocked_until_ms(lane);
    if (until > now)
        log_num(&line, "next_s", (until - now + 999) / 1000);
    log_end(&line);
}

static uint64_t
lane_salt(const struct outlet *o, const struct lane *lane)
{
    return (uint64_t)(lane - o->lanes) + 1;
}

static void
note_failure(struct outlet *o, struct lane *lane, uint64_t now)
{
    lane->evidence.failed_ms = now;
    memcpy(lane->last_error, o->last_error, sizeof lane->last_error);
    outlet_notice(o);
}

static bool
take_alarm(struct outlet *o)
{
    return credential_take_alarm(o->worker->shop->credentials, &o->credential);
}

/* Its mail waits as long as no server of it may be asked with the credential. */
static void
wait_for_credential(struct outlet *o, uint64_t until_ms)
{
    o->waits_for_credential = true;
    outlet_suspend(o, o->last_error, until_ms, take_alarm(o));
}

/* 0: one of its servers may be asked with the credential. */
static uint64_t
logon_wake_ms(struct outlet *o)
{
    const struct credential_state state =
        credential_state(o->worker->shop->credentials, &o->credential);
    return outlet_logon_wake_ms(o, &state);
}

void
outlet_server_failed(struct outlet *o, struct lane *lane, const struct outbound *by,
                     const struct smtp_outcome *why)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    struct verdict v = verdict_of(why);
    o->was_tried = true;
    counter_add(o->count.failed, 1);
    outlet_remember_error(o, lane, by, why);
    if (v.fewer_connections) {
        server_limits_too_many(&lane->limits, now);
    } else {
        server_limits_failed(&lane->limits, outlet_connection_timetable(o), lane_salt(o, lane),
                             now);
    }
    bool is_credential = why->stage == SMTP_STAGE_AUTH;
    uint64_t wake = is_credential ? logon_wake_ms(o) : now + SUSPENDED_MS;
    log_server(o, lane, now);
    if (v.consequence == CONSEQUENCE_SUSPEND && !is_credential)
        outlet_suspend(o, o->last_error, wake, true);
    else if (v.consequence == CONSEQUENCE_SUSPEND && wake != 0)
        wait_for_credential(o, wake);
    note_failure(o, lane, now);
}

void
outlet_look_failed(struct outlet *o, struct lane *lane, const struct outbound *by,
                   const struct smtp_outcome *why)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    struct verdict v = verdict_of(why);
    bool was_healthy = lane->limits.failures == 0;
    bool lost_patience = by != NULL && outbound_lost_patience(by);
    outlet_remember_error(o, lane, by, why);
    if (was_healthy && !v.fewer_connections && !lost_patience)
        server_limits_failed(&lane->limits, outlet_connection_timetable(o), lane_salt(o, lane),
                             now);
    if (was_healthy && lane->last_error[0] == '\0')
        log_server(o, lane, now); /* news; the next looks find the same */
    note_failure(o, lane, now);
}

static void
note_success(struct outlet *o, struct lane *lane, const struct outbound_facts *facts)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    lane->evidence.ready_ms = now;
    if (lane->logon_refused_until_ms <= now) /* else it answers, and still takes no mail */
        lane->last_error[0] = '\0';
    slice_copy_text(lane->tls, sizeof lane->tls, slice_str(facts->tls));
    slice_copy_text(lane->cipher, sizeof lane->cipher, slice_str(facts->cipher));
    slice_copy_text(lane->verified, sizeof lane->verified, slice_str(facts->verified));
    lane->peer_expires_unix_s = facts->peer_expires_unix_s;
    lane->offers = facts->offers;
}

void
outlet_met_tls(struct outlet *o, struct lane *lane, const struct outbound *by)
{
    lane->tls_unix_s = clock_unix_ms() / 1000;
    lane->peer_expires_unix_s = outbound_facts(by).peer_expires_unix_s;
    outlet_notice(o);
}

void
outlet_look_worked(struct outlet *o, struct lane *lane, const struct outbound *by)
{
    struct outbound_facts facts = outbound_facts(by);
    note_success(o, lane, &facts);
    outlet_notice(o);
}

void
outlet_server_works(struct outlet *o, struct lane *lane, const struct outbound *by)
{
    struct outbound_facts facts = outbound_facts(by);
    o->was_tried = true;
    o->on_probation = false;
    o->last_error[0] = '\0';
    o->check.logon_refused_until_ms = o->check.logon_doubted_until_ms = 0;
    lane->logon_refused_until_ms = 0;
    note_success(o, lane, &facts);
    bool restored = server_limits_succeeded(&lane->limits);
    outlet_notice(o);
    if (!restored)
        return;
    struct log_line line;
    log_begin(&line, o->worker->shop->log, EV_server_restored, 0);
    log_str(&line, "connector", o->name);
    log_str(&line, "server", facts.server);
    log_end(&line);
}

void
outlet_suspend(struct outlet *o, const char *why, uint64_t until_ms, bool is_alarm)
{
    struct log_line line;
    o->suspended_until_ms = until_ms;
    o->on_probation = true;
    outlet_notice(o);
    log_begin(&line, o->worker->shop->log, is_alarm ? EV_connector_suspended : EV_connector_waits,
              0);
    log_str(&line, "connector", o->name);
    log_str(&line, "why", why);
    log_num(&line, "next_s", (until_ms - loop_now_ms(o->worker->loop) + 999) / 1000);
    log_end(&line);
}

/* ---- A credential that others use too ---- */

/* What one of its own servers said, if it was asked; "" = none was. */
static const char *
own_refusal(const struct outlet *o)
{
    for (size_t i = 0; i < o->lane_count; i++)
        if (o->lanes[i].logon_refused_until_ms != 0 && o->lanes[i].last_error[0] != '\0')
            return o->lanes[i].last_error;
    return o->last_error;
}

static void
remember_refusal(struct outlet *o, const struct credential_state *state)
{
    struct diagnosis d = diagnosis_of_shared(o->connector->auth_user, state->refused_by);
    const char *own = strcmp(state->refused_by, o->name) == 0 ? own_refusal(o) : "";
    if (own == o->last_error && own[0] != '\0')
        return;
    slice_copy_text(o->last_error, sizeof o->last_error,
                    slice_str(own[0] != '\0' ? own : d.text));
    o->last_error_ms = loop_now_ms(o->worker->loop);
}

void
outlet_heed_credential(struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    const struct credential_state state =
        credential_state(o->worker->shop->credentials, &o->credential);
    uint64_t wake = outlet_logon_wake_ms(o, &state);
    bool is_refused = wake > now;
    o->check.logon_refused_until_ms = wake;
    if (is_refused && o->ready_count > 0 && o->suspended_until_ms <= now) {
        remember_refusal(o, &state);
        wait_for_credential(o, wake);
    }
    if (is_refused || !o->waits_for_credential)
        return;
    o->waits_for_credential = false;
    o->suspended_until_ms = 0;
    outlet_notice(o);
}
