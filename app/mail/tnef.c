/*
 * tnef.c: the attributes of a winmail.dat, and the machine that reads them.
 */
#include "mail/tnef_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"

#define SIGNATURE 0x223e9f78U

/* Attributes, with their level. */
#define ATT_BODY      0x0002800cU
#define ATT_CODEPAGE  0x00069007U
#define ATT_MAPI      0x00069003U
#define ATT_RENDER    0x00069002U /* a file begins */
#define ATT_TITLE     0x00018010U
#define ATT_DATA      0x0006800fU
#define ATT_FILE_MAPI 0x00069005U

/* ---- the machine ---- */

void
tnef_stop(struct tnef *t)
{
	t->step = NULL;
}

void
tnef_expect(struct tnef *t, size_t n, void (*step)(struct tnef *))
{
	t->need = n;
	t->have = 0;
	t->step = step;
}

void
tnef_pass_to(struct tnef *t, uint64_t to, void (*step)(struct tnef *))
{
	t->pass = to > t->at ? to - t->at : 0;
	tnef_expect(t, 0, step);
}

/* n octets within the attribute, or all is over. */
void
tnef_expect_inside(struct tnef *t, size_t n, void (*step)(struct tnef *))
{
	if (n > t->end - t->at)
		tnef_stop(t);
	else
		tnef_expect(t, n, step);
}

uint16_t
tnef_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t
tnef_u32(const uint8_t *p)
{
	return (uint32_t)tnef_u16(p) | (uint32_t)tnef_u16(p + 2) << 16;
}

/* ---- attributes ---- */

static void attribute_head(struct tnef *t);

static void
attribute_next(struct tnef *t)
{
	tnef_expect(t, 9, attribute_head);
}

/* What is left of it, and its sum. */
void
tnef_attribute_rest(struct tnef *t)
{
	tnef_pass_to(t, t->end + 2, attribute_next);
}

static void
content_after(struct tnef *t)
{
	tnef_content_end(t);
	tnef_attribute_rest(t);
}

static void
title_take(struct tnef *t)
{
	t->type = PT_STRING;
	tnef_name_take(t, t->need, false);
	tnef_attribute_rest(t);
}

static void
codepages_take(struct tnef *t)
{
	t->codepage = tnef_u32(t->buf);
	tnef_attribute_rest(t);
}

static void
attribute_head(struct tnef *t)
{
	const uint32_t id = tnef_u32(t->buf + 1), n = tnef_u32(t->buf + 5);

	t->end = t->at + n;
	t->in_file = id == ATT_FILE_MAPI;
	if (id == ATT_RENDER)
		tnef_file_begin(t);
	if ((id == ATT_MAPI || id == ATT_FILE_MAPI) && n >= 4)
		tnef_expect(t, 4, tnef_properties_begin);
	else if (id == ATT_TITLE && t->have_file && n <= TNEF_STRING_MAX)
		tnef_expect(t, n, title_take);
	else if (id == ATT_DATA && t->have_file && !t->have_data)
		tnef_content_begin(t, &t->file, n, content_after);
	else if (id == ATT_BODY && n > 1 && t->text.size == 0)
		tnef_content_begin(t, &t->text, n - 1, content_after);
	else if (id == ATT_CODEPAGE && n >= 4)
		tnef_expect(t, 4, codepages_take);
	else
		tnef_attribute_rest(t);
}

static void
signature(struct tnef *t)
{
	if (tnef_u32(t->buf) == SIGNATURE)
		attribute_next(t);
	else
		tnef_stop(t);
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
	tnef_expect(t, 6, signature);
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
	tnef_file_finish(t);
	t->text.kind = TNEF_TEXT;
	t->html.kind = TNEF_HTML;
	tnef_charset_of(t->codepage, t->text.charset);
	if (t->unicode)
		text_cut(t->text.charset, sizeof(t->text.charset), "utf-16le");
	tnef_charset_of(
	    t->html_codepage ? t->html_codepage : t->codepage, t->html.charset);
	if (t->text.size > 0)
		tnef_hand_over(t, &t->text);
	if (t->html.size > 0)
		tnef_hand_over(t, &t->html);
	tnef_stop(t);
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
