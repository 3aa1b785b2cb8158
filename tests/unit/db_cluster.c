/*
 * db_cluster.c: the cluster, its watcher, and sample rows.
 */
#include "db_cluster.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/account.h"
#include "store/migrate.h"
#include "store/rate.h"
#include "store/rows.h"
#include "store/session.h"
#include "store/tenant.h"
#include "store/directory.h"
#include "store/upload.h"

struct id tenant_a, tenant_b, account_a, account_b;

static char dir[64];
static int leash = -1; /* the watcher stops the cluster when this closes */
static pid_t watcher;

static int
helper(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "%s/tests/lib/cluster %s %s",
	    getenv("RESTANTE_SHARE") != NULL ? getenv("RESTANTE_SHARE") : ".",
	    what, dir);
	return system(command);
}

static void
watch(void)
{
	char byte;
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1) /* or the server would hold it, too */
		abort();
	fflush(NULL);
	watcher = fork();
	if (watcher == 0) {
		close(p[1]);
		if (read(p[0], &byte, 1) != 0)
			_exit(1);
		_exit(helper("stop") != 0);
	}
	close(p[0]);
	leash = p[1];
}

static void
say(void *arg, int version, const char *name, bool now)
{
	(void)arg;
	(void)version;
	(void)name;
	(void)now;
}

const char *
cluster_conninfo(const char *role, const char *database)
{
	static _Thread_local char text[4][256];
	static _Thread_local unsigned turn;
	char *p = text[turn++ % 4];

	snprintf(p, sizeof(text[0]), "host=%s dbname=%s user=%s", dir, database,
	    role);
	return p;
}

struct db *
cluster_db(const char *role)
{
	struct db *db = db_open(cluster_conninfo(role, "restante"));

	if (db == NULL)
		abort();
	return db;
}

PGconn *
cluster_raw(const char *role, const char *database)
{
	PGconn *c = PQconnectdb(cluster_conninfo(role, database));

	if (PQstatus(c) != CONNECTION_OK) {
		fprintf(stderr, "%s", PQerrorMessage(c));
		abort();
	}
	return c;
}

const char *
cluster_try(PGconn *c, const char *command)
{
	static char state[6];
	PGresult *res = PQexec(c, command);
	const char *s = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	snprintf(state, sizeof(state), "%s", s != NULL ? s : "00000");
	PQclear(res);
	return state;
}

long
cluster_number(PGconn *c, const char *query)
{
	PGresult *res = PQexec(c, query);
	long n = -1;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		n = atol(PQgetvalue(res, 0, 0));
	else
		fprintf(stderr, "%s: %s", query, PQerrorMessage(c));
	PQclear(res);
	return n;
}

static int
add_tenant(struct db *db, const char *slug, struct id *tenant,
    struct id *account, struct err *e)
{
	struct tenant t = {
	    .id = id_new(), .color = "#123456", .retention_days = 30};
	struct account a = {.id = id_new(), .kind = ACCOUNT_MEMBER};
	struct account_key k = {.account = a.id, .version = 1};
	struct unlocker u = {
	    .id = id_new(), .account = a.id, .kind = UNLOCKER_PASSWORD};
	struct smtp_token token = {
	    .id = id_new(), .account = a.id, .label = "first"};

	snprintf(t.slug, sizeof(t.slug), "%s", slug);
	snprintf(t.name, sizeof(t.name), "The %s", slug);
	snprintf(t.host, sizeof(t.host), "%s.localhost", slug);
	snprintf(t.domain, sizeof(t.domain), "%s.example", slug);
	snprintf(a.address, sizeof(a.address), "Member@%s.example", slug);
	snprintf(a.key, sizeof(a.key), "member@%s.example", slug);
	*tenant = t.id;
	*account = a.id;
	if (db_begin(db, &t.id, e) == -1 || tenant_add(db, &t, e) == -1 ||
	    account_add(db, &t.id, &a, e) == -1 ||
	    account_key_add(db, &t.id, &k, e) == -1 ||
	    unlocker_add(db, &t.id, &u, e) == -1 ||
	    smtp_token_add(db, &t.id, &token, e) == -1)
		return -1;
	return db_commit(db, e);
}

static int
add_session(const struct id *tenant, const struct id *account, struct err *e)
{
	struct session_row s = {.kind = SESSION_ACCOUNT,
	    .account = *account,
	    .address = "member",
	    .expires = clock_now() + CLOCK_HOUR};
	struct db *db = cluster_db("restante_portal");
	int rc = -1;

	if (db_begin(db, tenant, e) == 0 &&
	    session_add(db, tenant, &s, e) == 0 && db_commit(db, e) == 0)
		rc = 0;
	db_close(db);
	return rc;
}

static int
add_upload(const struct id *tenant, const struct id *account, struct err *e)
{
	struct upload u = {.id = id_new(),
	    .account = *account,
	    .key = "member",
	    .length = SEAL_CHUNK,
	    .key_version = 1};
	struct buf data = BUF_INIT;
	const struct id writer = id_new();
	const struct upload_row r = {.tenant = tenant,
	    .upload = &u.id,
	    .writer = &writer,
	    .now = SEAL_CHUNK,
	    .data = &data};
	struct db *db = cluster_db("restante_portal");
	int64_t expires;
	int rc = -1;

	if (buf_adds(&u.key_wrap, "the key, boxed") == -1 ||
	    buf_adds(&u.facts, "name and type, sealed") == -1 ||
	    buf_adds(&data, "four sealed chunks, one after another") == -1)
		abort();
	if (db_begin(db, tenant, e) == 0 &&
	    upload_add(db, tenant, &u, &expires, e) == 0 &&
	    upload_claim(db, tenant, &u.id, &writer, 0, e) == 0 &&
	    upload_row_add(db, &r, e) == 0 && upload_kept(db, &r, e) == 0 &&
	    db_commit(db, e) == 0)
		rc = 0;
	buf_free(&data);
	upload_clear(&u);
	db_close(db);
	return rc;
}

/* One of each of what says who may send what to whom. */
static int
add_directory(
    struct db *db, const struct id *tenant, const char *slug, struct err *e)
{
	const struct rate_limit rate = {.tenant = *tenant,
	    .of = RATE_TENANT,
	    .what = RATE_CONNECTIONS,
	    .most = 1000000};
	struct relay r = {
	    .id = id_new(), .kind = RELAY_RANGE, .range = "192.0.2.0/24"};
	struct partner p = {
	    .domain = "partner.example", .tls_in = true, .tls_out = true};
	struct dist_list l = {.id = id_new()};
	struct account a;
	char key[64], alias[64];

	snprintf(l.key, sizeof(l.key), "all@%s.example", slug);
	snprintf(key, sizeof(key), "member@%s.example", slug);
	snprintf(alias, sizeof(alias), "info@%s.example", slug);
	if (db_begin(db, tenant, e) == -1 ||
	    account_find(db, tenant, key, &a, e) != 1 ||
	    relay_add(db, tenant, &r, e) == -1 ||
	    partner_set(db, tenant, &p, e) == -1 ||
	    rate_limit_set(db, &rate, e) == -1 ||
	    alias_add(db, tenant, alias, &a.id, e) == -1 ||
	    dist_list_add(db, tenant, &l, e) == -1 ||
	    dist_list_join(db, tenant, &l.id, key, e) == -1)
		return -1;
	return db_commit(db, e);
}

static int
populate(struct err *e)
{
	struct db *ctl = cluster_db("restante_ctl"),
		  *intake = cluster_db("restante_intake");
	struct sample a, b;
	int rc = -1;

	if (add_tenant(ctl, "acme", &tenant_a, &account_a, e) == 0 &&
	    add_tenant(ctl, "globex", &tenant_b, &account_b, e) == 0 &&
	    add_directory(ctl, &tenant_a, "acme", e) == 0 &&
	    add_directory(ctl, &tenant_b, "globex", e) == 0 &&
	    add_session(&tenant_a, &account_a, e) == 0 &&
	    add_session(&tenant_b, &account_b, e) == 0 &&
	    add_upload(&tenant_a, &account_a, e) == 0 &&
	    add_upload(&tenant_b, &account_b, e) == 0) {
		sample_fill(&a, &tenant_a, &account_a, "AAAAAAA0",
		    "carol@partner.example");
		sample_fill(&b, &tenant_b, &account_b, "BBBBBBB0",
		    "carol@partner.example");
		if (sample_write(intake, &tenant_a, &a, e) == 0 &&
		    sample_write(intake, &tenant_b, &b, e) == 0)
			rc = 0;
		sample_clear(&a);
		sample_clear(&b);
	}
	db_close(ctl);
	db_close(intake);
	return rc;
}

int
cluster_start(void **state)
{
	const char *share = getenv("RESTANTE_SHARE");
	char path[4096];
	struct err e;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/restante-db.XXXXXX");
	if (secret_init() == -1 && getenv("RESTANTE_ALLOW_UNLOCKED") == NULL)
		return -1;
	if (mkdtemp(dir) == NULL)
		return -1;
	watch();
	if (helper("start") != 0)
		return -1;
	snprintf(
	    path, sizeof(path), "%s/migrations", share != NULL ? share : ".");
	if (migrate_run(cluster_conninfo("postgres", "restante"), path, say,
		NULL, &e) == -1 ||
	    populate(&e) == -1) {
		fprintf(stderr, "cluster: %s\n", e.text);
		return -1;
	}
	return 0;
}

int
cluster_stop(void **state)
{
	int status;

	(void)state;
	close(leash);
	return waitpid(watcher, &status, 0) == watcher && status == 0 ? 0 : -1;
}

int
cluster_crash(void)
{
	return helper("crash") == 0 ? 0 : -1;
}

void
sample_fill(struct sample *s, const struct id *tenant, const struct id *account,
    const char *pickup, const char *guest)
{
	struct reader_row *g = &s->guest, *m = &s->member;

	memset(s, 0, sizeof(*s));
	s->m.id = id_new();
	s->m.created = clock_now();
	s->m.expires = s->m.created + CLOCK_DAY;
	s->m.size = 5;
	s->m.chunks = 1;
	snprintf(s->m.sender, sizeof(s->m.sender), "alice@acme.example");
	secret_random(s->m.dek_commit, 32);
	if (buf_adds(&s->m.manifest, "sealed manifest") == -1)
		abort();
	s->notice.id = id_new();
	s->notice.message = s->m.id;
	s->notice.slot = 1;
	s->notice.expires = s->m.expires;
	snprintf(s->notice.pickup, sizeof(s->notice.pickup), "%s", pickup);
	snprintf(s->notice.key, sizeof(s->notice.key), "%s", guest);
	memset(s->notice.link_hash, 7, 32);
	memset(s->notice.cert, 8, sizeof(s->notice.cert));
	if (buf_adds(&s->notice.link_wrap, "wrap") == -1 ||
	    buf_adds(&s->notice.escrow, "escrow") == -1)
		abort();
	*g = (struct reader_row){.message = s->m.id,
	    .slot = 1,
	    .role = READER_RECIPIENT,
	    .state = READER_WAITING,
	    .notice = s->notice.id,
	    .slot_id = UINT64_MAX - 1};
	snprintf(g->address, sizeof(g->address), "%s", guest);
	snprintf(g->key, sizeof(g->key), "%s", guest);
	memset(g->sealed, 9, sizeof(g->sealed));
	*m = (struct reader_row){.message = s->m.id,
	    .slot = 2,
	    .role = READER_RECIPIENT,
	    .state = READER_WAITING,
	    .account = *account,
	    .key_version = 1,
	    .slot_id = 2,
	    .address = "member@here.example",
	    .key = "member@here.example"};
	s->outbox = (struct outbox){.tenant = *tenant,
	    .id = id_new(),
	    .kind = OUTBOX_NOTICE,
	    .message = s->m.id,
	    .slot = 1,
	    .notice = s->notice.id,
	    .item_kind = 1};
	if (buf_adds(&s->outbox.item, "boxed item") == -1)
		abort();
	secret_random(s->tag, sizeof(s->tag));
}

int
message_add(struct db *db, const struct id *tenant, const struct message *m,
    struct err *e)
{
	struct sql_rows rows = {0};
	int r;

	message_put(&rows, m);
	r = message_rows_add(db, tenant, &rows, e);
	sql_rows_clear(&rows);
	return r;
}

int
duplicate_add(struct db *db, const struct id *tenant, const uint8_t tag[32],
    const struct id *message, struct err *e)
{
	struct sql_rows rows = {0};
	int r;

	duplicate_put(&rows, tag, 1, message);
	r = duplicate_rows_add(db, tenant, &rows, e);
	sql_rows_clear(&rows);
	return r;
}

int
reader_add(struct db *db, const struct id *tenant, const struct reader_row *r,
    struct err *e)
{
	struct sql_rows rows = {0};
	int rc;

	reader_put(&rows, r);
	rc = reader_rows_add(db, tenant, &rows, e);
	sql_rows_clear(&rows);
	return rc;
}

int
notice_add(struct db *db, const struct id *tenant, const struct notice *n,
    struct err *e)
{
	struct sql_rows rows = {0};
	int r;

	notice_put(&rows, n);
	r = notice_rows_add(db, tenant, &rows, e);
	sql_rows_clear(&rows);
	return r;
}

struct found {
	struct buf *out;
	int n;
};

static int
find_chunk(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	struct found *f = arg;

	(void)seq;
	f->n++;
	buf_clear(f->out);
	return buf_add(f->out, p, n) == 0 ?
	    0 :
	    err_set(e, ERR_UNAVAILABLE, "memory");
}

int
chunk_get(struct db *db, const struct id *tenant, const struct id *message,
    uint32_t seq, struct buf *out, struct err *e)
{
	const struct chunk_range r = {tenant, message, 0, seq, 1};
	struct found f = {.out = out};

	return chunk_each(db, &r, find_chunk, &f, e) == -1 ? -1 : f.n;
}

int
sample_write(
    struct db *db, const struct id *tenant, struct sample *s, struct err *e)
{
	struct event ev = {
	    .message = s->m.id, .kind = EVENT_ACCEPTED, .detail = "by SMTP"};

	s->guest.created = s->member.created = s->m.created;
	if (db_begin(db, tenant, e) == -1 ||
	    message_add(db, tenant, &s->m, e) == -1 ||
	    chunk_add(db, tenant, &s->m.id, 0, 0, "a sealed chunk of it", 20,
		e) == -1 ||
	    reader_add(db, tenant, &s->guest, e) == -1 ||
	    reader_add(db, tenant, &s->member, e) == -1 ||
	    notice_add(db, tenant, &s->notice, e) == -1 ||
	    event_add(db, tenant, &ev, e) == -1 ||
	    outbox_add(db, &s->outbox, e) == -1 ||
	    duplicate_add(db, tenant, s->tag, &s->m.id, e) == -1) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

void
sample_clear(struct sample *s)
{
	message_clear(&s->m);
	notice_clear(&s->notice);
	outbox_clear(&s->outbox);
}

static int
no_content(void *arg, uint32_t seq, struct buf *out, struct err *e)
{
	(void)seq;
	(void)e;
	buf_clear(out);
	return buf_adds(out, arg);
}

void
sample_bundle(struct bundle *b, const struct id *tenant, const char *pickup)
{
	static char chunk[] = "a sealed chunk of it";
	struct sample s;

	sample_fill(&s, tenant,
	    id_equal(tenant, &tenant_a) ? &account_a : &account_b, pickup,
	    "dora@partner.example");
	*b = (struct bundle){.tenant = *tenant,
	    .message = s.m,
	    .has_tags = true,
	    .chunk = no_content,
	    .chunk_arg = chunk};
	*bundle_reader(b) = s.guest;
	*bundle_reader(b) = s.member;
	*bundle_notice(b) = s.notice;
	*bundle_mail(b) = s.outbox;
	*bundle_event(b) = (struct event){
	    .message = s.m.id, .kind = EVENT_ACCEPTED};
	secret_random(b->tags, sizeof(b->tags));
}

long
cluster_rows(const struct bundle *b)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[1024], id[ID_TEXT_LEN], tenant[ID_TEXT_LEN];
	long n;

	id_format(&b->message.id, id);
	id_format(&b->tenant, tenant);
	snprintf(query, sizeof(query),
	    "SELECT count(*) FROM (SELECT tenant_id, message_id FROM message"
	    " UNION ALL SELECT tenant_id, message_id FROM chunk"
	    " UNION ALL SELECT tenant_id, message_id FROM reader"
	    " UNION ALL SELECT tenant_id, message_id FROM notice"
	    " UNION ALL SELECT tenant_id, message_id FROM outbox"
	    " UNION ALL SELECT tenant_id, message_id FROM event"
	    " UNION ALL SELECT tenant_id, message_id FROM duplicate) t"
	    " WHERE message_id = '%s' AND tenant_id = '%s'",
	    id, tenant);
	n = cluster_number(c, query);
	PQfinish(c);
	return n;
}
