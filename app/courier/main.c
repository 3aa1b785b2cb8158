/*
 * restante-courier: sends what stands in the outbox. It sees nothing but the mails it is
 * sending, each opened for it by keyd.
 */
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/settings.h"
#include "courier/queue.h"
#include "courier/sandbox.h"
#include "courier/smtp_out.h"
#include "mail/parse.h"

static int
fault(const struct err *e)
{
	log_fatal("cannot start", e);
	return EXIT_FAILURE;
}

static int
read_settings(struct settings *s, struct err *e)
{
	if (settings_read(s, e) == -1)
		return -1;
	if (s->db == NULL || s->keyd == NULL || s->share == NULL)
		return err_set(e, ERR_BAD_INPUT,
		    "RESTANTE_DB, RESTANTE_KEYD and RESTANTE_SHARE are needed");
	if (s->smarthost == NULL)
		return err_set(
		    e, ERR_BAD_INPUT, "RESTANTE_SMARTHOST is needed");
	return 0;
}

/*
 * Before any thread: signals go to sigwait() alone; libesmtp looks for certificates of
 * its own below HOME; the resolver gives up in time and has its modules loaded while
 * that is still allowed.
 */
static void
prepare(const struct settings *s)
{
	struct addrinfo *list;
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	setenv("HOME", "/nonexistent", 1);
	setenv("RES_OPTIONS", "timeout:3 attempts:2", 1);
	if (getaddrinfo(s->hostname, NULL, NULL, &list) == 0)
		freeaddrinfo(list);
	mail_init();
}

int
main(int argc, char **argv)
{
	struct view *view = NULL;
	struct settings s;
	struct err e = {0};
	int r;

	(void)argv;
	if (argc != 1) {
		fputs("usage: restante-courier\n", stderr);
		return EXIT_FAILURE;
	}
	log_open("courier", LOG_LEVEL_INFO);
	if (confine_harden(&e) == -1)
		return fault(&e);
	if (secret_init() == -1) {
		err_set(&e, ERR_INTERNAL, "memory cannot be locked");
		return fault(&e);
	}
	if (read_settings(&s, &e) == -1)
		return fault(&e);
	prepare(&s);
	if (view_load(s.share, &view, &e) == -1 || courier_confine(&e) == -1)
		return fault(&e);
	r = queue_run(&s, view, &e);
	view_free(view);
	if (r == -1)
		return fault(&e);
	log_line(LOG_LEVEL_INFO, NULL, "ended", NULL);
	return EXIT_SUCCESS;
}
