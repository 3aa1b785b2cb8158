/*
 * settings.h: what a process is told by its environment (RESTANTE_*), read once
 * at start, checked there, and constant afterwards.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>

#include "base/err.h"

struct settings {
	const char *db;        /* RESTANTE_DB: libpq conninfo */
	const char *keyd;      /* RESTANTE_KEYD: path of this role's socket */
	const char *keyd_dir;  /* RESTANTE_KEYD_DIR */
	const char *keyd_uids; /* RESTANTE_KEYD_UIDS, or NULL */
	/* RESTANTE_SHARE: holds templates/ assets/ migrations/ */
	const char *share;
	const char *tls_cert; /* RESTANTE_TLS_CERT: PEM chains, ':' between */
	const char *tls_key;  /* RESTANTE_TLS_KEY: PEM, ':' between */
	const char *tls_dir;  /* RESTANTE_TLS_DIR: certificates by host */
	const char *acme_dir; /* RESTANTE_ACME_DIR: web root of challenges */
	const char *user;     /* RESTANTE_USER: of workers, when root starts */
	/* RESTANTE_SPOOL: directory for unlinked spool files */
	const char *spool;
	/* RESTANTE_PROXIES: front ends that speak PROXY v2, addresses and ranges */
	const char *proxies;
	/* RESTANTE_XCLIENT: front ends that may say XCLIENT, addresses and ranges */
	const char *xclient;
	/* RESTANTE_SMTP_TRACE=1: sessions in the log, masked */
	bool smtp_trace;
	/* RESTANTE_RATE_FREE: clients without the usual limits; default loopback */
	const char *rate_free;
	const char *hostname;  /* RESTANTE_HOSTNAME, else the machine's name */
	const char *smarthost; /* RESTANTE_SMARTHOST: host:port */
	/* RESTANTE_SMARTHOST_TLS: required (default) or none */
	bool smarthost_tls;
	/* RESTANTE_SECURITY_CONTACT: URI of whom to tell of faults, or NULL */
	const char *security_contact;
	int https_port; /* RESTANTE_HTTPS_PORT, default 443 */
	int threads;    /* RESTANTE_THREADS, 1..64, default 4 */
	int mail_memory; /* RESTANTE_MAIL_MEMORY, MiB, default LIMIT_MAIL_MEMORY */
	int rate_seconds;  /* RESTANTE_RATE_SECONDS: the hour of rates */
	int brake_seconds; /* RESTANTE_BRAKE_SECONDS, LIMIT_BRAKE_SECONDS */
	int ticket_period; /* RESTANTE_TICKET_PERIOD, s, default 12 hours */
	int hsts;          /* RESTANTE_HSTS, s, default a year; 0: none */
};

/* The settings; what a program does not find it needs, it says itself. -1 on a malformed value. */
int settings_read(struct settings *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
