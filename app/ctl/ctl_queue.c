/*
 * ctl_queue.c: restantectl queue.
 */
#include <stdio.h>

#include "ctl/ctl.h"
#include "store/outbox.h"

static const char *
kind_name(enum outbox_kind k)
{
	switch (k) {
	case OUTBOX_NOTICE:
		return "notice";
	case OUTBOX_CODE:
		return "code";
	case OUTBOX_RECEIPT:
		return "receipt";
	case OUTBOX_FORWARD:
		return "forward";
	case OUTBOX_STATUS:
		return "status";
	}
	return "unknown";
}

static void
collect(void *arg, const struct outbox *o, const char *state,
    const char *last_reply)
{
	json_array_append_new(arg,
	    json_pack("{s:o, s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:s}",
		"id", ctl_json_id(&o->id), "tenant", ctl_json_id(&o->tenant),
		"kind", kind_name(o->kind), "state", state, "message",
		ctl_json_id(&o->message), "slot", (int)o->slot, "tries",
		o->tries, "created", ctl_json_time(o->created), "due",
		ctl_json_time(o->due), "last_reply", last_reply));
}

static void
line(void *arg, const struct outbox *o, const char *state,
    const char *last_reply)
{
	char id[ID_TEXT_LEN], created[32], due[32];

	(void)arg;
	id_format(&o->message, id);
	printf("%-8s %-9s %-36s %4u %4d  %-20s %-20s %s\n", kind_name(o->kind),
	    state, id_is_zero(&o->message) ? "-" : id, o->slot, o->tries,
	    ctl_time(o->created, created), ctl_time(o->due, due), last_reply);
}

static int
show_json(const struct outbox_count *n, json_t *rows)
{
	return ctl_json(json_pack("{s:i, s:i, s:i, s:o, s:o}", "waiting",
	    n->waiting, "retrying", n->retrying, "failed", n->failed, "oldest",
	    ctl_json_time(n->oldest), "rows", rows));
}

int
ctl_queue(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	struct outbox_count n;
	struct err e;
	json_t *rows;
	char oldest[32];

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (outbox_counts(c->db, &n, &e) == -1)
		return ctl_failed(c, &e, "the queue could not be read");
	rows = json_array();
	if (!c->json && n.waiting + n.retrying + n.failed > 0)
		printf("%-8s %-9s %-36s %4s %4s  %-20s %-20s %s\n", "MAIL",
		    "STATE", "MESSAGE", "SLOT", "TRY", "QUEUED", "DUE",
		    "LAST ANSWER");
	if (outbox_list(c->db, c->json ? collect : line, rows, &e) == -1) {
		json_decref(rows);
		return ctl_failed(c, &e, "the queue could not be read");
	}
	if (c->json)
		return show_json(&n, rows);
	json_decref(rows);
	printf("%d waiting, %d to be tried again, %d failed", n.waiting,
	    n.retrying, n.failed);
	if (n.oldest != 0)
		printf("; the oldest is of %s", ctl_time(n.oldest, oldest));
	putchar('\n');
	return CTL_OK;
}
