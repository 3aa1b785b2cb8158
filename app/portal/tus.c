/*
 * tus.c: the fields of tus.
 */
#include "portal/tus.h"

#include <string.h>

#include "base/text.h"

int
tus_number(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	*out = 0;
	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' ||
		    v > (INT64_MAX - (uint64_t)(*s - '0')) / 10)
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return 0;
}

int
tus_checksum(const char *s, enum desk_digest *kind, uint8_t out[32])
{
	static const struct {
		const char *name;
		enum desk_digest kind;
		size_t len;
	} known[] = {
	    {"sha1 ", DESK_SHA1, 20},
	    {"sha256 ", DESK_SHA256, 32},
	};
	struct buf b = BUF_INIT;
	int ret = -1;

	*kind = DESK_NO_DIGEST;
	memset(out, 0, 32);
	if (*s == '\0')
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!text_starts(s, known[i].name))
			continue;
		s += strlen(known[i].name);
		if (text_unbase64(s, strlen(s), &b) == 0 &&
		    b.len == known[i].len) {
			memcpy(out, b.data, b.len);
			*kind = known[i].kind;
			ret = 0;
		}
		break;
	}
	buf_free(&b);
	return ret;
}

/* ---- Upload-Metadata ------------------------------------------------------------ */

enum { NAME, NAME_TOO, TYPE, TYPE_TOO, KEYS };

static const char *const key[KEYS] = {
    [NAME] = "filename",
    [NAME_TOO] = "name",
    [TYPE] = "filetype",
    [TYPE_TOO] = "type",
};

/* One value of a key we know: text without controls. */
static int
take_value(const char *s, size_t n, struct buf *out)
{
	if (out->data != NULL) /* it came before */
		return -1;
	if (buf_reserve(out, 1) == -1 || text_unbase64(s, n, out) == -1)
		return -1;
	for (size_t i = 0; i < out->len; i++)
		if (out->data[i] < ' ' || out->data[i] == 0x7f)
			return -1;
	return text_is_utf8((const char *)out->data, out->len) ? 0 : -1;
}

/* One pair, s to its end. */
static int
take_pair(const char *s, size_t n, struct buf value[KEYS])
{
	const char *space = memchr(s, ' ', n);
	size_t len = space == NULL ? n : (size_t)(space - s);

	if (len == 0)
		return -1;
	for (int i = 0; i < KEYS; i++)
		if (strlen(key[i]) == len && memcmp(key[i], s, len) == 0)
			return space == NULL ?
			    take_value("", 0, &value[i]) :
			    take_value(space + 1, n - len - 1, &value[i]);
	return 0;
}

int
tus_metadata(const char *s, struct tus_metadata *out)
{
	struct buf value[KEYS] = {BUF_INIT};
	const char *type;
	size_t n;
	int ret = 0;

	memset(out, 0, sizeof(*out));
	while (ret == 0 && *s != '\0') {
		n = strcspn(s, ",");
		ret = take_pair(s, n, value);
		s += n;
		if (*s == ',' && *++s == '\0')
			ret = -1;
		s += strspn(s, " ");
	}
	if (ret == 0) {
		text_cut(out->name, sizeof(out->name),
		    buf_cstr(&value[value[NAME].len > 0 ? NAME : NAME_TOO]));
		type = buf_cstr(&value[value[TYPE].len > 0 ? TYPE : TYPE_TOO]);
		if (text_copy(out->type, sizeof(out->type), type) == -1)
			out->type[0] = '\0';
	}
	for (int i = 0; i < KEYS; i++)
		buf_free(&value[i]);
	return ret;
}

static int
add_base64(struct buf *out, const char *s)
{
	char part[8];
	size_t left = strlen(s), n, len;

	for (; left > 0; s += n, left -= n) {
		n = left < 3 ? left : 3;
		text_base64url(s, n, part);
		for (len = 0; part[len] != '\0'; len++)
			part[len] = part[len] == '-' ? '+' :
			    part[len] == '_'         ? '/' :
						       part[len];
		while (len < 4)
			part[len++] = '=';
		if (buf_add(out, part, 4) == -1)
			return -1;
	}
	return 0;
}

int
tus_metadata_format(const char *name, const char *type, struct buf *out)
{
	if (buf_adds(out, "filename ") == -1 || add_base64(out, name) == -1 ||
	    buf_adds(out, ",filetype ") == -1 || add_base64(out, type) == -1)
		return -1;
	return 0;
}
