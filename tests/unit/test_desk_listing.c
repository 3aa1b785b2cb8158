/* test_desk_listing.c: a page of rows, where the next one begins, and rows that do not open. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

/* ---- a store of n rows, the newest first, row i made at made(i) ---- */

static struct {
	size_t n;
	enum err_code sealed; /* what opening every third row says */
	int people_fail;
	int opened, cleared, by_address;
	size_t twin,
	    twins; /* rows from there on made when the one before was */
} store;

static int64_t
made(size_t i)
{
	if (store.twins > 0 && i >= store.twin)
		i -= i < store.twin + store.twins ? i - store.twin + 1 : 0;
	return 1000 - (int64_t)i;
}

int
desk_look(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	(void)tenant;
	return fn(d, arg, e);
}

static int
rows(enum reader_role role, const struct list_place *after,
    struct list_row *out, size_t cap, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < store.n && *n < cap; i++) {
		struct list_row *r = &out[*n];

		/* Of one moment, the later rows have the lower ids. */
		memset(r, 0, sizeof(*r));
		r->message.created = made(i);
		r->message.id.b[0] = (uint8_t)(255 - i);
		if (after->created != 0 &&
		    (made(i) > after->created ||
			(made(i) == after->created &&
			    r->message.id.b[0] >= after->id.b[0])))
			continue;
		snprintf(r->message.sender_name, sizeof(r->message.sender_name),
		    "Sender %zu", i);
		r->reader.role = role;
		r->reader.slot = (uint32_t)i;
		r->reader.first_displayed = i % 2;
		r->recipients = 2;
		(*n)++;
	}
	return 0;
}

int
list_of_account(struct db *db, const struct id *tenant,
    const struct id *account, enum reader_role role,
    const struct list_place *after, struct list_row *out, size_t cap, size_t *n,
    struct err *e)
{
	(void)db;
	(void)tenant;
	(void)account;
	(void)e;
	return rows(role, after, out, cap, n);
}

int
list_of_address(struct db *db, const struct id *tenant, const char *key,
    enum reader_role role, const struct list_place *after, struct list_row *out,
    size_t cap, size_t *n, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)e;
	assert_string_equal(key, "carol@there.example");
	store.by_address++;
	return rows(role, after, out, cap, n);
}

void
list_row_clear(struct list_row *r)
{
	(void)r;
	store.cleared++;
}

void
list_mark(const struct list_row *r, uint8_t out[LIST_MARK_LEN])
{
	memset(out, 0, LIST_MARK_LEN);
	memcpy(out, r->message.id.b, ID_LEN);
	out[ID_LEN] = (uint8_t)r->reader.slot;
	out[ID_LEN + 1] = r->reader.first_displayed != 0;
}

int
reader_list(struct db *db, const struct id *tenant, const struct id *message,
    struct reader_row **out, size_t *n, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)message;
	*out = NULL;
	*n = 0;
	if (store.people_fail)
		return err_set(e, ERR_UNAVAILABLE, "no database");
	*out = calloc(3, sizeof(**out));
	assert_non_null(*out);
	(*out)[0].role = READER_SENDER;
	(*out)[1].role = (*out)[2].role = READER_RECIPIENT;
	snprintf((*out)[0].address, sizeof((*out)[0].address), "me@x.example");
	snprintf((*out)[1].address, sizeof((*out)[1].address), "to@x.example");
	*n = 3;
	return 0;
}

int
message_unseal(struct desk *d, const struct desk_visit *v,
    const struct message *m, const struct reader_row *r,
    uint8_t dek[SECRET_KEY_LEN], struct manifest **manifest, struct err *e)
{
	(void)d;
	(void)v;
	(void)m;
	store.opened++;
	memset(dek, 1, SECRET_KEY_LEN);
	if (store.sealed != ERR_NONE && r->slot % 3 == 0)
		return err_set(e, store.sealed, "closed");
	*manifest = calloc(1, sizeof(**manifest));
	assert_non_null(*manifest);
	(*manifest)->subject = strdup("Figures");
	(*manifest)->parts = calloc(2, sizeof(*(*manifest)->parts));
	assert_non_null((*manifest)->parts);
	(*manifest)->n_parts = 2;
	(*manifest)->parts[1].attached = true;
	return 0;
}

/* ---- asking ---- */

static const struct list_place newest;

static int
fresh(void **state)
{
	(void)state;
	memset(&store, 0, sizeof(store));
	return 0;
}

static int
list(enum session_kind kind, enum reader_role role, struct list_place after,
    struct desk_list *l, struct err *e)
{
	struct desk d = {.db = NULL};
	struct desk_visit v = {.kind = kind, .address = "carol@there.example"};

	err_clear(e);
	return desk_list(&d, &v, role, &after, l, e);
}

static void
every_row_once_whatever_their_number(void **state)
{
	static const size_t sizes[] = {0, 1, LIMIT_PAGE_ROWS - 1,
	    LIMIT_PAGE_ROWS, LIMIT_PAGE_ROWS + 1, 2 * LIMIT_PAGE_ROWS,
	    2 * LIMIT_PAGE_ROWS + 1};
	struct desk_list l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct list_place after = newest;
		size_t seen = 0, pages = 0;

		store.n = sizes[i];
		store.cleared = 0;
		do {
			assert_int_equal(list(SESSION_ACCOUNT, READER_RECIPIENT,
					     after, &l, &e),
			    0);
			assert_true(l.n <= LIMIT_PAGE_ROWS);
			for (size_t k = 0; k < l.n; k++, seen++)
				assert_int_equal(
				    l.item[k].created, 1000 - (int64_t)seen);
			after = l.more;
			pages++;
			desk_list_clear(&l);
		} while (after.created != 0);
		assert_int_equal(seen, sizes[i]);
		assert_int_equal(pages,
		    sizes[i] == 0 ?
			1 :
			(sizes[i] + LIMIT_PAGE_ROWS - 1) / LIMIT_PAGE_ROWS);
		/* Also the row that only says that there are more. */
		assert_int_equal(store.cleared, sizes[i] + pages - 1);
	}
}

/* Rows of one moment around the end of a page, and more of them than fit on one. */
static void
twins_are_listed_once(void **state)
{
	struct desk_list l;
	struct err e;

	(void)state;
	store.n = 3 * LIMIT_PAGE_ROWS;
	for (store.twins = 1; store.twins < 2 * LIMIT_PAGE_ROWS;
	     store.twins += store.twins < 5 ? 1 : 20)
		for (store.twin = LIMIT_PAGE_ROWS - 5;
		     store.twin < LIMIT_PAGE_ROWS + 5; store.twin++) {
			struct list_place after = newest;
			size_t seen = 0;

			do {
				assert_int_equal(
				    list(SESSION_ACCOUNT, READER_RECIPIENT,
					after, &l, &e),
				    0);
				assert_true(l.n <= LIMIT_PAGE_ROWS);
				for (size_t k = 0; k < l.n; k++, seen++)
					assert_int_equal(
					    l.item[k].id.b[0], 255 - (int)seen);
				after = l.more;
				desk_list_clear(&l);
			} while (after.created != 0);
			assert_int_equal(seen, store.n);
		}
}

static void
what_a_row_says(void **state)
{
	struct desk_list l;
	struct err e;

	(void)state;
	store.n = 2;
	assert_int_equal(
	    list(SESSION_GUEST, READER_RECIPIENT, newest, &l, &e), 0);
	assert_int_equal(store.by_address, 1);
	assert_string_equal(l.item[1].name, "Sender 1");
	assert_string_equal(l.item[1].subject, "Figures");
	assert_int_equal(l.item[1].files, 1);
	assert_true(l.item[0].fresh);
	assert_false(l.item[1].fresh);
	desk_list_clear(&l);
	/* What was sent names who it went to, and is never new. */
	assert_int_equal(
	    list(SESSION_ACCOUNT, READER_SENDER, newest, &l, &e), 0);
	assert_int_equal(store.by_address, 1);
	assert_string_equal(l.item[0].address, "to@x.example");
	assert_string_equal(l.item[0].name, "");
	assert_int_equal(l.item[0].recipients, 2);
	assert_false(l.item[0].fresh);
	desk_list_clear(&l);
}

/* One that does not open is listed without a subject; an absent keyd is told. */
static void
rows_that_do_not_open(void **state)
{
	static const enum err_code codes[] = {
	    ERR_DENIED, ERR_CORRUPT, ERR_EXPIRED, ERR_NOT_FOUND};
	struct desk_list l;
	struct err e;

	(void)state;
	store.n = 5;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		store.sealed = codes[i];
		assert_int_equal(
		    list(SESSION_ACCOUNT, READER_RECIPIENT, newest, &l, &e), 0);
		assert_int_equal(l.n, 5);
		assert_string_equal(l.item[0].subject, "");
		assert_string_equal(l.item[1].subject, "Figures");
		assert_string_equal(l.item[3].subject, "");
		desk_list_clear(&l);
	}
	store.sealed = ERR_UNAVAILABLE;
	store.cleared = 0;
	assert_int_equal(
	    list(SESSION_ACCOUNT, READER_RECIPIENT, newest, &l, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_null(l.item);
	assert_int_equal(store.cleared, 5);
	store.sealed = ERR_NONE;
	store.people_fail = 1;
	assert_int_equal(
	    list(SESSION_ACCOUNT, READER_SENDER, newest, &l, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_null(l.item);
}

static void
nobody_and_visitors_have_no_list(void **state)
{
	struct desk_list l;
	struct err e;

	(void)state;
	store.n = 1;
	assert_int_equal(list(0, READER_RECIPIENT, newest, &l, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(
	    list(SESSION_VISITOR, READER_RECIPIENT, newest, &l, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(store.opened, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(every_row_once_whatever_their_number, fresh),
	    cmocka_unit_test_setup(twins_are_listed_once, fresh),
	    cmocka_unit_test_setup(what_a_row_says, fresh),
	    cmocka_unit_test_setup(rows_that_do_not_open, fresh),
	    cmocka_unit_test_setup(nobody_and_visitors_have_no_list, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
