/*
 * link_begin.c: from accept() to the banner: whose connection it is, TLS, and whether the
 * client waits its turn.
 */
#include "intake/link.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "front/shown.h"
#include "intake/proxy.h"

static void
client_name(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
	const struct in6_addr *v6 =
	    &((const struct sockaddr_in6 *)sa)->sin6_addr;
	const void *addr = &((const struct sockaddr_in *)sa)->sin_addr;
	int family = sa->sa_family;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
		family = AF_INET;
		addr = v6->s6_addr + 12;
	} else if (family == AF_INET6) {
		addr = v6;
	}
	if (inet_ntop(family, addr, out, INET6_ADDRSTRLEN) == NULL)
		(void)snprintf(out, INET6_ADDRSTRLEN, "unknown");
}

/* ---- how many connections a client has ---- */

void
link_leave(struct link *l)
{
	if (l->peer == NULL)
		return;
	l->peer->connections--;
	l->peer->trusted -= l->trusted;
	l->trusted = false;
	peer_drop(l->f->peers, l->peer);
	l->peer = NULL;
}

static int
join(struct link *l, const char *client)
{
	bool (*roomy)(const char *) = l->f->smtp.backend->roomy;

	if ((l->peer = peer_hold_text(l->f->peers, client)) == NULL)
		return -1;
	l->peer->connections++;
	l->waived = roomy != NULL && roomy(client);
	return 0;
}

/* Those that proved nothing are counted by themselves. */
static bool
is_over(const struct link *l, unsigned times)
{
	const struct peer *p = l->peer;

	return !l->waived &&
	    (p->connections - p->trusted > l->f->most * times ||
		p->connections > l->f->most_trusted * times);
}

static void
crowd_out(struct link *l)
{
	(void)smtp_session_crowded(l->session, &l->out);
	l->at = LINK_TALK;
	l->over = true;
	link_wait(l, LINE_TALK);
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_PEER, 0, 1);
}

bool
link_known(struct link *l)
{
	if (l->over)
		return true;
	if (!l->trusted && smtp_session_trusted(l->session)) {
		l->trusted = true;
		l->peer->trusted++;
	}
	if (!smtp_session_renewed(l->session))
		return true;
	link_leave(l);
	if (join(l, smtp_session_client(l->session)) == 0 && !is_over(l, 1))
		return true;
	crowd_out(l);
	return false;
}

int
link_open(struct link *l, const struct sockaddr *addr)
{
	struct link_front *f = l->f;
	char client[INET6_ADDRSTRLEN];

	client_name(addr, client);
	if (join(l, client) == -1)
		return -1;
	l->session = smtp_session_new(
	    &f->smtp, client, l->door == METRIC_SMTPS);
	if (l->session == NULL)
		return -1;
	/* Whom it speaks for is counted, once that is said. */
	if (policy_nets_have(&f->xclients, client)) {
		smtp_session_front(l->session);
		l->waived = true;
	}
	return 0;
}

/* Bytes that came before the banner were no answer to it. */
static enum link_turn
greet(struct link *l)
{
	long n = io_get(&l->io, l->f->scratch, sizeof(l->f->scratch));

	if (n == IO_END)
		return LINK_END;
	l->at = LINK_TALK;
	link_wait(l, LINE_TALK);
	if (n > 0) {
		secret_wipe(l->f->scratch, (size_t)n);
		link_obey(l, smtp_session_early(l->session, &l->out));
	} else {
		link_obey(l, smtp_session_greet(l->session, &l->out));
	}
	return LINK_GO;
}

/*
 * For a moment nothing is said: who does not wait for the banner shows by then. Of a client
 * with many connections one is enough.
 */
static enum link_turn
greet_soon(struct link *l)
{
	if (l->f->soon == NULL || l->peer->connections > 1)
		return greet(l);
	link_wait_not(l);
	l->at = LINK_GREET;
	l->since = clock_mono_ms() + LIMIT_SMTP_GREET_MS;
	l->line = &l->f->greet;
	TAILQ_INSERT_TAIL(l->line, l, waiting);
	l->f->soon();
	return LINK_STOP;
}

enum link_turn
link_turn_greet(struct link *l)
{
	const bool over = clock_mono_ms() >= l->since;

	if (!over && !l->io.readable && !l->io.ended)
		return LINK_STOP;
	/* The kernel is asked: its last word on it may be older. */
	l->io.readable = true;
	return greet(l);
}

enum link_turn
link_start_tls(struct link *l)
{
	SSL *ssl = SSL_new(l->f->tls);

	l->wants_tls = false;
	if (ssl == NULL || io_tls(&l->io, ssl) == -1) {
		SSL_free(ssl);
		return LINK_END;
	}
	SSL_set_accept_state(ssl);
	l->at = LINK_SHAKE;
	link_wait(l, LINE_SHAKE);
	return LINK_GO;
}

/* Whose connection it is, is known. */
static enum link_turn
begin(struct link *l, const struct sockaddr *addr)
{
	if (link_open(l, addr) == -1)
		return LINK_END;
	if (is_over(l, 1)) {
		crowd_out(l);
		/* Who is told keeps the place for a moment: not who goes on and on. */
		return l->door == METRIC_SMTPS || is_over(l, 2) ? LINK_END :
								  LINK_GO;
	}
	return l->door == METRIC_SMTPS ? link_start_tls(l) : greet_soon(l);
}

enum link_turn
link_begin(struct link *l)
{
	char client[INET6_ADDRSTRLEN];

	client_name(l->addr, client);
	if (!policy_nets_have(&l->f->proxies, client))
		return begin(l, l->addr);
	l->at = LINK_PROXY;
	link_wait(l, LINE_PROXY);
	return LINK_GO;
}

/* Not a byte more than the header is read: the client's handshake may follow. */
enum link_turn
link_turn_proxy(struct link *l)
{
	struct sockaddr_storage client;
	long want, n;
	int known;

	while ((want = proxy_wants(l->in.data, l->in.len)) > 0) {
		if (buf_reserve(&l->in, (size_t)want) == -1)
			return LINK_END;
		n = io_get(&l->io, l->in.data + l->in.len, (size_t)want);
		if (n <= 0)
			return n == IO_BLOCK ? LINK_STOP : LINK_END;
		l->in.len += (size_t)n;
	}
	known = proxy_client(l->in.data, l->in.len, &client);
	buf_free(&l->in);
	if (want == -1 || known == -1) {
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_HEADER, 0, 1);
		return LINK_END;
	}
	return begin(l, known == 1 ? (struct sockaddr *)&client : l->addr);
}

/* ---- handshakes ---- */

static void
tls_known(struct link *l)
{
	SSL *ssl = l->io.ssl;
	struct shown shown;
	char words[80];

	(void)snprintf(words, sizeof(words), "%s %s", SSL_get_version(ssl),
	    SSL_get_cipher_name(ssl));
	metrics_handshake(SSL_version(ssl), SSL_session_reused(ssl) == 1);
	shown_read(ssl, &shown);
	smtp_session_tls(l->session, words);
	if (shown.certificate[0] != '\0')
		smtp_session_certificate(l->session, shown.certificate,
		    shown.authorities[0] != '\0' ? shown.authorities : NULL);
}

enum link_turn
link_turn_shake(struct link *l)
{
	bool greeted = l->door != METRIC_SMTPS;

	switch (io_shake(&l->io)) {
	case IO_BLOCK:
		return LINK_STOP;
	case IO_END:
		metrics_add(METRIC_SHAKE_FAILS, 0, 0, 1);
		return LINK_END;
	default:
		break;
	}
	tls_known(l);
	if (!greeted)
		return greet(l);
	l->at = LINK_TALK;
	link_wait(l, LINE_TALK);
	return LINK_GO;
}
