/*
 * err.c: the one table that turns a code into what each kind of reader is told.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_row rows[ERR_CODES] = {
    [ERR_NONE] = {"none", 200, "250 2.0.0", "Done", "error.none"},
    [ERR_BAD_INPUT] = {"bad_input", 400, "501 5.5.4",
	"That could not be understood", "error.bad_input"},
    [ERR_NOT_FOUND] = {"not_found", 404, "550 5.1.1",
	"There is nothing here by that name", "error.not_found"},
    [ERR_DENIED] = {"denied", 403, "550 5.7.1",
	"This is not allowed, or the proof for it was not right",
	"error.denied"},
    [ERR_EXPIRED] = {"expired", 410, "550 5.4.7",
	"This is no longer available, its time is over", "error.expired"},
    [ERR_GONE] = {"gone", 410, "550 5.7.0", "This was taken back by its sender",
	"error.gone"},
    /* Whoever lost a race may win the next one: not a final answer. */
    [ERR_CONFLICT] = {"conflict", 409, "451 4.3.0",
	"This was already done, or changed meanwhile", "error.conflict"},
    [ERR_TOO_BIG] = {"too_big", 413, "552 5.3.4",
	"This is larger than what is accepted here", "error.too_big"},
    /* The one count limit SMTP has a number for, RFC 5321 4.5.3.1.10. */
    [ERR_TOO_MANY] = {"too_many", 429, "452 4.5.3",
	"Too many at once, try again later", "error.too_many"},
    [ERR_UNAVAILABLE] = {"unavailable", 503, "451 4.3.0",
	"This cannot be done just now, try again in a few minutes",
	"error.unavailable"},
    [ERR_UNKNOWN] = {"unknown", 503, "451 4.3.0",
	"It is not known whether this was done, look before trying again",
	"error.unknown"},
    [ERR_CORRUPT] = {"corrupt", 500, "451 4.3.0",
	"What is stored here did not pass its check", "error.corrupt"},
    [ERR_INTERNAL] = {"internal", 500, "451 4.3.0",
	"Something went wrong on our side", "error.internal"},
    [ERR_TYPE] = {"type", 415, "554 5.6.1",
	"This is not of a type that is taken here", "error.type"},
    /* X.7.10 of the registry of RFC 5248: encryption needed. */
    [ERR_INSECURE] = {"insecure", 403, "550 5.7.10",
	"This must come over an encrypted connection", "error.insecure"},
    [ERR_UNWANTED] = {"unwanted", 403, "550 5.7.1",
	"This is not wanted from this sender", "error.unwanted"},
    [ERR_RATE] = {"rate", 429, "450 4.7.1",
	"That is more than is taken in an hour, try again later", "error.rate"},
};

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	if (e == NULL)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	if (vsnprintf(e->text, sizeof(e->text), fmt, ap) < 0)
		e->text[0] = '\0';
	va_end(ap);
	errno = saved;
	return -1;
}

void
err_clear(struct err *e)
{
	if (e == NULL)
		return;
	e->code = ERR_NONE;
	memset(e->text, 0, sizeof(e->text));
}

const struct err_row *
err_row(enum err_code code)
{
	if ((unsigned)code >= ERR_CODES)
		code = ERR_INTERNAL;
	return &rows[code];
}
