/*
 * tnef_property.c: the properties of a message or a file: their heads, and of their values
 * those that are looked for.
 */
#include "mail/tnef_inside.h"

/* Ids of those that are looked for. */
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

static uint64_t
padded(uint64_t n)
{
	return (n + 3) & ~(uint64_t)3;
}

static void value_next(struct tnef *t);
static void property_value(struct tnef *t);
static void property_head(struct tnef *t);

static void
property_next(struct tnef *t)
{
	if (t->properties == 0)
		tnef_expect(t, 0, tnef_attribute_rest);
	else
		tnef_expect_inside(t, 4, property_head);
}

static void
named_pass(struct tnef *t)
{
	uint64_t n = padded(tnef_u32(t->buf));

	if (n > t->end - t->at)
		tnef_stop(t);
	else
		tnef_pass_to(t, t->at + n, property_value);
}

static void
property_named(struct tnef *t)
{
	uint32_t kind = tnef_u32(t->buf + 16);

	if (kind == 0)
		tnef_expect_inside(t, 4, property_value);
	else if (kind == 1)
		tnef_expect_inside(t, 4, named_pass);
	else
		tnef_stop(t);
}

static void
property_head(struct tnef *t)
{
	t->properties--;
	t->type = tnef_u16(t->buf);
	t->id = tnef_u16(t->buf + 2);
	if (t->id >= ID_NAMED)
		tnef_expect_inside(t, 20, property_named);
	else
		tnef_expect(t, 0, property_value);
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
	uint64_t n = (uint64_t)tnef_u32(t->buf) * value_size(t->type);

	if (n > t->end - t->at)
		tnef_stop(t);
	else
		tnef_pass_to(t, t->at + n, property_next);
}

static void
values_count(struct tnef *t)
{
	t->values = tnef_u32(t->buf);
	tnef_expect(t, 0, value_next);
}

static void
codepage_take(struct tnef *t)
{
	t->html_codepage = tnef_u32(t->buf);
	tnef_expect(t, 0, property_next);
}

static void
property_value(struct tnef *t)
{
	const unsigned size = value_size(t->type);
	const unsigned kind = t->type & ~(unsigned)PT_MANY;

	if (size > 0 && (t->type & PT_MANY) != 0)
		tnef_expect_inside(t, 4, values_pass);
	else if (t->id == ID_CODEPAGE && t->type == PT_INT)
		tnef_expect_inside(t, 4, codepage_take);
	else if (size > 0 && size <= t->end - t->at)
		tnef_pass_to(t, t->at + size, property_next);
	else if (kind == PT_OBJECT || kind == PT_STRING || kind == PT_UNICODE ||
	    kind == PT_BINARY)
		tnef_expect_inside(t, 4, values_count);
	else
		tnef_stop(t);
}

static void
value_after(struct tnef *t)
{
	if (t->now != NULL)
		tnef_content_end(t);
	tnef_pass_to(t, t->value_end, value_next);
}

static void
string_take(struct tnef *t)
{
	if (t->id == ID_TYPE)
		tnef_ascii_take(t, t->need, t->file.type, sizeof(t->file.type));
	else if (t->id == ID_CID)
		tnef_ascii_take(t, t->need, t->file.cid, sizeof(t->file.cid));
	else
		tnef_name_take(t, t->need, t->id == ID_LONG_NAME);
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
	tnef_content_begin(t, &t->file, t->object, value_after);
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
			tnef_stop(t);
			return;
		}
		t->object = n - IID_LEN;
		tnef_pass_to(t, t->at + IID_LEN, object_begin);
		return;
	}
	if (item == &t->text)
		t->unicode = t->type == PT_UNICODE;
	tnef_content_begin(t, item, n > nul ? n - nul : 0, value_after);
}

static void
value_length(struct tnef *t)
{
	const uint32_t n = tnef_u32(t->buf);
	struct tnef_item *item;

	t->values--;
	if (n > t->end - t->at) {
		tnef_stop(t);
		return;
	}
	t->value_end = t->at + padded(n);
	if (t->value_end > t->end)
		t->value_end = t->end;
	if ((item = value_item(t)) != NULL)
		value_begin(t, item, n);
	else if (t->in_file && t->have_file && is_string(t) &&
	    n <= TNEF_STRING_MAX &&
	    (t->id == ID_TYPE || t->id == ID_CID || t->id == ID_SHORT_NAME ||
		t->id == ID_LONG_NAME))
		tnef_expect(t, n, string_take);
	else
		tnef_pass_to(t, t->value_end, value_next);
}

static void
value_next(struct tnef *t)
{
	if (t->values == 0)
		tnef_expect(t, 0, property_next);
	else
		tnef_expect_inside(t, 4, value_length);
}

void
tnef_properties_begin(struct tnef *t)
{
	t->properties = tnef_u32(t->buf);
	tnef_expect(t, 0, property_next);
}
