/*
 * forward.c: the copy of a message that is handed on to the tenant's own server: its
 * header as that server is to see it, its body as it came, sealed to keyd's forward key.
 * The courier sends it as it is.
 */
#include "desk/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "desk/directory.h"
#include "mail/forward.h"

#define TRACE_HEX  16 /* digits of a recipient in it */
#define TRACE_LINE 4  /* of them a line */
/* Our own trace, a header at its limit, and the empty line that shows its end. */
#define HEAD_READ (MAIL_TRACE_MAX + LIMIT_HEADER_BLOCK + 4)

struct copying {
	struct desk *d;
	const struct parcel *p;
	struct bundle *b;
	const struct rules *rules;
	struct desk_draft *copy;
	struct forward *row;
	struct content *content; /* of the message */
	struct buf head;  /* its header, with what follows of its first bytes */
	size_t head_len;  /* without the empty line */
	struct buf lines; /* of ours */
	struct mail_shape shape;
	bool head_eight;
};

/* ---- our lines ---- */

/* What may stand there of what a client said. */
static void
keep_safe(char *out, size_t cap, const char *s)
{
	size_t n = 0;

	for (; *s != '\0' && n + 1 < cap; s++)
		if ((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		    (*s >= 'A' && *s <= 'Z') || strchr(".-_:[] ", *s) != NULL)
			out[n++] = *s;
	out[n] = '\0';
}

static void
trace_of(const struct copying *c, const char *key, char out[TRACE_HEX + 1])
{
	uint8_t digest[32];

	seal_address_digest(&c->p->tenant->id, key, digest);
	text_hex(digest, TRACE_HEX / 2, out);
}

struct digest {
	char hex[TRACE_HEX + 1];
};

static int
digest_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

/* So many stand in it for n: who gets the message cannot count the others. */
static size_t
trace_size(size_t n)
{
	return n <= 16 ? 16 : n <= 128 ? 128 : n <= 1024 ? 1024 : n;
}

/* Digests of those it is for, and of nobody, in no order. free(); NULL: memory. */
static struct digest *
trace_list(const struct copying *c, size_t *n_out)
{
	const struct parcel *p = c->p;
	struct digest *all = calloc(trace_size(p->n_rcpt), sizeof(*all));
	uint8_t nobody[TRACE_HEX / 2];
	size_t n = 0;

	for (size_t i = 0; i < p->n_rcpt && all != NULL; i++)
		if (p->rcpt[i].forward)
			trace_of(c, p->rcpt[i].mailbox.key, all[n++].hex);
	for (*n_out = trace_size(n); n < *n_out && all != NULL; n++) {
		secret_random(nobody, sizeof(nobody));
		text_hex(nobody, sizeof(nobody), all[n].hex);
	}
	if (all != NULL)
		qsort(all, n, sizeof(*all), digest_order);
	return all;
}

/* Whom this copy was for already, so that it is known when it comes back. */
static int
add_trace(struct copying *c)
{
	size_t n = 0;
	struct digest *all = trace_list(c, &n);
	int r = all != NULL ? 0 : -1;

	for (size_t i = 0; i < n && r == 0; i++)
		r = buf_addf(&c->lines, "%s%s",
		    i == 0                  ? MAIL_OURS_TRACE ": " :
			i % TRACE_LINE == 0 ? "\r\n\t" :
					      " ",
		    all[i].hex);
	free(all);
	return r == 0 ? buf_adds(&c->lines, "\r\n") : -1;
}

static int
add_lines(struct copying *c)
{
	const struct desk_sender *s = c->p->client;
	char tls[80], client[64], helo[256];

	if (s == NULL)
		return buf_adds(&c->lines,
			   MAIL_OURS "Transport: portal\r\n" MAIL_OURS
				     "Sender: proved\r\n") == -1 ?
		    -1 :
		    add_trace(c);
	keep_safe(tls, sizeof(tls), s->tls);
	keep_safe(client, sizeof(client), s->client);
	keep_safe(helo, sizeof(helo), s->helo);
	if (buf_addf(&c->lines,
		MAIL_OURS "Transport: %s\r\n" MAIL_OURS
			  "Client: %s (%s)\r\n" MAIL_OURS "Sender: %s\r\n",
		tls[0] != '\0' ? tls : "in clear", client, helo,
		c->p->proved ? "proved" : "not proved") == -1)
		return -1;
	return add_trace(c);
}

/* ---- the header ---- */

static size_t
header_end(const struct buf *b)
{
	const uint8_t *lf;
	size_t at = 0;

	while ((lf = memchr(b->data + at, '\n', b->len - at)) != NULL) {
		size_t len = (size_t)(lf - (b->data + at)) + 1;

		if (len == 1 || (len == 2 && b->data[at] == '\r'))
			return at;
		at += len;
	}
	return b->len;
}

static int
head_read(struct copying *c, struct err *e)
{
	struct mail_source src;
	uint64_t most;
	size_t got;
	int r;

	content_source(c->content, &src);
	most = src.size < HEAD_READ ? src.size : HEAD_READ;
	if (buf_reserve(&c->head, (size_t)most + 1) == -1)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	do {
		r = src.read(src.arg, c->head.len, c->head.data + c->head.len,
		    (size_t)most - c->head.len, &got, e);
		c->head.len += got;
	} while (r == 0 && got > 0 && c->head.len < most);
	c->head_len = header_end(&c->head);
	return r;
}

/* A trace of ours that names one of its recipients. */
static bool
is_loop(struct copying *c)
{
	char hex[TRACE_HEX + 1];
	const char *head, *at;

	c->head.data[c->head.len] = '\0';
	head = (const char *)c->head.data;
	if ((at = strcasestr(head, MAIL_OURS_TRACE ":")) == NULL)
		return false;
	for (size_t i = 0; i < c->p->n_rcpt; i++) {
		if (!c->p->rcpt[i].forward)
			continue;
		trace_of(c, c->p->rcpt[i].mailbox.key, hex);
		for (at = strstr(head, hex); at != NULL;
		     at = strstr(at + 1, hex))
			if ((size_t)(at - head) < c->head_len)
				return true;
	}
	return false;
}

/* One more piece of what the server is handed. */
static int
put(struct copying *c, const void *p, size_t n, struct err *e)
{
	mail_shape_add(&c->shape, p, n);
	return desk_draft_trace(c->copy, p, n, e);
}

static int
head_write(struct copying *c, struct err *e)
{
	char id[ID_TEXT_LEN], message_id[ID_TEXT_LEN + 256];
	struct mail_forward f = {.tag = c->rules->tag,
	    .message_id = message_id,
	    .date = c->b->message.created};
	struct buf head = BUF_INIT;
	int r;

	id_format(&c->b->message.id, id);
	snprintf(
	    message_id, sizeof(message_id), "%s@%s", id, c->p->tenant->host);
	if (add_lines(c) == -1)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	f.lines = buf_cstr(&c->lines);
	r = mail_forward_head(c->head.data, c->head_len, &f, &head, e);
	if (r == 0)
		r = put(c, head.data, head.len, e);
	c->head_eight = c->shape.eight;
	buf_free(&head);
	return r;
}

/* From the empty line on. */
static int
body_write(struct copying *c, struct err *e)
{
	struct buf piece = BUF_INIT;
	struct mail_source src;
	uint64_t at = c->head_len;
	size_t got = 1;
	int r = 0;

	content_source(c->content, &src);
	if (buf_reserve(&piece, SEAL_CHUNK) == -1)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	while (r == 0 && got > 0) {
		r = src.read(src.arg, at, piece.data, SEAL_CHUNK, &got, e);
		piece.len = got;
		at += got;
		if (r == 0 && got > 0)
			r = put(c, piece.data, got, e);
	}
	piece.len = SEAL_CHUNK; /* all of it is wiped */
	buf_free(&piece);
	return r;
}

/* ---- the rows ---- */

void
asked_of(const struct parcel *p, size_t i, struct asked *out)
{
	const struct desk_envelope *env = p->env;
	const struct desk_given *g;

	*out = (struct asked){.given = p->rcpt[i].mailbox.address, .orcpt = ""};
	if (env != NULL && p->rcpt[i].given < env->n_given) {
		g = &env->given[p->rcpt[i].given];
		out->given = g->mailbox.address;
		/* A list is expanded, and that is told: of those on it no more. */
		out->notify = g->list && g->notify != DESK_NOTIFY_NEVER ?
		    g->notify & ~(unsigned)DESK_NOTIFY_SUCCESS :
		    g->notify;
		if (g->list && g->notify != 0 && out->notify == 0)
			out->notify = DESK_NOTIFY_NEVER;
		out->orcpt = g->orcpt != NULL ? g->orcpt : "";
	}
}

static int
rcpts_fill(struct copying *c, struct err *e)
{
	struct forward *f = c->row;
	struct forward_rcpt *r;
	struct asked asked;

	if ((f->rcpt = calloc(c->p->n_rcpt, sizeof(*f->rcpt))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	for (size_t i = 0; i < c->p->n_rcpt; i++) {
		if (!c->p->rcpt[i].forward)
			continue;
		r = &f->rcpt[f->n_rcpt++];
		asked_of(c->p, i, &asked);
		r->slot = RCPT_SLOT(i);
		text_cut(r->address, sizeof(r->address),
		    c->p->rcpt[i].mailbox.address);
		text_cut(r->given, sizeof(r->given), asked.given);
		r->notify = asked.notify |
		    (c->p->automatic ? DESK_NOTIFY_PROGRAM : 0) |
		    (c->p->rcpt[i].forward_only ? DESK_NOTIFY_ALONE : 0);
		if (text_copy(r->orcpt, sizeof(r->orcpt), asked.orcpt) == -1)
			r->orcpt[0] = '\0';
		f->utf8 |= !text_is_ascii(r->address);
	}
	return 0;
}

static int
row_fill(struct copying *c, struct err *e)
{
	const struct desk_envelope *env = c->p->env;
	struct forward *f = c->row;

	f->id = *draft_id(c->copy);
	f->message = c->b->message.id;
	f->proved = c->p->proved;
	memcpy(f->content_header, draft_header(c->copy), SEAL_CONTENT_HEADER);
	f->size = draft_size(c->copy);
	f->chunks = draft_chunks(c->copy);
	f->body = c->shape.binary ? FORWARD_BINARY :
	    c->shape.eight        ? FORWARD_8BIT :
				    FORWARD_7BIT;
	if (text_copy(f->sender, sizeof(f->sender), c->p->from) == -1)
		return err_set(e, ERR_BAD_INPUT, "sender address too long");
	if (env != NULL) {
		f->utf8 = env->utf8 &&
		    (c->head_eight || !text_is_ascii(f->sender));
		f->require_tls = env->require_tls;
		f->ret = (int)env->ret;
		if (env->envid != NULL &&
		    text_copy(f->envid, sizeof(f->envid), env->envid) == -1)
			f->envid[0] = '\0';
	}
	return rcpts_fill(c, e);
}

/* The mail in the queue, with the key for keyd alone. */
static int
queue(struct copying *c, struct err *e)
{
	const struct seal_bind bind = {.tenant = c->p->tenant->id,
	    .owner = c->b->message.id,
	    .item = c->row->id};
	struct keyd_public pub;
	struct outbox *o = bundle_mail(c->b);
	struct event *ev;

	if (o == NULL)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	o->tenant = c->p->tenant->id;
	o->id = c->row->id;
	o->kind = OUTBOX_FORWARD;
	o->message = c->b->message.id;
	for (size_t i = 0; i < c->row->n_rcpt; i++) {
		if ((ev = bundle_event(c->b)) == NULL)
			return err_set(e, ERR_UNAVAILABLE, "copy: memory");
		ev->message = c->b->message.id;
		ev->slot = c->row->rcpt[i].slot;
		ev->kind = EVENT_FORWARD_QUEUED;
	}
	if (shared_public(c->d, &pub, e) == -1)
		return -1;
	return seal_box_seal(pub.forward_pk, SEAL_P_FORWARD, &bind,
	    draft_dek(c->copy), SECRET_KEY_LEN, &o->item, e);
}

static int
copy_chunk(void *arg, uint32_t seq, struct buf *out, struct err *e)
{
	return draft_chunk(arg, seq, out, e);
}

static void
copy_free(void *arg)
{
	desk_draft_free(arg);
}

static int
copy_make(struct copying *c, struct err *e)
{
	const struct parcel *p = c->p;

	if (draft_open(p->draft, &c->content, e) == -1 || head_read(c, e) == -1)
		return -1;
	if (is_loop(c))
		return err_set(e, ERR_BAD_INPUT, "was here before: a loop");
	c->copy = desk_draft_new(draft_dir(p->draft), &p->tenant->id, e);
	if (c->copy == NULL)
		return -1;
	c->b->forward_arg = c->copy;
	c->b->forward_chunk = copy_chunk;
	c->b->forward_free = copy_free;
	if ((c->row = c->b->forward = calloc(1, sizeof(*c->row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	if (head_write(c, e) == -1 || body_write(c, e) == -1 ||
	    draft_end(c->copy, e) == -1)
		return -1;
	mail_shape_end(&c->shape);
	return row_fill(c, e) == 0 ? queue(c, e) : -1;
}

int
forward_gather(
    struct desk *d, const struct parcel *p, struct bundle *b, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};
	struct copying c = {.d = d, .p = p, .b = b};
	size_t i = 0;
	int r;

	while (i < p->n_rcpt && !p->rcpt[i].forward)
		i++;
	if (i == p->n_rcpt)
		return 0;
	if ((r = directory_rules(&q, &p->tenant->id, &c.rules, e)) != 1)
		return r == -1 ? -1 :
				 err_set(e, ERR_NOT_FOUND, "tenant is gone");
	r = copy_make(&c, e);
	directory_rules_drop(c.rules);
	content_close(c.content);
	buf_free(&c.head);
	buf_free(&c.lines);
	return r;
}
