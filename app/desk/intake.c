/*
 * intake.c: taking a message: parsed, known from its duplicates, made a parcel.
 */
#include "desk/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "desk/directory.h"
#include "desk/connection.h"
#include "desk/internal.h"

static int
recipients_digest(
    const struct desk_envelope *env, uint8_t out[32], struct err *e)
{
	struct seal_hash *h = seal_hash_new(SEAL_BLAKE2B);
	size_t i;

	if (h == NULL)
		return err_set(e, ERR_UNAVAILABLE, "recipients: memory");
	for (i = 0; i < env->n_rcpt; i++)
		seal_hash_add(h, env->rcpt[i].mailbox.key,
		    strlen(env->rcpt[i].mailbox.key) + 1);
	seal_hash_end(h, out);
	return 0;
}

/* The digest by which a repeated message is known: client, envelope, Message-ID, body. */
static int
duplicate_digest(const struct desk_sender *s, const struct desk_envelope *env,
    const struct desk_draft *draft, const char *message_id, uint8_t out[32],
    struct err *e)
{
	static const uint8_t zero[SECRET_KEY_LEN];
	uint8_t body[32], all[32], rcpts[32];
	struct seal_field f[5];

	if (recipients_digest(env, rcpts, e) == -1)
		return -1;
	draft_digests(draft, body, all);
	f[0] = SEAL_FSTR(s->authenticated ? s->address : s->client);
	f[1] = SEAL_FSTR(env->null_sender ? "" : env->from.key);
	f[2] = SEAL_F(rcpts, sizeof(rcpts));
	f[3] = SEAL_FSTR(message_id);
	/* Without a Message-ID only the very same bytes are the same message. */
	f[4] = *message_id != '\0' ? SEAL_F(body, sizeof(body)) :
				     SEAL_F(all, sizeof(all));
	seal_kdf(out, 32, zero, SEAL_L_DIGEST, f, 5);
	return 0;
}

/* A header block at its limit, and the empty line that shows its end. */
#define HEAD_READ (LIMIT_HEADER_BLOCK + 2)

/* The client's header block, refused when it is too big or tells of a loop. */
static int
head_check(const struct mail_source *src, uint64_t trace,
    struct mail_head *head, struct err *e)
{
	uint64_t left = src->size - trace;
	size_t got, n = 0, cap = left < HEAD_READ ? (size_t)left : HEAD_READ;
	uint8_t *p;
	int r = 0;

	if ((p = malloc(cap + 1)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "header: memory");
	do {
		r = src->read(src->arg, trace + n, p + n, cap - n, &got, e);
		n += got;
	} while (r == 0 && got > 0 && n < cap);
	if (r == 0) {
		mail_head_read(p, n, head);
		if (head->too_big)
			r = err_set(e, ERR_BAD_INPUT, "header over %zu bytes",
			    LIMIT_HEADER_BLOCK);
		else if (head->received > LIMIT_RECEIVED)
			r = err_set(e, ERR_BAD_INPUT, "too many hops: a loop");
	}
	secret_wipe(p, cap);
	free(p);
	return r;
}

/* Reads the finished draft back: header rules, manifest. */
static int
draft_parse(struct desk_draft *draft, struct mail_head *head,
    struct manifest **manifest, struct err *e)
{
	struct content *c = NULL;
	struct mail_source src;
	int r;

	if (draft_end(draft, e) == -1 || draft_open(draft, &c, e) == -1)
		return -1;
	content_source(c, &src);
	if ((r = head_check(&src, draft_trace_size(draft), head, e)) == 0)
		r = mail_parse(&src, manifest, e);
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
	bundle_clear(&item->bundle);
	free(t);
	later->end(later);
}

static void
taking_stay(struct commit_item *item)
{
	(void)item;
}

/* Large ones go by themselves: nobody is to wait for their bytes. */
#define TOGETHER_MOST ((uint64_t)1024 * 1024)

static int
commit(struct desk *d, struct taking *t, struct id *message_out, struct err *e)
{
	struct commit_item *item = &t->item;
	int r;

	if (t->later != NULL && item->bundle.message.size <= TOGETHER_MOST) {
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

int
desk_accept(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *draft,
    struct desk_later *later, struct id *message_out, struct err *e)
{
	struct facts f = {0};
	struct manifest *manifest = NULL;
	uint8_t digest[32], tags[KEYD_TAGS][32];
	struct taking *t = NULL;
	struct mail_head head;
	struct parcel p;
	int r = -1;

	if (draft_parse(draft, &head, &manifest, e) == -1 ||
	    connection_keep(s, manifest, e) == -1)
		goto out;
	if (duplicate_digest(s, env, draft, head.message_id, digest, e) == -1 ||
	    keyd_duplicate_tags(d->keyd, &env->tenant, digest, tags, e) == -1 ||
	    facts_read(d, env, &f, e) == -1)
		goto out;
	if (env->proved) {
		if (id_is_zero(&env->account))
			memcpy(f.sender.address, env->from.address,
			    sizeof(f.sender.address));
		sender_show(&f.sender, &manifest->from);
	}
	p = (struct parcel){.tenant = &f.tenant,
	    .draft = draft,
	    .manifest = manifest,
	    .proved = env->proved,
	    .account = env->account,
	    .from = env->null_sender ? "" : env->from.address,
	    .from_key = env->null_sender ? "" : env->from.key,
	    .from_name = f.sender.name,
	    .rcpt = env->rcpt,
	    .n_rcpt = env->n_rcpt,
	    .client = s,
	    .env = env,
	    .automatic = head.automatic || head.ours,
	    .tags = (const uint8_t(*)[32])tags};
	if ((t = calloc(1, sizeof(*t))) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "message: memory");
	} else if (parcel_gather(d, &p, &t->item.bundle, e) == -1) {
		bundle_clear(&t->item.bundle);
		free(t);
	} else {
		t->later = later;
		r = commit(d, t, message_out, e); /* t is gone */
	}
out:
	manifest_free(manifest);
	return r;
}
