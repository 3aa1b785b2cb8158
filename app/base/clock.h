/*
 * clock.h: time. Moments are microseconds since 1970 UTC, as PostgreSQL's
 * timestamptz holds them; durations say their unit in their name.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_HOUR   (60 * CLOCK_MINUTE)
#define CLOCK_DAY    (24 * CLOCK_HOUR)

int64_t clock_now(void);     /* wall clock */
int64_t clock_mono_ms(void); /* monotonic, for deadlines */
int64_t clock_mono_us(void); /* the same, for measuring */

#define CLOCK_TEXT_LEN 64
void clock_iso(
    int64_t t, char out[CLOCK_TEXT_LEN]); /* 2026-11-20T13:58:00.123456Z */
void clock_rfc5322(
    int64_t t, char out[CLOCK_TEXT_LEN]); /* Fri, 20 Nov 2026 13:58:00 +0000 */
void clock_day(
    int64_t t, char out[CLOCK_TEXT_LEN]); /* Friday 20 November 2026 */
void clock_minute(
    int64_t t, char out[CLOCK_TEXT_LEN]);           /* 20 Nov 2026, 13:58 UTC */
void clock_hm(int64_t t, char out[CLOCK_TEXT_LEN]); /* 13:58 UTC */

#endif
