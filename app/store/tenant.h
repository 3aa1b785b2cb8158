/* tenant.h: organisations and their mail domains. */
#ifndef STORE_TENANT_H
#define STORE_TENANT_H

#include <stdbool.h>

#include "base/limits.h"
#include "store/db.h"

struct tenant {
	struct id id;
	char slug[32]; /* "acme": what operators call it; a-z 0-9 - */
	char name[LIMIT_NAME * 4 + 1]; /* "Acme Bank" */
	char host[256];                /* "acme.localhost" */
	/* its first mail domain, "acme.example": system mail comes from there */
	char domain[256];
	/* a telephone number or address people can use; "" when none */
	char contact[128];
	char color[8]; /* "#1f4b8f" */
	int retention_days;
	/* links may be sent again: provisional keys are held in escrow */
	bool escrow;
};

/* Across tenants: by the Host a browser asked for (lower case, no port); by mail domain. */
int tenant_by_host(struct db *db, const char *host, struct tenant *out,
    struct err *e) __attribute__((warn_unused_result));
int tenant_by_domain(struct db *db, const char *domain, struct tenant *out,
    struct err *e) __attribute__((warn_unused_result));
/* Within its own transaction. */
int tenant_get(struct db *db, const struct id *tenant, struct tenant *out,
    struct err *e) __attribute__((warn_unused_result));

/* ctl. Add also makes its first domain. List calls back a row at a time. */
int tenant_add(struct db *db, const struct tenant *t, struct err *e)
    __attribute__((warn_unused_result));
/* across tenants */
int tenant_by_slug(struct db *db, const char *slug, struct tenant *out,
    struct err *e) __attribute__((warn_unused_result));
/* across tenants */
int tenant_list(struct db *db, void (*row)(void *arg, const struct tenant *t),
    void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
