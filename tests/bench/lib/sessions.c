/*
 * sessions.c: many SMTP sessions that do nothing.
 *
 *	sessions PORT COUNT [starttls]
 *
 * Opens them, a hundred at a time, says EHLO on each (over TLS, too), prints "open=n
 * seconds=s", and holds them until its input ends. Prints then how many still are open.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "bench.h"

#define BATCH 100

struct session {
	int fd;
	SSL *ssl;
};

static SSL_CTX *tls;

static void
put(struct session *s, const char *text)
{
	int n = (int)strlen(text);

	if ((s->ssl != NULL ? SSL_write(s->ssl, text, n) :
			      (int)write(s->fd, text, (size_t)n)) != n)
		die("write: %m");
}

/* One reply, whole; it must begin with code. */
static void
expect(struct session *s, const char *code)
{
	char text[4096];
	size_t len = 0;
	const char *last;
	int n;

	do {
		n = s->ssl != NULL ?
		    SSL_read(
			s->ssl, text + len, (int)(sizeof(text) - 1 - len)) :
		    (int)read(s->fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			die("read: %m");
		len += (size_t)n;
		text[len] = '\0';
		last = len > 1 ? memrchr(text, '\n', len - 1) : NULL;
		last = last != NULL ? last + 1 : text;
	} while (text[len - 1] != '\n' || strlen(last) < 4 || last[3] != ' ');
	if (strncmp(last, code, 3) != 0) {
		(void)fprintf(stderr, "instead of %s: %s", code, text);
		exit(1);
	}
}

/* From several addresses, so that ports do not run out. */
static int
connect_from(unsigned i, uint16_t port)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = from;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % 4);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die("connect: %m");
	return fd;
}

/* From the banner on. */
static void
begin(struct session *s)
{
	expect(s, "220");
	put(s, "EHLO idle.example\r\n");
	expect(s, "250");
	if (tls == NULL)
		return;
	put(s, "STARTTLS\r\n");
	expect(s, "220");
	if ((s->ssl = SSL_new(tls)) == NULL || SSL_set_fd(s->ssl, s->fd) != 1 ||
	    SSL_connect(s->ssl) != 1)
		die("handshake: %m");
	put(s, "EHLO idle.example\r\n");
	expect(s, "250");
}

static int
still_open(const struct session *s, int n)
{
	struct pollfd p = {.events = POLLIN | POLLRDHUP};
	int open = 0;

	for (int i = 0; i < n; i++) {
		p.fd = s[i].fd;
		open += poll(&p, 1, 0) == 0;
	}
	return open;
}

int
main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	struct rlimit files;
	struct session *s;
	double began = now();
	char byte;

	if (n < 1 || (s = calloc((size_t)n, sizeof(*s))) == NULL) {
		(void)fprintf(
		    stderr, "usage: sessions PORT COUNT [starttls]\n");
		return 2;
	}
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (argc > 3 && (tls = SSL_CTX_new(TLS_client_method())) == NULL)
		die("TLS: %m");
	if (tls != NULL)
		(void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	for (int i = 0; i < n; i++) {
		s[i].fd = connect_from((unsigned)i, (uint16_t)atoi(argv[1]));
		/* Some servers let each wait a little for its banner. */
		for (int k = i - i % BATCH; k <= i; k++)
			if (i == n - 1 || i % BATCH == BATCH - 1)
				begin(&s[k]);
	}
	printf("open=%d seconds=%.2f\n", n, now() - began);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	printf("alive=%d\n", still_open(s, n));
	return 0;
}
