/*
 * log.c: JSON lines on standard error. Lines are put together on the stack: the
 * log must work when memory is out.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_LEN 2048 /* under PIPE_BUF: one write stays in one piece */
#define LINE_TAIL    8    /* kept free for the closing characters */
#define DETAIL_MAX   1024

static const char *process_name = "restante";
static enum log_level least_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

struct line {
	char text[LINE_MAX_LEN];
	size_t len;
};

void
log_open(const char *process, enum log_level least)
{
	process_name = process;
	least_level = least;
}

static void
put(struct line *l, const char *s, size_t n)
{
	if (n > sizeof(l->text) - LINE_TAIL - l->len)
		return;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* One character of a string, as RFC 8259 7 wants it. */
static void
put_char(struct line *l, unsigned char c)
{
	char esc[8];
	int n;

	if (c == '"' || c == '\\')
		n = snprintf(esc, sizeof(esc), "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		n = snprintf(esc, sizeof(esc), "\\u%04x", c);
	else
		n = snprintf(esc, sizeof(esc), "%c", c);
	put(l, esc, (size_t)n);
}

/* Adds ,"name":"value"; what is not UTF-8 is written byte by byte as '?'. */
static void
put_member(struct line *l, const char *name, const char *value)
{
	size_t n = strlen(value);
	bool utf8 = text_is_utf8(value, n);

	if (l->len > 1)
		put(l, ",", 1);
	put(l, "\"", 1);
	put(l, name, strlen(name));
	put(l, "\":\"", 3);
	/* Cut before the quote is lost, and between characters. */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)value[i];

		if (l->len + 64 > sizeof(l->text) && (c & 0xc0) != 0x80)
			break;
		put_char(l, !utf8 && c >= 0x80 ? '?' : c);
	}
	put(l, "\"", 1);
}

static void
begin(struct line *l, enum log_level level, const char *id, const char *event)
{
	char now[CLOCK_TEXT_LEN];

	l->len = 0;
	put(l, "{", 1);
	clock_iso(clock_now(), now);
	put_member(l, "time", now);
	put_member(l, "level", level_names[level]);
	put_member(l, "process", process_name);
	if (id != NULL)
		put_member(l, "id", id);
	put_member(l, "event", event);
}

static void
end(struct line *l)
{
	size_t done = 0;
	ssize_t n;

	memcpy(l->text + l->len, "}\n", 2);
	l->len += 2;
	while (done < l->len) {
		n = write(STDERR_FILENO, l->text + done, l->len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return; /* nobody to tell */
	}
}

void
log_line(enum log_level level, const char *id, const char *event,
    const char *fmt, ...)
{
	int saved = errno;
	struct line l;
	char detail[DETAIL_MAX];
	va_list ap;

	if (level < least_level)
		return;
	begin(&l, level, id, event);
	if (fmt != NULL) {
		va_start(ap, fmt);
		if (vsnprintf(detail, sizeof(detail), fmt, ap) < 0)
			detail[0] = '\0';
		va_end(ap);
		put_member(&l, "detail", detail);
	}
	end(&l);
	errno = saved;
}

static enum log_level
level_of(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
	case ERR_BAD_INPUT:
	case ERR_NOT_FOUND:
	case ERR_DENIED:
	case ERR_EXPIRED:
	case ERR_GONE:
	case ERR_CONFLICT:
	case ERR_TOO_BIG:
	case ERR_TOO_MANY:
	case ERR_TYPE:
	case ERR_INSECURE:
	case ERR_UNWANTED:
	case ERR_RATE:
		return LOG_LEVEL_INFO;
	case ERR_UNAVAILABLE:
	case ERR_UNKNOWN:
	case ERR_CORRUPT:
	case ERR_INTERNAL:
	case ERR_CODES:
		break;
	}
	return LOG_LEVEL_ERROR;
}

static void
err_line(enum log_level level, const char *id, const char *event,
    const struct err *e)
{
	int saved = errno;
	struct line l;

	if (level < least_level)
		return;
	begin(&l, level, id, event);
	put_member(&l, "error", err_row(e->code)->name);
	put_member(&l, "detail", e->text);
	end(&l);
	errno = saved;
}

void
log_err(const char *id, const char *event, const struct err *e)
{
	err_line(level_of(e->code), id, event, e);
}

void
log_fatal(const char *event, const struct err *e)
{
	err_line(LOG_LEVEL_ERROR, NULL, event, e);
}
