/*
 * plain.c: the port without TLS. It sends people on and shows challenges; whatever else
 * it is asked, it does not know.
 */
#include "portal/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALPHA  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT  "0123456789"
#define PREFIX "/.well-known/acme-challenge/"

#define TOKEN_MAX     128 /* octets of a challenge's name */
#define CHALLENGE_MAX 4096
#define HOST_MAX      253

static void
answer(struct response *resp, int status, const char *text)
{
	buf_clear(&resp->body);
	resp->status = status;
	if (buf_adds(&resp->body, text) == -1 ||
	    response_header(resp, "content-type", "text/plain") == -1 ||
	    response_header(resp, "x-content-type-options", "nosniff") == -1 ||
	    response_header(resp, "cache-control", "no-store") == -1)
		resp->status = 500;
}

/* ---- challenges -------------------------------------------------------------- */

/* The file of that name under dir/.well-known/acme-challenge; no link is followed. */
static int
challenge_open(const char *dir, const char *token)
{
	static const char *const step[] = {".well-known", "acme-challenge"};
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd, next;

	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		next = openat(fd, step[i], flags | O_DIRECTORY);
		(void)close(fd);
		if ((fd = next) == -1)
			return -1;
	}
	next = openat(fd, token, flags);
	(void)close(fd);
	return next;
}

/* -1 unless it is a small plain file. */
static int
challenge_read(int fd, struct buf *out)
{
	char part[CHALLENGE_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size > CHALLENGE_MAX)
		return -1;
	if ((n = read(fd, part, sizeof(part))) == -1)
		return -1;
	return buf_add(out, part, (size_t)n);
}

/* RFC 8555 8.3: a token is of the base64url alphabet. */
static bool
is_token(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= TOKEN_MAX && strspn(s, ALPHA DIGIT "-_") == n;
}

static void
challenge(const char *dir, const char *token, struct response *resp)
{
	int fd = -1;
	bool found;

	resp->route = "challenge";
	if (dir != NULL && is_token(token))
		fd = challenge_open(dir, token);
	found = fd != -1 && challenge_read(fd, &resp->body) == 0;
	if (fd != -1)
		(void)close(fd);
	if (!found) {
		answer(resp, 404, "Not found.\n");
		return;
	}
	resp->status = 200;
	if (response_header(resp, "content-type", "application/octet-stream") ==
		-1 ||
	    response_header(resp, "cache-control", "no-store") == -1)
		resp->status = 500;
}

/* ---- the way to TLS ---------------------------------------------------------- */

/* A name or an address that means the same in every browser. */
static bool
is_host(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > HOST_MAX)
		return false;
	if (s[0] == '[')
		return n > 3 && s[n - 1] == ']' &&
		    strspn(s + 1, "0123456789abcdef:.") == n - 2;
	return s[0] != '.' && s[0] != '-' && strstr(s, "..") == NULL &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz" DIGIT "-.") == n;
}

/* RFC 3986 3.3: what was decoded is written as it may stand in a path. */
static int
add_path(struct buf *out, const char *path)
{
	size_t plain;

	for (const char *p = path; *p != '\0'; p += plain) {
		plain = strspn(p, ALPHA DIGIT "-._~!$&'()*+,;=:@/");
		if (buf_add(out, p, plain) == -1)
			return -1;
		if (p[plain] == '\0')
			break;
		if (buf_addf(out, "%%%02X", (unsigned char)p[plain]) == -1)
			return -1;
		plain++;
	}
	return 0;
}

static int
locate(const struct settings *set, const struct request *req, struct buf *out)
{
	if (buf_addf(out, "https://%s", req->host) == -1)
		return -1;
	if (set->https_port != 443 &&
	    buf_addf(out, ":%d", set->https_port) == -1)
		return -1;
	if (add_path(out, req->path) == -1)
		return -1;
	/* A query with anything odd in it is none of ours. */
	if (req->query[0] == '\0' ||
	    req->query[strspn(
		req->query, ALPHA DIGIT "-._~!$&'()*+,;=:@/?%")] != '\0')
		return 0;
	return buf_addf(out, "?%s", req->query);
}

static void
redirect(const struct settings *set, const struct request *req,
    struct response *resp)
{
	struct buf where = BUF_INIT;

	resp->route = "redirect";
	if (!is_host(req->host) || req->path[0] != '/') {
		answer(resp, 400, "Bad request.\n");
		return;
	}
	answer(resp, 308, "This is served under https.\n");
	if (locate(set, req, &where) == -1 ||
	    response_header(resp, "location", "%s", buf_cstr(&where)) == -1)
		answer(resp, 500, "");
	buf_free(&where);
}

void
portal_plain(const struct settings *set, const struct request *req,
    struct response *resp)
{
	const size_t n = sizeof(PREFIX) - 1;

	resp->route = "plain";
	if (req->verb != HTTP_GET && req->verb != HTTP_HEAD)
		answer(resp, 403,
		    "Nothing is taken here: use https. What was just sent"
		    " was not encrypted on its way.\n");
	else if (strncmp(req->path, PREFIX, n) == 0)
		challenge(set->acme_dir, req->path + n, resp);
	else
		redirect(set, req, resp);
}
