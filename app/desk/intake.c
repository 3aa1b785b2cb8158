/*
 * intake.c: taking a message: parsed, known from its duplicates, made a parcel.
 */
#include "desk/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
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
	const struct id *id;
	const struct id *account;
	struct tenant tenant;
	struct account sender;
};

static int
facts_read(struct desk *d, void *arg, struct err *e)
{
	struct facts *f = arg;
	int r;

	if ((r = tenant_get(d->db, f->id, &f->tenant, e)) == -1)
		return -1;
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "tenant is gone");
	if (id_is_zero(f->account))
		return 0;
	if ((r = account_get(d->db, f->id, f->account, &f->sender, e)) == 0)
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

int
desk_accept(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *draft, struct id *message_out,
    struct err *e)
{
	struct facts f = {.id = &env->tenant, .account = &env->account};
	struct manifest *manifest = NULL;
	uint8_t digest[32], tags[KEYD_TAGS][32];
	struct mail_head head;
	struct parcel p;
	struct id first;
	int r = -1;

	if (draft_parse(draft, &head, &manifest, e) == -1)
		goto out;
	if (duplicate_digest(s, env, draft, head.message_id, digest, e) == -1 ||
	    keyd_duplicate_tags(d->keyd, &env->tenant, digest, tags, e) == -1 ||
	    desk_look(d, &env->tenant, facts_read, &f, e) == -1)
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
	    .tags = (const uint8_t(*)[32])tags};
	*message_out = *draft_id(draft);
	r = parcel_commit(d, &p, &first, e);
	if (r == -1 && e->code == ERR_CONFLICT) {
		/* A duplicate; when its first is only now being committed, the client asks again. */
		if (id_is_zero(&first)) {
			err_set(e, ERR_UNAVAILABLE, "duplicate in flight");
		} else {
			*message_out = first;
			err_clear(e);
			r = 0;
		}
	}
out:
	manifest_free(manifest);
	return r;
}
