/*
 * http_reply.c: heads are put together with plain copies; the date is made once a
 * second.
 */
#include "portal/http_reply.h"

#include <string.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {460, "Checksum Mismatch"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

/* "Not Found"; "Status" for those without a name here. */
static const char *
reason_of(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Status";
}

/* ---- the date ---- */

static char *
two(char *p, int n)
{
	*p++ = (char)('0' + n / 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

/* Days since 1970 as year, month, day (proleptic Gregorian). */
static void
civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

void
http_reply_date(int64_t seconds, char out[HTTP_DATE_LEN])
{
	static const char weekdays[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t days = seconds / 86400;
	int year, month, day, rest = (int)(seconds % 86400);
	char *p = out;

	civil(days, &year, &month, &day);
	memcpy(p, weekdays + days % 7 * 3, 3);
	memcpy(p + 3, ", ", 2);
	p = two(p + 5, day);
	*p = ' ';
	memcpy(p + 1, months + (month - 1) * 3, 3);
	p[4] = ' ';
	p = two(two(p + 5, year / 100 % 100), year % 100);
	*p = ' ';
	p = two(p + 1, rest / 3600);
	*p = ':';
	p = two(p + 1, rest / 60 % 60);
	*p = ':';
	p = two(p + 1, rest % 60);
	memcpy(p, " GMT", 5);
}

/* ---- the head ---- */

struct out {
	char *p;
	size_t left;
	bool full;
};

static void
put(struct out *o, const char *s, size_t n)
{
	if (n > o->left) {
		o->full = true;
		return;
	}
	memcpy(o->p, s, n);
	o->p += n;
	o->left -= n;
}

static void
put_number(struct out *o, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	put(o, digits + i, sizeof(digits) - i);
}

static void
put_status(struct out *o, int status)
{
	const char *reason = reason_of(status);

	put(o, "HTTP/1.1 ", 9);
	put_number(o, (uint64_t)status);
	put(o, " ", 1);
	put(o, reason, strlen(reason));
}

static void
put_date(struct out *o, int64_t now)
{
	static char line[8 + HTTP_DATE_LEN] = "\r\ndate: ";
	static int64_t made = -1;

	if (made != now) {
		http_reply_date(now, line + 8);
		made = now;
	}
	put(o, line, 8 + HTTP_DATE_LEN - 1);
}

size_t
http_reply_head(const struct http_reply *r, char *out, size_t cap)
{
	const struct response *resp = r->resp;
	struct out o = {.p = out, .left = cap};

	put_status(&o, resp->status);
	put_date(&o, r->now);
	if (resp->ready != NULL && resp->ready->head_len >= 2) {
		put(&o, "\r\n", 2);
		/* less the last line's end, which comes with what follows */
		put(&o, resp->ready->head, resp->ready->head_len - 2);
	}
	for (size_t i = 0; resp->ready == NULL && i < resp->n_header; i++) {
		const char *name = resp->header[i].name;
		const char *value = resp->header[i].value;

		put(&o, "\r\n", 2);
		put(&o, name, strlen(name));
		put(&o, ": ", 2);
		put(&o, value, strlen(value));
	}
	if (resp->status >= 200 && resp->status != 204 && resp->status != 304) {
		put(&o, "\r\ncontent-length: ", 18);
		put_number(&o, r->length);
	}
	if (r->close)
		put(&o, "\r\nconnection: close", 19);
	put(&o, "\r\n\r\n", 4);
	return o.full ? 0 : cap - o.left;
}
