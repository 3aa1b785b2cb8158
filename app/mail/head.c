/*
 * The fields of a message: who, to whom, about what, when (RFC 5322 3.6).
 */
#include "mail/head.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/fields.h"
#include "mail/name.h"
#include "mail/parse.h"
#include "mail/words.h"

void
head_message_id(const char *value, char *out, size_t cap)
{
	const char *open = strchr(value, '<');
	const char *end;

	out[0] = '\0';
	if (open == NULL || (end = strchr(++open, '>')) == NULL ||
	    (size_t)(end - open) >= cap)
		return;
	for (const char *p = open; p < end; p++)
		if (*p <= ' ' || *p > '~' || *p == '<')
			return;
	memcpy(out, open, (size_t)(end - open));
	out[end - open] = '\0';
}

static int
read_id(const char *value, char **out)
{
	char id[LIMIT_SUBJECT + 1];

	if ((*out)[0] != '\0')
		return 0;
	head_message_id(value, id, sizeof(id));
	free(*out);
	*out = strdup(id);
	return *out ? 0 : -1;
}

static int
read_subject(char *value, char **out)
{
	char subject[LIMIT_SUBJECT + 1];
	char *text;
	int r;

	if ((*out)[0] != '\0')
		return 0;
	if (strnlen(value, HEAD_FIELD_MAX + 1) > HEAD_FIELD_MAX)
		value[HEAD_FIELD_MAX] = '\0';
	words_rename(value, false);
	text = g_mime_utils_header_decode_text(NULL, value);
	r = mail_line_safe(
	    text, strlen(text), LIMIT_SUBJECT, subject, sizeof(subject));
	g_free(text);
	if (r == -1)
		return -1;
	free(*out);
	*out = strdup(subject);
	return *out ? 0 : -1;
}

static int64_t
read_date(const char *value)
{
	GDateTime *date = g_mime_utils_header_decode_date(value);
	int64_t t = 0;

	if (date != NULL) {
		t = g_date_time_to_unix(date) * CLOCK_SECOND;
		g_date_time_unref(date);
	}
	return t;
}

/* People as they are read, at most `most`. */
struct people {
	struct mail_person *p;
	size_t n, room, most;
};

/* The next one, empty; NULL when memory is out. */
static struct mail_person *
people_next(struct people *l)
{
	struct mail_person *more;

	if (l->n == l->room) {
		const size_t room = l->room == 0 ? 2 : 2 * l->room;

		more = realloc(l->p, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		l->p = more;
		l->room = room;
	}
	memset(&l->p[l->n], 0, sizeof(*l->p));
	return &l->p[l->n];
}

/* Whose address is no mailbox of ours keeps the name alone. */
static int
read_person(InternetAddress *ia, struct people *l)
{
	const char *name = internet_address_get_name(ia);
	const char *addr = NULL;
	struct mail_person *out = people_next(l);
	struct mailbox box;

	if (out == NULL)
		return -1;
	if (INTERNET_ADDRESS_IS_MAILBOX(ia))
		addr = internet_address_mailbox_get_addr(
		    INTERNET_ADDRESS_MAILBOX(ia));
	if (addr && mailbox_parse(addr, strlen(addr), &box, NULL) == 0)
		memcpy(out->address, box.address, sizeof(out->address));
	else if (name == NULL)
		name = addr;
	if (name != NULL &&
	    mail_line_safe(name, strlen(name), LIMIT_NAME, out->name,
		sizeof(out->name)) == -1)
		return -1;
	if (out->name[0] != '\0' || out->address[0] != '\0')
		l->n++;
	return 0;
}

/* Adds what a list holds, groups by their members. */
static int
read_people(InternetAddressList *list, bool inside, struct people *l)
{
	int count = list ? internet_address_list_length(list) : 0;

	for (int i = 0; i < count && l->n < l->most; i++) {
		InternetAddress *ia = internet_address_list_get_address(
		    list, i);

		if (INTERNET_ADDRESS_IS_GROUP(ia)) {
			if (!inside &&
			    read_people(internet_address_group_get_members(
					    INTERNET_ADDRESS_GROUP(ia)),
				true, l) == -1)
				return -1;
			continue;
		}
		if (read_person(ia, l) == -1)
			return -1;
	}
	return 0;
}

/* People past what anybody counts are not read: GMime takes its time for each. */
static void
list_cut(char *value, size_t max)
{
	char *last;

	if (strnlen(value, max + 1) <= max)
		return;
	value[max] = '\0';
	if ((last = strrchr(value, ',')) != NULL)
		*last = '\0';
}

static int
read_list(char *value, struct people *l)
{
	InternetAddressList *list;
	int r;

	if (l->n >= l->most)
		return 0;
	list_cut(value, l->most == 1 ? HEAD_PEOPLE_MAX / 2 : HEAD_PEOPLE_MAX);
	words_rename(value, false);
	list = internet_address_list_parse(NULL, value);
	r = read_people(list, false, l);
	if (list != NULL)
		g_object_unref(list);
	return r;
}

static int
read_from(char *value, struct mail_person *out)
{
	struct people l = {.most = 1};
	int r = read_list(value, &l);

	if (r == 0 && l.n > 0)
		*out = l.p[0];
	free(l.p);
	return r;
}

static int
read_field(
    const struct field *f, char *value, struct manifest *m, struct people *to)
{
	if (field_is(f, "Subject"))
		return read_subject(value, &m->subject);
	if (field_is(f, "Message-ID"))
		return read_id(value, &m->message_id);
	if (field_is(f, "In-Reply-To"))
		return read_id(value, &m->in_reply_to);
	if (field_is(f, "To") || field_is(f, "Cc"))
		return read_list(value, to);
	if (field_is(f, "From") && m->from.address[0] == '\0' &&
	    m->from.name[0] == '\0')
		return read_from(value, &m->from);
	if (field_is(f, "Date") && m->date == 0)
		m->date = read_date(value);
	return 0;
}

static bool
is_wanted(const struct field *f)
{
	static const char *const names[] = {
	    "Subject", "Message-ID", "In-Reply-To", "To", "Cc", "From", "Date"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (field_is(f, names[i]))
			return true;
	return false;
}

/* To before Cc, whatever their order in the block: two rounds. */
int
head_message(const void *block, size_t n, struct manifest *m)
{
	struct people to = {.most = LIMIT_RECIPIENTS};
	struct fields fields;
	struct field f;
	int r = 0;

	for (int round = 0; round < 2; round++) {
		fields_init(&fields, block, n);
		while (r == 0 && fields_next(&fields, &f)) {
			char *value;

			if (!is_wanted(&f) ||
			    field_is(&f, "Cc") != (round == 1))
				continue;
			value = field_value(&f);
			r = value ? read_field(&f, value, m, &to) : -1;
			free(value);
		}
	}
	m->to = to.p;
	m->n_to = to.n;
	return r;
}

/* The header's bytes at p, of at most n, without the empty line; *whole when its end was seen. */
static size_t
header_length(const uint8_t *p, size_t n, bool *whole)
{
	size_t at = 0;

	*whole = true;
	while (at < n) {
		const uint8_t *lf = memchr(p + at, '\n', n - at);
		size_t len = lf ? (size_t)(lf - (p + at)) + 1 : n - at;

		if (lf && (len == 1 || (len == 2 && p[at] == '\r')))
			return at;
		at += len;
	}
	*whole = false;
	return at;
}

void
mail_head_read(const void *p, size_t n, struct mail_head *out)
{
	struct mail_person from = {0};
	struct fields fields;
	struct field f;
	bool whole;
	size_t len = header_length(p, n, &whole);

	memset(out, 0, sizeof(*out));
	out->too_big = len > LIMIT_HEADER_BLOCK;
	fields_init(&fields, p, len);
	while (fields_next(&fields, &f)) {
		char *value;

		if (field_is(&f, "Received"))
			out->received++;
		else if (field_is(&f, "Date"))
			out->dated = true;
		else if (field_is(&f, "X-Restante"))
			out->ours = true;
		if (!field_is(&f, "Message-ID") && !field_is(&f, "From") &&
		    !field_is(&f, "Auto-Submitted") &&
		    !field_is(&f, "Content-Type"))
			continue;
		value = field_value(&f);
		if (value == NULL)
			return;
		if (field_is(&f, "Auto-Submitted"))
			out->automatic |= !text_equal_ci(value, "no");
		if (field_is(&f, "Content-Type"))
			out->automatic |= strncasecmp(value, "multipart/report",
					      16) == 0;
		if (field_is(&f, "Message-ID") && out->message_id[0] == '\0')
			head_message_id(
			    value, out->message_id, sizeof(out->message_id));
		if (field_is(&f, "From") && from.name[0] == '\0' &&
		    from.address[0] == '\0' && read_from(value, &from) == 0)
			memcpy(out->from, from.address, sizeof(out->from));
		free(value);
	}
}
