/*
 * The wrapper around libesmtp against servers that behave, refuse, lie and vanish.
 * One server thread, one script a case; what it saw is compared with what we say of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "courier/smtp_out.h"

enum trick {
	HONEST = 0,
	GREET_554,
	HANG,
	DRIP,
	NO_STARTTLS,
	INJECT,
	MAIL_550,
	RCPT_450,
	RCPT_550,
	DATA_451,
	END_452,
	END_554,
	CUT_AT_RCPT,
	CUT_AT_END,
	CUT_IN_SECOND,
	CHUNKED, /* and everything else that may be offered */
	CHUNKED_CUT,
	SECOND_RCPT_550
};

/* Answers of a script, by verb. */
struct server {
	enum trick trick;
	bool tls;
	int listener;
	char name[32]; /* 127.0.0.1:port */
	pthread_t thread;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	char sni[64];
	unsigned ended; /* messages whose last line came */
	unsigned rcpts;
	struct buf seen; /* all commands and texts, after TLS */
};

static SSL_CTX *server_ctx;
static char ca_file[] = "/tmp/restante-ca-XXXXXX";

/* ---- certificates ---- */

static X509 *
certificate(const char *name, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_NAME_new();
	X509V3_CTX v3;
	char san[80];
	X509_EXTENSION *ext;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ca ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : subject);
	X509_NAME_free(subject);
	X509V3_set_ctx(&v3, ca ? ca : x, x, NULL, NULL, 0);
	snprintf(san, sizeof(san), "DNS:%s", name);
	ext = ca ? X509V3_EXT_conf_nid(NULL, &v3, NID_subject_alt_name, san) :
		   X509V3_EXT_conf_nid(
		       NULL, &v3, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	X509_sign(x, ca ? ca_key : key, EVP_sha256());
	return x;
}

static int
on_sni(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int
set_up(void **state)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = certificate("test authority", ca_key, NULL, NULL);
	X509 *cert = certificate("localhost", key, ca, ca_key);
	int fd = mkstemp(ca_file);
	FILE *f = fdopen(fd, "w");

	(void)state;
	if (f == NULL || PEM_write_X509(f, ca) != 1 || fclose(f) != 0)
		return -1;
	setenv("SSL_CERT_FILE", ca_file, 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	setenv("HOME", "/nonexistent", 1);
	signal(SIGPIPE, SIG_IGN);
	server_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(server_ctx, cert);
	SSL_CTX_use_PrivateKey(server_ctx, key);
	SSL_CTX_set_tlsext_servername_callback(server_ctx, on_sni);
	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	SSL_CTX_free(server_ctx);
	unlink(ca_file);
	return 0;
}

/* ---- the server ---- */

static void
say(struct server *s, const char *text)
{
	if (s->ssl)
		(void)SSL_write(s->ssl, text, (int)strlen(text));
	else
		(void)!write(s->fd, text, strlen(text));
}

/* One line into line[]; false at the end. */
static bool
hear(struct server *s, char *line, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap) {
		int r = s->ssl ? SSL_read(s->ssl, line + n, 1) :
				 (int)read(s->fd, line + n, 1);

		if (r != 1)
			return false;
		if (line[n++] == '\n')
			break;
	}
	line[n] = '\0';
	(void)!buf_adds(&s->seen, line);
	return true;
}

static bool
start_tls(struct server *s)
{
	const char *name;

	say(s,
	    s->trick == INJECT ?
		"220 go\r\n250-evil.example\r\n250 INJECTED\r\n" :
		"220 go\r\n");
	s->ssl = SSL_new(server_ctx);
	SSL_set_fd(s->ssl, s->fd);
	if (SSL_accept(s->ssl) != 1)
		return false;
	name = SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(s->sni, sizeof(s->sni), "%s", name ? name : "");
	buf_clear(&s->seen);
	return true;
}

static bool
take_text(struct server *s)
{
	char line[2000];

	if (s->trick == DATA_451) {
		say(s, "451 4.3.0 not now\r\n");
		return true;
	}
	say(s, "354 go on\r\n");
	do {
		if (!hear(s, line, sizeof(line)))
			return false;
	} while (strcmp(line, ".\r\n") != 0);
	s->ended++;
	if (s->trick == CUT_AT_END ||
	    (s->trick == CUT_IN_SECOND && s->ended == 2))
		return false;
	say(s,
	    s->trick == END_452 ? "452 4.2.2 full\r\n" :
		s->trick == END_554 ?
				  "554 5.7.1 no <a@b.example> 7KQF-2M9X\r\n" :
				  "250 2.0.0 queued\r\n");
	return true;
}

/* Each piece is answered; the last one perhaps not. */
static bool
take_chunk(struct server *s, const char *line)
{
	unsigned long n = strtoul(line + 5, NULL, 10);
	bool last = strstr(line, "LAST") != NULL;
	char c[2] = "";

	while (n-- > 0) {
		if ((s->ssl ? SSL_read(s->ssl, c, 1) :
			      (int)read(s->fd, c, 1)) != 1)
			return false;
		(void)!buf_add(&s->seen, c, 1);
	}
	s->ended += last;
	if (last && s->trick == CHUNKED_CUT)
		return false;
	say(s, last ? "250 2.0.0 queued\r\n" : "250 2.0.0 a piece\r\n");
	return true;
}

/* One command; false ends the connection. */
static bool
answer(struct server *s, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0) {
		say(s,
		    s->tls && !s->ssl && s->trick != NO_STARTTLS ?
			"250-localhost\r\n250 STARTTLS\r\n" :
			s->trick == CHUNKED || s->trick == CHUNKED_CUT ?
			"250-localhost\r\n250-CHUNKING\r\n250-8BITMIME\r\n"
			"250-SMTPUTF8\r\n250-DSN\r\n250 REQUIRETLS\r\n" :
			"250-localhost\r\n250 SIZE 1000000\r\n");
	} else if (strncmp(line, "STARTTLS", 8) == 0) {
		return start_tls(s);
	} else if (strncmp(line, "MAIL", 4) == 0) {
		say(s,
		    s->trick == MAIL_550 ? "550 5.7.1 not you\r\n" :
					   "250 2.1.0 ok\r\n");
	} else if (strncmp(line, "RCPT", 4) == 0) {
		if (s->trick == CUT_AT_RCPT)
			return false;
		s->rcpts++;
		say(s,
		    s->trick == SECOND_RCPT_550 && s->rcpts == 2 ?
			"550 5.1.1 no such user\r\n" :
			s->trick == RCPT_450 ? "450 4.2.0 greylisted\r\n" :
			s->trick == RCPT_550 ? "550 5.1.1 no such user\r\n" :
					       "250 2.1.5 ok\r\n");
	} else if (strncmp(line, "BDAT", 4) == 0) {
		return take_chunk(s, line);
	} else if (strncmp(line, "DATA", 4) == 0) {
		return take_text(s);
	} else if (strncmp(line, "QUIT", 4) == 0) {
		say(s, "221 bye\r\n");
		return false;
	} else {
		say(s, "250 ok\r\n");
	}
	return true;
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	char line[2000];
	int rounds = 0;

	s->fd = accept(s->listener, NULL, NULL);
	if (s->trick == HANG) {
		char c;

		(void)!read(s->fd, &c, 1);
	} else if (s->trick == DRIP) {
		say(s, "220-slow\r\n");
		while (rounds++ < 100 &&
		    send(s->fd, "220-x\r\n", 7, MSG_NOSIGNAL) == 7)
			usleep(100000);
	} else {
		say(s,
		    s->trick == GREET_554 ? "554 5.3.2 closed\r\n" :
					    "220 localhost\r\n");
		while (s->trick != GREET_554 && hear(s, line, sizeof(line)) &&
		    answer(s, line))
			continue;
	}
	if (s->ssl) {
		if (s->trick == HONEST)
			SSL_shutdown(s->ssl);
		SSL_free(s->ssl);
	}
	close(s->fd);
	return NULL;
}

static void
server_listen(struct server *s, int backlog)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(s->listener, backlog), 0);
	assert_int_equal(
	    getsockname(s->listener, (struct sockaddr *)&in, &len), 0);
	snprintf(s->name, sizeof(s->name), "%s:%d",
	    s->tls ? "localhost" : "127.0.0.1", ntohs(in.sin_port));
}

static void
server_start(struct server *s)
{
	server_listen(s, 5);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* A connection of our own lets a server end that nobody spoke to. */
static void
server_end(struct server *s)
{
	(void)shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	buf_free(&s->seen);
}

static const char text[] = "From: <a@x.example>\r\n"
			   "To: <b@x.example>\r\n"
			   "Subject: s\r\n"
			   "Date: Fri, 20 Nov 2026 13:58:00 +0000\r\n"
			   "Message-ID: <1@x.example>\r\n"
			   "\r\n"
			   ".dot\r\n"
			   "..two\r\n"
			   ".\r\n"
			   "end\r\n";

static struct smtp_mail
mail_to(const char *to)
{
	return (struct smtp_mail){.from = "notice@x.example",
	    .to = to,
	    .data = text,
	    .len = sizeof(text) - 1};
}

static void
send_all(struct server *s, struct smtp_mail *mails, size_t n)
{
	const struct smtp_out_setup setup = {.smarthost = s->name,
	    .tls = s->tls,
	    .helo = "courier.example",
	    .connect_ms = 500,
	    .answer_ms = 1000,
	    .session_ms = 2000};
	struct err e = {0};
	struct smtp_out *o = smtp_out_new(&setup, &e);

	assert_non_null(o);
	smtp_out_send(o, mails, n);
	smtp_out_free(o);
}

/* ---- cases ---- */

static void
outcomes(void **state)
{
	static const struct {
		const char *name;
		enum trick trick;
		bool tls;
		enum smtp_outcome outcome;
		const char *reply; /* NULL: whatever it says */
	} cases[] = {
	    {"honest", HONEST, false, SMTP_TAKEN, "250 2.0.0 queued"},
	    {"honest with TLS", HONEST, true, SMTP_TAKEN, "250 2.0.0 queued"},
	    {"greeting 554", GREET_554, false, SMTP_UNREACHED, NULL},
	    {"hangs", HANG, false, SMTP_UNREACHED, NULL},
	    {"drips", DRIP, false, SMTP_UNREACHED, "the session took too long"},
	    {"no STARTTLS", NO_STARTTLS, true, SMTP_UNREACHED, NULL},
	    {"injects", INJECT, true, SMTP_UNREACHED,
		"answers injected before TLS"},
	    {"MAIL 550", MAIL_550, false, SMTP_REFUSED, "550 5.7.1 not you"},
	    {"RCPT 450", RCPT_450, false, SMTP_LATER, "450 4.2.0 greylisted"},
	    {"RCPT 550", RCPT_550, true, SMTP_REFUSED,
		"550 5.1.1 no such user"},
	    {"DATA 451", DATA_451, false, SMTP_LATER, "451 4.3.0 not now"},
	    {"end 452", END_452, false, SMTP_LATER, "452 4.2.2 full"},
	    {"end 554", END_554, true, SMTP_REFUSED, "554 5.7.1 no ... ..."},
	    {"cut at RCPT", CUT_AT_RCPT, false, SMTP_UNREACHED, NULL},
	    {"cut after DATA", CUT_AT_END, false, SMTP_UNKNOWN, NULL},
	    {"cut after DATA with TLS", CUT_AT_END, true, SMTP_UNKNOWN, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = {
		    .trick = cases[i].trick, .tls = cases[i].tls};
		struct smtp_mail m = mail_to("b@x.example");
		int64_t took = clock_mono_ms();

		server_start(&s);
		send_all(&s, &m, 1);
		server_end(&s);
		if (m.outcome != cases[i].outcome ||
		    (cases[i].reply && strcmp(m.reply, cases[i].reply) != 0))
			fail_msg("%s: outcome %d, %s", cases[i].name,
			    (int)m.outcome, m.reply);
		assert_true(clock_mono_ms() - took < 4000);
	}
}

/* What arrives: dots doubled, nothing else changed, the name we meant. */
static void
what_is_on_the_wire(void **state)
{
	struct server s = {.tls = true};
	struct smtp_mail m = mail_to("b@x.example");
	const char *wire;

	(void)state;
	server_start(&s);
	send_all(&s, &m, 1);
	wire = buf_cstr(&s.seen);
	assert_non_null(strstr(wire, "EHLO courier.example\r\n"));
	assert_non_null(strstr(wire, "MAIL FROM:<notice@x.example>"));
	assert_non_null(strstr(wire, "RCPT TO:<b@x.example>"));
	assert_non_null(strstr(wire, "Message-ID: <1@x.example>\r\n"));
	assert_non_null(strstr(wire, "Date: Fri, 20 Nov 2026 13:58:00 +0000"));
	assert_non_null(
	    strstr(wire, "\r\n\r\n..dot\r\n...two\r\n..\r\nend\r\n.\r\n"));
	assert_string_equal(s.sni, "localhost");
	server_end(&s);
}

static void
the_null_sender(void **state)
{
	struct server s = {0};
	struct smtp_mail m = mail_to("b@x.example");

	(void)state;
	m.from = "";
	server_start(&s);
	send_all(&s, &m, 1);
	assert_non_null(strstr(buf_cstr(&s.seen), "MAIL FROM:<>"));
	assert_int_equal(m.outcome, SMTP_TAKEN);
	server_end(&s);
}

static void
several_in_one_session(void **state)
{
	struct server s = {.trick = CUT_IN_SECOND};
	struct smtp_mail m[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		m[i] = mail_to("b@x.example");
	server_start(&s);
	send_all(&s, m, 3);
	server_end(&s);
	assert_int_equal(m[0].outcome, SMTP_TAKEN);
	assert_int_equal(m[1].outcome, SMTP_UNKNOWN);
	assert_int_equal(m[2].outcome, SMTP_UNREACHED);
}

/* The name we were told, not the one that the address or the server would like. */
static void
certificates_that_do_not_fit(void **state)
{
	struct server s = {.tls = true};
	struct smtp_mail m = mail_to("b@x.example");

	(void)state;
	server_start(&s);
	memcpy(s.name, "127.0.0.1", 9); /* same length as localhost */
	send_all(&s, &m, 1);
	assert_int_equal(m.outcome, SMTP_UNREACHED);
	assert_null(strstr(buf_cstr(&s.seen), "MAIL"));
	server_end(&s);

	s = (struct server){.tls = true};
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	server_start(&s);
	send_all(&s, &m, 1);
	setenv("SSL_CERT_FILE", ca_file, 1);
	assert_int_equal(m.outcome, SMTP_UNREACHED);
	assert_null(strstr(buf_cstr(&s.seen), "MAIL"));
	server_end(&s);
}

/* None of these may reach the wire; the good one among them does. */
static void
unfit_mails_are_not_sent(void **state)
{
	struct server s = {0};
	struct smtp_mail m[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		m[i] = mail_to("b@x.example");
	m[0].to = "b@x.example>\r\nRCPT TO:<evil@x.example";
	m[1].from = "a@x.example>\r\nRCPT TO:<evil@x.example";
	m[2].data = "Subject: x\n.\nMAIL\r\n";
	m[2].len = strlen(m[2].data);
	m[3].data = "Subject: x\r\n\r\nbare\rreturn\r\n";
	m[3].len = strlen(m[3].data);
	m[4].data = "Subject: x\r\n\r\nno end";
	m[4].len = strlen(m[4].data);
	server_start(&s);
	send_all(&s, m, 6);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(m[i].outcome, SMTP_REFUSED);
		assert_string_equal(m[i].reply, "not fit to be sent");
	}
	assert_int_equal(m[5].outcome, SMTP_TAKEN);
	assert_int_equal(s.ended, 1);
	assert_null(strstr(buf_cstr(&s.seen), "evil"));
	server_end(&s);
}

static void
without_tls_only_to_loopback(void **state)
{
	struct server s = {.name = "192.0.2.1:25"};
	struct smtp_mail m = mail_to("b@x.example");

	(void)state;
	send_all(&s, &m, 1);
	assert_int_equal(m.outcome, SMTP_UNREACHED);
	assert_string_equal(m.reply, "without TLS only to loopback");
}

static void
nobody_there(void **state)
{
	struct server s = {0};
	struct smtp_mail m = mail_to("b@x.example");

	(void)state;
	server_listen(&s, 1);
	close(s.listener);
	send_all(&s, &m, 1);
	assert_int_equal(m.outcome, SMTP_UNREACHED);
	snprintf(s.name, sizeof(s.name), "none.invalid:25");
	s.tls = true;
	send_all(&s, &m, 1);
	assert_int_equal(m.outcome, SMTP_UNREACHED);
}

/* A full backlog drops what comes: connecting would take minutes. */
static void
connecting_has_a_deadline(void **state)
{
	struct server s = {0};
	struct smtp_mail m = mail_to("b@x.example");
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	int fill[4];
	int64_t took;

	(void)state;
	server_listen(&s, 0);
	getsockname(s.listener, (struct sockaddr *)&in, &len);
	for (size_t i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&in, len);
	}
	usleep(50000);
	took = clock_mono_ms();
	send_all(&s, &m, 1);
	took = clock_mono_ms() - took;
	assert_int_equal(m.outcome, SMTP_UNREACHED);
	assert_in_range(took, 400, 1500);
	for (size_t i = 0; i < 4; i++)
		close(fill[i]);
	close(s.listener);
}

/* ---- one mail with several recipients, read in pieces ---- */

struct pieces {
	size_t at;   /* the next byte */
	size_t fail; /* from there on it cannot be read; 0: it can */
};

static int
next_piece(void *arg, bool again, const char **p, size_t *n)
{
	struct pieces *q = arg;

	if (again)
		q->at = 0;
	if (q->fail != 0 && q->at >= q->fail)
		return -1;
	*n = sizeof(text) - 1 - q->at < 40 ? sizeof(text) - 1 - q->at : 40;
	*p = text + q->at;
	q->at += *n;
	return 0;
}

static struct smtp_rcpt rcpt[2];

static void
send_alone(enum trick trick, bool tls, unsigned need, size_t fail,
    struct server *s, struct smtp_mail *m)
{
	struct pieces q = {.fail = fail};

	*s = (struct server){.trick = trick, .tls = tls};
	rcpt[0] = (struct smtp_rcpt){
	    .to = "b@x.example", .notify = 6, .orcpt = "rfc822;B@x.example"};
	rcpt[1] = (struct smtp_rcpt){
	    .to = "c@x.example", .notify = 1, .orcpt = "x\r\ny;z"};
	*m = (struct smtp_mail){.from = "a@x.example",
	    .len = sizeof(text) - 1,
	    .rcpt = rcpt,
	    .n_rcpt = 2,
	    .read = next_piece,
	    .arg = &q,
	    .need = need,
	    .envid = "QQ+1",
	    .ret = 1};
	server_start(s);
	send_all(s, m, 1);
	(void)shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* The answer to a piece is not the answer to the whole. */
static void
pieces_are_not_the_whole(void **state)
{
	struct smtp_mail m;
	struct server s;

	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		send_alone(CHUNKED, tls, 0, 0, &s, &m);
		assert_int_equal(rcpt[0].outcome, SMTP_TAKEN);
		assert_int_equal(rcpt[1].outcome, SMTP_TAKEN);
		assert_string_equal(rcpt[0].reply, "250 2.0.0 queued");
		buf_free(&s.seen);
		send_alone(CHUNKED_CUT, tls, 0, 0, &s, &m);
		assert_int_equal(s.ended, 1);
		assert_int_equal(rcpt[0].outcome, SMTP_UNKNOWN);
		assert_int_equal(rcpt[1].outcome, SMTP_UNKNOWN);
		buf_free(&s.seen);
	}
}

/* What cannot be read to its end is not ended for the server either. */
static void
a_torn_mail_does_not_end(void **state)
{
	static const enum trick tricks[] = {HONEST, CHUNKED};
	struct smtp_mail m;
	struct server s;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t fail = 1; fail < sizeof(text) - 1; fail += 40) {
			send_alone(tricks[i / 2], i % 2, 0, fail, &s, &m);
			assert_int_equal(s.ended, 0);
			assert_int_not_equal(rcpt[0].outcome, SMTP_TAKEN);
			assert_int_not_equal(rcpt[0].outcome, SMTP_REFUSED);
			buf_free(&s.seen);
		}
	send_alone(HONEST, true, 0, 0, &s, &m);
	assert_int_equal(s.ended, 1);
	buf_free(&s.seen);
}

static void
each_recipient_has_an_answer(void **state)
{
	struct smtp_mail m;
	struct server s;

	(void)state;
	send_alone(SECOND_RCPT_550, true, 0, 0, &s, &m);
	assert_int_equal(rcpt[0].outcome, SMTP_TAKEN);
	assert_int_equal(rcpt[1].outcome, SMTP_REFUSED);
	assert_string_equal(rcpt[1].reply, "550 5.1.1 no such user");
	buf_free(&s.seen);
	send_alone(RCPT_550, true, 0, 0, &s, &m);
	assert_int_equal(rcpt[0].outcome, SMTP_REFUSED);
	assert_int_equal(rcpt[1].outcome, SMTP_REFUSED);
	buf_free(&s.seen);
	send_alone(NO_STARTTLS, true, 0, 0, &s, &m);
	assert_int_equal(rcpt[0].outcome, SMTP_UNREACHED);
	assert_int_equal(rcpt[1].outcome, SMTP_UNREACHED);
	buf_free(&s.seen);
}

static void
what_is_asked_for(void **state)
{
	struct smtp_mail m;
	struct server s;
	const char *wire;

	(void)state;
	send_alone(
	    CHUNKED, true, SMTP_REQUIRETLS | SMTP_UTF8 | SMTP_8BIT, 0, &s, &m);
	wire = buf_cstr(&s.seen);
	assert_non_null(strstr(wire,
	    "MAIL FROM:<a@x.example> RET=HDRS ENVID=QQ+2B1 BODY=8BITMIME "
	    "REQUIRETLS SMTPUTF8\r\n"));
	assert_non_null(strstr(wire,
	    "RCPT TO:<b@x.example> NOTIFY=SUCCESS,FAILURE "
	    "ORCPT=rfc822;B@x.example\r\n"));
	assert_non_null(strstr(wire, "RCPT TO:<c@x.example> NOTIFY=NEVER\r\n"));
	assert_int_equal(rcpt[0].outcome, SMTP_TAKEN);
	assert_int_equal(m.offered & SMTP_DSN, SMTP_DSN);
	assert_int_equal(m.lacks, 0);
	buf_free(&s.seen);
}

/* Not a word of MAIL where it would have to be kept. */
static void
what_is_lacking(void **state)
{
	static const unsigned needs[] = {
	    SMTP_REQUIRETLS, SMTP_UTF8, SMTP_8BIT, SMTP_BINARY};
	struct smtp_mail m;
	struct server s;

	(void)state;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		send_alone(HONEST, true, needs[i], 0, &s, &m);
		assert_int_equal(m.lacks, needs[i]);
		assert_int_equal(rcpt[0].outcome, SMTP_REFUSED);
		assert_int_equal(rcpt[1].outcome, SMTP_REFUSED);
		assert_null(strstr(buf_cstr(&s.seen), "MAIL"));
		buf_free(&s.seen);
	}
	/* And never in clear, whoever offers it. */
	send_alone(CHUNKED, false, SMTP_REQUIRETLS, 0, &s, &m);
	assert_int_equal(rcpt[0].outcome, SMTP_REFUSED);
	buf_free(&s.seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(outcomes),
	    cmocka_unit_test(what_is_on_the_wire),
	    cmocka_unit_test(the_null_sender),
	    cmocka_unit_test(several_in_one_session),
	    cmocka_unit_test(certificates_that_do_not_fit),
	    cmocka_unit_test(unfit_mails_are_not_sent),
	    cmocka_unit_test(without_tls_only_to_loopback),
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(connecting_has_a_deadline),
	    cmocka_unit_test(pieces_are_not_the_whole),
	    cmocka_unit_test(a_torn_mail_does_not_end),
	    cmocka_unit_test(each_recipient_has_an_answer),
	    cmocka_unit_test(what_is_asked_for),
	    cmocka_unit_test(what_is_lacking),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
