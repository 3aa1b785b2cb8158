/*
 * smtp_client.c: who the client is: what it said of itself and proved, kept in as little
 * memory as that takes, and put together for the backend when it is asked.
 */
#include "intake/smtp_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void
text_set(struct smtp_session *s, char **text, const char *from, size_t n)
{
	free(*text);
	if ((*text = strndup(from, n)) == NULL)
		s->mute = true;
}

void
smtp_sender_drop(struct smtp_session *s)
{
	if (s->sender != NULL)
		secret_wipe(s->sender, sizeof(*s->sender));
	free(s->sender);
	s->sender = NULL;
}

void
smtp_forget(struct smtp_session *s)
{
	char **texts[] = {
	    &s->helo, &s->secured, &s->certificate, &s->authorities};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	smtp_sender_drop(s);
}

static void
cut(char *out, size_t cap, const char *text)
{
	text_cut(out, cap, text == NULL ? "" : text);
}

struct desk_sender *
smtp_sender(struct smtp_session *s)
{
	struct desk_sender *who = s->sender;

	if (who != NULL || (who = calloc(1, sizeof(*who))) == NULL)
		return who;
	cut(who->client, sizeof(who->client), s->client);
	cut(who->helo, sizeof(who->helo), s->helo);
	cut(who->tls, sizeof(who->tls), s->secured);
	cut(who->certificate, sizeof(who->certificate), s->certificate);
	cut(who->authorities, sizeof(who->authorities), s->authorities);
	memcpy(who->session, s->id, sizeof(who->session));
	s->sender = who;
	return who;
}

bool
smtp_is_member(const struct smtp_session *s)
{
	return s->sender != NULL && s->sender->authenticated;
}

int
smtp_named(struct smtp_session *s, const char *name, size_t n)
{
	text_set(s, &s->helo, name, n);
	if (s->sender != NULL)
		cut(s->sender->helo, sizeof(s->sender->helo), s->helo);
	return s->helo == NULL ? -1 : 0;
}

void
smtp_secured(struct smtp_session *s, const char *what)
{
	text_set(s, &s->secured, what, strlen(what));
}

void
smtp_session_certificate(
    struct smtp_session *s, const char *certificate, const char *authorities)
{
	if (certificate != NULL)
		text_set(s, &s->certificate, certificate, strlen(certificate));
	if (authorities != NULL)
		text_set(s, &s->authorities, authorities, strlen(authorities));
	smtp_sender_drop(s);
}

void
smtp_session_front(struct smtp_session *s)
{
	s->front = true;
}
