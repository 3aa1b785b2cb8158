/*
 * intake.c: taking a message: parsed, known from its duplicates, made a parcel.
 */
#include "desk/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "desk/directory.h"
#include "desk/connection.h"
#include "desk/internal.h"
#include "desk/repeat.h"

/* A header block at its limit, and the empty line that shows its end. */
#define HEAD_READ (LIMIT_HEADER_BLOCK + 2)
#define HEAD_STEP ((size_t)16 * 1024)

/* The client's header block, refused when it is too big or tells of a loop. */
static int
head_check(const struct mail_source *src, uint64_t trace,
    struct mail_head *head, uint8_t said[32], struct err *e)
{
	uint64_t left = src->size - trace;
	size_t got, n = 0, cap = left < HEAD_READ ? (size_t)left : HEAD_READ;
	size_t want, from;
	uint8_t *p;
	int r = 0;

	if ((p = malloc(cap + 1)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "header: memory");
	do {
		want = cap - n < HEAD_STEP ? cap - n : HEAD_STEP;
		r = src->read(src->arg, trace + n, p + n, want, &got, e);
		from = n < 3 ? 0 : n - 3;
		n += got;
	} while (r == 0 && got > 0 && n < cap &&
	    memmem(p + from, n - from, "\r\n\r\n", 4) == NULL);
	if (r == 0) {
		mail_head_read(p, n, head);
		if (head->too_big)
			r = err_set(e, ERR_BAD_INPUT, "header over %zu bytes",
			    LIMIT_HEADER_BLOCK);
		else if (head->received > LIMIT_RECEIVED)
			r = err_set(e, ERR_BAD_INPUT, "too many hops: a loop");
		else
			r = repeat_said(p, n, said, e);
	}
	secret_wipe(p, cap);
	free(p);
	return r;
}

/* A message while it is taken in. */
struct intake {
	struct desk *d;
	const struct desk_sender *client;
	struct desk_envelope *env;
	struct desk_draft *draft;
	struct mail_head head;
	struct commit_item *item;
	struct manifest *manifest;
};

/* A device's or a script's, which says the same each time: the next one is another. */
static bool
is_nameless(const struct mail_head *h)
{
	return h->message_id[0] == '\0' && !h->dated && h->received == 0;
}

/* Header rules, duplicate tags, and the manifest while keyd makes the tags. */
static int
source_parse(struct intake *in, const struct mail_source *src, struct err *e)
{
	const struct id *tenant = &in->env->tenant;
	struct err why = {0};
	uint8_t digest[32], said[32], tags[KEYD_TAGS][32];
	int64_t span = CLOCK_DAY;
	int parsed, tagged;

	if (head_check(src, draft_trace_size(in->draft), &in->head, said, e) ==
		-1 ||
	    repeat_digest(in->client, in->env, in->draft, in->head.message_id,
		said, digest, e) == -1)
		return -1;
	keyd_duplicate_ask(in->d->keyd, tenant, digest);
	parsed = mail_parse(src, &in->manifest, e);
	tagged = keyd_duplicate_take(in->d->keyd, tenant, digest, tags, &why);
	if (parsed == -1)
		return -1;
	if (tagged == -1) {
		*e = why;
		return -1;
	}
	if (is_nameless(&in->head)) {
		repeat_soon(tags, clock_now());
		span = REPEAT_SOON_MS;
	}
	parcel_tags((const uint8_t(*)[32])tags, span, &in->item->bundle);
	commit_tags(in->d, in->item);
	return 0;
}

/* A small message is still here as it came; of a larger one what is needed is read back. */
static int
draft_parse(struct intake *in, struct err *e)
{
	struct content *c = NULL;
	struct mail_memory memory;
	struct mail_known known;
	struct mail_source src;
	int r;

	draft_known(in->draft, &known);
	if ((memory.p = draft_clear(in->draft, &memory.n)) != NULL) {
		mail_source_memory(&src, &memory);
		src.known = &known;
		if (source_parse(in, &src, e) == -1)
			return -1;
		return draft_end(in->draft, e);
	}
	if (draft_end(in->draft, e) == -1 || draft_open(in->draft, &c, e) == -1)
		return -1;
	content_source(c, &src);
	src.known = &known;
	r = source_parse(in, &src, e);
	content_close(c);
	return r;
}

/* What the transaction needs of the tenant and the sender. */
struct facts {
	struct tenant tenant;
	struct account sender;
};

static int
facts_read(struct desk *d, const struct desk_envelope *env, struct facts *f,
    struct err *e)
{
	int r;

	if ((r = directory_tenant(d, &env->tenant, &f->tenant, e)) == -1)
		return -1;
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "tenant is gone");
	if (id_is_zero(&env->account))
		return 0;
	r = directory_account(d, &env->tenant, env->from.key, &f->sender, e);
	if (r == 0)
		return err_set(e, ERR_DENIED, "sender's account is gone");
	return r == -1 ? -1 : 0;
}

/* Readers are shown who proved to have sent it, whatever its From says. */
static void
sender_show(const struct account *a, struct mail_person *from)
{
	bool same = text_equal_ci(from->address, a->address);

	if (!same)
		memcpy(from->address, a->address, sizeof(from->address));
	if (!same || a->name[0] != '\0')
		text_cut(from->name, sizeof(from->name), a->name);
}

/* A message between its sealing and its commit. */
struct taking {
	struct commit_item item; /* first */
	struct desk_later *later;
};

/* A duplicate is taken; when its first is only now being committed, the client asks again. */
static int
taken(const struct commit_item *item, struct id *message_out, struct err *e)
{
	*message_out = item->bundle.message.id;
	if (item->result == 0)
		return 0;
	if (item->err.code != ERR_CONFLICT) {
		*e = item->err;
		return -1;
	}
	if (id_is_zero(&item->first))
		return err_set(e, ERR_UNAVAILABLE, "duplicate in flight");
	*message_out = item->first;
	return 0;
}

static void
taking_end(struct commit_item *item)
{
	struct taking *t = (struct taking *)item;
	struct desk_later *later = t->later;

	err_clear(&later->err);
	later->result = taken(item, &later->message, &later->err);
	later->alone = item->writes;
	bundle_clear(&item->bundle);
	free(t);
	later->end(later);
}

static void
taking_stay(struct commit_item *item)
{
	(void)item;
}

/* Large ones go by themselves: nobody is to wait for their bytes, or for their parsing. */
#define TOGETHER_MOST ((uint64_t)2 * 1024 * 1024)
#define SOON_MOST     ((uint64_t)64 * 1024)

static int
commit(struct desk *d, struct taking *t, struct id *message_out, struct err *e)
{
	struct commit_item *item = &t->item;
	int r;

	if (t->later != NULL) {
		item->end = taking_end;
		commit_add(d, item);
		return 1;
	}
	err_clear(&item->err);
	item->end = taking_stay;
	item->result = bundle_commit(
	    d, &item->bundle, &item->first, &item->err);
	r = taken(item, message_out, e);
	db_wake_courier(d->db, false);
	bundle_clear(&item->bundle);
	free(t);
	return r;
}

/* Has it a reader whatever else is found out? */
static bool
is_read(const struct desk_envelope *env)
{
	for (size_t i = 0; i < env->n_rcpt; i++)
		if (!env->rcpt[i].forward_only)
			return true;
	return false;
}

/* Parses, and gathers all that is to be written. */
static int
gather(struct intake *in, struct err *e)
{
	struct desk_envelope *env = in->env;
	struct bundle *b = &in->item->bundle;
	struct facts f = {0};
	struct parcel p;

	if (draft_parse(in, e) == -1)
		return -1;
	parcel_content(in->draft, b);
	commit_chunks(in->d, in->item);
	if (connection_keep(in->client, in->manifest, e) == -1 ||
	    facts_read(in->d, env, &f, e) == -1)
		return -1;
	if (env->proved) {
		if (id_is_zero(&env->account))
			memcpy(f.sender.address, env->from.address,
			    sizeof(f.sender.address));
		sender_show(&f.sender, &in->manifest->from);
	}
	in->manifest->automatic = in->head.automatic || in->head.ours;
	p = (struct parcel){.tenant = &f.tenant,
	    .draft = in->draft,
	    .manifest = in->manifest,
	    .proved = env->proved,
	    .account = env->account,
	    .from = env->null_sender ? "" : env->from.address,
	    .from_key = env->null_sender ? "" : env->from.key,
	    .from_name = f.sender.name,
	    .rcpt = env->rcpt,
	    .n_rcpt = env->n_rcpt,
	    .client = in->client,
	    .env = env,
	    .item = in->item,
	    .automatic = in->manifest->automatic};
	return parcel_gather(in->d, &p, b, e);
}

int
desk_accept(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *draft,
    struct desk_later *later, struct id *message_out, struct err *e)
{
	struct intake in = {.d = d, .client = s, .env = env, .draft = draft};
	const uint64_t size = draft_size(draft);
	const bool soon = later != NULL && size <= SOON_MOST;
	struct taking *t;
	int r;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "message: memory");
	t->later = size <= TOGETHER_MOST ? later : NULL;
	in.item = &t->item;
	parcel_begin(&env->tenant, draft, &t->item.bundle);
	if (soon)
		commit_soon(d, &t->item, is_read(env));
	r = gather(&in, e);
	if (r == 0) {
		if (t->later != NULL && !soon)
			commit_soon(d, &t->item, false);
		r = commit(d, t, message_out, e); /* t is gone */
		if (r == 1)
			desk_pair_ahead(d);
	} else {
		if (soon)
			commit_never(d, &t->item);
		bundle_clear(&t->item.bundle);
		free(t);
	}
	manifest_free(in.manifest);
	return r;
}
