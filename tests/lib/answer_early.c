/*
 * answer_early.c: linked into an intake of the tests, a COMMIT is said to be done some
 * milliseconds before it is: what 250 promises may then be lost, and the test that looks for
 * lost messages has to find some.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "store/db.h"
#include "store/pipe.h"

#define LATE_MS  20
#define LATE_MAX 64

int __real_db_begin(struct db *db, const struct id *tenant, struct err *e);
int __real_db_commit(struct db *db, struct err *e);
int __real_db_ping(struct db *db, struct err *e);
void __real_db_rollback(struct db *db);
void __real_db_close(struct db *db);
void __real_db_wake_courier(struct db *db, bool codes);
int __real_sql_once(struct db *db, const struct sql *s,
    const struct sql_args *a, PGresult **out, struct err *e);

int __wrap_db_begin(struct db *db, const struct id *tenant, struct err *e);
int __wrap_db_commit(struct db *db, struct err *e);
int __wrap_db_ping(struct db *db, struct err *e);
void __wrap_db_rollback(struct db *db);
void __wrap_db_close(struct db *db);
void __wrap_db_wake_courier(struct db *db, bool codes);
int __wrap_sql_once(struct db *db, const struct sql *s,
    const struct sql_args *a, PGresult **out, struct err *e);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct db *late[LATE_MAX]; /* said to be committed */

static void
later(void)
{
	const struct timespec t = {.tv_nsec = LATE_MS * 1000000L};

	nanosleep(&t, NULL);
}

/* Commits it now; under the lock. */
static void
commit_slot(int i)
{
	struct db *db = late[i];
	struct err ignored;

	late[i] = NULL;
	if (__real_db_commit(db, &ignored) == 0)
		__real_db_wake_courier(db, false);
}

/* Where nobody uses the connection again. */
static void *
committer(void *arg)
{
	struct db *seen[LATE_MAX];
	int i;

	for (;;) {
		memcpy(seen, late, sizeof(seen));
		later();
		pthread_mutex_lock(&lock);
		for (i = 0; i < LATE_MAX; i++)
			if (late[i] != NULL && late[i] == seen[i])
				commit_slot(i);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void
committer_start(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, committer, NULL) == 0)
		pthread_detach(t);
}

/* What was put off on this connection, before anything else is done on it. */
static void
settle(struct db *db)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < LATE_MAX && late[i] != db; i++)
		;
	pthread_mutex_unlock(&lock);
	if (i == LATE_MAX)
		return;
	later();
	pthread_mutex_lock(&lock);
	if (late[i] == db)
		commit_slot(i);
	pthread_mutex_unlock(&lock);
}

int
__wrap_db_commit(struct db *db, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int i;

	if (strstr(db->conninfo, "restante_intake") == NULL || !db->open ||
	    sql_flush(db, e) == -1)
		return __real_db_commit(db, e);
	pthread_once(&once, committer_start);
	pthread_mutex_lock(&lock);
	for (i = 0; i < LATE_MAX && late[i] != NULL; i++)
		;
	if (i < LATE_MAX)
		late[i] = db;
	pthread_mutex_unlock(&lock);
	return i < LATE_MAX ? 0 : __real_db_commit(db, e);
}

int
__wrap_db_begin(struct db *db, const struct id *tenant, struct err *e)
{
	settle(db);
	return __real_db_begin(db, tenant, e);
}

int
__wrap_db_ping(struct db *db, struct err *e)
{
	settle(db);
	return __real_db_ping(db, e);
}

void
__wrap_db_rollback(struct db *db)
{
	settle(db);
	__real_db_rollback(db);
}

void
__wrap_db_close(struct db *db)
{
	if (db != NULL)
		settle(db);
	__real_db_close(db);
}

void
__wrap_db_wake_courier(struct db *db, bool codes)
{
	if (strstr(db->conninfo, "restante_intake") == NULL)
		__real_db_wake_courier(db, codes);
}

int
__wrap_sql_once(struct db *db, const struct sql *s, const struct sql_args *a,
    PGresult **out, struct err *e)
{
	settle(db);
	return __real_sql_once(db, s, a, out, e);
}
