/*
 * page_upload.c: files on their way from a browser or another program, by tus 1.0.0
 * (https://tus.io/protocols/resumable-upload). What is kept of them is desk/upload.h's.
 */
#include "portal/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "desk/upload.h"
#include "portal/http_reply.h"
#include "portal/routes.h"
#include "portal/tus.h"

/* ---- answers ---------------------------------------------------------------------- */

static int
add_field(struct page *p, const char *name, const char *value, struct err *e)
{
	return response_header(p->resp, name, "%s", value) == -1 ?
	    err_set(e, ERR_INTERNAL, "out of memory") :
	    0;
}

static int
add_number(struct page *p, const char *name, uint64_t v, struct err *e)
{
	return response_header(p->resp, name, "%llu", (unsigned long long)v) ==
		-1 ?
	    err_set(e, ERR_INTERNAL, "out of memory") :
	    0;
}

/* A line for whoever looks; programs go by the status. */
static int
refuse(struct page *p, int status, const char *word, struct err *e)
{
	if (page_text(p, status, view_word(portal_view(p->portal), "en", word),
		e) == -1)
		return -1;
	switch (status) {
	case 412:
		return add_field(p, "tus-version", TUS_VERSION, e);
	case 413:
		return add_number(p, "tus-max-size", LIMIT_FILE, e);
	case 503:
		return add_field(p, "retry-after", "5", e);
	default:
		return 0;
	}
}

/* What desk/upload.h says, in the protocol's statuses; -1: an error of ours. */
static int
fail(struct page *p, struct err *e)
{
	static const struct {
		enum err_code code;
		int status;
		const char *word;
	} row[] = {
	    {ERR_BAD_INPUT, 460, "tus.checksum"},
	    {ERR_NOT_FOUND, 404, "tus.none"},
	    {ERR_DENIED, 403, "tus.denied"},
	    {ERR_EXPIRED, 410, "tus.expired"},
	    {ERR_GONE, 410, "tus.expired"},
	    {ERR_CONFLICT, 409, "tus.offset"},
	    {ERR_TOO_BIG, 413, "tus.big"},
	    {ERR_TOO_MANY, 409, "tus.many"},
	    {ERR_UNAVAILABLE, 503, "error.unavailable"},
	    {ERR_UNKNOWN, 503, "error.unavailable"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].code == e->code) {
			log_err(p->req->id, p->route->name, e);
			return refuse(p, row[i].status, row[i].word, e);
		}
	return -1;
}

/* How an upload stands. */
static int
state(struct page *p, int status, const struct desk_upload *u, struct err *e)
{
	char until[HTTP_DATE_LEN];

	p->resp->status = status;
	http_reply_date(u->expires / CLOCK_SECOND, until);
	if (page_headers(p, NULL, "no-store") == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (add_number(p, "upload-offset", u->offset, e) == -1)
		return -1;
	return add_field(p, "upload-expires", until, e);
}

/* ---- checks ------------------------------------------------------------------------- */

static const char *
field(const struct page *p, const char *name)
{
	return request_field(p->req, name);
}

/* Is it our version of the protocol? Else it is answered. */
static bool
is_tus(struct page *p, int *ret, struct err *e)
{
	if (strcmp(field(p, "tus-resumable"), TUS_VERSION) == 0)
		return true;
	*ret = refuse(p, 412, "tus.version", e);
	return false;
}

/* ---- the pages ---------------------------------------------------------------------- */

int
page_upload_options(struct page *p, struct err *e)
{
	char param[PAGE_PARAMS][PAGE_PARAM_LEN], allow[ROUTE_ALLOW_LEN];

	/* What else the path is good for: a verb that none has asks for it. */
	(void)route_find(HTTP_OTHER, p->req->path, param, allow);
	if (page_options(p, allow, e) == -1)
		return -1;
	if (add_field(p, "tus-version", TUS_VERSION, e) == -1 ||
	    add_field(p, "tus-extension", TUS_EXTENSIONS, e) == -1 ||
	    add_number(p, "tus-max-size", LIMIT_FILE, e) == -1)
		return -1;
	return add_field(p, "tus-checksum-algorithm", TUS_CHECKSUMS, e);
}

int
page_upload_post(struct page *p, struct err *e)
{
	char id[ID_TEXT_LEN];
	struct desk_upload u;
	struct tus_metadata m;
	uint64_t length;
	int ret;

	if (!is_tus(p, &ret, e))
		return ret;
	if (tus_number(field(p, "upload-length"), &length) == -1)
		return refuse(p, 400, "tus.length", e);
	if (length > LIMIT_FILE)
		return refuse(p, 413, "tus.big", e);
	if (tus_metadata(field(p, "upload-metadata"), &m) == -1)
		return refuse(p, 400, "tus.metadata", e);
	if (desk_upload_create(
		p->desk, &p->visit, length, m.name, m.type, &u, e) == -1)
		return fail(p, e);
	if (state(p, 201, &u, e) == -1)
		return -1;
	id_format(&u.id, id);
	if (response_header(p->resp, "location", "/upload/%s", id) == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return 0;
}

/* The upload the path names. */
static int
find(struct page *p, struct id *id, struct desk_upload *u, struct err *e)
{
	if (id_parse(p->param[0], id) == -1)
		return err_set(e, ERR_NOT_FOUND, "not an id");
	return desk_upload_get(p->desk, &p->visit, id, u, e);
}

int
page_upload_head(struct page *p, struct err *e)
{
	struct buf meta = BUF_INIT;
	struct desk_upload u;
	struct id id;
	int ret;

	if (!is_tus(p, &ret, e))
		return ret;
	if (find(p, &id, &u, e) == -1)
		return fail(p, e);
	ret = state(p, 200, &u, e);
	if (ret == 0)
		ret = add_number(p, "upload-length", u.length, e);
	if (ret == 0 && tus_metadata_format(u.name, u.type, &meta) == -1)
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	if (ret == 0)
		ret = add_field(p, "upload-metadata", buf_cstr(&meta), e);
	buf_free(&meta);
	return ret;
}

int
page_upload_delete(struct page *p, struct err *e)
{
	struct id id;
	int ret;

	if (!is_tus(p, &ret, e))
		return ret;
	if (id_parse(p->param[0], &id) == -1)
		ret = err_set(e, ERR_NOT_FOUND, "not an id");
	else
		ret = desk_upload_remove(p->desk, &p->visit, &id, e);
	if (ret == -1)
		return fail(p, e);
	p->resp->status = 204;
	if (page_headers(p, NULL, "no-store") == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return 0;
}

/* ---- a slice -------------------------------------------------------------------------- */

static int
take(void *arg, struct desk *d, const void *p, size_t n, struct err *e)
{
	return desk_slice_add(d, arg, p, n, e);
}

/* A slice of no bytes: asks for nothing, but must know where the upload stands. */
static int
nothing(struct page *p, uint64_t offset, struct err *e)
{
	struct desk_upload u;
	struct id id;

	if (find(p, &id, &u, e) == -1)
		return fail(p, e);
	if (u.offset != offset)
		return refuse(p, 409, "tus.offset", e);
	return state(p, 204, &u, e);
}

int
upload_open(struct page *p, struct sink *out, struct err *e)
{
	uint64_t offset, length = p->req->content_length;
	enum desk_digest kind;
	struct desk_slice *s;
	uint8_t digest[32];
	struct id id;
	int ret;

	memset(out, 0, sizeof(*out));
	if (!is_tus(p, &ret, e))
		return ret;
	if (strcmp(p->req->content_type, TUS_SLICE_TYPE) != 0)
		return refuse(p, 415, "tus.type", e);
	if (tus_number(field(p, "upload-offset"), &offset) == -1)
		return refuse(p, 400, "tus.number", e);
	if (length > LIMIT_UPLOAD_SLICE)
		return refuse(p, 413, "tus.slice", e);
	if (tus_checksum(field(p, "upload-checksum"), &kind, digest) == -1)
		return refuse(p, 400, "tus.algorithm", e);
	if (length == 0)
		return nothing(p, offset, e);
	if (id_parse(p->param[0], &id) == -1)
		ret = err_set(e, ERR_NOT_FOUND, "not an id");
	else
		ret = desk_slice_open(p->desk, &p->visit, &id, offset, length,
		    kind, digest, &s, e);
	if (ret == -1)
		return fail(p, e);
	*out = (struct sink){.arg = s, .take = take};
	return 0;
}

int
upload_finish(struct page *p, struct sink *sink, bool complete,
    const struct err *why, struct err *e)
{
	struct desk_upload u;
	int ret = desk_slice_end(p->desk, sink->arg, complete, &u, e);

	memset(sink, 0, sizeof(*sink));
	if (!complete) {
		*e = *why;
		if (e->code == ERR_NONE)
			err_set(e, ERR_UNAVAILABLE, "the client has gone");
		ret = -1;
	}
	return ret == -1 ? fail(p, e) : state(p, 204, &u, e);
}
