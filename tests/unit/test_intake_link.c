/*
 * Links over real sockets, with the fake backend behind the session: who may speak when,
 * front ends, jobs, deadlines, the end, and what an idle one holds.
 */
#include "intake/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/secret.h"
#include "smtp_fake.h"

static struct link_front front;
static struct budget budget = {.limit = 1 << 20};

/* One connection: the client's end, and what became of ours. */
struct wire {
	struct link *link;
	struct sockaddr_in addr;
	int client, server;
	bool closed, lingers, again;
	size_t left; /* over, at most, when a job began */
};

static void
on_close(void *socket)
{
	struct wire *w = socket;

	w->closed = true;
	link_gone(w->link);
	(void)close(w->server);
}

static void
on_linger(void *socket)
{
	struct wire *w = socket;

	w->lingers = true;
	(void)shutdown(w->server, SHUT_WR);
}

static void
on_again(void *socket)
{
	struct wire *w = socket;

	w->again = true;
}

static int
setup(void **state)
{
	static const struct pool_setup pool = {
	    .name = "work", .threads = 1, .queue = 16};
	static const struct settings set = {
	    .proxies = "192.0.2.1, 198.51.100.0/24", .xclient = "203.0.113.77"};
	struct err e;

	(void)state;
	fake_reset();
	memset(&front, 0, sizeof(front));
	front.smtp = fake_settings;
	front.budget = &budget;
	front.close = on_close;
	front.linger = on_linger;
	front.again = on_again;
	if ((front.pool = pool_new(&pool, &e)) == NULL)
		return -1;
	return link_front_init(&front, &set, &e);
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(front.count, 0);
	assert_int_equal(atomic_load(&budget.used), 0);
	assert_int_equal(fake.drafts, 0);
	pool_free(front.pool);
	peers_free(front.peers);
	policy_nets_clear(&front.proxies);
	policy_nets_clear(&front.xclients);
	return 0;
}

static void
open_wire(struct wire *w, const char *from)
{
	int pair[2];

	memset(w, 0, sizeof(*w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	w->client = pair[0];
	w->server = pair[1];
	assert_int_equal(fcntl(w->server, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(w->client, F_SETFL, O_NONBLOCK), 0);
	w->addr.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, from, &w->addr.sin_addr), 1);
	w->link = link_new(
	    &front, METRIC_SMTP, w->server, (struct sockaddr *)&w->addr, w);
	assert_non_null(w->link);
}

/* What the loop does: events, jobs, turns that were put off. */
static void
turn_loop(struct wire *w)
{
	struct pollfd fd[2];

	do {
		fd[0] = (struct pollfd){w->server, POLLIN | POLLOUT, 0};
		fd[1] = (struct pollfd){pool_fd(front.pool), POLLIN, 0};
		w->again = false;
		assert_true(poll(fd, 2, 0) >= 0);
		w->link->io.readable |= (fd[0].revents & POLLIN) != 0;
		w->link->io.writable |= (fd[0].revents & POLLOUT) != 0;
		link_run(w->link);
		while (!w->closed && w->link->at == LINK_JOB) {
			if (w->link->in.len > w->left)
				w->left = w->link->in.len;
			assert_int_equal(poll(&fd[1], 1, 5000), 1);
			pool_reap(front.pool);
		}
	} while (!w->closed && w->again);
}

static void
say(struct wire *w, const char *text)
{
	assert_int_equal(send(w->client, text, strlen(text), 0), strlen(text));
}

/* All that has come, as text; of the last call. */
static const char *
hear(struct wire *w)
{
	static char text[65536];
	ssize_t n = recv(w->client, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
talk(struct wire *w, const char *text, const char *answer)
{
	const char *heard;

	if (text != NULL)
		say(w, text);
	turn_loop(w);
	heard = hear(w);
	if (strncmp(heard, answer, strlen(answer)) != 0) {
		print_error("to %s: %s\n", text, heard);
		fail();
	}
}

static void
hang_up(struct wire *w)
{
	if (!w->closed)
		on_close(w);
	(void)close(w->client);
}

static void
test_message(void **state)
{
	struct wire w;

	(void)state;
	open_wire(&w, "203.0.113.9");
	talk(&w, NULL, "220 ");
	talk(&w, "EHLO x\r\n", "250-");
	talk(&w, "MAIL FROM:<a@b.example>\r\n", "250 ");
	talk(&w, "RCPT TO:<alice@acme.example>\r\n", "250 ");
	/* Its envelope counts. */
	assert_true(w.link->charged >= sizeof(struct desk_rcpt));
	talk(&w, "DATA\r\n", "354 ");
	talk(&w, "Subject: x\r\n\r\nx\r\n.\r\nNOOP\r\n", "250 2.0.0 Taken");
	assert_int_equal(fake.messages, 1);
	assert_string_equal(fake.sender.client, "203.0.113.9");
	/* Idle, it holds nothing but itself. */
	assert_null(w.link->in.data);
	assert_null(w.link->out.data);
	assert_int_equal(w.link->charged, 0);
	/* Half a line counts. */
	talk(&w, "NO", "");
	assert_true(w.link->charged >= 2);
	talk(&w, "OP\r\n", "250 ");
	talk(&w, "QUIT\r\n", "221 ");
	assert_true(w.lingers);
	assert_false(w.closed);
	hang_up(&w);
}

/* While a thread seals what is full, next to nothing lies beside it in clear. */
static void
test_large(void **state)
{
	struct wire w;
	char line[1001];

	(void)state;
	memset(line, 'x', 1000);
	memcpy(line, "..", 2);
	memcpy(line + 998, "\r\n", 3);
	fake.chunk = 4096;
	open_wire(&w, "203.0.113.9");
	talk(&w, NULL, "220 ");
	talk(&w, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "250-");
	talk(&w, "RCPT TO:<alice@acme.example>\r\nDATA\r\n", "250 ");
	for (int i = 0; i < 100; i++) {
		say(&w, line);
		if (i % 30 == 29)
			turn_loop(&w);
	}
	talk(&w, ".\r\n", "250 2.0.0 Taken");
	assert_int_equal(fake.last_body.len, 100 * 999);
	assert_int_equal(fake.sealed, 100 * 999 / 4096);
	assert_in_range(w.left, 1, 64);
	assert_null(w.link->in.data);
	hang_up(&w);
}

/* Whoever speaks before the banner is not let in. */
static void
test_early(void **state)
{
	struct wire w;

	(void)state;
	open_wire(&w, "203.0.113.9");
	talk(&w, "EHLO x\r\n", "554 5.5.0 ");
	assert_true(w.lingers);
	assert_int_equal(fake.asked, 0);
	hang_up(&w);
}

static unsigned asked_soon;

static void
on_soon(void)
{
	asked_soon++;
}

/* With a moment before the banner, who speaks within it is seen, and nobody else waits longer. */
static void
test_moment(void **state)
{
	struct wire hasty_one, patient, second;

	(void)state;
	asked_soon = 0;
	front.soon = on_soon;
	open_wire(&patient, "203.0.113.9");
	open_wire(&hasty_one, "203.0.113.10");
	turn_loop(&patient);
	turn_loop(&hasty_one);
	assert_int_equal(asked_soon, 2);
	assert_int_equal(patient.link->at, LINK_GREET);
	open_wire(&second, "203.0.113.9");
	talk(&second, NULL, "220 ");
	hang_up(&second);
	assert_int_equal(asked_soon, 2);
	talk(&hasty_one, "EHLO x\r\n", "554 5.5.0 ");
	assert_true(hasty_one.lingers);
	patient.link->since += 1000;
	link_greet(&front);
	assert_int_equal(asked_soon, 3);
	assert_int_equal(patient.link->at, LINK_GREET);
	patient.link->since -= 2000;
	link_greet(&front);
	assert_int_equal(asked_soon, 3);
	talk(&patient, NULL, "220 ");
	hang_up(&patient);
	hang_up(&hasty_one);
}

/* Who goes within that moment, or is there when we stop, holds nothing. */
static void
test_moment_ends(void **state)
{
	struct wire w;

	(void)state;
	front.soon = on_soon;
	open_wire(&w, "203.0.113.9");
	turn_loop(&w);
	hang_up(&w);
	assert_true(TAILQ_EMPTY(&front.greet));
	open_wire(&w, "203.0.113.9");
	turn_loop(&w);
	link_drain(&front);
	talk(&w, NULL, "421 ");
	hang_up(&w);
}

static int hasty; /* a client that does not wait for 354 */

static struct desk_draft *
begin_late(const struct desk_envelope *env, struct err *e)
{
	assert_int_equal(send(hasty, "x\r\n.\r\n", 6, 0), 6);
	return fake_begin(env, e);
}

/* Text in a packet of its own, but before the answer to DATA left, is no message. */
static void
test_ahead(void **state)
{
	struct smtp_backend late = fake_backend;
	struct wire w;

	(void)state;
	late.begin = begin_late;
	front.smtp.backend = &late;
	front.smtp.unwary = false;
	open_wire(&w, "203.0.113.9");
	hasty = w.client;
	talk(&w, NULL, "220 ");
	talk(&w, "EHLO x\r\n", "250-");
	talk(&w, "MAIL FROM:<a@b.example>\r\n", "250 ");
	talk(&w, "RCPT TO:<alice@acme.example>\r\n", "250 ");
	say(&w, "DATA\r\n");
	turn_loop(&w);
	assert_non_null(strstr(hear(&w), "503 5.5.1 "));
	assert_true(w.lingers);
	assert_int_equal(fake.messages, 0);
	hang_up(&w);
}

static void
test_proxy(void **state)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
				     "\xc0\0\x02\x07\x7f\0\0\x01\x04\x01\0\x19";
	struct wire w;

	(void)state;
	/* In one piece, and byte by byte. */
	open_wire(&w, "192.0.2.1");
	turn_loop(&w);
	assert_string_equal(hear(&w), "");
	assert_int_equal(w.link->at, LINK_PROXY);
	assert_int_equal(send(w.client, header, 28, 0), 28);
	talk(&w, NULL, "220 ");
	hang_up(&w);
	open_wire(&w, "198.51.100.77");
	for (int i = 0; i < 28; i++) {
		assert_string_equal(hear(&w), "");
		assert_int_equal(send(w.client, header + i, 1, 0), 1);
		turn_loop(&w);
	}
	talk(&w, NULL, "220 ");
	talk(&w, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "250-");
	assert_string_equal(fake.sender.client, "192.0.2.7");
	hang_up(&w);
	/* What stands behind it came before the banner. */
	open_wire(&w, "192.0.2.1");
	assert_int_equal(send(w.client, header, 28, 0), 28);
	talk(&w, "EHLO x\r\n", "554 5.5.0 ");
	hang_up(&w);
	/* A front end has to say it, and right. */
	open_wire(&w, "192.0.2.1");
	say(&w, "EHLO x\r\n");
	turn_loop(&w);
	assert_true(w.closed);
	hang_up(&w);
	/* Nobody else may: then it is talk before the banner, or no command. */
	open_wire(&w, "192.0.2.2");
	assert_int_equal(send(w.client, header, 28, 0), 28);
	talk(&w, NULL, "554 5.5.0 ");
	hang_up(&w);
	open_wire(&w, "192.0.2.2");
	talk(&w, NULL, "220 ");
	assert_int_equal(send(w.client, header, 28, 0), 28);
	talk(&w, NULL, "500 ");
	hang_up(&w);
}

/* Who is due is told so, or closed; others are not. */
static void
test_deadlines(void **state)
{
	struct wire idle, fresh, proxy;

	(void)state;
	open_wire(&idle, "203.0.113.9");
	talk(&idle, NULL, "220 ");
	open_wire(&fresh, "203.0.113.9");
	talk(&fresh, NULL, "220 ");
	open_wire(&proxy, "192.0.2.1");
	turn_loop(&proxy);
	link_tick(&front);
	assert_string_equal(hear(&idle), "");
	idle.link->since -= LIMIT_SMTP_IDLE_SECONDS * 1000;
	proxy.link->since -= LIMIT_PROXY_SECONDS * 1000;
	link_tick(&front);
	assert_true(proxy.closed);
	talk(&idle, NULL, "421 4.3.2 ");
	assert_true(idle.lingers);
	talk(&fresh, "NOOP\r\n", "250 ");
	hang_up(&idle);
	hang_up(&fresh);
	hang_up(&proxy);
}

/* With half of the memory gone, who is within a message has to go on with it. */
static void
test_slow(void **state)
{
	struct wire slow, idle;

	(void)state;
	open_wire(&slow, "203.0.113.9");
	talk(&slow, NULL, "220 ");
	talk(&slow, "EHLO x\r\n", "250-");
	talk(&slow, "MAIL FROM:<a@b.example>\r\n", "250 ");
	open_wire(&idle, "203.0.113.9");
	talk(&idle, NULL, "220 ");
	for (int scarce = 0; scarce < 2; scarce++) {
		if (scarce)
			budget_add(&budget, budget.limit / 2);
		for (int i = 0; i < 2; i++) {
			assert_string_equal(hear(&slow), "");
			link_tick(&front);
			front.looked -= 1000;
			slow.link->window -= LIMIT_RATE_WINDOW * 1000;
			slow.link->came = 0;
		}
	}
	assert_memory_equal(hear(&slow), "421 4.3.2 ", 10);
	talk(&idle, "NOOP\r\n", "250 ");
	budget_give(&budget, budget.limit / 2);
	hang_up(&slow);
	hang_up(&idle);
}

static void
test_drain(void **state)
{
	struct wire idle, fresh, within, late;

	(void)state;
	open_wire(&idle, "203.0.113.9");
	talk(&idle, NULL, "220 ");
	open_wire(&fresh, "203.0.113.9");
	open_wire(&within, "203.0.113.9");
	talk(&within, NULL, "220 ");
	talk(&within, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "250-");
	open_wire(&late, "203.0.113.9");
	talk(&late, NULL, "220 ");
	talk(&late, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "250-");
	fresh.link->io.writable = true; /* as the loop has it by then */
	link_drain(&front);
	assert_memory_equal(hear(&idle), "421 4.3.2 ", 10);
	assert_memory_equal(hear(&fresh), "421 4.3.2 ", 10);
	assert_true(link_busy(&front));
	talk(&within, "RCPT TO:<alice@acme.example>\r\n", "250 ");
	talk(&within, "DATA\r\n", "354 ");
	talk(&within, "x\r\n.\r\nNOOP\r\n", "250 2.0.0 Taken");
	assert_int_equal(fake.messages, 1);
	assert_true(within.lingers);
	link_tick(&front);
	assert_string_equal(hear(&late), "");
	front.stop = 0;
	link_tick(&front);
	assert_memory_equal(hear(&late), "421 4.3.2 ", 10);
	hang_up(&idle);
	hang_up(&fresh);
	hang_up(&within);
	hang_up(&late);
	assert_false(link_busy(&front));
}

static unsigned
brake_hard(const struct desk_sender *s, const struct desk_envelope *env,
    bool *silent_out)
{
	(void)s;
	(void)env;
	*silent_out = false;
	return 60000;
}

static void
hold_ends(struct wire *w)
{
	assert_int_equal(w->link->at, LINK_HELD);
	w->link->since = 0;
	link_tick(&front);
}

/* Answers that are held back leave one by one, and to nobody who has gone. */
static void
test_held(void **state)
{
	struct smtp_backend braked = fake_backend;
	struct wire w;

	(void)state;
	fake.now = 1;
	braked.brake = brake_hard;
	front.smtp.backend = &braked;
	open_wire(&w, "203.0.113.9");
	talk(&w, NULL, "220 ");
	talk(&w, "EHLO x\r\n", "250-");
	say(&w,
	    "MAIL FROM:<a@b.example>\r\n"
	    "RCPT TO:<alice@acme.example>\r\nRCPT TO:<bob@acme.example>\r\n"
	    "RCPT TO:<carol@acme.example>\r\nNOOP\r\n");
	turn_loop(&w);
	assert_string_equal(hear(&w), "");
	hold_ends(&w);
	assert_string_equal(hear(&w), "250 2.1.0 Sender is fine\r\n");
	hold_ends(&w);
	assert_string_equal(hear(&w), "250 2.1.5 Recipient is fine\r\n");
	assert_int_equal(close(w.client), 0);
	hold_ends(&w);
	assert_true(w.closed);
}

/* ---- how many connections one client may have ---- */

#define MOST 3

static void
open_told(struct wire *w, const char *from, const char *answer)
{
	open_wire(w, from);
	talk(w, NULL, answer);
}

static bool
is_roomy(const char *client)
{
	return strcmp(client, "203.0.113.50") == 0;
}

static void
test_crowd(void **state)
{
	struct smtp_backend backend = fake_backend;
	struct wire w[4 * MOST], other;

	(void)state;
	assert_int_equal(front.most, LIMIT_SMTP_CLIENT);
	assert_int_equal(front.most_trusted, LIMIT_SMTP_TRUSTED);
	backend.roomy = is_roomy;
	front.smtp.backend = &backend;
	front.most = MOST;
	for (int i = 0; i < 2 * MOST; i++)
		open_told(
		    &w[i], "203.0.113.9", i < MOST ? "220 " : "421 4.7.0 ");
	/* Who was told and stays fills no more places than that. */
	open_told(&w[2 * MOST], "203.0.113.9", "");
	assert_true(w[2 * MOST].closed);
	open_told(&other, "203.0.113.10", "220 ");
	hang_up(&other);
	/* One goes, one may come. */
	for (int i = MOST - 1; i <= 2 * MOST; i++)
		hang_up(&w[i]);
	open_told(&w[MOST - 1], "203.0.113.9", "220 ");
	open_told(&w[MOST], "203.0.113.9", "421 4.7.0 ");
	for (int i = 0; i <= MOST; i++)
		hang_up(&w[i]);
	/* Neither those the operator trusts with any number, nor front ends. */
	for (int i = 0; i < 4 * MOST; i++)
		open_told(&w[i], i % 2 == 0 ? "203.0.113.50" : "203.0.113.77",
		    "220 ");
	for (int i = 0; i < 4 * MOST; i++)
		hang_up(&w[i]);
}

static int
prove(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct err *e)
{
	env->proved = strcmp(env->from.address, "gate@acme.example") == 0;
	return fake_mail(ctx, s, env, e);
}

/* A session that proved to be a tenant's own has room beside the others. */
static void
test_crowd_trusted(void **state)
{
	struct smtp_backend backend = fake_backend;
	struct wire w[2 * MOST], last;

	(void)state;
	backend.mail = prove;
	front.smtp.backend = &backend;
	front.most = MOST;
	front.most_trusted = 2 * MOST;
	for (int i = 0; i < 2 * MOST; i++) {
		open_told(&w[i], "203.0.113.9", "220 ");
		talk(&w[i], "EHLO x\r\n", "250-");
		talk(&w[i], "MAIL FROM:<gate@acme.example>\r\n", "250 ");
		talk(&w[i], "RSET\r\n", "250 ");
	}
	open_told(&last, "203.0.113.9", "421 4.7.0 ");
	hang_up(&last);
	for (int i = 0; i < 2 * MOST; i++)
		hang_up(&w[i]);
	/* What anybody may say proves nothing. */
	for (int i = 0; i < MOST; i++) {
		open_told(&w[i], "203.0.113.9", "220 ");
		talk(&w[i], "EHLO x\r\n", "250-");
		talk(&w[i], "MAIL FROM:<a@b.example>\r\n", "250 ");
	}
	open_told(&last, "203.0.113.9", "421 4.7.0 ");
	hang_up(&last);
	for (int i = 0; i < MOST; i++)
		hang_up(&w[i]);
}

/* Of a front end's connections each is its client's. */
static void
test_crowd_xclient(void **state)
{
	struct wire w[MOST + 1], last;

	(void)state;
	front.most = MOST;
	for (int i = 0; i <= MOST; i++) {
		open_told(&w[i], "203.0.113.77", "220 ");
		talk(&w[i], "XCLIENT ADDR=IPV6:2001:db8::1\r\n", "220 ");
		if (i == MOST)
			break;
		talk(&w[i], "NOOP\r\n", "250 ");
	}
	assert_true(w[MOST].lingers);
	hang_up(&w[MOST]);
	open_told(&last, "203.0.113.77", "220 ");
	/* The rest of that /64 is the same client, another one is not. */
	talk(&last, "XCLIENT ADDR=IPV6:2001:db8:0:1::1\r\n", "220 ");
	talk(&last, "NOOP\r\n", "250 ");
	say(&last, "XCLIENT ADDR=IPV6:2001:db8::2\r\nNOOP\r\n");
	turn_loop(&last);
	assert_non_null(strstr(hear(&last), "\r\n421 4.7.0 "));
	assert_true(last.lingers);
	hang_up(&last);
	for (int i = 0; i < MOST; i++)
		hang_up(&w[i]);
	/* Nobody is left to be counted. */
	assert_int_equal(peers_count(front.peers), 0);
}

/* A client that is gone leaves its job to end by itself. */
static void
test_gone(void **state)
{
	struct pollfd fd = {pool_fd(front.pool), POLLIN, 0};
	struct wire w;

	(void)state;
	open_wire(&w, "203.0.113.9");
	talk(&w, NULL, "220 ");
	talk(&w,
	    "EHLO x\r\nMAIL FROM:<a@b.example>\r\n"
	    "RCPT TO:<alice@acme.example>\r\nDATA\r\n",
	    "250-");
	say(&w, "x\r\n.\r\n");
	w.link->io.readable = true;
	link_run(w.link);
	assert_int_equal(w.link->at, LINK_JOB);
	hang_up(&w);
	assert_int_equal(poll(&fd, 1, 5000), 1);
	pool_reap(front.pool);
	assert_int_equal(fake.messages, 1);
}

/* ---- said by the thread that committed it ---- */

/* Up to where a thread works for its message; the loop hears nothing of its end. */
static void
send_message(struct wire *w)
{
	struct pollfd ended = {pool_fd(front.pool), POLLIN, 0};

	talk(w, "MAIL FROM:<a@b.example>\r\n", "250 ");
	talk(w, "RCPT TO:<alice@acme.example>\r\n", "250 ");
	talk(w, "DATA\r\n", "354 ");
	say(w, "Subject: x\r\n\r\nx\r\n.\r\n");
	w->link->io.readable = true;
	link_run(w->link);
	assert_int_equal(w->link->at, LINK_JOB);
	assert_int_equal(poll(&ended, 1, 5000), 1);
}

static void
open_session(struct wire *w)
{
	open_wire(w, "203.0.113.9");
	talk(w, NULL, "220 ");
	talk(w, "EHLO x\r\n", "250-");
}

static int
open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Once, before the loop is told, and all is as if the loop had said it. */
static void
test_said_at_once(void **state)
{
	const char *heard;
	struct wire w;
	int before;

	(void)state;
	open_session(&w);
	before = open_files();
	send_message(&w);
	assert_string_equal(hear(&w), "");
	turn_loop(&w);
	assert_non_null(strstr(hear(&w), "Taken"));
	fake.alone = true;
	send_message(&w);
	heard = hear(&w);
	assert_true(strncmp(heard, "250 2.0.0 Taken", 15) == 0);
	assert_ptr_equal(strstr(heard, "\r\n") + 2, heard + strlen(heard));
	turn_loop(&w);
	assert_string_equal(hear(&w), "");
	assert_int_equal(open_files(), before);
	/* It holds nothing but itself. */
	assert_null(w.link->out.data);
	assert_int_equal(w.link->charged, 0);
	talk(&w, "NOOP\r\n", "250 ");
	assert_int_equal(fake.messages, 2);
	talk(&w, "QUIT\r\n", "221 ");
	hang_up(&w);
}

/* What the client has no room for comes when it has. */
static void
test_not_said_at_once(void **state)
{
	static char junk[65536];
	char last[1024];
	struct wire w;
	ssize_t n;

	(void)state;
	fake.alone = true;
	open_session(&w);
	talk(&w, "MAIL FROM:<a@b.example>\r\n", "250 ");
	talk(&w, "RCPT TO:<alice@acme.example>\r\n", "250 ");
	talk(&w, "DATA\r\n", "354 ");
	memset(junk, 'j', sizeof(junk));
	while (send(w.server, junk, sizeof(junk), 0) > 0)
		continue;
	while (send(w.server, junk, 1, 0) > 0)
		continue;
	say(&w, "x\r\n.\r\n");
	turn_loop(&w);
	assert_int_equal(fake.messages, 1);
	assert_true(link_unsent(w.link));
	*last = '\0';
	for (int i = 0; i < 1000 && strstr(last, "Taken") == NULL; i++) {
		n = recv(w.client, junk, sizeof(junk) - 1, 0);
		if (n > 0 && (size_t)n < sizeof(last)) {
			memcpy(last, junk, (size_t)n);
			last[n] = '\0';
		} else if (n > 0) {
			memcpy(last, junk + n - 256, 256);
			last[256] = '\0';
		}
		turn_loop(&w);
	}
	assert_non_null(strstr(last, "250 2.0.0 Taken"));
	assert_false(link_unsent(w.link));
	talk(&w, "NOOP\r\n", "250 ");
	hang_up(&w);
}

/* Answers of one packet stay in their order. */
static void
test_not_said_before_others(void **state)
{
	const char *heard, *first, *second;
	struct wire w;

	(void)state;
	fake.alone = true;
	open_session(&w);
	say(&w,
	    "MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@acme.example>\r\n"
	    "BDAT 3 LAST\r\nx\r\n");
	turn_loop(&w);
	heard = hear(&w);
	first = strstr(heard, "250 2.1.5");
	second = strstr(heard, "250 2.0.0 Taken");
	assert_non_null(first);
	assert_true(second > first);
	assert_null(strstr(second + 15, "Taken"));
	hang_up(&w);
}

/* The client goes while its thread has the socket: nobody else hears of it. */
static void
test_said_to_nobody(void **state)
{
	struct wire w;
	int before = open_files();

	(void)state;
	fake.alone = true;
	open_session(&w);
	send_message(&w);
	hang_up(&w);
	pool_reap(front.pool);
	assert_int_equal(fake.messages, 1);
	assert_int_equal(open_files(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_said_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_not_said_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_not_said_before_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_said_to_nobody, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_message, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_early, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_moment, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_moment_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_proxy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_deadlines, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_held, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_crowd_trusted, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_crowd_xclient, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	(void)fake_packet; /* is for others */
	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
