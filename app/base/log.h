/*
 * log.h: the log: one JSON object a line on standard error, in one write so that
 * lines of several threads do not mix.
 *
 *   {"time":"...","level":"info","process":"intake","id":"<request or session>",
 *    "event":"message accepted","detail":"message=<id> size=4096"}
 *
 * No content, no secret, no link path, no address ever goes in.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

/* Names the process in every line; lines below `least` are dropped. Call once, before threads. */
void log_open(const char *process, enum log_level least);

/* id may be NULL; fmt may be NULL for no detail. Over-long detail is cut. */
void log_line(enum log_level level, const char *id, const char *event,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * The same with an error's code name and text in "error" and "detail"; errors that
 * blame the client are info, the rest are errors.
 */
void log_err(const char *id, const char *event, const struct err *e);
/* The same of what ends the process: an error whatever its code is. Returns. */
void log_fatal(const char *event, const struct err *e);

#endif
