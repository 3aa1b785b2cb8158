/*
 * form_part.c: parameters of Content-Type and Content-Disposition as browsers write
 * them in forms.
 */
#include "portal/form_part.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN                                                 \
	"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"abcdefghijklmnopqrstuvwxyz"
#define BOUNDARY                                                         \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"'()+_,-./:=? "

bool
form_type_is(const char *content_type, const char *type)
{
	size_t n = strlen(type);

	content_type += strspn(content_type, " \t");
	return strncasecmp(content_type, type, n) == 0 &&
	    strchr("; \t", content_type[n]) != NULL;
}

/*
 * One "; name=value" at *p, value a token or quoted, into the owned *value_out; *name
 * stays in the text. 1, 0 at the end, -1 malformed. In a quoted value only \" is taken
 * for an escape: browsers write \ as it is and " as %22, others write \".
 */
static int
next_parameter(
    const char **p, const char **name, size_t *name_len, char **value_out)
{
	const char *s = *p + strspn(*p, " \t");
	char *v;
	size_t n;

	if (*s == '\0')
		return 0;
	if (*s++ != ';')
		return -1;
	s += strspn(s, " \t");
	if (*s == '\0') {
		*p = s;
		return 0;
	}
	*name = s;
	*name_len = strspn(s, TOKEN);
	s += *name_len;
	if (*name_len == 0 || *s++ != '=')
		return -1;
	v = malloc(strlen(s) + 1);
	if (v == NULL)
		return -1;
	*value_out = v;
	if (*s != '"') {
		n = strspn(s, TOKEN);
		memcpy(v, s, n);
		v[n] = '\0';
		*p = s + n;
		return n > 0 ? 1 : -1;
	}
	for (s++; *s != '"'; s++) {
		if (s[0] == '\\' && s[1] == '"' && strchr(s + 2, '"') != NULL)
			s++;
		if (*s == '\0')
			return -1;
		*v++ = *s;
	}
	*v = '\0';
	*p = s + 1;
	return 1;
}

static bool
is_name(const char *name, size_t n, const char *want)
{
	return n == strlen(want) && strncasecmp(name, want, n) == 0;
}

int
form_boundary(const char *content_type, char out[FORM_BOUNDARY_MAX + 1])
{
	const char *p = content_type + strcspn(content_type, ";"), *name;
	char *value = NULL;
	size_t n, len;
	int got;

	out[0] = '\0';
	while ((got = next_parameter(&p, &name, &n, &value)) == 1) {
		len = strlen(value);
		if (is_name(name, n, "boundary")) {
			if (out[0] != '\0' || len == 0 ||
			    len > FORM_BOUNDARY_MAX ||
			    strspn(value, BOUNDARY) != len ||
			    value[len - 1] == ' ')
				got = -1;
			else
				memcpy(out, value, len + 1);
		}
		free(value);
		value = NULL;
		if (got == -1)
			return -1;
	}
	free(value);
	return got == 0 && out[0] != '\0' ? 0 : -1;
}

/* WHATWG HTML 4.10.21.8: three characters are written as %22, %0D, %0A. */
static void
unescape_name(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (strncasecmp(s, "%22", 3) == 0)
			*to++ = '"';
		else if (strncasecmp(s, "%0d", 3) == 0)
			*to++ = '\r';
		else if (strncasecmp(s, "%0a", 3) == 0)
			*to++ = '\n';
		else {
			*to++ = *s;
			continue;
		}
		s += 2;
	}
	*to = '\0';
}

static int
read_disposition(const char *value, struct form_field *out)
{
	const char *p = value + strlen("form-data"), *name;
	char *v = NULL, **slot;
	size_t n;
	int got;

	if (out->name != NULL || !form_type_is(value, "form-data"))
		return -1;
	while ((got = next_parameter(&p, &name, &n, &v)) == 1) {
		slot = is_name(name, n, "name")  ? &out->name :
		    is_name(name, n, "filename") ? &out->file_name :
						   NULL;
		if (slot != NULL && *slot != NULL)
			got = -1;
		if (slot == NULL || got == -1) {
			free(v);
		} else {
			unescape_name(v);
			*slot = v;
		}
		v = NULL;
		if (got == -1)
			return -1;
	}
	free(v);
	return got;
}

/* One field "Name: value" of a part's header. */
static int
read_field(const char *line, struct form_field *out)
{
	size_t n = strspn(line, TOKEN);
	const char *value;

	if (n == 0 || line[n] != ':')
		return -1;
	value = line + n + 1 + strspn(line + n + 1, " \t");
	if (is_name(line, n, "content-disposition"))
		return read_disposition(value, out);
	if (is_name(line, n, "content-type")) {
		if (out->type != NULL)
			return -1;
		out->type = strdup(value);
		return out->type == NULL ? -1 : 0;
	}
	/* RFC 7578 4.7: no browser encodes; whoever does would be misread. */
	if (is_name(line, n, "content-transfer-encoding"))
		return strcasecmp(value, "binary") == 0 ||
			strcasecmp(value, "8bit") == 0 ||
			strcasecmp(value, "7bit") == 0 ?
		    0 :
		    -1;
	return 0;
}

int
form_part_head(const char *p, size_t n, struct form_field *out)
{
	char line[FORM_PART_HEAD_MAX + 1];
	const char *end;
	size_t len;

	for (; n > 0; p += len + 2, n -= len + 2) {
		end = memmem(p, n, "\r\n", 2);
		if (end == NULL)
			return -1;
		len = (size_t)(end - p);
		if (len >= sizeof(line) || memchr(p, '\0', len) != NULL ||
		    memchr(p, '\r', len) != NULL ||
		    memchr(p, '\n', len) != NULL)
			return -1;
		memcpy(line, p, len);
		line[len] = '\0';
		while (len > 0 && strchr(" \t", line[len - 1]) != NULL)
			line[--len] = '\0';
		len = (size_t)(end - p);
		if (read_field(line, out) == -1)
			return -1;
	}
	if (out->name == NULL || out->name[0] == '\0' ||
	    strlen(out->name) > FORM_NAME_MAX)
		return -1;
	if (out->type == NULL)
		out->type = strdup("");
	return out->type == NULL ? -1 : 0;
}
