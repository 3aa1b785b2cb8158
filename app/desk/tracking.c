/*
 * tracking.c: the sender's view: people and steps, from the events of a message.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/internal.h"
#include "store/report.h"

#define FILES_SHOWN \
	(sizeof(((struct desk_person *)0)->file) / sizeof(struct desk_step))

struct tracking {
	const struct desk_track *t;
	struct event *event;
	size_t n;
	struct dsn *mailed; /* with those who have no slot here */
	size_t n_mailed;
};

static int
events_read(struct desk *d, void *arg, struct err *e)
{
	struct tracking *k = arg;
	const struct desk_message *m = &k->t->message;

	if (event_list(d->db, &m->tenant, &m->row.id, &k->event, &k->n, e) ==
	    -1)
		return -1;
	for (size_t i = 0; i < k->n; i++)
		if (k->event[i].kind == EVENT_FORWARD_QUEUED)
			return dsn_list(d->db, &m->tenant, &m->row.id,
			    &k->mailed, &k->n_mailed, e);
	return 0;
}

/* Keeps the first of its kind. */
static void
step_first(struct desk_step *s, const struct event *ev)
{
	if (s->at != 0)
		return;
	s->at = ev->at;
	memcpy(s->detail, ev->detail, sizeof(s->detail));
}

/* "part 2" becomes the file's name. Each is shown once, namesakes one by one. */
static void
file_step(
    struct desk_person *p, const struct manifest *m, const struct event *ev)
{
	const struct mail_part *part = NULL;
	const char *name = ev->detail;
	uint32_t no;
	size_t i;

	if (sscanf(ev->detail, "part %" SCNu32, &no) == 1)
		part = manifest_part(m, no);
	else
		no = DESK_WHOLE;
	if (part != NULL && *part->name != '\0')
		name = part->name;
	for (i = 0; i < p->n_file; i++)
		if (p->file_no[i] == no)
			return;
	if (p->n_file == FILES_SHOWN)
		return;
	p->file_no[i] = no;
	p->file[i].at = ev->at;
	text_cut(p->file[i].detail, sizeof(p->file[i].detail), name);
	p->n_file++;
}

static void
event_apply(
    struct desk_person *p, const struct manifest *m, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_NOTICE_TAKEN:
	case EVENT_FORWARD_TAKEN:
		step_first(&p->notice, ev);
		break;
	case EVENT_NOTICE_FAILED:
	case EVENT_FORWARD_FAILED:
		step_first(&p->failed, ev);
		break;
	case EVENT_CODE_TAKEN:
		step_first(&p->code, ev);
		break;
	case EVENT_PROVED:
		step_first(&p->proved, ev);
		break;
	case EVENT_DISPLAYED:
		/* Nothing is displayed without proof, however it was given. */
		step_first(&p->proved, ev);
		step_first(&p->displayed, ev);
		break;
	case EVENT_DOWNLOADED:
		file_step(p, m, ev);
		break;
	case EVENT_REPLIED:
		step_first(&p->replied, ev);
		break;
	case EVENT_WRONG_PERSON:
		step_first(&p->wrong, ev);
		break;
	case EVENT_ACCEPTED:
	case EVENT_NOTICE_QUEUED:
	case EVENT_CODE_SENT:
	case EVENT_CODE_FAILED:
	case EVENT_RETRACTED:
	case EVENT_EXPIRED:
	case EVENT_RECEIPT_TAKEN:
	case EVENT_FORWARD_QUEUED:
		break;
	}
}

static bool
has_slot(const struct desk_message *m, uint32_t slot)
{
	for (size_t i = 0; i < m->n_people; i++)
		if (m->people[i].slot == slot)
			return true;
	return false;
}

static void
person_fill(struct desk_track *t, const struct tracking *k, const char *address,
    uint32_t slot)
{
	struct desk_person *p = &t->person[t->n++];

	text_cut(p->address, sizeof(p->address), address);
	for (size_t i = 0; i < k->n; i++)
		if (k->event[i].slot == slot)
			event_apply(p, t->message.manifest, &k->event[i]);
}

static int
people_fill(struct desk_track *t, const struct tracking *k, struct err *e)
{
	const struct desk_message *m = &t->message;
	size_t i;

	t->person = calloc(m->n_people + k->n_mailed + 1, sizeof(*t->person));
	if (t->person == NULL)
		return err_set(e, ERR_UNAVAILABLE, "tracking: memory");
	for (i = 0; i < m->n_people; i++)
		if (m->people[i].role == READER_RECIPIENT)
			person_fill(
			    t, k, m->people[i].address, m->people[i].slot);
	for (i = 0; i < k->n_mailed; i++)
		if (!has_slot(m, k->mailed[i].slot))
			person_fill(
			    t, k, k->mailed[i].given, k->mailed[i].slot);
	for (i = 0; i < m->manifest->n_parts; i++)
		t->files += m->manifest->parts[i].attached;
	return 0;
}

int
desk_track(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_track *out, struct err *e)
{
	struct tracking k = {.t = out};
	int r;

	memset(out, 0, sizeof(*out));
	if (desk_open_message(d, v, id, &out->message, e) == -1)
		return -1;
	if (!out->message.mine)
		r = err_set(e, ERR_NOT_FOUND, "not this sender's");
	else if ((r = desk_within(d, &v->tenant.id, events_read, &k, e)) == 0)
		r = people_fill(out, &k, e);
	free(k.event);
	free(k.mailed);
	if (r == -1)
		desk_track_clear(out);
	return r;
}

void
desk_track_clear(struct desk_track *t)
{
	desk_message_clear(&t->message);
	free(t->person);
	memset(t, 0, sizeof(*t));
}
