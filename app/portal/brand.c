/*
 * brand.c: contrast, and the tokens of the style sheet that depend on a tenant.
 */
#include "portal/brand.h"

#include <stdio.h>

/* What text of the brand's colour stands on: see assets/restante.css. */
static const struct rgb sheet_light = {{0xff, 0xfe, 0xfb}};
static const struct rgb sheet_dark = {{0x1b, 0x1f, 0x26}};
static const struct rgb paper_light = {{0xf6, 0xf4, 0xef}};
static const struct rgb white = {{0xff, 0xff, 0xff}};
static const struct rgb black = {{0, 0, 0}};

#define CONTRAST      4.6
#define CONTRAST_DARK 6.0 /* thin light strokes on dark need more */

int
brand_parse(const char *s, struct rgb *out)
{
	unsigned v;
	char end;
	int i;

	if (s[0] != '#')
		return -1;
	for (i = 1; i < 7; i++)
		if ((s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') &&
		    (s[i] < 'A' || s[i] > 'F'))
			return -1;
	if (s[7] != '\0' || sscanf(s + 1, "%6x%c", &v, &end) != 1)
		return -1;
	for (i = 0; i < 3; i++)
		out->c[i] = (int)(v >> (16 - 8 * i) & 0xff);
	return 0;
}

/* Relative luminance; the polynomial is within 0.003 of the sRGB curve. */
static double
luminance(const struct rgb *c)
{
	static const double weight[3] = {0.2126, 0.7152, 0.0722};
	double sum = 0, v;
	int i;

	for (i = 0; i < 3; i++) {
		v = c->c[i] / 255.0;
		v *= v * (v * 0.305306011 + 0.682171111) + 0.012522878;
		sum += weight[i] * v;
	}
	return sum;
}

double
brand_contrast(const struct rgb *a, const struct rgb *b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

struct rgb
brand_readable(const struct rgb *c, const struct rgb *on, double contrast)
{
	const struct rgb *to = brand_contrast(&white, on) >
		brand_contrast(&black, on) ?
	    &white :
	    &black;
	struct rgb r = *c;
	int step, i;

	for (step = 0; step <= 64; step++) {
		for (i = 0; i < 3; i++)
			r.c[i] = c->c[i] + (to->c[i] - c->c[i]) * step / 64;
		if (brand_contrast(&r, on) >= contrast)
			break;
	}
	return r;
}

static int
add_color(struct buf *out, const char *name, const struct rgb *c)
{
	return buf_addf(
	    out, "--%s:#%02x%02x%02x;", name, c->c[0], c->c[1], c->c[2]);
}

/* The better of black and white on c. */
static const struct rgb *
ink_on(const struct rgb *c)
{
	return brand_contrast(&white, c) >= CONTRAST ? &white : &black;
}

int
brand_css(const struct rgb *c, struct buf *out)
{
	struct rgb light = brand_readable(c, &paper_light, CONTRAST);
	struct rgb dark = brand_readable(c, &sheet_dark, CONTRAST_DARK);

	light = brand_readable(&light, &sheet_light, CONTRAST);
	return buf_adds(out, ":root{") == -1 ||
		add_color(out, "brand", &light) == -1 ||
		add_color(out, "brand-ink", ink_on(&light)) == -1 ||
		buf_adds(out, "}\n@media (prefers-color-scheme:dark){:root{") ==
		    -1 ||
		add_color(out, "brand", &dark) == -1 ||
		add_color(out, "brand-ink", ink_on(&dark)) == -1 ||
		buf_adds(out, "}}\n") == -1 ?
	    -1 :
	    0;
}
