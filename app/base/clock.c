/*
 * clock.c: the two clocks, and moments as text: always UTC, always English,
 * whatever the locale says.
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March", "April",
    "May", "June", "July", "August", "September", "October", "November",
    "December"};

int64_t
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

/* Calendar fields of t; returns the microseconds of its second. */
static int
split(int64_t t, struct tm *tm)
{
	time_t s = (time_t)(t / CLOCK_SECOND);
	int64_t us = t % CLOCK_SECOND;

	/* Moments before 1970 round down, not towards zero. */
	if (us < 0) {
		us += CLOCK_SECOND;
		s--;
	}
	if (gmtime_r(&s, tm) == NULL) {
		memset(tm, 0, sizeof(*tm));
		tm->tm_mday = 1;
	}
	return (int)us;
}

void
clock_iso(int64_t t, char out[CLOCK_TEXT_LEN])
{
	struct tm tm;
	int us = split(t, &tm);

	snprintf(out, CLOCK_TEXT_LEN, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, us);
}

void
clock_rfc5322(int64_t t, char out[CLOCK_TEXT_LEN])
{
	struct tm tm;

	split(t, &tm);
	snprintf(out, CLOCK_TEXT_LEN,
	    "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

void
clock_day(int64_t t, char out[CLOCK_TEXT_LEN])
{
	struct tm tm;

	split(t, &tm);
	snprintf(out, CLOCK_TEXT_LEN, "%s %d %s %d", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
}

void
clock_minute(int64_t t, char out[CLOCK_TEXT_LEN])
{
	struct tm tm;

	split(t, &tm);
	snprintf(out, CLOCK_TEXT_LEN, "%d %.3s %d, %02d:%02d UTC", tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
}

void
clock_hm(int64_t t, char out[CLOCK_TEXT_LEN])
{
	struct tm tm;

	split(t, &tm);
	snprintf(out, CLOCK_TEXT_LEN, "%02d:%02d UTC", tm.tm_hour, tm.tm_min);
}
