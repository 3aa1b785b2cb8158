/*
 * http.c: fields of a request looked up; those of a response checked so that no value
 * starts a line of its own.
 */
#include "portal/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

const char *
request_field(const struct request *req, const char *name)
{
	for (size_t i = 0; i < req->n_field; i++) {
		if (strcmp(req->field[i].name, name) == 0)
			return req->field[i].value;
	}
	return "";
}

int
response_header(struct response *r, const char *name, const char *fmt, ...)
{
	char *value = NULL;
	va_list ap;
	int n;

	if (r->n_header == RESPONSE_HEADERS)
		return -1;
	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	if (strpbrk(value, "\r\n") != NULL)
		goto bad;
	r->header[r->n_header].name = strdup(name);
	if (r->header[r->n_header].name == NULL)
		goto bad;
	r->header[r->n_header++].value = value;
	return 0;
bad:
	secret_wipe(value, (size_t)n);
	free(value);
	return -1;
}

void
response_free(struct response *r)
{
	size_t i;

	for (i = 0; i < r->n_header; i++) {
		secret_wipe(r->header[i].value, strlen(r->header[i].value));
		free(r->header[i].value);
		free(r->header[i].name);
	}
	r->n_header = 0;
	buf_free(&r->body);
}
