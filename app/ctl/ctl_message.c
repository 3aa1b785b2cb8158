/*
 * ctl_message.c: restantectl message list, show: what stands on the envelope, never
 * what is in it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "store/message.h"

#define LIST_DEFAULT 50
#define LIST_MOST    10000

static json_t *
json_facts(const struct message_facts *m)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:i, s:i}", "id",
	    ctl_json_id(&m->id), "sender", m->sender, "sender_account",
	    ctl_json_id(&m->sender_account), "in_reply_to",
	    ctl_json_id(&m->in_reply_to), "created", ctl_json_time(m->created),
	    "expires", ctl_json_time(m->expires), "size", (json_int_t)m->size,
	    "recipients", (int)m->recipients, "displayed", (int)m->displayed);
}

static void
collect(void *arg, const struct message_facts *m)
{
	json_array_append_new(arg, json_facts(m));
}

static void
line(void *arg, const struct message_facts *m)
{
	char id[ID_TEXT_LEN], created[32], size[32];

	(void)arg;
	id_format(&m->id, id);
	text_size(m->size, size);
	printf("%s  %s  %8s  %4u of %-4u  %s\n", id,
	    ctl_time(m->created, created), size, m->displayed, m->recipients,
	    m->sender[0] != '\0' ? m->sender : "<>");
}

int
ctl_message_list(struct ctl *c, int argc, char **argv)
{
	const char *slug = NULL, *limit = NULL;
	const struct ctl_option options[] = {{"--tenant", &slug, NULL},
	    {"--limit", &limit, NULL}, {NULL, NULL, NULL}};
	int rc, most = LIST_DEFAULT;
	struct tenant t;
	json_t *rows;
	struct err e;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (slug == NULL)
		return ctl_usage(c, "--tenant is needed");
	if (limit != NULL)
		most = atoi(limit);
	if (most < 1 || most > LIST_MOST)
		return ctl_usage(c, "--limit is 1 to %d", LIST_MOST);
	if (ctl_tenant(c, slug, &t) != 0)
		return CTL_FAILED;
	rows = json_array();
	if (!c->json)
		printf("%-36s  %-20s  %8s  %-12s  %s\n", "ID", "ACCEPTED",
		    "SIZE", "READ BY", "SENDER");
	rc = db_begin(c->db, &t.id, &e);
	if (rc == 0)
		rc = message_list(c->db, &t.id, 0, (size_t)most,
		    c->json ? collect : line, rows, &e);
	db_rollback(c->db);
	return ctl_listed(c, rc, rows, &e, "messages");
}

/* A message with its readers and its events. */
struct story {
	struct message_facts facts;
	struct reader_row *readers;
	size_t n_readers;
	struct event *events;
	size_t n_events;
};

static int
read_story(struct db *db, const struct id *tenant, const struct id *id,
    struct story *s, struct err *e)
{
	int rc;

	if (db_begin(db, tenant, e) == -1)
		return -1;
	rc = message_facts(db, tenant, id, &s->facts, e);
	if (rc == 1 &&
	    (reader_list(db, tenant, id, &s->readers, &s->n_readers, e) == -1 ||
		event_list(db, tenant, id, &s->events, &s->n_events, e) == -1))
		rc = -1;
	db_rollback(db);
	return rc;
}

static const char *
state_name(enum reader_state s)
{
	switch (s) {
	case READER_WAITING:
		return "waiting";
	case READER_READ:
		return "read";
	case READER_RETRACTED:
		return "retracted";
	}
	return "unknown";
}

static int
show_json(const struct story *s)
{
	json_t *j = json_facts(&s->facts), *readers = json_array(),
	       *events = json_array();
	const struct reader_row *r;
	const struct event *ev;
	size_t i;

	for (i = 0; i < s->n_readers; i++) {
		r = &s->readers[i];
		json_array_append_new(readers,
		    json_pack("{s:i, s:s, s:s, s:s, s:b, s:o}", "slot",
			(int)r->slot, "role",
			r->role == READER_SENDER ? "sender" : "recipient",
			"address", r->address, "state", state_name(r->state),
			"account", !id_is_zero(&r->account), "first_displayed",
			ctl_json_time(r->first_displayed)));
	}
	for (i = 0; i < s->n_events; i++) {
		ev = &s->events[i];
		json_array_append_new(events,
		    json_pack("{s:o, s:i, s:s, s:s}", "at",
			ctl_json_time(ev->at), "slot", (int)ev->slot, "event",
			event_name(ev->kind), "detail", ev->detail));
	}
	json_object_set_new(j, "readers", readers);
	json_object_set_new(j, "events", events);
	return ctl_json(j);
}

static int
show_text(const struct story *s)
{
	const struct message_facts *m = &s->facts;
	char id[ID_TEXT_LEN], at[32], size[32];
	const struct reader_row *r;
	size_t i;

	id_format(&m->id, id);
	text_size(m->size, size);
	printf("message   %s\n", id);
	printf("sender    %s%s\n", m->sender[0] != '\0' ? m->sender : "<>",
	    id_is_zero(&m->sender_account) ? " (not authenticated)" : "");
	printf("size      %s\n", size);
	printf("accepted  %s\n", ctl_time(m->created, at));
	printf("expires   %s\n\n", ctl_time(m->expires, at));
	for (i = 0; i < s->n_readers; i++) {
		r = &s->readers[i];
		printf("%4u  %-9s  %-9s  %-20s  %s\n", r->slot,
		    r->role == READER_SENDER ? "sender" : "recipient",
		    state_name(r->state), ctl_time(r->first_displayed, at),
		    r->address);
	}
	putchar('\n');
	for (i = 0; i < s->n_events; i++)
		printf("%s  %4u  %-14s  %s\n", ctl_time(s->events[i].at, at),
		    s->events[i].slot, event_name(s->events[i].kind),
		    s->events[i].detail);
	return CTL_OK;
}

int
ctl_message_show(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	struct story s = {0};
	struct id id, tenant;
	const char *word;
	struct err e;
	int rc;

	if (ctl_args(c, argc, argv, options, &word, 1) != 0)
		return CTL_USAGE;
	if (word == NULL || id_parse(word, &id) == -1)
		return ctl_usage(c, "the id of a message is needed");
	rc = message_tenant(c->db, &id, &tenant, &e);
	if (rc == 1)
		rc = read_story(c->db, &tenant, &id, &s, &e);
	if (rc == 1)
		rc = c->json ? show_json(&s) : show_text(&s);
	else if (rc == 0)
		rc = ctl_failed(c, NULL, "there is no message %s", word);
	else
		rc = ctl_failed(c, &e, "the message could not be looked up");
	free(s.readers);
	free(s.events);
	return rc;
}
