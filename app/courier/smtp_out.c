/*
 * libesmtp inside its strict wrapper. What it says of a session's success is not
 * believed: only each mail's own statuses count.
 */
#include "courier/smtp_out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
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
#define EHLO_LEN   4096

/* Watches the clear answer to STARTTLS for anything behind it. */
struct guard {
	bool armed; /* STARTTLS was the last thing said */
	bool last_line;
	bool ended; /* the answer is complete */
	bool injected;
	unsigned column;
};

struct smtp_out {
	struct smtp_out_setup setup;
	char host[256];
	char port[6];
	bool is_ip;
	SSL_CTX *ctx; /* NULL without TLS */

	/* Of the session under way. */
	struct guard guard;
	bool connected;
	bool verified;       /* OpenSSL's own check passed, name included */
	bool asked;          /* EHLO was the last thing said */
	char ehlo[EHLO_LEN]; /* what was answered to it */
	size_t ehlo_len;
	struct smtp_mail *alone; /* the session's only mail */
	char words[32];          /* said with MAIL */
	const char *trouble;     /* what went wrong before any mail */
};

/* A mail within a session. */
struct turn {
	struct smtp_mail *mail;
	smtp_message_t message;
	smtp_recipient_t recipient; /* or */
	smtp_recipient_t *each;     /* mail->n_rcpt of them */
	bool started;               /* its text was asked for */
};

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
		o->trouble = "the smart host's name is not known";
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

/* ---- watching a session ---- */

static void
guard_read(struct guard *g, const char *p, int n)
{
	for (int i = 0; i < n; i++) {
		if (g->ended) {
			g->injected = true;
			return;
		}
		if (g->column++ == 3)
			g->last_line = p[i] != '-';
		if (p[i] != '\n')
			continue;
		g->ended = g->last_line;
		g->last_line = false;
		g->column = 0;
	}
}

/* What the last EHLO was answered, by the words its lines begin with. */
static unsigned
offered(const struct smtp_out *o)
{
	static const struct {
		const char *word;
		unsigned need;
	} known[] = {
	    {"REQUIRETLS", SMTP_REQUIRETLS},
	    {"SMTPUTF8", SMTP_UTF8},
	    {"8BITMIME", SMTP_8BIT},
	    {"BINARYMIME", SMTP_BINARY},
	    {"DSN", SMTP_DSN},
	};
	unsigned all = 0;
	const char *line = o->ehlo, *end;

	while ((end = strchr(line, '\n')) != NULL) {
		size_t n = end - line > 4 ? strcspn(line + 4, " \r\n") : 0;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (n == strlen(known[i].word) &&
			    strncasecmp(line + 4, known[i].word, n) == 0)
				all |= known[i].need;
		line = end + 1;
	}
	return all;
}

/* MAIL is about to be said: with what libesmtp does not know, or not at all. */
static void
on_mail(struct smtp_out *o)
{
	struct smtp_mail *m = o->alone;

	if (m == NULL)
		return;
	m->offered = offered(o);
	m->lacks = m->need & (SMTP_REQUIRETLS | SMTP_UTF8) & ~m->offered;
	if ((m->need & SMTP_REQUIRETLS) != 0 && !o->verified)
		m->lacks |= SMTP_REQUIRETLS;
	if (m->lacks != 0) {
		dial_cut();
		return;
	}
	snprintf(o->words, sizeof(o->words), "%s%s",
	    (m->need & SMTP_REQUIRETLS) != 0 ? " REQUIRETLS" : "",
	    (m->need & SMTP_UTF8) != 0 ? " SMTPUTF8" : "");
	if (o->words[0] != '\0')
		dial_mail(o->words);
}

static void
on_said(struct smtp_out *o, const char *p, int n)
{
	o->asked = n > 5 && strncasecmp(p, "EHLO ", 5) == 0;
	if (o->asked) {
		o->ehlo_len = 0;
		o->ehlo[0] = '\0';
	}
	if (n > 10 && strncasecmp(p, "MAIL FROM:", 10) == 0)
		on_mail(o);
}

static void
on_heard(struct smtp_out *o, const char *p, int n)
{
	size_t room = sizeof(o->ehlo) - 1 - o->ehlo_len;
	size_t take = (size_t)n < room ? (size_t)n : room;

	if (!o->asked)
		return;
	memcpy(o->ehlo + o->ehlo_len, p, take);
	o->ehlo_len += take;
	o->ehlo[o->ehlo_len] = '\0';
}

/* Everything that is read or written passes here, in the pieces in which it comes. */
static void
on_traffic(const char *p, int n, int writing, void *arg)
{
	static const char verb[] = "STARTTLS\r\n";
	struct smtp_out *o = arg;
	int len = (int)sizeof(verb) - 1;

	if (writing == 1) {
		bool asked = n >= len && memcmp(p + n - len, verb, len) == 0;

		o->guard = (struct guard){
		    .armed = asked, .injected = o->guard.injected};
		on_said(o, p, n);
	} else if (writing == 0) {
		if (o->guard.armed)
			guard_read(&o->guard, p, n);
		on_heard(o, p, n);
	}
}

static void
on_event(smtp_session_t session, int event, void *arg, ...)
{
	struct smtp_out *o = arg;
	va_list ap;

	(void)session;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		o->connected = true;
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		(void)va_arg(ap, long);
		*va_arg(ap, int *) = 0;
		o->trouble = "the smart host's certificate is not valid";
		break;
	case SMTP_EV_EXTNA_8BITMIME:
		if (o->alone != NULL)
			o->alone->lacks |= SMTP_8BIT;
		break;
	case SMTP_EV_EXTNA_BINARYMIME:
		if (o->alone != NULL)
			o->alone->lacks |= SMTP_BINARY;
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		*va_arg(ap, int *) = 0;
		break;
	case SMTP_EV_WEAK_CIPHER:
		(void)va_arg(ap, int);
		*va_arg(ap, int *) = 0;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* Its comparison is with the address; ours is done. */
		*va_arg(ap, int *) = o->verified && !o->guard.injected;
		break;
	default:
		break;
	}
	va_end(ap);
}

/* ---- mails ---- */

/* libesmtp sees a failure in errno alone, and could still end the mail. */
static const char *
on_piece(struct turn *t, int *len)
{
	const char *p = NULL;
	size_t n = 0;

	if (t->mail->read(t->mail->arg, !t->started, &p, &n) == -1) {
		dial_cut();
		errno = EIO;
		*len = 0;
		return NULL;
	}
	t->started = true;
	errno = 0;
	*len = (int)n;
	return n > 0 ? p : NULL;
}

static const char *
on_text(void **ctx, int *len, void *arg)
{
	struct turn *t = arg;

	(void)ctx;
	if (len == NULL) { /* from the start */
		t->started = false;
		return NULL;
	}
	if (t->mail->read != NULL)
		return on_piece(t, len);
	*len = t->started ? 0 : (int)t->mail->len;
	if (t->started)
		return NULL;
	t->started = true;
	return t->mail->data;
}

/* Every line ends in CRLF, and none is longer than RFC 5321 4.5.3.1.6 has it. */
static bool
is_wire_clean(const char *p, size_t n)
{
	size_t start = 0;

	if (n < 2 || n > INT32_MAX || p[n - 2] != '\r' || p[n - 1] != '\n' ||
	    memchr(p, '\0', n) != NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return false;
		if (p[i] != '\n')
			continue;
		if (i == 0 || p[i - 1] != '\r' ||
		    i + 1 - start > LIMIT_SMTP_LINE)
			return false;
		start = i + 1;
	}
	return true;
}

static bool
is_mailbox(const char *s)
{
	struct mailbox box;

	return mailbox_parse(s, strlen(s), &box, NULL) == 0 &&
	    strcmp(box.address, s) == 0;
}

static bool
is_sendable(const struct smtp_mail *m)
{
	if (m->to != NULL && !is_mailbox(m->to))
		return false;
	for (size_t i = 0; m->to == NULL && i < m->n_rcpt; i++)
		if (!is_mailbox(m->rcpt[i].to))
			return false;
	if (m->from && *m->from && !is_mailbox(m->from))
		return false;
	return m->read != NULL || is_wire_clean(m->data, m->len);
}

/* Fit for ENVID and ORCPT; libesmtp has room for so much of them. */
static bool
is_dsn_text(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return n > 0 && n <= 80;
}

static void
add_orcpt(smtp_recipient_t r, const char *orcpt)
{
	const char *semicolon = strchr(orcpt, ';');
	char type[16];

	if (semicolon == NULL || !is_dsn_text(orcpt) || semicolon == orcpt ||
	    (size_t)(semicolon - orcpt) >= sizeof(type))
		return;
	memcpy(type, orcpt, (size_t)(semicolon - orcpt));
	type[semicolon - orcpt] = '\0';
	if (strspn(type,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(type))
		smtp_dsn_set_orcpt(r, type, semicolon + 1);
}

/* Our bits are shifted by one against libesmtp's, and it has -1 for never. */
static enum notify_flags
notify_of(unsigned notify)
{
	if (notify & 1)
		return Notify_NEVER;
	return (enum notify_flags)(notify >> 1);
}

/* One mail with a session of its own: its recipients and what it asks for. */
static bool
add_alone(struct turn *t)
{
	struct smtp_mail *m = t->mail;

	if (m->need & SMTP_BINARY)
		smtp_8bitmime_set_body(t->message, E8bitmime_BINARYMIME);
	else if (m->need & SMTP_8BIT)
		smtp_8bitmime_set_body(t->message, E8bitmime_8BITMIME);
	if (m->envid != NULL && is_dsn_text(m->envid))
		smtp_dsn_set_envid(t->message, m->envid);
	if (m->ret != 0)
		smtp_dsn_set_ret(t->message, m->ret == 1 ? Ret_HDRS : Ret_FULL);
	if ((t->each = calloc(m->n_rcpt + 1, sizeof(*t->each))) == NULL)
		return false;
	for (size_t i = 0; i < m->n_rcpt; i++) {
		t->each[i] = smtp_add_recipient(t->message, m->rcpt[i].to);
		if (t->each[i] == NULL)
			return false;
		if (m->rcpt[i].notify != 0)
			smtp_dsn_set_notify(
			    t->each[i], notify_of(m->rcpt[i].notify));
		add_orcpt(t->each[i], m->rcpt[i].orcpt);
	}
	return true;
}

static bool
add_mail(smtp_session_t session, struct turn *t)
{
	const char *from = t->mail->from;

	t->message = smtp_add_message(session);
	if (t->message == NULL)
		return false;
	smtp_set_reverse_path(t->message, from && *from ? from : NULL);
	smtp_set_messagecb(t->message, on_text, t);
	smtp_size_set_estimate(t->message, t->mail->len);
	if (t->mail->to == NULL)
		return add_alone(t);
	t->recipient = smtp_add_recipient(t->message, t->mail->to);
	return t->recipient != NULL;
}

/* An outcome and its reply, of a mail or of one of its recipients. */
struct verdict {
	enum smtp_outcome *outcome;
	char *reply;
};

static void
judge(const struct verdict *v, const smtp_status_t *st)
{
	char text[512];

	if (st->code / 100 == 5)
		*v->outcome = SMTP_REFUSED;
	else if (st->code / 100 == 4)
		*v->outcome = SMTP_LATER;
	else if (st->code / 100 == 2)
		*v->outcome = SMTP_TAKEN;
	/* libesmtp takes the enhanced code off where it was announced. */
	if (st->enh_class != 0)
		snprintf(text, sizeof(text), "%d.%d.%d %s", st->enh_class,
		    st->enh_subject, st->enh_detail, st->text);
	else
		snprintf(text, sizeof(text), "%s", st->text);
	reply_clean(st->code, text, v->reply);
}

static int
status_class(const smtp_status_t *st)
{
	return st ? st->code / 100 : 0;
}

/* From the statuses of one mail and recipient, latest stage first. */
static void
read_verdict(
    struct turn *t, smtp_recipient_t recipient, const struct verdict *v)
{
	const smtp_status_t *data = smtp_message_transfer_status(t->message);
	const smtp_status_t *rcpt = smtp_recipient_status(recipient);
	const smtp_status_t *from = smtp_reverse_path_status(t->message);

	if (status_class(from) == 4 || status_class(from) == 5)
		judge(v, from);
	else if (status_class(rcpt) == 4 || status_class(rcpt) == 5)
		judge(v, rcpt);
	else if (status_class(rcpt) == 2 && status_class(data) >= 4)
		judge(v, data);
	else if (status_class(data) == 2 &&
	    smtp_recipient_check_complete(recipient))
		/* Of BDAT each piece is answered 250: that alone says nothing. */
		judge(v, data);
	else if (t->started || status_class(data) == 3)
		*v->outcome = SMTP_UNKNOWN;
}

static void
read_outcome(struct turn *t)
{
	struct smtp_mail *m = t->mail;

	if (m->to != NULL) {
		read_verdict(t, t->recipient,
		    &(const struct verdict){&m->outcome, m->reply});
		return;
	}
	for (size_t i = 0; i < m->n_rcpt; i++) {
		struct smtp_rcpt *r = &m->rcpt[i];

		memcpy(r->reply, m->reply, sizeof(r->reply));
		r->outcome = m->lacks != 0 ? SMTP_REFUSED : SMTP_UNREACHED;
		if (m->lacks == 0)
			read_verdict(t, t->each[i],
			    &(const struct verdict){&r->outcome, r->reply});
	}
}

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
	smtp_set_eventcb(session, on_event, o);
	smtp_set_monitorcb(session, on_traffic, o, 0);
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
	o->alone = n == 1 && turns[0].mail->to == NULL ? turns[0].mail : NULL;
	o->ehlo_len = 0;
	o->ehlo[0] = '\0';
	for (size_t i = 0; fine && i < n; i++)
		fine = add_mail(session, &turns[i]);
	if (fine) {
		dial_begin(clock_mono_ms() + o->setup.connect_ms,
		    clock_mono_ms() + o->setup.session_ms);
		fine = smtp_start_session(session) != 0;
		if (dial_end())
			o->trouble = "the session took too long";
		tell_why(o, fine, why, sizeof(why));
		for (size_t i = 0; i < n; i++) {
			reply_clean(0, why, turns[i].mail->reply);
			read_outcome(&turns[i]);
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
smtp_out_send(struct smtp_out *o, struct smtp_mail *mails, size_t n)
{
	char server[ADDRESSES][280];
	struct turn *turns = calloc(n ? n : 1, sizeof(*turns));
	size_t ways, count = 0;

	o->trouble = turns ? NULL : "memory";
	for (size_t i = 0; i < n; i++) {
		mails[i].outcome = SMTP_UNREACHED;
		mails[i].reply[0] = '\0';
		mails[i].offered = mails[i].lacks = 0;
		if (turns != NULL && is_sendable(&mails[i])) {
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
