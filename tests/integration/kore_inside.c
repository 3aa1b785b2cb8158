/*
 * kore_inside.c: mends of Kore that no client can see, tried from inside, against the
 * objects of the build. Built and run by kore_inside.mjs:
 *
 *	kore_inside wipe|read <conf>	ends with status 0 when all is well
 *	kore_inside seccomp <conf>	must end by itself; says "hangs on" when not
 */
#include <kore/kore.h>
#include <kore/hooks.h>
#include <kore/seccomp.h>

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

u_int8_t asset_builtin_kore_conf[PATH_MAX];
u_int32_t asset_len_builtin_kore_conf;

/* What a thread needs to be born, and nothing that lets it write files anew. */
static struct sock_filter calls[] = {
    KORE_SYSCALL_ALLOW(clone3),
    KORE_SYSCALL_ALLOW(rseq),
    KORE_SYSCALL_ALLOW(set_robust_list),
};

void
kore_seccomp_hook(void)
{
	(void)kore_seccomp_filter("inside", calls, KORE_FILTER_LEN(calls));
}

static void
check(int good, const char *what)
{
	if (good)
		return;
	(void)printf("not so: %s\n", what);
	exit(1);
}

static int
holds(const void *p, size_t n, const char *what)
{
	return memmem(p, n, what, strlen(what)) != NULL;
}

/* Small blocks stay in Kore's pools after kore_free(), so they can be looked at. */
static void
try_wipe(void)
{
	static const char secret[] = "correct horse battery staple";
	static const size_t sizes[] = {32, 100, 1024, 8192};
	struct kore_buf *buf;
	u_int8_t *p;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = kore_malloc(sizes[i]);
		memcpy(p, secret, sizeof(secret));
		kore_free(p);
		check(!holds(p, sizes[i], "horse"), "kore_free() wipes");
	}

	buf = kore_buf_alloc(64);
	p = buf->data;
	kore_buf_append(buf, secret, sizeof(secret));
	kore_buf_reset(buf);
	check(!holds(p, 64, "horse"), "kore_buf_reset() wipes");
	kore_buf_append(buf, secret, sizeof(secret));
	kore_buf_append(buf, secret, sizeof(secret));
	kore_buf_append(buf, secret, sizeof(secret));
	check(buf->data != p, "the buffer has grown");
	check(!holds(p, 64, "horse"), "growing wipes the old place");
	kore_buf_free(buf);
}

/* A source that says EAGAIN without asking to be tried again. */
static int
bio_eagain(BIO *bio, char *data, int n)
{
	(void)bio;
	(void)data;
	(void)n;
	errno = EAGAIN;
	return -1;
}

/* Neither at its end nor anything else. */
static long
bio_ctrl(BIO *bio, int what, long n, void *p)
{
	(void)bio;
	(void)what;
	(void)n;
	(void)p;
	return 0;
}

static void
try_read(void)
{
	struct connection c;
	struct netbuf nb;
	u_int8_t data[64];
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "eagain");
	BIO *source = BIO_new(method);
	size_t got;

	memset(&c, 0, sizeof(c));
	memset(&nb, 0, sizeof(nb));
	nb.buf = data;
	nb.b_len = sizeof(data);
	c.rnb = &nb;
	c.evt.flags = KORE_EVENT_READ;
	c.ssl = SSL_new(SSL_CTX_new(TLS_server_method()));
	check(source != NULL && c.ssl != NULL, "OpenSSL is there");
	BIO_set_init(source, 1);
	(void)BIO_meth_set_read(method, bio_eagain);
	(void)BIO_meth_set_ctrl(method, bio_ctrl);
	SSL_set_bio(c.ssl, source, BIO_new(BIO_s_null()));
	SSL_set_accept_state(c.ssl);
	check(net_read_tls(&c, &got) == KORE_RESULT_OK, "a read that waits");
	check(!(c.evt.flags & KORE_EVENT_READ), "it waits for an event");
}

void
kore_parent_configure(int argc, char **argv)
{
	int n;

	check(argc == 3, "two arguments");
	if (strcmp(argv[1], "wipe") == 0)
		try_wipe();
	else if (strcmp(argv[1], "read") == 0)
		try_read();
	if (strcmp(argv[1], "seccomp") != 0) {
		(void)printf("well\n");
		exit(0);
	}
	n = snprintf((char *)asset_builtin_kore_conf,
	    sizeof(asset_builtin_kore_conf), "include %s\n", argv[2]);
	asset_len_builtin_kore_conf = (u_int32_t)n;
	kore_foreground = 1;
	skip_chroot = 1;
	skip_runas = 1;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static void *
forbidden(void *arg)
{
	(void)arg;
	(void)rmdir("/nowhere");
	return NULL;
}

static void
still_here(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	(void)printf("hangs on\n");
}

void
kore_worker_configure(void)
{
	pthread_t thread;

	(void)kore_timer_add(still_here, 500, NULL, 0);
	check(pthread_create(&thread, NULL, forbidden, NULL) == 0, "a thread");
}
