/*
 * client.c: one client for both sides of the HTTPS benchmarks; it does as little
 * itself as it can. Prints "what=n ... seconds=s" or says why not and exits with 1.
 *
 *	client handshakes PORT SECONDS THREADS       full TLS 1.3 handshakes
 *	client get PORT HEAD-FILE                    one request, its body thrown away
 *	client put PORT HEAD-FILE FILE               a file as the body of one request
 *	client slices PORT HEAD-FILE FILE BYTES      the file in PATCHes of BYTES at most
 *
 * HEAD-FILE holds the request line and fields, in lines of their own, without those that
 * say how long the body is and, of a slice, where it begins.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench.h"

static const char *const server_name = "acme.localhost";
static int port;
static SSL_CTX *tls;

/*
 * Connects from a loopback address that changes: the ports of one are used up soon. NULL
 * when there is nobody, or no handshake.
 */
static SSL *
dial(unsigned from)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	struct sockaddr_in there = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	SSL *ssl;

	if (fd == -1)
		die("socket");
	here.sin_addr.s_addr = htonl(0x7f200001U + from % 0xfffeU);
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) == -1 ||
	    connect(fd, (struct sockaddr *)&there, sizeof(there)) == -1 ||
	    (ssl = SSL_new(tls)) == NULL) {
		close(fd);
		return NULL;
	}
	if (SSL_set_fd(ssl, fd) != 1 ||
	    SSL_set_tlsext_host_name(ssl, server_name) != 1 ||
	    SSL_connect(ssl) != 1) {
		ERR_clear_error();
		SSL_free(ssl);
		close(fd);
		return NULL;
	}
	return ssl;
}

static void
hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

/* ---- handshakes ---- */

static atomic_ulong made, failed;
static double until;

static void *
shake(void *arg)
{
	unsigned from = *(unsigned *)arg;

	while (now() < until) {
		SSL *ssl = dial(from += 1);

		if (ssl == NULL) {
			failed++;
			continue;
		}
		made++;
		hang_up(ssl);
	}
	return NULL;
}

static void
handshakes(double seconds, int threads)
{
	pthread_t thread[64];
	unsigned from[64];
	double began = now();

	if (threads < 1 || threads > 64)
		die("1 to 64 threads");
	until = began + seconds;
	for (int i = 0; i < threads; i++) {
		from[i] = (unsigned)i * 997;
		if (pthread_create(&thread[i], NULL, shake, &from[i]) != 0)
			die("pthread_create");
	}
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("handshakes=%lu failed=%lu seconds=%.6f\n", made, failed,
	    now() - began);
}

/* ---- requests ---- */

static char block[256 * 1024];

static void
send_all(SSL *ssl, const char *p, size_t n)
{
	while (n > 0) {
		size_t part = n < 65536 ? n : 65536, sent;

		if (SSL_write_ex(ssl, p, part, &sent) != 1)
			die("the other side went away while it was sent to");
		p += sent;
		n -= sent;
	}
}

/* The number in a field of a head that ends with NUL; -1 when it is not there. */
static long long
field(const char *head, const char *name)
{
	const char *p = strcasestr(head, name);

	return p == NULL ? -1 : strtoll(p + strlen(name), NULL, 10);
}

/* Reads one whole answer; its status, and the bytes of its body. */
static int
answer(SSL *ssl, unsigned long long *body_out)
{
	size_t have = 0, got;
	long long length;
	char *end;
	int status;

	for (;;) {
		if (have == sizeof(block) - 1 ||
		    SSL_read_ex(
			ssl, block + have, sizeof(block) - 1 - have, &got) != 1)
			die("no answer");
		have += got;
		block[have] = '\0';
		if ((end = strstr(block, "\r\n\r\n")) != NULL)
			break;
	}
	*end = '\0';
	if (sscanf(block, "HTTP/1.1 %d", &status) != 1)
		die("no HTTP: %.60s", block);
	length = field(block, "\r\ncontent-length:");
	*body_out = have - (size_t)(end + 4 - block);
	while (length > 0 && *body_out < (unsigned long long)length) {
		if (SSL_read_ex(ssl, block, sizeof(block), &got) != 1)
			die("the answer broke off at %llu", *body_out);
		*body_out += got;
	}
	return status;
}

/* The lines of the file with CRLF, then more fields, then the empty line. */
static void send_head(SSL *ssl, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
send_head(SSL *ssl, const char *file, const char *fmt, ...)
{
	char line[8192], head[32768];
	FILE *f = fopen(file, "re");
	size_t n = 0;
	va_list ap;

	if (f == NULL)
		die("cannot read %s", file);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		n += (size_t)snprintf(
		    head + n, sizeof(head) - n, "%s\r\n", line);
	}
	fclose(f);
	va_start(ap, fmt);
	n += (size_t)vsnprintf(head + n, sizeof(head) - n, fmt, ap);
	va_end(ap);
	if (n + 3 > sizeof(head))
		die("too long a head");
	memcpy(head + n, "\r\n", 2);
	send_all(ssl, head, n + 2);
}

static SSL *
dial_or_die(void)
{
	SSL *ssl = dial(0);

	if (ssl == NULL)
		die("no connection to port %d", port);
	return ssl;
}

static void
get(const char *head)
{
	SSL *ssl = dial_or_die();
	double began = now();
	unsigned long long n;
	int status;

	send_head(ssl, head, "%s", "");
	status = answer(ssl, &n);
	printf("status=%d bytes=%llu seconds=%.6f\n", status, n, now() - began);
	hang_up(ssl);
}

static void
put(const char *head, const char *file, size_t slice)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), status = 0;
	SSL *ssl = dial_or_die();
	struct stat st;
	unsigned long long n;
	double began;
	char *p;

	if (fd == -1 || fstat(fd, &st) == -1)
		die("cannot read %s", file);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	began = now();
	for (size_t at = 0, part; at < (size_t)st.st_size; at += part) {
		part = (size_t)st.st_size - at;
		if (slice > 0 && part > slice)
			part = slice;
		if (slice > 0)
			send_head(ssl, head,
			    "Upload-Offset: %zu\r\nContent-Length: %zu\r\n", at,
			    part);
		else
			send_head(ssl, head, "Content-Length: %zu\r\n", part);
		send_all(ssl, p + at, part);
		status = answer(ssl, &n);
		if (status < 200 || status > 299)
			die("status %d at %zu", status, at);
	}
	printf("status=%d bytes=%llu seconds=%.6f\n", status,
	    (unsigned long long)st.st_size, now() - began);
	hang_up(ssl);
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (argc < 4)
		die("client handshakes|get|put|slices PORT ...");
	port = atoi(argv[2]);
	if ((tls = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1)
		die("no TLS 1.3");
	if (strcmp(verb, "handshakes") == 0 && argc == 5)
		handshakes(atof(argv[3]), atoi(argv[4]));
	else if (strcmp(verb, "get") == 0 && argc == 4)
		get(argv[3]);
	else if (strcmp(verb, "put") == 0 && argc == 5)
		put(argv[3], argv[4], 0);
	else if (strcmp(verb, "slices") == 0 && argc == 6)
		put(argv[3], argv[4], (size_t)atol(argv[5]));
	else
		die("unknown: %s", verb);
	SSL_CTX_free(tls);
	return 0;
}
