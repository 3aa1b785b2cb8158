/*
 * http_log.c: lines put together by plain copies. What goes in is ours and plain: names of
 * routes, numbers, addresses; nothing needs escaping.
 */
#include "portal/http_log.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define GATHER 4096 /* PIPE_BUF: what is written at once stays in one piece */
#define LINE   512

static char gathered[GATHER];
static size_t used;

static const char *const verbs[] = {
    [HTTP_GET] = "GET",
    [HTTP_HEAD] = "HEAD",
    [HTTP_POST] = "POST",
    [HTTP_PATCH] = "PATCH",
    [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS",
    [HTTP_OTHER] = "other",
};

static void
put(const char *s)
{
	size_t n = strlen(s);

	memcpy(gathered + used, s, n);
	used += n;
}

/* A name of ours, cut where somebody made it too long. */
static void
put_name(const char *s)
{
	size_t n = strnlen(s, 60);

	memcpy(gathered + used, s, n);
	used += n;
}

static void
put_number(uint64_t n)
{
	char digits[21];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put(digits + i);
}

/* "2026-11-20T13:58:00." is made once a second. */
static void
put_time(int64_t now)
{
	static char text[CLOCK_TEXT_LEN];
	static int64_t made = -1;
	int64_t second = now / CLOCK_SECOND, us = now % CLOCK_SECOND;

	if (made != second)
		clock_iso(now, text);
	made = second;
	for (int i = 25; i > 19; i--, us /= 10)
		text[i] = (char)('0' + us % 10);
	put(text);
}

void
http_log_flush(void)
{
	/* Whoever reads the log and went away is told nothing more. */
	if (used > 0 && write(STDERR_FILENO, gathered, used) == -1)
		used = 0;
	used = 0;
}

void
http_log(const struct http_log *l, int64_t now)
{
	if (used > GATHER - LINE)
		http_log_flush();
	put("{\"time\":\"");
	put_time(now);
	put("\",\"level\":\"info\",\"process\":\"portal\",\"id\":\"");
	put_name(l->id);
	put("\",\"event\":\"request\",\"route\":\"");
	put_name(l->route != NULL ? l->route : "");
	put("\",\"method\":\"");
	put(verbs[l->verb]);
	put("\",\"status\":");
	put_number((uint64_t)l->status);
	put(",\"in\":");
	put_number(l->in);
	put(",\"out\":");
	put_number(l->out);
	put(",\"us\":");
	put_number(l->us > 0 ? (uint64_t)l->us : 0);
	put(",\"tls\":\"");
	put_name(l->tls);
	put("\",\"client\":\"");
	put_name(l->client);
	if (l->end != NULL) {
		put("\",\"end\":\"");
		put_name(l->end);
	}
	put("\"}\n");
}
