/*
 * portal_header.h: a response's header, as tests ask for it.
 */
#ifndef PORTAL_HEADER_H
#define PORTAL_HEADER_H

#include <string.h>

#include "portal/http.h"

/* Its value, or NULL. */
static const char *
header(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->n_header; i++)
		if (strcmp(r->header[i].name, name) == 0)
			return r->header[i].value;
	return NULL;
}

#endif
