/*
 * portal_group.h: what a group of tests of pages needs: one portal and one of its threads,
 * with the tree's own templates, over the desk of fake_desk.h.
 */
#ifndef PORTAL_GROUP_H
#define PORTAL_GROUP_H

#include <stdlib.h>

#include "base/secret.h"
#include "portal/portal.h"
#include "portal_header.h"

static struct portal *portal;
static struct portal_thread *thread;
static struct settings settings;

static int
start(void **state)
{
	const char *share = getenv("RESTANTE_SHARE");
	struct err e;

	(void)state;
	settings.share = share == NULL ? "." : share;
	settings.https_port = 8443;
	settings.hsts = 31536000;
	if (secret_init() == -1)
		return -1;
	if (portal_open(&settings, &portal, &e) == -1) {
		print_error("%s\n", e.text);
		return -1;
	}
	thread = portal_thread_open(portal);
	return thread == NULL ? -1 : 0;
}

static int
stop(void **state)
{
	(void)state;
	portal_thread_close(thread);
	portal_close(portal);
	return 0;
}

#endif
