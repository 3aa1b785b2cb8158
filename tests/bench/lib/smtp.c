/*
 * smtp.c: one client for both sides of the intake benchmark: sessions beside each other
 * that send one message after the other, each with an id of its own. It waits for every
 * answer. Prints "messages=n refused=n seconds=s p50=ms p99=ms cpu=ms", the times from the
 * final dot to its answer; or says why not and exits with 1.
 *
 *	smtp PORT SESSIONS MESSAGES BYTES text|base64 reuse|new clear|tls FROM TO
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "bench.h"

#define MOST_SECONDS 60
#define HEAD_ROOM    512

enum step {
	BANNER,
	HELLO,
	STARTTLS,
	SHAKE,
	AGAIN,
	MAIL,
	RCPT,
	DATA,
	BODY,
	QUIT
};

struct peer {
	int fd;
	SSL *ssl;
	enum step step;
	char in[2048];
	size_t have;
	const char *out; /* what is left to send of a message */
	size_t left;
	char *text;  /* head of its own, then the body */
	long number; /* of its message */
	double dot;
	bool wants_out;
};

static struct {
	int port, epoll;
	long sessions, messages, bytes;
	bool base64, reuse, tls;
	const char *from, *to;
	SSL_CTX *ctx;
	char *body;
	size_t body_len;
	long begun, taken, refused, live;
	double *took;
	unsigned run; /* tells the ids of one run from another's */
} self;

/* ---- what is sent ---- */

static uint32_t
chance(void)
{
	static uint64_t x = 0x2545f4914f6cdd1dU;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

/* Lines of words, or of random base64, up to the size wanted. */
static void
body_make(void)
{
	static const char *const words[] = {"account", "after", "agreed",
	    "attached", "before", "branch", "between", "changes", "contract",
	    "customer", "delivery", "details", "figures", "from", "invoice",
	    "letter", "meeting", "month", "number", "office", "order", "please",
	    "quarter", "regards", "report", "review", "schedule", "signed",
	    "the", "their", "tomorrow", "with"};
	static const char sixty_four[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t want = (size_t)self.bytes, n = 0, line = 0;
	const char *word;

	if ((self.body = malloc(want + HEAD_ROOM)) == NULL)
		die("memory");
	while (n < want) {
		if (self.base64) {
			self.body[n++] = sixty_four[chance() % 64];
			line++;
		} else {
			word = words[chance() % 32];
			n += (size_t)sprintf(self.body + n, "%s ", word);
			line += strlen(word) + 1;
			if (chance() % 9 == 0)
				n += (size_t)sprintf(
				    self.body + n, "%u ", chance() % 100000);
		}
		if (line >= 70) {
			memcpy(self.body + n, "\r\n", 2);
			n += 2;
			line = 0;
		}
	}
	n += (size_t)sprintf(self.body + n, "\r\n.\r\n");
	self.body_len = n;
}

static void flush(struct peer *p);

static void say(struct peer *p, enum step step, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(struct peer *p, enum step step, const char *fmt, ...)
{
	char line[600];
	va_list ap;
	int n;
	ssize_t w;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	p->step = step;
	w = p->ssl != NULL ? SSL_write(p->ssl, line, n) :
			     write(p->fd, line, (size_t)n);
	if (w != n)
		die("a command was not sent: %s", strerror(errno));
}

static void
watch(struct peer *p, bool out)
{
	struct epoll_event ev = {
	    .events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = p};

	if (p->wants_out != out)
		epoll_ctl(self.epoll, EPOLL_CTL_MOD, p->fd, &ev);
	p->wants_out = out;
}

static void
message_send(struct peer *p)
{
	int head = sprintf(p->text,
	    "From: <%s>\r\nTo: <%s>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
	    "Message-ID: <%u.%ld@load.example>\r\nSubject: figures of the quarter\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
	    self.from, self.to, self.run, p->number);
	size_t cut = (size_t)head < self.body_len ? (size_t)head : 0;

	/* The size wanted is that of head and body. */
	if (self.body_len - cut < 64)
		cut = 0;
	memcpy(p->text + head, self.body + cut, self.body_len - cut);
	p->out = p->text;
	p->left = (size_t)head + self.body_len - cut;
	p->step = BODY;
	p->dot = 0;
	flush(p);
}

static void
flush(struct peer *p)
{
	ssize_t w;

	while (p->left > 0) {
		w = p->ssl != NULL ?
		    SSL_write(p->ssl, p->out,
			(int)(p->left < 65536 ? p->left : 65536)) :
		    write(p->fd, p->out, p->left);
		if (w <= 0) {
			watch(p, true);
			return;
		}
		p->out += w;
		p->left -= (size_t)w;
	}
	p->dot = now();
	watch(p, false);
}

/* ---- a session ---- */

static void
peer_open(struct peer *p)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)self.port)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (p->fd == -1 ||
	    connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die("no connection: %s", strerror(errno));
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	p->ssl = NULL;
	p->step = BANNER;
	p->have = 0;
	p->wants_out = false;
	self.live++;
	if (epoll_ctl(self.epoll, EPOLL_CTL_ADD, p->fd, &ev) == -1)
		die("epoll");
}

static void
peer_close(struct peer *p)
{
	if (p->ssl != NULL) {
		SSL_set_quiet_shutdown(p->ssl, 1);
		SSL_shutdown(p->ssl);
		SSL_free(p->ssl);
		p->ssl = NULL;
	}
	close(p->fd);
	p->fd = -1;
	self.live--;
	if (self.begun < self.messages)
		peer_open(p);
}

static void
shake(struct peer *p)
{
	int r = SSL_do_handshake(p->ssl);

	if (r == 1)
		say(p, AGAIN, "EHLO load.example\r\n");
	else if (SSL_get_error(p->ssl, r) != SSL_ERROR_WANT_READ)
		die("no handshake");
}

static void
tls_start(struct peer *p)
{
	if ((p->ssl = SSL_new(self.ctx)) == NULL)
		die("TLS");
	SSL_set_fd(p->ssl, p->fd);
	SSL_set_connect_state(p->ssl);
	p->step = SHAKE;
	shake(p);
}

static void
next_mail(struct peer *p)
{
	if (self.begun >= self.messages) {
		say(p, QUIT, "QUIT\r\n");
		return;
	}
	p->number = ++self.begun;
	say(p, MAIL, "MAIL FROM:<%s>\r\n", self.from);
}

static void
answered(struct peer *p, const char *code)
{
	bool fine = code[0] == '2';

	if (p->step != BODY && p->step != QUIT && !fine && code[0] != '3')
		die("refused at step %d: %.3s", (int)p->step, code);
	switch (p->step) {
	case BANNER:
		say(p, HELLO, "EHLO load.example\r\n");
		break;
	case HELLO:
		if (self.tls)
			say(p, STARTTLS, "STARTTLS\r\n");
		else
			next_mail(p);
		break;
	case AGAIN:
		next_mail(p);
		break;
	case STARTTLS:
		tls_start(p);
		break;
	case SHAKE:
		break;
	case MAIL:
		say(p, RCPT, "RCPT TO:<%s>\r\n", self.to);
		break;
	case RCPT:
		say(p, DATA, "DATA\r\n");
		break;
	case DATA:
		message_send(p);
		break;
	case BODY:
		if (fine)
			self.took[self.taken++] = now() - p->dot;
		else
			self.refused++;
		if (self.reuse)
			next_mail(p);
		else
			say(p, QUIT, "QUIT\r\n");
		break;
	case QUIT:
		peer_close(p);
		break;
	}
}

/* Takes whole lines; a reply's last has a space behind its code. */
static void
lines(struct peer *p)
{
	char *at = p->in, *end;
	char code[4];

	while (
	    (end = memchr(at, '\n', p->have - (size_t)(at - p->in))) != NULL) {
		memcpy(code, at, 3);
		code[3] = at[3];
		p->have -= (size_t)(end + 1 - at);
		memmove(p->in, end + 1, p->have);
		at = p->in;
		if (code[3] == '-')
			continue;
		answered(p, code);
		if (p->fd == -1 || p->step == BANNER || p->step == SHAKE)
			return;
	}
}

static void
readable(struct peer *p)
{
	ssize_t r;

	if (p->step == SHAKE) {
		shake(p);
		return;
	}
	do {
		r = p->ssl != NULL ? SSL_read(p->ssl, p->in + p->have,
					 (int)(sizeof(p->in) - p->have)) :
				     recv(p->fd, p->in + p->have,
					 sizeof(p->in) - p->have, MSG_DONTWAIT);
		if (r == 0 && p->step == QUIT) {
			peer_close(p);
			return;
		}
		if (r == 0)
			die("a session was closed at step %d", (int)p->step);
		if (r < 0)
			return;
		p->have += (size_t)r;
		lines(p);
	} while (p->ssl != NULL && SSL_pending(p->ssl) > 0);
}

/* ---- the run ---- */

static int
by_time(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
options(char **argv)
{
	self.port = atoi(argv[1]);
	self.sessions = atol(argv[2]);
	self.messages = atol(argv[3]);
	self.bytes = atol(argv[4]);
	self.base64 = strcmp(argv[5], "base64") == 0;
	self.reuse = strcmp(argv[6], "reuse") == 0;
	self.tls = strcmp(argv[7], "tls") == 0;
	self.from = argv[8];
	self.to = argv[9];
	self.run = (unsigned)time(NULL) * 4096U + (unsigned)getpid() % 4096U;
	self.epoll = epoll_create1(0);
	self.took = calloc(
	    (size_t)(self.messages + self.sessions), sizeof(*self.took));
	if (self.tls && (self.ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		die("TLS");
	if (self.tls)
		SSL_CTX_set_mode(self.ctx,
		    SSL_MODE_ENABLE_PARTIAL_WRITE |
			SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	body_make();
}

static void
report(double seconds)
{
	struct rusage used;
	size_t n = (size_t)self.taken;

	getrusage(RUSAGE_SELF, &used);
	qsort(self.took, n, sizeof(*self.took), by_time);
	if (n == 0)
		die("no message was taken");
	printf(
	    "messages=%ld refused=%ld seconds=%.4f p50=%.3f p99=%.3f cpu=%ld\n",
	    self.taken, self.refused, seconds, self.took[n / 2] * 1e3,
	    self.took[n * 99 / 100] * 1e3,
	    (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
		(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[128];
	struct peer *peers;
	double began;
	int i, n;

	if (argc != 10)
		die("usage: smtp PORT SESSIONS MESSAGES BYTES text|base64 reuse|new"
		    " clear|tls FROM TO");
	options(argv);
	peers = calloc((size_t)self.sessions, sizeof(*peers));
	began = now();
	for (i = 0; i < self.sessions; i++) {
		peers[i].text = malloc(self.body_len + HEAD_ROOM * 2);
		peer_open(&peers[i]);
	}
	while (self.live > 0) {
		n = epoll_wait(self.epoll, ev, 128, 1000);
		for (i = 0; i < n; i++) {
			struct peer *p = ev[i].data.ptr;

			if (p->fd != -1 && (ev[i].events & EPOLLOUT) != 0)
				flush(p);
			if (p->fd != -1 && (ev[i].events & ~EPOLLOUT) != 0)
				readable(p);
		}
		if (now() - began > MOST_SECONDS)
			die("took too long");
	}
	report(now() - began);
	return 0;
}
