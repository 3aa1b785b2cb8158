/*
 * sending.c: messages written in the browser: composed, sealed and stored the same way
 * as those that come over SMTP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/uploaded.h"

struct letter {
	const struct desk_visit *v;
	const struct desk_letter *l;
	struct desk_envelope env;
	struct mail_person *to; /* each once, for the header */
	size_t n;
	struct mail_person from;
	struct desk_message answered; /* opened, when it answers one */
	bool answers;
	uint8_t tags[KEYD_TAGS][32];
	char message_id[ID_TEXT_LEN + 1 + 256];
};

static bool
is_member(const struct desk_visit *v)
{
	return v->kind == SESSION_ACCOUNT && v->account.kind == ACCOUNT_MEMBER;
}

/* The header names who was written to, as they were; a list by its address. */
static int
person_add(
    struct desk *d, struct letter *w, const struct mailbox *to, struct err *e)
{
	struct mail_person *p = &w->to[w->n++];
	struct account a;
	int found;

	memcpy(p->address, to->address, sizeof(p->address));
	found = directory_account(d, &w->v->tenant.id, to->key, &a, e);
	if (found == 1)
		memcpy(p->name, a.name, sizeof(p->name));
	return found == -1 ? -1 : 0;
}

/*
 * As over SMTP: members write to anyone. Guests, who are proved but not the tenant's, write to
 * its people: like what its own server hands in, whatever it takes from strangers.
 */
static int
recipients_add(struct desk *d, struct letter *w, size_t *bad_out, struct err *e)
{
	const struct desk_sender s = {.authenticated = true,
	    .relay = true,
	    .tenant = w->v->tenant.id,
	    .tls = "portal"};
	struct desk_envelope *env = &w->env;
	struct desk_given given;
	size_t i, before;

	if (mailbox_typed(w->from.address, &env->from, e) == -1)
		return -1;
	env->tenant = w->v->tenant.id;
	env->proved = is_member(w->v);
	env->sender_class = env->proved ? POLICY_TRUSTED : POLICY_KNOWN;
	for (i = 0; i < w->l->n_to; i++) {
		*bad_out = i;
		given = (struct desk_given){.mailbox = w->l->to[i]};
		before = env->n_given;
		if (desk_rcpt_add(d, &s, env, &given, e) == -1) {
			/* Another tenant's people are outside, too. */
			if (e->code == ERR_TOO_MANY && !env->proved &&
			    env->n_rcpt < LIMIT_RECIPIENTS)
				err_set(
				    e, ERR_DENIED, "guests write to members");
			return -1;
		}
		if (env->n_given > before &&
		    person_add(d, w, &w->l->to[i], e) == -1)
			return -1;
	}
	return 0;
}

static bool
is_named_twice(const struct desk_letter *l)
{
	size_t i, j;

	for (i = 0; i < l->n_uploads; i++)
		for (j = 0; j < i; j++)
			if (id_equal(&l->uploads[i], &l->uploads[j]))
				return true;
	return false;
}

static int
letter_check(const struct desk_letter *l, struct err *e)
{
	size_t i, total = 0;

	if (l->n_to == 0 || l->n_to > LIMIT_RECIPIENTS)
		return err_set(e, ERR_BAD_INPUT, "to");
	if (l->n_files + l->n_uploads > LIMIT_UPLOAD_COUNT || is_named_twice(l))
		return err_set(e, ERR_BAD_INPUT, "files");
	if (*l->text == '\0' && *l->subject == '\0' &&
	    l->n_files + l->n_uploads == 0)
		return err_set(e, ERR_BAD_INPUT, "empty");
	for (i = 0; i < l->n_files; i++)
		total += l->files[i].len;
	if (total > LIMIT_UPLOAD_FILES ||
	    strlen(l->text) > LIMIT_COMPOSE_TEXT ||
	    strlen(l->subject) > LIMIT_SUBJECT)
		return err_set(e, ERR_TOO_BIG, "letter over its limits");
	return 0;
}

static void
letter_from(struct letter *w)
{
	const struct desk_visit *v = w->v;
	char id[ID_TEXT_LEN];
	struct id new = id_new();

	memcpy(w->from.address,
	    v->kind == SESSION_ACCOUNT ? v->account.address : v->address,
	    sizeof(w->from.address));
	/* A name that an outsider chose would be read as the tenant's word. */
	if (is_member(v))
		memcpy(w->from.name, v->account.name, sizeof(w->from.name));
	id_format(&new, id);
	snprintf(w->message_id, sizeof(w->message_id), "%s@%s", id,
	    v->tenant.domain);
}

/* Composes into a draft: from here on it is a message like any other. */
static int
letter_draft(
    struct desk *d, struct letter *w, struct desk_draft **out, struct err *e)
{
	const struct mail_composed m = {.from = w->from,
	    .to = w->to,
	    .n_to = w->n,
	    .subject = w->l->subject,
	    .text = w->l->text,
	    .files = w->l->files,
	    .n_files = w->l->n_files,
	    .message_id = w->message_id,
	    .in_reply_to = w->answers &&
		    *w->answered.manifest->message_id != '\0' ?
		w->answered.manifest->message_id :
		NULL,
	    .date = clock_now()};
	struct buf raw = BUF_INIT;
	int r = -1;

	if (mail_compose(&m, &raw, e) == 0 &&
	    (*out = desk_draft_new(d->set->spool, &w->v->tenant.id, e)) != NULL)
		r = desk_draft_add(*out, raw.data, raw.len, e);
	buf_free(&raw);
	return r == 0 ? draft_end(*out, e) : -1;
}

static int
letter_manifest(struct desk_draft *draft, struct manifest **out, struct err *e)
{
	struct content *c = NULL;
	struct mail_source src;
	int r;

	if (draft_open(draft, &c, e) == -1)
		return -1;
	content_source(c, &src);
	r = mail_parse(&src, out, e);
	content_close(c);
	return r;
}

/* Its sender is told of a reply only when it goes to them. */
static bool
is_reply(const struct letter *w)
{
	const struct desk_message *m = &w->answered;
	size_t i;

	for (i = 0; w->answers && i < w->env.n_rcpt; i++) {
		const char *to = w->env.rcpt[i].mailbox.address;

		if (text_equal_ci(to, m->row.sender) ||
		    text_equal_ci(to, m->manifest->from.address))
			return true;
	}
	return false;
}

struct id
desk_letter_form(void)
{
	return id_new();
}

static void
hash_text(struct seal_hash *h, const char *s)
{
	seal_hash_add(h, s, strlen(s) + 1);
}

/* Everything that was typed: whoever changes a word sends another letter. */
static int
letter_digest(const struct letter *w, uint8_t out[32])
{
	static const uint8_t zero[SECRET_KEY_LEN];
	const struct desk_letter *l = w->l;
	struct seal_hash *h = seal_hash_new(SEAL_BLAKE2B);
	uint8_t all[32];
	const struct seal_field f[] = {
	    SEAL_FSTR("letter"), SEAL_F(all, sizeof(all))};
	size_t i;

	if (h == NULL)
		return -1;
	hash_text(h, w->from.address);
	seal_hash_add(h, l->form.b, ID_LEN);
	seal_hash_add(h, l->answers.b, ID_LEN);
	hash_text(h, l->subject);
	hash_text(h, l->text);
	for (i = 0; i < l->n_to; i++)
		hash_text(h, l->to[i].key);
	hash_text(h, "");
	for (i = 0; i < l->n_files; i++) {
		hash_text(h, l->files[i].name);
		seal_hash_add(h, &l->files[i].len, sizeof(l->files[i].len));
		seal_hash_add(h, l->files[i].data, l->files[i].len);
	}
	for (i = 0; i < l->n_uploads; i++)
		seal_hash_add(h, l->uploads[i].b, ID_LEN);
	seal_hash_end(h, all);
	seal_kdf(out, 32, zero, SEAL_L_DIGEST, f, 2);
	return 0;
}

static int
letter_tags(struct desk *d, struct letter *w, struct err *e)
{
	uint8_t digest[32];

	if (id_is_zero(&w->l->form))
		return 0;
	if (letter_digest(w, digest) == -1)
		return err_set(e, ERR_UNAVAILABLE, "letter: memory");
	return keyd_duplicate_tags(
	    d->keyd, &w->v->tenant.id, digest, w->tags, e);
}

/* One that was sent already, by a second click, is the first one. */
static int
letter_commit(
    struct desk *d, const struct parcel *p, struct id *id, struct err *e)
{
	struct id first;
	int r;

	r = parcel_commit(d, p, &first, e);
	/* Whoever lost a race can see now whom to. */
	if (r == -1 && e->code == ERR_CONFLICT && id_is_zero(&first))
		r = parcel_commit(d, p, &first, e);
	if (r == -1 && e->code == ERR_CONFLICT && !id_is_zero(&first)) {
		*id = first;
		err_clear(e);
		return 0;
	}
	return r;
}

struct attaching {
	struct letter *w;
	struct manifest *manifest;
	struct id *first;
	bool again; /* the letter was sent before, as *first */
};

/* The key of a finished upload of the writer's goes into the manifest. */
static int
upload_attach(
    struct desk *d, struct attaching *a, const struct id *id, struct err *e)
{
	const struct id *t = &a->w->v->tenant.id;
	struct mail_beside where = {.id = *id};
	struct desk_upload show;
	struct upload u;
	int r;

	_Static_assert(sizeof(where.key) == SECRET_KEY_LEN &&
		sizeof(where.header) == SEAL_CONTENT_HEADER,
	    "a file beside the message");
	if (upload_mine(d, a->w->v, id, &u, where.key, e) == -1)
		return -1;
	memcpy(where.header, u.header, sizeof(where.header));
	where.chunks = upload_chunk_count(u.length);
	r = u.taken == u.length ? 0 :
				  err_set(e, ERR_CONFLICT, "upload unfinished");
	if (r == 0)
		r = upload_show(t, &u, where.key, &show, e);
	if (r == 0)
		r = manifest_add(
		    a->manifest, show.name, show.type, u.length, &where, e);
	secret_wipe(&where, sizeof(where));
	upload_clear(&u);
	return r;
}

static int
was_sent(struct desk *d, struct attaching *a, struct err *e)
{
	int found = 0;

	if (!id_is_zero(&a->w->l->form))
		found = duplicate_find(d->db, &a->w->v->tenant.id,
		    (const uint8_t(*)[32])a->w->tags, KEYD_TAGS, a->first, e);
	a->again = found == 1;
	return found;
}

/*
 * What a first click has sent is nobody's upload any more: it is asked about before, and
 * where one is missing once more: it may have been sent in between.
 */
static int
uploads_attach(struct desk *d, void *arg, struct err *e)
{
	struct attaching *a = arg;
	const struct desk_letter *l = a->w->l;
	struct err ignored;
	size_t i;
	int r;

	if ((r = was_sent(d, a, e)) != 0)
		return r == 1 ? 0 : -1;
	for (i = 0; i < l->n_uploads && r == 0; i++)
		r = upload_attach(d, a, &l->uploads[i], e);
	if (r == -1 && was_sent(d, a, &ignored) == 1) {
		err_clear(e);
		return 0;
	}
	return r;
}

/* Files that lie beside a letter cannot go with it by mail: it stays here, with its notice. */
static void
letter_keep(struct letter *w)
{
	size_t i;

	for (i = 0; w->l->n_uploads > 0 && i < w->env.n_rcpt; i++)
		w->env.rcpt[i].forward = w->env.rcpt[i].forward_only = false;
}

static int
letter_store(struct desk *d, struct letter *w, struct id *id_out, struct err *e)
{
	struct desk_draft *draft = NULL;
	struct manifest *manifest = NULL;
	struct attaching a = {.w = w, .first = id_out};
	struct parcel p = {.tenant = &w->v->tenant,
	    .proved = true,
	    .from = w->from.address,
	    .from_key = w->v->address,
	    .from_name = w->from.name,
	    .rcpt = w->env.rcpt,
	    .n_rcpt = w->env.n_rcpt,
	    .uploads = w->l->uploads,
	    .n_uploads = w->l->n_uploads};
	int r = -1;

	if (!id_is_zero(&w->l->form))
		p.tags = (const uint8_t(*)[32])w->tags;
	if (w->v->kind == SESSION_ACCOUNT)
		p.account = w->v->account.id;
	if (is_reply(w)) {
		p.answers = w->l->answers;
		p.answers_slot = w->answered.reader.slot;
	}
	if (letter_tags(d, w, e) == 0 && letter_draft(d, w, &draft, e) == 0 &&
	    letter_manifest(draft, &manifest, e) == 0) {
		p.draft = draft;
		p.manifest = a.manifest = manifest;
		r = p.n_uploads == 0 ?
		    0 :
		    desk_look(d, &w->v->tenant.id, uploads_attach, &a, e);
		if (r == 0 && !a.again) {
			*id_out = *draft_id(draft);
			r = letter_commit(d, &p, id_out, e);
		}
	}
	manifest_free(manifest);
	desk_draft_free(draft);
	return r;
}

int
desk_send(struct desk *d, const struct desk_visit *v,
    const struct desk_letter *l, struct id *id_out, size_t *bad_out,
    struct err *e)
{
	struct letter w = {.v = v, .l = l};
	int r = -1;

	*bad_out = 0;
	if (v->kind != SESSION_GUEST && v->kind != SESSION_ACCOUNT)
		return err_set(e, ERR_DENIED, "nobody writes");
	if (letter_check(l, e) == -1)
		return -1;
	w.answers = !id_is_zero(&l->answers);
	if (w.answers &&
	    desk_open_message(d, v, &l->answers, &w.answered, e) == -1)
		return -1;
	letter_from(&w);
	if ((w.to = calloc(l->n_to, sizeof(*w.to))) == NULL)
		err_set(e, ERR_UNAVAILABLE, "letter: memory");
	else if (recipients_add(d, &w, bad_out, e) == 0) {
		*bad_out = l->n_to;
		letter_keep(&w);
		r = letter_store(d, &w, id_out, e);
	}
	if (w.answers)
		desk_message_clear(&w.answered);
	desk_envelope_clear(&w.env);
	free(w.to);
	return r;
}
