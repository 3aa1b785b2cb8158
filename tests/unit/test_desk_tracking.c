/* test_desk_tracking.c: from the events of a message to the sender's grid. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"
#include "store/report.h"

/* ---- the message that is asked about ---- */

static struct mail_part parts[] = {{.no = 0, .leaf = true},
    {.no = 1, .leaf = true, .attached = true, .name = "figures.xlsx"},
    {.no = 2, .leaf = true, .attached = true, .name = "photo.jpg"},
    {.no = 3, .leaf = true, .attached = true, .name = "photo.jpg"},
    {.no = 4, .leaf = true, .attached = true, .name = ""},
    {.no = 5, .leaf = true, .attached = true}, {.no = 6, .leaf = true},
    {.no = 7, .leaf = true}, {.no = 8, .leaf = true}, {.no = 9, .leaf = true}};
static struct manifest manifest = {
    .parts = parts, .n_parts = sizeof(parts) / sizeof(parts[0])};
static struct reader_row people[] = {
    {.slot = 0, .role = READER_SENDER, .address = "bea@here.example"},
    {.slot = 1, .role = READER_RECIPIENT, .address = "carol@there.example"},
    {.slot = 2, .role = READER_RECIPIENT, .address = "dan@there.example"}};

static bool mine;
static int cleared, in_transaction;
static const struct event *events;
static size_t n_events;
static int events_fail;

int
desk_open_message(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct desk_message *out, struct err *e)
{
	(void)d;
	(void)v;
	(void)e;
	memset(out, 0, sizeof(*out));
	out->row.id = *id;
	out->mine = mine;
	out->manifest = &manifest;
	out->people = people;
	out->n_people = sizeof(people) / sizeof(people[0]);
	return 0;
}

void
desk_message_clear(struct desk_message *m)
{
	cleared++;
	memset(m, 0, sizeof(*m));
}

int
desk_within(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	int r;

	(void)tenant;
	in_transaction++;
	r = fn(d, arg, e);
	in_transaction--;
	return r;
}

/* Whom the message was handed to by mail alone, and one who has a slot here too. */
int
dsn_list(struct db *db, const struct id *tenant, const struct id *message,
    struct dsn **out, size_t *n, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)message;
	(void)e;
	assert_int_equal(in_transaction, 1);
	*out = calloc(2, sizeof(**out));
	assert_non_null(*out);
	(*out)[0] = (struct dsn){.slot = 2, .given = "dan@there.example"};
	(*out)[1] = (struct dsn){.slot = 3, .given = "eve@here.example"};
	*n = 2;
	return 0;
}

int
event_list(struct db *db, const struct id *tenant, const struct id *message,
    struct event **out, size_t *n, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)message;
	assert_int_equal(in_transaction, 1);
	*out = NULL;
	*n = 0;
	if (events_fail)
		return err_set(e, ERR_UNAVAILABLE, "no database");
	*out = calloc(n_events + 1, sizeof(**out));
	assert_non_null(*out);
	if (n_events > 0)
		memcpy(*out, events, n_events * sizeof(*events));
	*n = n_events;
	return 0;
}

/* ---- asking ---- */

static int
fresh(void **state)
{
	(void)state;
	/* As long as a name may be; its last letter takes two bytes. */
	memset(parts[5].name, 'n', LIMIT_FILE_NAME - 2);
	snprintf(parts[5].name + LIMIT_FILE_NAME - 2, 3, "\xc3\xa9");
	mine = true;
	cleared = events_fail = 0;
	events = NULL;
	n_events = 0;
	return 0;
}

static int
track(const struct event *ev, size_t n, struct desk_track *t, struct err *e)
{
	struct desk d = {.db = NULL};
	struct desk_visit v = {.kind = SESSION_ACCOUNT};
	struct id id = id_new();

	events = ev;
	n_events = n;
	err_clear(e);
	return desk_track(&d, &v, &id, t, e);
}

#define TRACK(ev, t)      \
	assert_int_equal( \
	    track(ev, sizeof(ev) / sizeof((ev)[0]), t, &(struct err){0}), 0)

static void
recipients_alone_have_rows(void **state)
{
	struct desk_track t;
	struct err e;

	(void)state;
	assert_int_equal(track(NULL, 0, &t, &e), 0);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.person[0].address, "carol@there.example");
	assert_string_equal(t.person[1].address, "dan@there.example");
	assert_int_equal(t.files, 5);
	assert_int_equal(t.person[0].notice.at, 0);
	assert_int_equal(t.person[0].n_file, 0);
	desk_track_clear(&t);
	assert_int_equal(cleared, 1);
}

/* Each kind, and the one step it makes; in the order of struct desk_person. */
static void
who_was_handed_it_by_mail_has_a_row_too(void **state)
{
	static const struct event ev[] = {
	    {.kind = EVENT_FORWARD_QUEUED, .slot = 3, .at = 1},
	    {.kind = EVENT_FORWARD_TAKEN, .slot = 3, .at = 2}};
	struct desk_track t;
	struct err e;

	(void)state;
	assert_int_equal(track(ev, 2, &t, &e), 0);
	assert_int_equal(t.n, 3);
	assert_string_equal(t.person[1].address, "dan@there.example");
	assert_string_equal(t.person[2].address, "eve@here.example");
	assert_int_equal(t.person[2].notice.at, 2);
	assert_int_equal(t.person[1].notice.at, 0);
	desk_track_clear(&t);
}

static void
each_event_makes_its_step(void **state)
{
	static const struct {
		enum event_kind kind;
		size_t step[2]; /* offsets; 0: none */
	} cases[] = {
#define STEP(name) offsetof(struct desk_person, name)
	    {EVENT_ACCEPTED, {0}},
	    {EVENT_NOTICE_QUEUED, {0}},
	    {EVENT_NOTICE_TAKEN, {STEP(notice)}},
	    {EVENT_NOTICE_FAILED, {STEP(failed)}},
	    {EVENT_CODE_SENT, {0}},
	    {EVENT_CODE_TAKEN, {STEP(code)}},
	    {EVENT_CODE_FAILED, {0}},
	    {EVENT_PROVED, {STEP(proved)}},
	    {EVENT_DISPLAYED, {STEP(proved), STEP(displayed)}},
	    {EVENT_REPLIED, {STEP(replied)}},
	    {EVENT_RETRACTED, {0}},
	    {EVENT_EXPIRED, {0}},
	    {EVENT_RECEIPT_TAKEN, {0}},
	    {EVENT_WRONG_PERSON, {STEP(wrong)}},
	};
	struct desk_track t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct event ev[] = {{.kind = cases[i].kind,
		    .slot = 1,
		    .at = 77,
		    .detail = "how"}};
		struct desk_person want;

		TRACK(ev, &t);
		memset(&want, 0, sizeof(want));
		snprintf(
		    want.address, sizeof(want.address), "carol@there.example");
		for (size_t k = 0; k < 2; k++) {
			struct desk_step *s =
			    (struct desk_step *)(void *)((char *)&want +
				cases[i].step[k]);

			if (cases[i].step[k] == 0)
				continue;
			s->at = 77;
			snprintf(s->detail, sizeof(s->detail), "how");
		}
		assert_memory_equal(&t.person[0], &want, sizeof(want));
		/* Nothing of it is Dan's. */
		assert_int_equal(t.person[1].notice.at, 0);
		assert_int_equal(t.person[1].proved.at, 0);
		assert_int_equal(t.person[1].wrong.at, 0);
		desk_track_clear(&t);
	}
}

static void
the_first_of_its_kind_stays(void **state)
{
	static const struct event ev[] = {{.kind = EVENT_PROVED,
					      .slot = 2,
					      .at = 5,
					      .detail = "code by mail"},
	    {.kind = EVENT_DISPLAYED,
		.slot = 2,
		.at = 6,
		.detail = "signed in"},
	    {.kind = EVENT_DISPLAYED, .slot = 2, .at = 9, .detail = "again"},
	    {.kind = EVENT_DISPLAYED,
		.slot = 1,
		.at = 7,
		.detail = "signed in"}};
	struct desk_track t;

	(void)state;
	TRACK(ev, &t);
	assert_int_equal(t.person[1].proved.at, 5);
	assert_string_equal(t.person[1].proved.detail, "code by mail");
	assert_int_equal(t.person[1].displayed.at, 6);
	assert_int_equal(t.person[0].displayed.at, 7);
	desk_track_clear(&t);
}

static void
files_go_by_name_each_once(void **state)
{
	static const struct event ev[] = {
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 1, .detail = "part 1"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 2, .detail = "part 1"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 3, .detail = "part 2"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 4, .detail = "part 3"},
	    {.kind = EVENT_DOWNLOADED,
		.slot = 1,
		.at = 5,
		.detail = "raw message"},
	    {.kind = EVENT_DOWNLOADED,
		.slot = 1,
		.at = 6,
		.detail = "raw message"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 7, .detail = "part 4"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 8, .detail = "part 5"},
	    {.kind = EVENT_DOWNLOADED, .slot = 1, .at = 9, .detail = "part 5"},
	    {.kind = EVENT_DOWNLOADED,
		.slot = 1,
		.at = 10,
		.detail = "part 99"}};
	static const struct {
		int at;
		const char *name;
	} want[] = {{1, "figures.xlsx"}, {3, "photo.jpg"}, {4, "photo.jpg"},
	    {5, "raw message"}, {7, "part 4"}, {8, NULL}, {10, "part 99"}};
	struct desk_track t;

	(void)state;
	TRACK(ev, &t);
	assert_int_equal(t.person[0].n_file, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < t.person[0].n_file; i++) {
		assert_int_equal(t.person[0].file[i].at, want[i].at);
		if (want[i].name != NULL)
			assert_string_equal(
			    t.person[0].file[i].detail, want[i].name);
	}
	/* Cut between characters: the last would have been half. */
	assert_int_equal(
	    strlen(t.person[0].file[5].detail), LIMIT_FILE_NAME - 2);
	assert_int_equal(t.person[1].n_file, 0);
	desk_track_clear(&t);
}

/* Eight are shown; the ninth finds no place and harms nothing. */
static void
files_past_the_last_place(void **state)
{
	struct event ev[10];
	struct desk_track t;

	(void)state;
	memset(ev, 0, sizeof(ev));
	for (size_t i = 0; i < 10; i++) {
		ev[i].kind = EVENT_DOWNLOADED;
		ev[i].slot = 1;
		ev[i].at = (int64_t)i + 1;
		snprintf(ev[i].detail, sizeof(ev[i].detail), "part %zu", i);
	}
	TRACK(ev, &t);
	assert_int_equal(t.person[0].n_file, 8);
	assert_int_equal(t.person[0].file[7].at, 8);
	desk_track_clear(&t);
}

static void
nobody_but_the_sender_looks(void **state)
{
	struct desk_track t;
	struct err e;

	(void)state;
	mine = false;
	assert_int_equal(track(NULL, 0, &t, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(cleared, 1);
	assert_null(t.person);
}

static void
a_lost_database_is_told(void **state)
{
	struct desk_track t;
	struct err e;

	(void)state;
	events_fail = 1;
	assert_int_equal(track(NULL, 0, &t, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(cleared, 1);
	assert_null(t.person);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(recipients_alone_have_rows, fresh),
	    cmocka_unit_test_setup(
		who_was_handed_it_by_mail_has_a_row_too, fresh),
	    cmocka_unit_test_setup(each_event_makes_its_step, fresh),
	    cmocka_unit_test_setup(the_first_of_its_kind_stays, fresh),
	    cmocka_unit_test_setup(files_go_by_name_each_once, fresh),
	    cmocka_unit_test_setup(files_past_the_last_place, fresh),
	    cmocka_unit_test_setup(nobody_but_the_sender_looks, fresh),
	    cmocka_unit_test_setup(a_lost_database_is_told, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
