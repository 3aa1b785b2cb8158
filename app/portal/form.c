/*
 * form.c: decodes the bodies that forms send. One pass over the bytes; whatever two
 * readers could understand differently is refused.
 */
#include "portal/form.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/secret.h"
#include "portal/form_part.h"

static int
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_BAD_INPUT, "form: %s", why);
}

static void
free_field(struct form_field *f)
{
	if (f->value != NULL)
		secret_wipe(f->value, f->len);
	free(f->value);
	free(f->name);
	free(f->file_name);
	free(f->type);
}

void
form_free(struct form *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free_field(&f->field[i]);
	free(f->field);
	f->field = NULL;
	f->n = 0;
}

/* Takes *field over, also when it fails. No page has a field that may hold a NUL. */
static int
add_field(struct form *f, struct form_field *field, struct err *e)
{
	struct form_field *more;

	if (field->value != NULL &&
	    memchr(field->value, '\0', field->len) != NULL) {
		free_field(field);
		return bad(e, "a NUL");
	}
	if (f->n == LIMIT_FORM_FIELDS) {
		free_field(field);
		return err_set(e, ERR_TOO_MANY, "form: too many fields");
	}
	more = realloc(f->field, (f->n + 1) * sizeof(*more));
	if (more == NULL) {
		free_field(field);
		return err_set(e, ERR_INTERNAL, "out of memory");
	}
	f->field = more;
	f->field[f->n++] = *field;
	return 0;
}

/* ---- urlencoded ------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy, decoded, with a NUL behind it; a % before no two digits stays. */
static char *
percent_decode(const char *p, size_t n, size_t *len_out)
{
	char *out = malloc(n + 1);
	size_t i, len = 0;
	int high, low;

	if (out == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		high = p[i] == '%' && n - i > 2 ? hex_digit(p[i + 1]) : -1;
		low = high == -1 ? -1 : hex_digit(p[i + 2]);
		if (low != -1) {
			out[len++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[len++] = p[i] == '+' ? ' ' : p[i];
		}
	}
	out[len] = '\0';
	*len_out = len;
	return out;
}

static int
add_pair(struct form *f, const char *p, size_t n, struct err *e)
{
	struct form_field field = {.name = NULL};
	const char *equals = memchr(p, '=', n);
	size_t name = equals == NULL ? n : (size_t)(equals - p), len;

	field.name = percent_decode(p, name, &len);
	if (field.name != NULL &&
	    (len == 0 || len > FORM_NAME_MAX ||
		memchr(field.name, '\0', len) != NULL)) {
		free_field(&field);
		return bad(e, "a name");
	}
	name += equals != NULL;
	field.value = percent_decode(p + name, n - name, &field.len);
	if (field.name == NULL || field.value == NULL) {
		free_field(&field);
		return err_set(e, ERR_INTERNAL, "out of memory");
	}
	return add_field(f, &field, e);
}

static int
decode_pairs(const char *p, size_t n, struct form *f, struct err *e)
{
	const char *end;
	size_t len;

	while (n > 0) {
		end = memchr(p, '&', n);
		len = end == NULL ? n : (size_t)(end - p);
		if (len > 0 && add_pair(f, p, len, e) == -1)
			return -1;
		len += end != NULL;
		p += len;
		n -= len;
	}
	return 0;
}

/* ---- multipart -------------------------------------------------------------- */

/* What of the body is still to be read, and its delimiter: CRLF "--" boundary. */
struct multipart {
	const char *p;
	size_t n;
	char delimiter[4 + FORM_BOUNDARY_MAX + 1];
	size_t delimiter_len;
};

/*
 * The rest of a delimiter's line: 1 and *skip bytes when a part follows, 2 after the
 * last part, 0 when this is no delimiter but content that looks like one.
 */
static int
delimiter_end(const char *p, size_t n, size_t *skip)
{
	size_t i = 0;
	int kind = 1;

	if (n >= 2 && memcmp(p, "--", 2) == 0) {
		kind = 2;
		i = 2;
	}
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	*skip = i;
	if (kind == 2 && i == n)
		return 2;
	if (n - i < 2 || memcmp(p + i, "\r\n", 2) != 0)
		return 0;
	*skip = i + 2;
	return kind;
}

/* The content up to the next delimiter; returns what delimiter_end() said, -1 when none comes. */
static int
next_content(struct multipart *m, const char **content, size_t *len)
{
	const char *from = m->p, *d;
	size_t left = m->n, skip;
	int kind;

	for (;;) {
		d = memmem(from, left, m->delimiter, m->delimiter_len);
		if (d == NULL)
			return -1;
		left -= (size_t)(d - from) + m->delimiter_len;
		from = d + m->delimiter_len;
		kind = delimiter_end(from, left, &skip);
		if (kind == 0)
			continue;
		*content = m->p;
		*len = (size_t)(d - m->p);
		m->p = from + skip;
		m->n = left - skip;
		return kind;
	}
}

static int
add_part(struct form *f, const char *p, size_t n, struct err *e)
{
	struct form_field field = {.name = NULL};
	size_t head = n < FORM_PART_HEAD_MAX ? n : FORM_PART_HEAD_MAX;
	const char *end = memmem(p, head, "\r\n\r\n", 4);

	if (end == NULL)
		return bad(e, "a part without header");
	end += 2;
	if (form_part_head(p, (size_t)(end - p), &field) == -1) {
		free_field(&field);
		return bad(e, "a part's header");
	}
	end += 2;
	field.len = n - (size_t)(end - p);
	if (field.file_name != NULL) {
		field.data = (const uint8_t *)end;
		if (field.file_name[0] == '\0' && field.len == 0) {
			free_field(&field);
			return 0;
		}
		return add_field(f, &field, e);
	}
	field.value = malloc(field.len + 1);
	if (field.value == NULL) {
		field.len = 0;
		free_field(&field);
		return err_set(e, ERR_INTERNAL, "out of memory");
	}
	memcpy(field.value, end, field.len);
	field.value[field.len] = '\0';
	return add_field(f, &field, e);
}

static int
decode_multipart(const char *boundary, const char *p, size_t n, struct form *f,
    struct err *e)
{
	struct multipart m = {.p = p, .n = n};
	const char *content;
	size_t len, skip;
	int kind;

	m.delimiter_len = strlen(boundary) + 4;
	memcpy(m.delimiter, "\r\n--", 4);
	memcpy(m.delimiter + 4, boundary, m.delimiter_len - 4 + 1);
	/* Browsers put nothing before the first delimiter. */
	if (n < m.delimiter_len - 2 ||
	    memcmp(p, m.delimiter + 2, m.delimiter_len - 2) != 0)
		return bad(e, "does not start with its boundary");
	m.p += m.delimiter_len - 2;
	m.n -= m.delimiter_len - 2;
	kind = delimiter_end(m.p, m.n, &skip);
	if (kind == 0)
		return bad(e, "does not start with its boundary");
	m.p += skip;
	m.n -= skip;
	while (kind == 1) {
		kind = next_content(&m, &content, &len);
		if (kind == -1)
			return bad(e, "ends before its last boundary");
		if (add_part(f, content, len, e) == -1)
			return -1;
	}
	return m.n == 0 ? 0 : bad(e, "goes on after its last boundary");
}

/* ---- both ------------------------------------------------------------------- */

int
form_decode(const char *content_type, const void *body, size_t n,
    struct form *out, struct err *e)
{
	char boundary[FORM_BOUNDARY_MAX + 1];
	int ret;

	if (form_type_is(content_type, "application/x-www-form-urlencoded"))
		ret = n == 0 ? 0 : decode_pairs(body, n, out, e);
	else if (!form_type_is(content_type, "multipart/form-data"))
		ret = err_set(e, ERR_TYPE, "form: of another type");
	else if (form_boundary(content_type, boundary) == -1)
		ret = bad(e, "without a usable boundary");
	else if (n == 0)
		ret = bad(e, "empty");
	else
		ret = decode_multipart(boundary, body, n, out, e);
	if (ret == -1)
		form_free(out);
	return ret;
}

int
form_query(const char *query, struct form *out, struct err *e)
{
	if (decode_pairs(query, strlen(query), out, e) == 0)
		return 0;
	form_free(out);
	return -1;
}

static const struct form_field *
find(const struct form *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->field[i].name, name) == 0 &&
		    f->field[i].value != NULL)
			return &f->field[i];
	return NULL;
}

const char *
form_get(const struct form *f, const char *name)
{
	const struct form_field *field = find(f, name);

	return field == NULL ? "" : field->value;
}

bool
form_has(const struct form *f, const char *name)
{
	return find(f, name) != NULL;
}
