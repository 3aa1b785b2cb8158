/*
 * A machine of steps: each asks for so many octets, or for so many to be passed over,
 * and names the next. Every length is held against the end of its attribute.
 */
#include "mail/tnef.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "mail/charset.h"
#include "mail/name.h"

#define SIGNATURE  0x223e9f78U
#define STRING_MAX 512 /* octets of a name that is read */

/* Attributes, with their level. */
#define ATT_BODY      0x0002800cU
#define ATT_CODEPAGE  0x00069007U
#define ATT_MAPI      0x00069003U
#define ATT_RENDER    0x00069002U /* a file begins */
#define ATT_TITLE     0x00018010U
#define ATT_DATA      0x0006800fU
#define ATT_FILE_MAPI 0x00069005U

/* Property types, and ids. */
enum { PT_INT = 3, PT_OBJECT = 0x0d, PT_STRING = 0x1e, PT_UNICODE = 0x1f };
enum { PT_BINARY = 0x102, PT_MANY = 0x1000 };
enum {
	ID_BODY = 0x1000,
	ID_HTML = 0x1013,
	ID_DATA = 0x3701,
	ID_SHORT_NAME = 0x3704,
	ID_LONG_NAME = 0x3707,
	ID_TYPE = 0x370e,
	ID_CID = 0x3712,
	ID_CODEPAGE = 0x3fde,
	ID_NAMED = 0x8000
};

#define IID_LEN 16 /* what an object begins with */

struct tnef {
	tnef_take take;
	void *arg;
	struct err *e;
	int result;
	EVP_MD_CTX *digest;
	void (*step)(struct tnef *t); /* NULL: it is over */
	uint64_t at;                  /* octets taken in */
	uint64_t pass;                /* to be passed over before the step */
	bool hashing;                 /* they are some item's */
	size_t need, have;
	uint8_t buf[STRING_MAX];
	uint64_t end; /* of the attribute's data */
	bool in_file; /* its level */
	uint32_t properties, values;
	unsigned type, id;     /* of the property */
	uint64_t value_end;    /* with its padding */
	uint32_t object;       /* octets behind its IID */
	struct tnef_item *now; /* whose content comes */
	bool have_file, have_data, long_name;
	uint32_t codepage, html_codepage;
	bool unicode; /* of the text */
	struct tnef_item file, text, html;
};

/* ---- the machine ---- */

static void
stop(struct tnef *t)
{
	t->step = NULL;
}

static void
expect(struct tnef *t, size_t n, void (*step)(struct tnef *))
{
	t->need = n;
	t->have = 0;
	t->step = step;
}

static void
pass_to(struct tnef *t, uint64_t to, void (*step)(struct tnef *))
{
	t->pass = to > t->at ? to - t->at : 0;
	expect(t, 0, step);
}

/* n octets within the attribute, or all is over. */
static void
expect_inside(struct tnef *t, size_t n, void (*step)(struct tnef *))
{
	if (n > t->end - t->at)
		stop(t);
	else
		expect(t, n, step);
}

static uint16_t
u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
u32(const uint8_t *p)
{
	return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t
padded(uint64_t n)
{
	return (n + 3) & ~(uint64_t)3;
}

/* ---- items ---- */

static void
charset_of(uint32_t codepage, char out[40])
{
	if (codepage == 0)
		out[0] = '\0';
	else if (codepage == 65001)
		snprintf(out, 40, "utf-8");
	else if (codepage == 20127 || codepage == 28591)
		snprintf(out, 40, "windows-1252");
	else if (codepage > 28591 && codepage < 28606)
		snprintf(out, 40, "iso-8859-%u", codepage - 28590);
	else if (codepage >= 1250 && codepage <= 1258)
		snprintf(out, 40, "windows-%u", codepage);
	else
		snprintf(out, 40, "cp%u", codepage);
}

static void
hand_over(struct tnef *t, struct tnef_item *item)
{
	if (t->result == 0)
		t->result = t->take(t->arg, item, t->e);
}

static void
file_finish(struct tnef *t)
{
	if (t->have_file && t->have_data)
		hand_over(t, &t->file);
	t->have_file = t->have_data = t->long_name = false;
}

static void
file_begin(struct tnef *t)
{
	file_finish(t);
	memset(&t->file, 0, sizeof(t->file));
	t->have_file = true;
}

/* The next n octets are what the item is. */
static void
content_begin(struct tnef *t, struct tnef_item *item, uint64_t n,
    void (*after)(struct tnef *))
{
	item->skip = t->at;
	item->size = n;
	t->now = item;
	t->hashing = EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL) == 1;
	pass_to(t, t->at + n, after);
	if (!t->hashing)
		stop(t);
}

static void
content_end(struct tnef *t)
{
	EVP_DigestFinal_ex(t->digest, t->now->sha256, NULL);
	t->hashing = false;
	if (t->now == &t->file)
		t->have_data = true;
	t->now = NULL;
}

/* The octets in buf as text of one line, in the character set of this kind of string. */
static char *
string_read(struct tnef *t, size_t n)
{
	struct buf b = BUF_INIT;
	char charset[40] = "utf-16le";
	char *s = NULL;

	if (t->type != PT_UNICODE)
		charset_of(t->codepage, charset);
	if (charset_show(&b, charset, t->buf, n) == 0 &&
	    (s = strdup(buf_cstr(&b))) != NULL)
		s[strcspn(s, "\n")] = '\0';
	else
		t->result = err_set(t->e, ERR_INTERNAL, "memory");
	buf_free(&b);
	return s;
}

/* Without the NULs at its end. */
static size_t
string_length(const struct tnef *t, size_t n)
{
	size_t unit = t->type == PT_UNICODE ? 2 : 1;

	while (n >= unit && t->buf[n - 1] == '\0' &&
	    (unit == 1 || t->buf[n - 2] == '\0'))
		n -= unit;
	return n;
}

static void
name_take(struct tnef *t, size_t n, bool is_long)
{
	char *s;

	if (t->long_name || (s = string_read(t, string_length(t, n))) == NULL)
		return;
	if (mail_name_safe(s, strlen(s), t->file.name) == -1)
		t->result = err_set(t->e, ERR_INTERNAL, "memory");
	t->long_name = is_long && t->file.name[0] != '\0';
	free(s);
}

static void
ascii_take(struct tnef *t, size_t n, char *out, size_t cap)
{
	char *s = string_read(t, string_length(t, n));

	if (s == NULL)
		return;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			s[0] = '\0';
	text_cut(out, cap, s);
	free(s);
}

/* ---- properties ---- */

static void attribute_rest(struct tnef *t);
static void value_next(struct tnef *t);
static void property_value(struct tnef *t);

static void property_head(struct tnef *t);

static void
property_next(struct tnef *t)
{
	if (t->properties == 0)
		expect(t, 0, attribute_rest);
	else
		expect_inside(t, 4, property_head);
}

static void
named_pass(struct tnef *t)
{
	uint64_t n = padded(u32(t->buf));

	if (n > t->end - t->at)
		stop(t);
	else
		pass_to(t, t->at + n, property_value);
}

static void
property_named(struct tnef *t)
{
	uint32_t kind = u32(t->buf + 16);

	if (kind == 0)
		expect_inside(t, 4, property_value);
	else if (kind == 1)
		expect_inside(t, 4, named_pass);
	else
		stop(t);
}

static void
property_head(struct tnef *t)
{
	t->properties--;
	t->type = u16(t->buf);
	t->id = u16(t->buf + 2);
	if (t->id >= ID_NAMED)
		expect_inside(t, 20, property_named);
	else
		expect(t, 0, property_value);
}

/* Octets of a value with its padding; 0 where each tells its own. */
static unsigned
value_size(unsigned type)
{
	switch (type & ~(unsigned)PT_MANY) {
	case 0x02: /* integers, a float, an error, a truth */
	case 0x03:
	case 0x04:
	case 0x0a:
	case 0x0b:
		return 4;
	case 0x05: /* a double, money, times */
	case 0x06:
	case 0x07:
	case 0x14:
	case 0x40:
		return 8;
	case 0x48:
		return 16;
	default:
		return 0;
	}
}

static void
values_pass(struct tnef *t)
{
	uint64_t n = (uint64_t)u32(t->buf) * value_size(t->type);

	if (n > t->end - t->at)
		stop(t);
	else
		pass_to(t, t->at + n, property_next);
}

static void
values_count(struct tnef *t)
{
	t->values = u32(t->buf);
	expect(t, 0, value_next);
}

static void
codepage_take(struct tnef *t)
{
	t->html_codepage = u32(t->buf);
	expect(t, 0, property_next);
}

static void
property_value(struct tnef *t)
{
	const unsigned size = value_size(t->type);
	const unsigned kind = t->type & ~(unsigned)PT_MANY;

	if (size > 0 && (t->type & PT_MANY) != 0)
		expect_inside(t, 4, values_pass);
	else if (t->id == ID_CODEPAGE && t->type == PT_INT)
		expect_inside(t, 4, codepage_take);
	else if (size > 0 && size <= t->end - t->at)
		pass_to(t, t->at + size, property_next);
	else if (kind == PT_OBJECT || kind == PT_STRING || kind == PT_UNICODE ||
	    kind == PT_BINARY)
		expect_inside(t, 4, values_count);
	else
		stop(t);
}

static void
value_after(struct tnef *t)
{
	if (t->now != NULL)
		content_end(t);
	pass_to(t, t->value_end, value_next);
}

static void
string_take(struct tnef *t)
{
	if (t->id == ID_TYPE)
		ascii_take(t, t->need, t->file.type, sizeof(t->file.type));
	else if (t->id == ID_CID)
		ascii_take(t, t->need, t->file.cid, sizeof(t->file.cid));
	else
		name_take(t, t->need, t->id == ID_LONG_NAME);
	value_after(t);
}

static bool
is_string(const struct tnef *t)
{
	return t->type == PT_STRING || t->type == PT_UNICODE;
}

/* The item that this value is the content of; NULL for none. */
static struct tnef_item *
value_item(struct tnef *t)
{
	if (t->in_file)
		return t->id == ID_DATA && t->have_file && !t->have_data &&
			(t->type == PT_BINARY || t->type == PT_OBJECT) ?
		    &t->file :
		    NULL;
	if (t->id == ID_BODY && is_string(t) && t->text.size == 0)
		return &t->text;
	if (t->id == ID_HTML && t->html.size == 0 &&
	    (t->type == PT_BINARY || t->type == PT_STRING))
		return &t->html;
	return NULL;
}

static void
object_begin(struct tnef *t)
{
	content_begin(t, &t->file, t->object, value_after);
}

/* Text ends with a NUL that is not of it. */
static void
value_begin(struct tnef *t, struct tnef_item *item, uint32_t n)
{
	const uint32_t nul = t->type == PT_UNICODE ? 2 :
	    t->type == PT_STRING                   ? 1 :
						     0;

	if (t->type == PT_OBJECT) {
		if (n < IID_LEN) {
			stop(t);
			return;
		}
		t->object = n - IID_LEN;
		pass_to(t, t->at + IID_LEN, object_begin);
		return;
	}
	if (item == &t->text)
		t->unicode = t->type == PT_UNICODE;
	content_begin(t, item, n > nul ? n - nul : 0, value_after);
}

static void
value_length(struct tnef *t)
{
	const uint32_t n = u32(t->buf);
	struct tnef_item *item;

	t->values--;
	if (n > t->end - t->at) {
		stop(t);
		return;
	}
	t->value_end = t->at + padded(n);
	if (t->value_end > t->end)
		t->value_end = t->end;
	if ((item = value_item(t)) != NULL)
		value_begin(t, item, n);
	else if (t->in_file && t->have_file && is_string(t) &&
	    n <= STRING_MAX &&
	    (t->id == ID_TYPE || t->id == ID_CID || t->id == ID_SHORT_NAME ||
		t->id == ID_LONG_NAME))
		expect(t, n, string_take);
	else
		pass_to(t, t->value_end, value_next);
}

static void
value_next(struct tnef *t)
{
	if (t->values == 0)
		expect(t, 0, property_next);
	else
		expect_inside(t, 4, value_length);
}

static void
properties_begin(struct tnef *t)
{
	t->properties = u32(t->buf);
	expect(t, 0, property_next);
}

/* ---- attributes ---- */

static void attribute_head(struct tnef *t);

static void
attribute_next(struct tnef *t)
{
	expect(t, 9, attribute_head);
}

/* What is left of it, and its sum. */
static void
attribute_rest(struct tnef *t)
{
	pass_to(t, t->end + 2, attribute_next);
}

static void
content_after(struct tnef *t)
{
	content_end(t);
	attribute_rest(t);
}

static void
title_take(struct tnef *t)
{
	t->type = PT_STRING;
	name_take(t, t->need, false);
	attribute_rest(t);
}

static void
codepages_take(struct tnef *t)
{
	t->codepage = u32(t->buf);
	attribute_rest(t);
}

static void
attribute_head(struct tnef *t)
{
	const uint32_t id = u32(t->buf + 1), n = u32(t->buf + 5);

	t->end = t->at + n;
	t->in_file = id == ATT_FILE_MAPI;
	if (id == ATT_RENDER)
		file_begin(t);
	if ((id == ATT_MAPI || id == ATT_FILE_MAPI) && n >= 4)
		expect(t, 4, properties_begin);
	else if (id == ATT_TITLE && t->have_file && n <= STRING_MAX)
		expect(t, n, title_take);
	else if (id == ATT_DATA && t->have_file && !t->have_data)
		content_begin(t, &t->file, n, content_after);
	else if (id == ATT_BODY && n > 1 && t->text.size == 0)
		content_begin(t, &t->text, n - 1, content_after);
	else if (id == ATT_CODEPAGE && n >= 4)
		expect(t, 4, codepages_take);
	else
		attribute_rest(t);
}

static void
signature(struct tnef *t)
{
	if (u32(t->buf) == SIGNATURE)
		attribute_next(t);
	else
		stop(t);
}

/* ---- from outside ---- */

struct tnef *
tnef_new(tnef_take take, void *arg)
{
	struct tnef *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->take = take;
	t->arg = arg;
	t->digest = EVP_MD_CTX_new();
	if (t->digest == NULL) {
		tnef_free(t);
		return NULL;
	}
	expect(t, 6, signature);
	return t;
}

/* Takes of n octets at p what is to be passed over. */
static size_t
pass_some(struct tnef *t, const uint8_t *p, size_t n)
{
	size_t take = t->pass < n ? (size_t)t->pass : n;

	if (t->hashing)
		EVP_DigestUpdate(t->digest, p, take);
	t->pass -= take;
	t->at += take;
	return take;
}

static size_t
gather(struct tnef *t, const uint8_t *p, size_t n)
{
	size_t take = t->need - t->have < n ? t->need - t->have : n;

	memcpy(t->buf + t->have, p, take);
	t->have += take;
	t->at += take;
	return take;
}

int
tnef_add(struct tnef *t, const void *bytes, size_t n, struct err *e)
{
	const uint8_t *p = bytes;
	size_t took;

	t->e = e;
	while (t->step != NULL && t->result == 0) {
		took = pass_some(t, p, n);
		p += took;
		n -= took;
		if (t->pass > 0)
			break;
		took = gather(t, p, n);
		p += took;
		n -= took;
		if (t->have < t->need)
			break;
		t->step(t);
	}
	return t->result;
}

int
tnef_end(struct tnef *t, struct err *e)
{
	t->e = e;
	/* Content that was cut off is no item. */
	if (t->now == &t->text)
		t->text.size = 0;
	if (t->now == &t->html)
		t->html.size = 0;
	file_finish(t);
	t->text.kind = TNEF_TEXT;
	t->html.kind = TNEF_HTML;
	charset_of(t->codepage, t->text.charset);
	if (t->unicode)
		text_cut(t->text.charset, sizeof(t->text.charset), "utf-16le");
	charset_of(
	    t->html_codepage ? t->html_codepage : t->codepage, t->html.charset);
	if (t->text.size > 0)
		hand_over(t, &t->text);
	if (t->html.size > 0)
		hand_over(t, &t->html);
	stop(t);
	return t->result;
}

void
tnef_free(struct tnef *t)
{
	if (t == NULL)
		return;
	EVP_MD_CTX_free(t->digest);
	secret_wipe(t, sizeof(*t));
	free(t);
}
