/*
 * err.h: what went wrong, in one small value that never allocates.
 *
 * A function that can fail takes a `struct err *` last and returns -1 after
 * filling it, where the fault is first detected. Whoever talks to a person, a
 * client or the log turns the code into words with err_row(). The text is for
 * the log: it never holds a secret, an address or content.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_BAD_INPUT,   /* malformed, by whoever sent it */
	ERR_NOT_FOUND,   /* no such thing, or not yours */
	ERR_DENIED,      /* proof missing or wrong */
	ERR_EXPIRED,     /* was there; its time is over */
	ERR_GONE,        /* taken back */
	ERR_CONFLICT,    /* already so, or changed meanwhile */
	ERR_TOO_BIG,     /* over a size limit */
	ERR_TOO_MANY,    /* over a count or rate limit: later */
	ERR_UNAVAILABLE, /* database, keyd or disk: try again */
	ERR_UNKNOWN,     /* a write whose outcome is not known */
	ERR_CORRUPT,     /* stored bytes do not verify */
	ERR_INTERNAL,    /* a fault of ours */
	ERR_TYPE,        /* of a media type that is not taken there */
	ERR_INSECURE,    /* not over this connection: it must be encrypted */
	ERR_UNWANTED,    /* well made and allowed, but not wanted there */
	ERR_RATE,        /* more of it than is allowed in an hour: later */
	ERR_CODES        /* number of codes, no code itself */
};

struct err {
	enum err_code code;
	char text[200];
};

/* One row of the table that every edge shares. */
struct err_row {
	const char *name; /* for the log: "not_found" */
	int http_status;
	const char *smtp; /* "451 4.3.0": code, enhanced status (RFC 3463) */
	const char *
	    sentence; /* public, in English, without a full stop; SMTP's text */
	const char *word; /* id of the sentence in the catalogue of words */
};

/* Fills *e (NULL is fine) and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes *e empty. */
void err_clear(struct err *e);

/* The row of a code; of ERR_INTERNAL for a code that does not exist. Never NULL. */
const struct err_row *err_row(enum err_code code);

#endif
