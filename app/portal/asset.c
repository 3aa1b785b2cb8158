/*
 * asset.c: reads assets/ at start and finds files by path.
 */
#include "portal/asset.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "portal/brand.h"

#define FINGERPRINT_LEN 17

struct asset {
	const char *name;
	const char *type;
	char fingerprint[FINGERPRINT_LEN];
	struct buf bytes;
};

static const struct {
	const char *name;
	const char *type;
} files[] = {
    {"restante.css", "text/css; charset=utf-8"},
    {"icon.svg", "image/svg+xml"},
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
	for (i = 0; i < FILES; i++)
		buf_free(&a->file[i].bytes);
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

bool
asset_get(const struct assets *a, const char *print, const char *name,
    const char **type, struct buf *out)
{
	const struct asset *f;
	size_t i;

	for (i = 0; i < FILES; i++) {
		f = &a->file[i];
		if (strcmp(f->name, name) == 0 &&
		    strcmp(f->fingerprint, print) == 0) {
			*type = f->type;
			return buf_add(out, f->bytes.data, f->bytes.len) == 0;
		}
	}
	*type = "text/css; charset=utf-8";
	return get_brand(print, name, out);
}
