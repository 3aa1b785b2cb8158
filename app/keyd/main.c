/*
 * main.c: restante-keyd, the process that holds the master secrets and has no network.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/settings.h"
#include "keyd/server.h"

int
main(int argc, char **argv)
{
	struct settings s;
	struct err e;

	(void)argv;
	if (argc != 1) {
		fputs("usage: restante-keyd\n", stderr);
		return EXIT_FAILURE;
	}
	log_open("keyd", LOG_LEVEL_INFO);
	if (secret_init() == -1) {
		log_line(LOG_LEVEL_ERROR, NULL, "cannot start",
		    "memory cannot be locked: raise RLIMIT_MEMLOCK");
		return EXIT_FAILURE;
	}
	if (settings_read(&s, &e) == -1) {
		log_fatal("cannot start", &e);
		return EXIT_FAILURE;
	}
	return keyd_serve(&s);
}
