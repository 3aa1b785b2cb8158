/*
 * asset.c: reads assets/ at start and finds files by path.
 */
#include "portal/asset.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/text.h"
#include "portal/brand.h"

#define FINGERPRINT_LEN 17

struct asset {
	const char *name;
	const char *type;
	char fingerprint[FINGERPRINT_LEN];
	struct buf bytes;
	struct buf zipped; /* empty when that is not smaller */
};

static const struct {
	const char *name;
	const char *type;
} files[] = {
    {"restante.css", "text/css; charset=utf-8"},
    {"icon.svg", "image/svg+xml"},
    {"upload.js", "text/javascript; charset=utf-8"},
};
#define FILES (sizeof(files) / sizeof(files[0]))

struct assets {
	struct asset file[FILES];
};

/* FNV-1a: tells versions apart, protects nothing. */
static void
fingerprint(const struct buf *b, char out[FINGERPRINT_LEN])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < b->len; i++)
		h = (h ^ b->data[i]) * UINT64_C(0x100000001b3);
	snprintf(out, FINGERPRINT_LEN, "%016llx", (unsigned long long)h);
}

/*
 * Assets alone are compressed: they are public, and hold nothing that somebody put there
 * beside a secret.
 */
static int
zip(const struct buf *in, struct buf *out)
{
	z_stream z = {.next_in = in->data, .avail_in = (uInt)in->len};
	int ret;

	/* 15 bits of window, 16 for gzip's frame */
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	ret = buf_reserve(out, deflateBound(&z, in->len));
	if (ret == 0) {
		z.next_out = out->data;
		z.avail_out = (uInt)out->cap;
		ret = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -1;
		out->len = z.total_out;
	}
	deflateEnd(&z);
	if (out->len >= in->len)
		buf_clear(out);
	return ret;
}

static int
read_file(const char *share, const char *name, struct buf *out, struct err *e)
{
	char path[1024], part[4096];
	size_t n;
	FILE *f;
	int ret = 0;

	if (snprintf(path, sizeof(path), "%s/assets/%s", share, name) >=
	    (int)sizeof(path))
		return err_set(e, ERR_INTERNAL, "assets: name too long");
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(e, ERR_INTERNAL, "%.150s: cannot be read", path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		if (buf_add(out, part, n) == -1)
			ret = -1;
	if (ferror(f) != 0 || ret == -1)
		ret = err_set(e, ERR_INTERNAL, "%.150s: cannot be read", path);
	fclose(f);
	return ret;
}

int
assets_load(const char *share, struct assets **out, struct err *e)
{
	struct assets *a = calloc(1, sizeof(*a));
	size_t i;

	if (a == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (i = 0; i < FILES; i++) {
		a->file[i].name = files[i].name;
		a->file[i].type = files[i].type;
		if (read_file(share, files[i].name, &a->file[i].bytes, e) ==
		    -1) {
			assets_free(a);
			return -1;
		}
		fingerprint(&a->file[i].bytes, a->file[i].fingerprint);
		if (zip(&a->file[i].bytes, &a->file[i].zipped) == -1) {
			assets_free(a);
			return err_set(e, ERR_INTERNAL, "assets: zlib");
		}
	}
	*out = a;
	return 0;
}

void
assets_free(struct assets *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < FILES; i++) {
		buf_free(&a->file[i].bytes);
		buf_free(&a->file[i].zipped);
	}
	free(a);
}

void
asset_path(const struct assets *a, const char *name, char out[ASSET_PATH_LEN])
{
	size_t i;

	out[0] = '\0';
	for (i = 0; i < FILES; i++)
		if (strcmp(a->file[i].name, name) == 0)
			snprintf(out, ASSET_PATH_LEN, "/assets/%s/%s",
			    a->file[i].fingerprint, name);
}

void
asset_brand_path(const char *color, char out[ASSET_PATH_LEN])
{
	char print[FINGERPRINT_LEN];
	struct buf b = BUF_INIT;
	struct rgb c;

	out[0] = '\0';
	if (brand_parse(color, &c) == 0 && brand_css(&c, &b) == 0) {
		fingerprint(&b, print);
		snprintf(out, ASSET_PATH_LEN, "/assets/%s/%02x%02x%02x.css",
		    print, c.c[0], c.c[1], c.c[2]);
	}
	buf_free(&b);
}

/* "1f4b8f.css": the colour is all there is to know. */
static bool
get_brand(const char *print, const char *name, struct buf *out)
{
	char color[8], path[ASSET_PATH_LEN], want[ASSET_PATH_LEN];
	struct rgb c;

	if (strlen(name) != 10 || strcmp(name + 6, ".css") != 0 ||
	    strlen(print) != FINGERPRINT_LEN - 1)
		return false;
	snprintf(color, sizeof(color), "#%.6s", name);
	snprintf(want, sizeof(want), "/assets/%s/%s", print, name);
	asset_brand_path(color, path);
	return strcmp(path, want) == 0 && brand_parse(color, &c) == 0 &&
	    brand_css(&c, out) == 0;
}

static void
answer_as(const char *type, const char *print, bool varies, bool zipped,
    struct asset_answer *out)
{
	*out = (struct asset_answer){
	    .type = type, .zipped = zipped, .varies = varies};
	snprintf(out->tag, sizeof(out->tag), "\"%.16s%s\"", print,
	    zipped ? "-gzip" : "");
}

bool
asset_get(const struct assets *a, const char *print, const char *name,
    bool gzip, struct asset_answer *answer, struct buf *out)
{
	const struct asset *f;
	const struct buf *b;
	size_t i;

	for (i = 0; i < FILES; i++) {
		f = &a->file[i];
		if (strcmp(f->name, name) != 0 ||
		    strcmp(f->fingerprint, print) != 0)
			continue;
		b = gzip && f->zipped.len > 0 ? &f->zipped : &f->bytes;
		answer_as(
		    f->type, print, f->zipped.len > 0, b == &f->zipped, answer);
		return buf_add(out, b->data, b->len) == 0;
	}
	answer_as("text/css; charset=utf-8", print, false, false, answer);
	return get_brand(print, name, out);
}
