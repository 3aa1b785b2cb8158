/*
 * libesmtp inside its strict wrapper. What it says of a session's success is not
 * believed: only each mail's own statuses count.
 */
#include "courier/smtp_inside.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its STARTTLS calls are declared only after OpenSSL's headers. */
#include <libesmtp.h>

#include "base/clock.h"
#include "base/text.h"
#include "courier/dial.h"
#include "mail/address.h"

#define CONNECT_MS 10000
#define ANSWER_MS  60000
#define SESSION_MS 75000
#define ADDRESSES  8 /* of the smart host, tried in turn */

/* ---- TLS ---- */

static int
on_verify(X509_STORE_CTX *store, void *arg)
{
	struct smtp_out *o = arg;

	if (o->guard.injected) {
		X509_STORE_CTX_set_error(
		    store, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	o->verified = X509_verify_cert(store) == 1;
	return o->verified;
}

/* libesmtp sends no server name. */
static void
on_handshake(const SSL *ssl, int where, int ret)
{
	struct smtp_out *o = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL *mine;

	(void)ret;
	if ((where & SSL_CB_HANDSHAKE_START) == 0 || o->is_ip ||
	    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL)
		return;
	/* The callback's type is const; the object is not. */
	memcpy(&mine, &ssl, sizeof(mine));
	(void)SSL_set_tlsext_host_name(mine, o->host);
}

/* The certificates of one text; how many, or -1 when it is damaged. */
static int
trust(X509_STORE *store, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x;
	int n = 0;

	while (n >= 0 && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n = X509_STORE_add_cert(store, x) == 1 ? n + 1 : -1;
		X509_free(x);
	}
	ERR_clear_error(); /* of the end of the text */
	BIO_free(bio);
	return n;
}

/* Whose signature counts: the system's authorities, or these alone. */
static bool
set_authority(SSL_CTX *ctx, const char *pem)
{
	if (pem == NULL || *pem == '\0')
		return SSL_CTX_set_default_verify_paths(ctx) == 1;
	/* What is named may also be the server's own certificate. */
	X509_VERIFY_PARAM_set_flags(
	    SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return trust(SSL_CTX_get_cert_store(ctx), pem) > 0;
}

static int
tls_new(struct smtp_out *o, struct err *e)
{
	X509_VERIFY_PARAM *param;
	int named;

	o->ctx = SSL_CTX_new(TLS_client_method());
	if (o->ctx == NULL)
		return err_set(e, ERR_INTERNAL, "TLS context");
	param = SSL_CTX_get0_param(o->ctx);
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	named = o->is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, o->host) :
			   X509_VERIFY_PARAM_set1_host(param, o->host, 0);
	if (named != 1 ||
	    SSL_CTX_set_min_proto_version(o->ctx, TLS1_2_VERSION) != 1 ||
	    !set_authority(o->ctx, o->setup.authority))
		return err_set(e, ERR_INTERNAL, "TLS context");
	SSL_CTX_set_verify(o->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(o->ctx, on_verify, o);
	SSL_CTX_set_session_cache_mode(o->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_app_data(o->ctx, o);
	SSL_CTX_set_info_callback(o->ctx, on_handshake);
	return 0;
}

/* ---- the smart host ---- */

static int
split_host(struct smtp_out *o, const char *s, struct err *e)
{
	const char *colon = strrchr(s, ':');
	unsigned char ip[16];
	size_t n = colon ? (size_t)(colon - s) : 0;

	if (n > 1 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(o->host) ||
	    text_copy(o->port, sizeof(o->port), colon + 1) == -1)
		return err_set(e, ERR_BAD_INPUT, "smart host");
	memcpy(o->host, s, n);
	o->host[n] = '\0';
	o->is_ip = inet_pton(AF_INET, o->host, ip) == 1 ||
	    inet_pton(AF_INET6, o->host, ip) == 1;
	return 0;
}

static bool
is_loopback(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

/* "address:port" of each way there, as libesmtp takes it; how many. */
static size_t
resolve(struct smtp_out *o, char out[ADDRESSES][280])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	size_t n = 0;
	bool other = false;

	if (getaddrinfo(o->host, o->port, &hints, &list) != 0) {
		o->trouble = "the server's name is not known";
		return 0;
	}
	for (struct addrinfo *a = list; a && n < ADDRESSES; a = a->ai_next) {
		char host[64];

		if (!o->setup.tls && !is_loopback(a->ai_addr)) {
			o->trouble = "without TLS only to loopback";
			n = 0;
			other = false;
			break;
		}
		if (a->ai_family != AF_INET)
			other = true;
		else if (getnameinfo(a->ai_addr, a->ai_addrlen, host,
			     sizeof(host), NULL, 0, NI_NUMERICHOST) == 0)
			snprintf(
			    out[n++], sizeof(out[0]), "%s:%s", host, o->port);
	}
	/* It takes no IPv6 literals: those ways it must look up itself. */
	if (n == 0 && other && !o->is_ip)
		snprintf(out[n++], sizeof(out[0]), "%s:%s", o->host, o->port);
	freeaddrinfo(list);
	return n;
}

struct smtp_out *
smtp_out_new(const struct smtp_out_setup *setup, struct err *e)
{
	struct smtp_out *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		err_set(e, ERR_INTERNAL, "memory");
		return NULL;
	}
	o->setup = *setup;
	if (o->setup.connect_ms == 0)
		o->setup.connect_ms = CONNECT_MS;
	if (o->setup.answer_ms == 0)
		o->setup.answer_ms = ANSWER_MS;
	if (o->setup.session_ms == 0)
		o->setup.session_ms = SESSION_MS;
	if (split_host(o, setup->smarthost, e) == -1 ||
	    (setup->tls && tls_new(o, e) == -1)) {
		smtp_out_free(o);
		return NULL;
	}
	return o;
}

void
smtp_out_free(struct smtp_out *o)
{
	if (o == NULL)
		return;
	SSL_CTX_free(o->ctx);
	free(o);
}

/* ---- a session ---- */

static void
set_timeouts(smtp_session_t session, long ms)
{
	static const int stages[] = {Timeout_GREETING, Timeout_ENVELOPE,
	    Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2};

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		smtp_set_timeout(
		    session, stages[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, ms);
}

static smtp_session_t
session_new(struct smtp_out *o, const char *server)
{
	smtp_session_t session = smtp_create_session();

	if (session == NULL)
		return NULL;
	smtp_set_server(session, server);
	smtp_set_hostname(session, o->setup.helo);
	smtp_set_eventcb(session, smtp_on_event, o);
	smtp_set_monitorcb(session, smtp_on_traffic, o, 0);
	set_timeouts(session, o->setup.answer_ms);
	smtp_starttls_enable(
	    session, o->ctx ? Starttls_REQUIRED : Starttls_DISABLED);
	if (o->ctx != NULL)
		smtp_starttls_set_ctx(session, o->ctx);
	return session;
}

static const char *
lacking(unsigned lacks)
{
	if (lacks & SMTP_REQUIRETLS)
		return "REQUIRETLS is not offered";
	if (lacks & SMTP_UTF8)
		return "SMTPUTF8 is not offered";
	return lacks & SMTP_BINARY ? "BINARYMIME is not offered" :
				     "8BITMIME is not offered";
}

/* Why mails were not answered, for those that were not. */
static void
tell_why(const struct smtp_out *o, bool fine, char *why, size_t cap)
{
	if (o->guard.injected)
		snprintf(why, cap, "answers injected before TLS");
	else if (o->alone != NULL && o->alone->lacks != 0)
		snprintf(why, cap, "%s", lacking(o->alone->lacks));
	else if (o->trouble != NULL)
		snprintf(why, cap, "%s", o->trouble);
	else if (fine)
		snprintf(why, cap, "the session ended early");
	else
		smtp_strerror(smtp_errno(), why, cap);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One session with one address; false when no connection came about. */
static bool
session_run(
    struct smtp_out *o, const char *server, struct turn *turns, size_t n)
{
	smtp_session_t session = session_new(o, server);
	bool fine = session != NULL;
	char why[128];

	o->guard = (struct guard){0};
	o->connected = o->verified = o->asked = false;
	o->trouble = NULL;
	o->alone = n == 1 &&
		(turns[0].mail->to == NULL || turns[0].mail->need != 0) ?
	    turns[0].mail :
	    NULL;
	o->ehlo_len = 0;
	o->ehlo[0] = '\0';
	for (size_t i = 0; fine && i < n; i++)
		fine = smtp_add(session, &turns[i]);
	if (fine) {
		dial_begin(
		    sooner(clock_mono_ms() + o->setup.connect_ms, o->end_by),
		    o->end_by);
		fine = smtp_start_session(session) != 0;
		if (dial_end())
			o->trouble = "the session took too long";
		tell_why(o, fine, why, sizeof(why));
		for (size_t i = 0; i < n; i++) {
			reply_clean(0, why, turns[i].mail->reply);
			smtp_read_outcome(&turns[i]);
		}
	}
	if (session != NULL)
		smtp_destroy_session(session);
	for (size_t i = 0; i < n; i++) {
		free(turns[i].each);
		turns[i].each = NULL;
	}
	return o->connected;
}

/* Of recipients nobody was asked about. */
static void
spread(struct smtp_mail *m)
{
	for (size_t i = 0; m->to == NULL && i < m->n_rcpt; i++) {
		m->rcpt[i].outcome = m->outcome;
		memcpy(m->rcpt[i].reply, m->reply, sizeof(m->reply));
	}
}

void
smtp_out_until(struct smtp_out *o, int64_t end_by)
{
	o->until = end_by;
}

void
smtp_out_send(struct smtp_out *o, struct smtp_mail *mails, size_t n)
{
	char server[ADDRESSES][280];
	struct turn *turns = calloc(n ? n : 1, sizeof(*turns));
	size_t ways, count = 0;

	o->end_by = clock_mono_ms() + o->setup.session_ms;
	if (o->until != 0)
		o->end_by = sooner(o->end_by, o->until);
	o->until = 0;
	o->trouble = turns ? NULL : "memory";
	for (size_t i = 0; i < n; i++) {
		mails[i].outcome = SMTP_UNREACHED;
		mails[i].reply[0] = '\0';
		mails[i].offered = mails[i].lacks = 0;
		if (turns != NULL && smtp_sendable(&mails[i])) {
			turns[count++].mail = &mails[i];
			continue;
		}
		if (turns != NULL)
			mails[i].outcome = SMTP_REFUSED;
		reply_clean(0, "not fit to be sent", mails[i].reply);
		spread(&mails[i]);
	}
	ways = count > 0 ? resolve(o, server) : 0;
	for (size_t i = 0; i < count; i++) {
		reply_clean(0, o->trouble, turns[i].mail->reply);
		spread(turns[i].mail);
	}
	for (size_t i = 0; i < ways; i++)
		if (session_run(o, server[i], turns, count))
			break;
	free(turns);
}
