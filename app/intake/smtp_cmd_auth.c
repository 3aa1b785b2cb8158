/*
 * smtp_cmd_auth.c: AUTH PLAIN (RFC 4954, RFC 4616), under TLS only. The clear
 * text lives in guarded memory from decoding to the backend's answer.
 */
#include "intake/smtp_cmd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"

static void
run(struct smtp_session *s, void *ctx)
{
	struct smtp_try *t = s->attempt;

	s->job.result = s->set->backend->auth(ctx,
	    (const char *)secret_peek(t->user),
	    (const char *)secret_peek(t->password), &t->who, &s->job.err);
}

static enum smtp_next
done(struct smtp_session *s)
{
	if (s->job.result == -1) {
		smtp_try_end(s);
		if (s->job.err.code == ERR_RATE)
			return smtp_close(s, "4.7.0",
			    "Too many failed attempts from your network, try again later");
		return smtp_refuse_err(s, SMTP_ASKED_AUTH, &s->job.err);
	}
	*s->sender = s->attempt->who;
	s->sender->authenticated = true;
	smtp_try_end(s);
	return smtp_say(s, SMTP_REPLY_AUTH_OK);
}

/* [who to act as] NUL who NUL password. 0, or the reply. */
static enum smtp_reply
split(const struct buf *plain, struct smtp_try *t)
{
	const char *p = (const char *)plain->data, *end = p + plain->len;
	const char *user, *password;

	if (plain->len == 0 || (user = memchr(p, '\0', plain->len)) == NULL)
		return SMTP_REPLY_AUTH_BAD;
	user++;
	if ((password = memchr(user, '\0', (size_t)(end - user))) == NULL)
		return SMTP_REPLY_AUTH_BAD;
	password++;
	if (memchr(password, '\0', (size_t)(end - password)) != NULL ||
	    *user == '\0' || password == end)
		return SMTP_REPLY_AUTH_BAD;
	if ((*p != '\0' && strcasecmp(p, user) != 0) ||
	    password - user > LIMIT_ADDRESS + 1 ||
	    end - password > LIMIT_PASSWORD_MAX)
		return SMTP_REPLY_AUTH_FAILED;
	t->user = secret_copy(user, (size_t)(password - user));
	t->password = secret_new((size_t)(end - password) + 1);
	if (t->user == NULL || t->password == NULL)
		return SMTP_REPLY_LATER;
	memcpy(secret_data(t->password), password, (size_t)(end - password));
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
decode(const char *line, size_t n, struct smtp_try *t)
{
	struct buf plain = BUF_INIT;
	enum smtp_reply fault = SMTP_REPLY_AUTH_BAD;

	if (buf_reserve(&plain, n) == -1)
		fault = SMTP_REPLY_LATER;
	else if (text_unbase64(line, n, &plain) == 0)
		fault = split(&plain, t);
	buf_free(&plain);
	return fault;
}

/* Behind a CR, which no base64 holds, somebody else may see a command. */
static bool
hides(const char *line, size_t n)
{
	const char *cr = memchr(line, '\r', n);

	return cr != NULL && smtp_line_hides(cr, n - (size_t)(cr - line));
}

enum smtp_next
smtp_auth_response(
    struct smtp_session *s, const char *line, size_t n, enum smtp_reply why)
{
	if (s->state == SMTP_STATE_AUTH)
		smtp_state_set(s, SMTP_STATE_READY);
	if (line == NULL)
		return smtp_refuse(s, why);
	if (hides(line, n))
		return smtp_end(s, SMTP_REPLY_CHUNK_SIZE);
	if (n == 1 && *line == '*')
		return smtp_refuse(s, SMTP_REPLY_AUTH_CANCELLED);
	if (smtp_sender(s) == NULL ||
	    (s->attempt = calloc(1, sizeof(*s->attempt))) == NULL)
		return smtp_say(s, SMTP_REPLY_LATER);
	s->attempt->who = *s->sender;
	why = decode(line, n, s->attempt);
	if (why == SMTP_REPLY_NONE)
		return smtp_job_start(s, run, done);
	smtp_try_end(s);
	return smtp_refuse(s, why);
}

enum smtp_next
smtp_cmd_auth(struct smtp_session *s, const struct smtp_command *c)
{
	if (smtp_is_member(s))
		return smtp_refuse(s, SMTP_REPLY_AUTH_ALREADY);
	if (c->arg_len != 5 || strncasecmp(c->arg, "PLAIN", 5) != 0)
		return smtp_refuse(s, SMTP_REPLY_AUTH_MECHANISM);
	if (c->initial != NULL)
		return smtp_auth_response(
		    s, c->initial, c->initial_len, SMTP_REPLY_NONE);
	smtp_state_set(s, SMTP_STATE_AUTH);
	return smtp_say(s, SMTP_REPLY_AUTH_GO);
}
