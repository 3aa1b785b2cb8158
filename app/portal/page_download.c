/*
 * page_download.c: files and whole messages on their way out: all of one, a range of it,
 * or word that the client has it already.
 */
#include "portal/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "portal/disposition.h"
#include "portal/range.h"

struct sending {
	struct desk_download *dl;
	char request[ID_REQUEST_LEN];
};

static int
sending_next(void *arg, struct desk *d, struct buf *out, struct err *e)
{
	struct sending *s = arg;

	return desk_download_next(d, s->dl, out, e);
}

static void
sending_end(void *arg, struct desk *d, bool complete)
{
	struct sending *s = arg;
	struct err e;

	if (desk_download_end(d, s->dl, complete, &e) == -1)
		log_err(s->request, "download", &e);
	free(s);
}

/* A file as the browser is told of it. */
struct named {
	uint32_t no;
	const char *type;
	const char *name;
	const char *otherwise;
};

/* A field that came twice says nothing. */
static const char *
the_field(const struct request *req, const char *name)
{
	const char *value = "";
	size_t i, n = 0;

	for (i = 0; i < req->n_field; i++)
		if (strcmp(req->field[i].name, name) == 0 && n++ == 0)
			value = req->field[i].value;
	return n == 1 ? value : "";
}

static int
decide(struct page *p, const char *tag, uint64_t size, uint64_t *first,
    uint64_t *n)
{
	const struct range_ask ask = {.get = p->req->verb == HTTP_GET,
	    .if_match = request_field(p->req, "if-match"),
	    .if_none_match = p->req->if_none_match,
	    .range = the_field(p->req, "range"),
	    .if_range = the_field(p->req, "if-range"),
	    .tag = tag,
	    .size = size};

	return range_answer(&ask, first, n);
}

static int
file_headers(struct page *p, const struct named *f, uint64_t size,
    uint64_t first, uint64_t n)
{
	struct response *r = p->resp;
	const bool body = r->status == 200 || r->status == 206;
	char disposition[DISPOSITION_LEN];

	if (page_headers(p, body ? f->type : NULL, "no-store") == -1 ||
	    response_header(r, "accept-ranges", "bytes") == -1)
		return -1;
	if (r->status == 206 &&
	    response_header(r, "content-range",
		"bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, first + n - 1,
		size) == -1)
		return -1;
	if (r->status == 416)
		return response_header(
		    r, "content-range", "bytes */%" PRIu64, size);
	if (!body)
		return 0;
	disposition_attachment(f->name, f->otherwise, disposition);
	return response_header(r, "content-disposition", "%s", disposition);
}

/* Hands the download over to whoever sends the answer. */
static int
begin(struct page *p, struct desk_download *dl, uint64_t n)
{
	struct sending *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	s->dl = dl;
	text_cut(s->request, sizeof(s->request), p->req->id);
	p->resp->source = (struct source){
	    .arg = s, .length = n, .next = sending_next, .end = sending_end};
	return 0;
}

static int
send_file(struct page *p, const struct desk_message *msg, const struct named *f,
    struct err *e)
{
	struct desk_download *dl = NULL;
	uint64_t size, first, n;
	struct err ignored;
	char tag[65];
	int ret = 0;

	if (desk_download_open(p->desk, &p->visit, msg, f->no, &dl, e) == -1)
		return -1;
	size = desk_download_size(dl);
	desk_download_tag(dl, tag);
	p->resp->status = decide(p, tag, size, &first, &n);
	if (file_headers(p, f, size, first, n) == -1 ||
	    response_header(p->resp, "etag", "\"%s\"", tag) == -1)
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	if (p->resp->status == 206)
		desk_download_range(dl, first, n);
	/* HEAD says what would come; its source is ended unread. */
	if (ret == 0 && (p->resp->status == 200 || p->resp->status == 206)) {
		if (begin(p, dl, n) == 0)
			return 0;
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	}
	if (desk_download_end(p->desk, dl, false, &ignored) == -1)
		log_err(p->req->id, "download", &ignored);
	return ret;
}

int
page_raw(struct page *p, struct err *e)
{
	char name[LIMIT_FILE_NAME + 8];
	struct desk_message msg;
	struct named f = {.no = DESK_WHOLE,
	    .type = "message/rfc822",
	    .name = name,
	    .otherwise = "message.eml"};
	int ret;

	if (page_open_message(p, &msg, e) == -1)
		return -1;
	text_cut(name, LIMIT_FILE_NAME - 4, msg.manifest->subject);
	if (name[0] != '\0')
		strncat(name, ".eml", 5);
	ret = send_file(p, &msg, &f, e);
	desk_message_clear(&msg);
	return ret;
}

static int
part_number(const char *s, uint32_t *out)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 6 || s[n] != '\0')
		return -1;
	*out = (uint32_t)strtoul(s, NULL, 10);
	return 0;
}

int
page_part(struct page *p, struct err *e)
{
	const struct mail_part *part = NULL;
	struct desk_message msg;
	char otherwise[32];
	struct named f = {.otherwise = otherwise};
	int ret;

	if (page_open_message(p, &msg, e) == -1)
		return -1;
	if (part_number(p->param[1], &f.no) == 0)
		part = manifest_part(msg.manifest, f.no);
	if (part == NULL || !part->leaf) {
		ret = err_set(e, ERR_NOT_FOUND, "no such part");
	} else {
		snprintf(otherwise, sizeof(otherwise), "file-%u", f.no);
		f.type = disposition_type(part->type);
		f.name = part->name;
		ret = send_file(p, &msg, &f, e);
	}
	desk_message_clear(&msg);
	return ret;
}
