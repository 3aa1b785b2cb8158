/*
 * main.c: start-up of `restante portal|intake <conf>`. Kore owns main(), the worker
 * processes and the event loop; here are the role, TLS, the limits a process puts on
 * itself, and its end. The roles live in portal/kore_portal.c and intake/kore_intake.c.
 */
#include "base/front.h"

#include <kore/kore.h>
#include <kore/hooks.h>

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "front/book.h"
#include "front/confine.h"
#include "front/shown.h"
#include "front/tls.h"
#include "mail/parse.h"

#define DRAIN_MS \
	33000 /* what SIGTERM leaves to running work, and its last words */
#define DRAIN_STEP  100  /* ms between looks */
#define TICK_MS     1000 /* between looks at idle connections */
#define SOLO_WORKER 3    /* what Kore counts when one worker serves */
#define WATCHED_MAX 4    /* pools of a worker */

/* What the parent tells its workers. */
enum { MSG_BOOK = KORE_MSG_APP_BASE, MSG_TICKET_KEY };

/* What kore.conf names, and Kore looks up by name. */
u_int8_t asset_builtin_kore_conf[PATH_MAX + 16];
u_int32_t asset_len_builtin_kore_conf;

struct watched {
	struct kore_event event; /* first: Kore's loop sees only this */
	struct pool *pool;
};

static struct {
	const struct front *front;
	struct settings set;
	SSL_CTX *tls;
	struct book *book; /* the parent's, and a worker's until it serves */
	pid_t parent;
	struct watched watched[WATCHED_MAX];
	int n_watched;
} self;

static void
die(const char *what, const char *why)
{
	log_line(LOG_LEVEL_ERROR, NULL, what, "%s", why);
	exit(1);
}

#ifdef RESTANTE_SANITIZE
/*
 * Kore's pools are no heap to the leak checker: what only they point to looks lost.
 * The filter's program stays as long as its process.
 */
const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}

const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:kore_malloc\nleak:kore_seccomp_enable\n";
}
#endif

/* ---- confinement ---- */

void kore_sandbox(void);

/*
 * Called by Kore in a new worker, after the change of user, in place of its own
 * filter. What the kernel forgets at that change is set here.
 */
void
kore_sandbox(void)
{
	struct err e;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		die("prctl", strerror(errno));
	if (getppid() != self.parent)
		_exit(1); /* it died before we asked */
#ifndef RESTANTE_SANITIZE
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		die("prctl", strerror(errno));
#endif
	err_clear(&e);
	if (confine_front(&self.set, &e) == -1) {
		log_fatal("confinement", &e);
		exit(1);
	}
}

/* ---- TLS ---- */

/*
 * Every server is `tls no` in the file, which keeps Kore's own key manager out, and its
 * handshakes too: the two roles find our context at the first domain.
 */
static void
tls_attach(SSL_CTX *ctx)
{
	struct kore_server *srv;
	struct kore_domain *dom;

	LIST_FOREACH(srv, &kore_servers, list)
	{
		srv->tls = 0;
		TAILQ_FOREACH(dom, &srv->domains, list)
		{
			(void)SSL_CTX_up_ref(ctx);
			dom->ssl_ctx = ctx;
			if (primary_dom == NULL)
				primary_dom = dom;
		}
	}
}

/* Before the fork: certificates, keys and the first key of tickets. */
static void
tls_prepare(void)
{
	struct err e;

	err_clear(&e);
	self.tls = tls_new(self.front->alpn, self.set.ticket_period, &e);
	if (self.tls != NULL && self.front->asks_certificate)
		shown_ask(self.tls);
	if (self.tls != NULL)
		self.book = book_read(&self.set, NULL, &e);
	if (self.tls == NULL || self.book == NULL) {
		log_fatal("tls", &e);
		exit(1);
	}
}

/* In a worker, which keeps OpenSSL's form of them alone. */
static void
tls_take(struct book *book)
{
	struct err e;

	err_clear(&e);
	if (book == NULL)
		(void)err_set(&e, ERR_INTERNAL, "malformed, or no memory");
	if (book == NULL || tls_use(book, &e) == -1)
		log_err(NULL, "certificates", &e);
	else
		log_line(LOG_LEVEL_INFO, NULL, "certificates",
		    "pairs=%zu names=%zu", book->n, tls_names());
	book_free(book);
}

static void
got_book(struct kore_msg *msg, const void *data)
{
	tls_take(book_unpack(data, msg->length));
}

static void
got_ticket_key(struct kore_msg *msg, const void *data)
{
	if (msg->length == TLS_TICKET_KEY)
		tls_tickets_set(data);
}

static void
tell_workers(u_int8_t id, const void *data, size_t len)
{
	for (u_int16_t i = 0; i < worker_count; i++)
		kore_msg_parent_send(
		    kore_worker_data((u_int8_t)i), id, data, len);
}

/* SIGHUP: certificates are read again. All else is read at a start. */
static void
reload(void)
{
	struct buf packed = BUF_INIT;
	struct err e;
	struct book *b;

	err_clear(&e);
	if ((b = book_read(&self.set, self.book, &e)) == NULL) {
		log_err(NULL, "reload", &e);
		return;
	}
	if (book_pack(b, &packed) == 0)
		tell_workers(MSG_BOOK, packed.data, packed.len);
	buf_free(&packed);
	book_free(self.book);
	self.book = b;
	log_line(LOG_LEVEL_INFO, NULL, "reload",
	    "certificates read again; settings and configuration take a"
	    " restart");
}

static void
rotate(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	if (tls_tickets_rotate() == 0)
		tell_workers(MSG_TICKET_KEY, tls_tickets_key(), TLS_TICKET_KEY);
}

/* Kore's call in the parent, when its workers run. */
static void
parent_started(void)
{
	(void)kore_timer_add(
	    rotate, (u_int64_t)self.set.ticket_period * 1000, NULL, 0);
}

/* ---- the parent ---- */

/* Kore's own lines, in our log. */
static void
kore_said(int priority, const char *text)
{
	enum log_level level = LOG_LEVEL_INFO;

	if (priority <= LOG_ERR)
		level = LOG_LEVEL_ERROR;
	else if (priority <= LOG_WARNING)
		level = LOG_LEVEL_WARN;
	log_line(level, NULL, "kore", "%s", text);
}

static const struct front *
choose_front(int argc, char **argv)
{
	static const struct front *const fronts[] = {
	    &front_portal, &front_intake};

	for (size_t i = 0; argc == 3 && i < 2; i++) {
		if (strcmp(argv[1], fronts[i]->name) == 0)
			return fronts[i];
	}
	(void)fprintf(stderr, "usage: restante portal|intake <conf>\n");
	exit(2);
}

/*
 * GLib keeps freed memory unwiped in slices of its own unless told otherwise, and
 * looks only when it is loaded: a second start of the same process, in its stead.
 */
static void
without_slices(char **argv)
{
	char path[PATH_MAX];
	ssize_t n;

	if (getenv("G_SLICE") != NULL)
		return;
	if ((n = readlink("/proc/self/exe", path, sizeof(path) - 1)) == -1)
		return;
	path[n] = '\0';
	if (setenv("G_SLICE", "always-malloc", 1) == 0)
		(void)execv(path, argv);
	die("exec", strerror(errno));
}

/* Secrets stay out of core files, and files of ours out of other hands. */
static void
harden(void)
{
	struct rlimit none = {0, 0};

	(void)umask(077);
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		die("setrlimit", strerror(errno));
#ifndef RESTANTE_SANITIZE
	/* The parent holds keys: no other process of its user looks into it. */
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		die("prctl", strerror(errno));
#endif
	if (secret_init() == -1 && getenv("RESTANTE_ALLOW_UNLOCKED") == NULL)
		die("memory", "cannot be locked: raise RLIMIT_MEMLOCK");
}

/* Kore's first call: before it reads the configuration. */
void
kore_parent_configure(int argc, char **argv)
{
	struct err e;
	int n;

	self.front = choose_front(argc, argv);
	log_open(self.front->name, LOG_LEVEL_INFO);
	without_slices(argv);
	harden();
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* not twice after fork */
	if (settings_read(&self.set, &e) == -1) {
		log_fatal("settings", &e);
		exit(1);
	}
	tls_prepare();
	self.parent = getpid();
	if (metrics_share() == -1)
		die("metrics", "no memory");

	n = snprintf((char *)asset_builtin_kore_conf,
	    sizeof(asset_builtin_kore_conf), "include %s\n", argv[2]);
	if (n < 0 || (size_t)n >= sizeof(asset_builtin_kore_conf))
		die("configuration", "its path is too long");
	asset_len_builtin_kore_conf = (u_int32_t)n;

	kore_foreground = 1;
	kore_quiet = 1;
	skip_chroot = 1; /* Landlock's */
	skip_runas = self.set.user == NULL;
	if (self.set.user != NULL)
		kore_runas_user = kore_strdup(self.set.user);
	kore_log_hook = kore_said;
	kore_parent_started_hook = parent_started;
	kore_parent_reload_hook = reload;
}

/* ---- a worker ---- */

static void
pool_woke(void *arg, int error)
{
	struct watched *w = arg;

	(void)error;
	pool_reap(w->pool);
}

void
front_watch_pool(struct pool *p)
{
	struct watched *w = &self.watched[self.n_watched];

	if (self.n_watched == WATCHED_MAX)
		die("pool", "more than a worker can watch");
	self.n_watched++;
	w->event.handle = pool_woke;
	w->pool = p;
	kore_platform_schedule_read(pool_fd(p), w);
}

void
front_close(void *socket)
{
	kore_connection_disconnect(socket);
}

void
front_linger(void *socket)
{
	kore_connection_linger(socket);
}

/* Asked anew, the kernel tells it. */
void
front_again(void *socket)
{
	struct connection *c = socket;

	kore_platform_event_all(c->fd, c);
}

/*
 * Kore looks for connections idle for too long when it wakes: so it must wake. And
 * what a worker uses is seen then, if somebody asked.
 */
static void
tick(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	metrics_process();
}

void
kore_worker_configure(void)
{
	struct err e;

	tls_attach(self.tls);
	tls_take(self.book);
	self.book = NULL;
	(void)kore_msg_register(MSG_BOOK, got_book);
	(void)kore_msg_register(MSG_TICKET_KEY, got_ticket_key);
	metrics_worker(worker->id, self.front->name, worker_rlimit_nofiles);
	(void)kore_timer_add(tick, TICK_MS, NULL, 0);
	mail_init();
	err_clear(&e);
	if (self.front->start(&self.set, &e) == -1) {
		log_fatal("start", &e);
		exit(1);
	}
	worker->ready = 1;
	log_line(LOG_LEVEL_INFO, NULL, "serving", NULL);
}

/* Who was let in by the kernel is not sent away. */
static void
accept_waiting(struct listener *l)
{
	u_int32_t before;

	l->evt.flags |= KORE_EVENT_READ;
	do {
		before = worker_active_connections;
		kore_listener_accept(l, 0);
	} while (worker_active_connections > before);
}

/*
 * The listening sockets are shared with the parent: closing ours alone would leave
 * clients in a queue that nobody serves. A sibling that still looks at them would
 * take the shutdown for a fault, so with several workers the queue it is.
 */
static void
stop_listening(void)
{
	struct kore_server *srv;
	struct listener *l;

	if (worker->has_lock)
		kore_platform_disable_accept();
	if (worker_count > SOLO_WORKER)
		return;
	LIST_FOREACH(srv, &kore_servers, list)
	{
		LIST_FOREACH(l, &srv->listeners, list)
		{
			accept_waiting(l);
			(void)shutdown(l->fd, SHUT_RDWR);
		}
	}
}

static bool
answers_unsent(void)
{
	struct connection *c;

	TAILQ_FOREACH(c, &connections, list)
	{
		if (c->proto != CONN_PROTO_MSG && !TAILQ_EMPTY(&c->send_queue))
			return true;
	}
	return false;
}

/* After SIGTERM: Kore has left its loop, we go on until nothing runs. */
void
kore_worker_teardown(void)
{
	int64_t deadline = clock_mono_ms() + DRAIN_MS;

	stop_listening();
	self.front->drain();
	while ((self.front->busy() || answers_unsent()) &&
	    clock_mono_ms() < deadline) {
		kore_platform_event_wait(DRAIN_STEP);
		kore_timer_run(kore_time_ms());
		kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
	}
	if (self.front->busy()) {
		log_line(LOG_LEVEL_WARN, NULL, "stop", "work left unfinished");
		_exit(1); /* its threads use what would be taken down now */
	}
	self.front->stop();
	log_line(LOG_LEVEL_INFO, NULL, "stopped", NULL);
}
