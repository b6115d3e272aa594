#include "gateway/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
read_clock(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t
clock_ms(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_unix_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t
clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct tm
broken_down(int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    return tm;
}

void
clock_iso(int64_t unix_ms, char text[CLOCK_TEXT])
{
    struct tm tm = broken_down(unix_ms);
    snprintf(text, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(unix_ms % 1000));
}

void
clock_rfc5322(int64_t unix_ms, char text[CLOCK_TEXT])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = broken_down(unix_ms);
    snprintf(text, CLOCK_TEXT, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour,
             tm.tm_min, tm.tm_sec);
}
