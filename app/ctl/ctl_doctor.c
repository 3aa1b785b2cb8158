/*
 * ctl_doctor.c: restantectl doctor: each check a sentence, each fault the next thing to
 * do. Exit status 1 when a check failed; warnings leave it 0.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "store/health.h"
#include "store/migrate.h"
#include "store/outbox.h"

#define CERT_WARN_DAYS 21
#define OUTBOX_WARN    (15 * CLOCK_MINUTE)
#define SPOOL_WARN     ((uint64_t)1 << 30) /* bytes free */

enum verdict { FINE, NOTE, WARN, FAIL };

struct doctor {
	struct ctl *c;
	json_t *checks;
	int failed;
	int faults; /* of the check that is running */
};

/* advice: what to do next, or NULL. */
static void __attribute__((format(printf, 5, 6))) say(struct doctor *d,
    enum verdict v, const char *check, const char *advice, const char *fmt, ...)
{
	static const char *const words[] = {[FINE] = "ok",
	    [NOTE] = "note",
	    [WARN] = "warning",
	    [FAIL] = "failed"};
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->failed += v == FAIL;
	json_array_append_new(d->checks,
	    json_pack("{s:s, s:s, s:s, s:s}", "check", check, "result",
		words[v], "message", text, "advice",
		advice != NULL ? advice : ""));
	if (d->c->json)
		return;
	printf("%-8s %s\n", words[v], text);
	if (advice != NULL)
		printf("         -> %s\n", advice);
}

static void
wall(void *arg, const char *what)
{
	struct doctor *d = arg;

	d->faults++;
	say(d, FAIL, "walls",
	    "run conf/postgresql/bootstrap.sql and restantectl migrate again, "
	    "and ask who changed it",
	    "%s", what);
}

static void
undurable(void *arg, const char *what)
{
	struct doctor *d = arg;

	d->faults++;
	say(d, FAIL, "durability",
	    "switch it on in postgresql.conf: 250 means committed",
	    "PostgreSQL's %s is off: accepted mail can be lost", what);
}

static void
check_schema(struct doctor *d)
{
	char dir[4096];
	int have, want;
	struct err e;

	if (health_version(d->c->db, &have, &e) == -1) {
		say(d, FAIL, "schema", NULL,
		    "The schema's version cannot be read: %s", e.text);
		return;
	}
	if (d->c->set.share == NULL) {
		say(d, NOTE, "schema",
		    "set RESTANTE_SHARE to compare it with these programs'",
		    "The schema is at version %d.", have);
		return;
	}
	snprintf(dir, sizeof(dir), "%s/migrations", d->c->set.share);
	if (migrate_newest(dir, &want, &e) == -1)
		say(d, FAIL, "schema",
		    "point RESTANTE_SHARE at the installed files",
		    "The migrations cannot be read: %s", e.text);
	else if (have < want)
		say(d, FAIL, "schema",
		    "run restantectl migrate as the database's superuser",
		    "The schema is at version %d; these programs need %d.",
		    have, want);
	else if (have > want)
		say(d, FAIL, "schema", "install the newer programs",
		    "The schema is at version %d, newer than these programs (%d).",
		    have, want);
	else
		say(d, FINE, "schema", NULL,
		    "The schema is current (version %d).", have);
}

static void
check_walls(struct doctor *d)
{
	struct err e;

	d->faults = 0;
	if (health_walls(d->c->db, wall, d, &e) == -1)
		say(d, FAIL, "walls", NULL,
		    "Row-level security cannot be checked: %s", e.text);
	else if (d->faults == 0)
		say(d, FINE, "walls", NULL,
		    "Row-level security is forced on every tenant table, and no process's role "
		    "can step around it.");
	d->faults = 0;
	if (health_durability(d->c->db, undurable, d, &e) == -1)
		say(d, FAIL, "durability", NULL,
		    "The server's settings cannot be read: %s", e.text);
	else if (d->faults == 0)
		say(d, FINE, "durability", NULL,
		    "PostgreSQL writes through to disk.");
}

static void
orphaned(void *arg, const char *what)
{
	struct doctor *d = arg;

	d->faults++;
	say(d, FAIL, "messages",
	    "Something wrote half a message: compare the version of the programs with the"
	    " schema's, and look into the logs.",
	    "Of the last day: %s.", what);
}

static void
check_messages(struct doctor *d)
{
	struct err e;

	d->faults = 0;
	if (health_whole(d->c->db, orphaned, d, &e) == -1)
		say(d, FAIL, "messages", NULL,
		    "Messages cannot be compared with their rows: %s", e.text);
	else if (d->faults == 0)
		say(d, FINE, "messages", NULL,
		    "Every message of the last day has all of its rows.");
}

static void
check_outbox(struct doctor *d)
{
	struct outbox_count n = {0};
	struct err e;
	char at[32];

	if (outbox_counts(d->c->db, &n, &e) == -1)
		say(d, FAIL, "outbox", NULL, "The queue cannot be read: %s",
		    e.text);
	else if (n.oldest != 0 && clock_now() - n.oldest > OUTBOX_WARN)
		say(d, WARN, "outbox",
		    "see restantectl queue; is the courier running, does the smart host answer?",
		    "%d mails are still to be sent, the oldest since %s.",
		    n.waiting + n.retrying, ctl_time(n.oldest, at));
	else
		say(d, FINE, "outbox", NULL,
		    "No mail waits for long (%d in the queue).",
		    n.waiting + n.retrying);
	if (n.failed > 0)
		say(d, NOTE, "outbox", "restantectl queue tells which, and why",
		    "%d mails failed for good.", n.failed);
}

static void
check_database(struct doctor *d)
{
	struct err e;

	if (db_ping(d->c->db, &e) == -1) {
		say(d, FAIL, "database",
		    "is PostgreSQL running, and does RESTANTE_DB name its socket and role?",
		    "The database does not answer: %s", e.text);
		return;
	}
	say(d, FINE, "database", NULL, "The database answers.");
	check_schema(d);
	check_walls(d);
	check_messages(d);
	check_outbox(d);
}

static void
check_keyd(struct doctor *d)
{
	struct keyd_public pub;
	struct err e;

	if (d->c->set.keyd == NULL)
		say(d, FAIL, "keyd",
		    "set RESTANTE_KEYD to keyd's socket for ctl",
		    "keyd's socket is not named.");
	else if (keyd_ping(desk_keyd(d->c->desk), &e) == -1 ||
	    keyd_public(desk_keyd(d->c->desk), &pub, &e) == -1)
		say(d, FAIL, "keyd",
		    "is restante-keyd running, and may this user open its socket for ctl?",
		    "keyd does not answer: %s", e.text);
	else
		say(d, FINE, "keyd", NULL,
		    "keyd answers (directory key, generation %u).",
		    pub.generation);
}

static X509 *
read_cert(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		fclose(f);
	return x;
}

static EVP_PKEY *
read_key(const char *path)
{
	static char no_passphrase[] = "";
	FILE *f = fopen(path, "r");
	EVP_PKEY *k = f != NULL ?
	    PEM_read_PrivateKey(f, NULL, NULL, no_passphrase) :
	    NULL;

	if (f != NULL)
		fclose(f);
	return k;
}

static void
judge_cert(struct doctor *d, X509 *cert, EVP_PKEY *key)
{
	int days = 0, seconds = 0;

	if (X509_check_private_key(cert, key) != 1) {
		say(d, FAIL, "tls", "install certificate and key of one pair",
		    "The TLS certificate and the private key do not belong together.");
		return;
	}
	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) !=
		1 ||
	    days < 0 || seconds < 0)
		say(d, FAIL, "tls", "renew it",
		    "The TLS certificate has expired.");
	else if (days < CERT_WARN_DAYS)
		say(d, WARN, "tls", "renew it",
		    "The TLS certificate expires in %d days.", days);
	else
		say(d, FINE, "tls", NULL,
		    "The TLS certificate is good for %d days.", days);
}

/* One of the names in a list with ':' between; "" past the last. */
static void
nth_name(const char *list, int n, char *out, size_t size)
{
	while (n-- > 0 && *list != '\0') {
		list += strcspn(list, ":");
		list += *list == ':';
	}
	snprintf(out, size, "%.*s", (int)strcspn(list, ":"), list);
}

static void
check_pair(struct doctor *d, const char *chain, const char *secret)
{
	X509 *cert = read_cert(chain);
	EVP_PKEY *key = read_key(secret);

	if (cert == NULL)
		say(d, FAIL, "tls", "check path, permissions and form (PEM)",
		    "The TLS certificate %s cannot be read.", chain);
	if (key == NULL)
		say(d, FAIL, "tls",
		    "check path, permissions and form (PEM, no passphrase)",
		    "The TLS key %s cannot be read.", secret);
	if (cert != NULL && key != NULL)
		judge_cert(d, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
check_tls(struct doctor *d)
{
	const struct settings *s = &d->c->set;
	char chain[1024], secret[1024];

	if (s->tls_cert == NULL || s->tls_key == NULL) {
		say(d, NOTE, "tls",
		    "set RESTANTE_TLS_CERT and RESTANTE_TLS_KEY to have them checked",
		    "TLS certificate and key are not named here.");
		return;
	}
	for (int i = 0;; i++) {
		nth_name(s->tls_cert, i, chain, sizeof(chain));
		nth_name(s->tls_key, i, secret, sizeof(secret));
		if (i > 0 && (chain[0] == '\0' || secret[0] == '\0'))
			break;
		check_pair(d, chain, secret);
	}
}

static void
check_spool(struct doctor *d)
{
	const char *dir = d->c->set.spool;
	struct statvfs fs;

	if (dir == NULL)
		say(d, NOTE, "spool", "set RESTANTE_SPOOL to have it checked",
		    "Intake's spool directory is not named here.");
	else if (access(dir, W_OK | X_OK) == -1)
		say(d, FAIL, "spool",
		    "make it, owned by intake's user, mode 0700",
		    "The spool directory %s cannot be used: %s", dir,
		    strerror(errno));
	else if (statvfs(dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < SPOOL_WARN)
		say(d, WARN, "spool",
		    "make room: intake answers 452 when it is full",
		    "Less than 1 GB is left for the spool directory %s.", dir);
	else
		say(d, FINE, "spool", NULL, "The spool directory can be used.");
}

static void
check_share(struct doctor *d)
{
	static const char *const need[] = {"templates", "assets", "migrations"};
	const char *share = d->c->set.share;
	char path[4096];
	size_t i, missing = 0;

	if (share == NULL) {
		say(d, FAIL, "settings",
		    "point it at the clone or /usr/share/restante",
		    "RESTANTE_SHARE is not set.");
		return;
	}
	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", share, need[i]);
		if (access(path, R_OK | X_OK) == 0)
			continue;
		missing++;
		say(d, FAIL, "settings",
		    "point RESTANTE_SHARE at the installed files",
		    "%s is missing or cannot be read.", path);
	}
	if (missing == 0)
		say(d, FINE, "settings", NULL,
		    "The settings are well-formed, the shared files there.");
}

int
ctl_doctor(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	struct doctor d = {.c = c};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	d.checks = json_array();
	check_share(&d);
	check_database(&d);
	check_keyd(&d);
	check_tls(&d);
	check_spool(&d);
	if (c->json) {
		rc = ctl_json(json_pack("{s:b, s:o}", "healthy", d.failed == 0,
		    "checks", d.checks));
		return d.failed > 0 ? CTL_FAILED : rc;
	}
	json_decref(d.checks);
	if (d.failed == 0)
		puts("All is well.");
	else
		printf("%d checks failed.\n", d.failed);
	return d.failed == 0 ? CTL_OK : CTL_FAILED;
}
