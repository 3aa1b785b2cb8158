/*
 * proto.c: messages to and from keyd. A table of fields drives one encoder and one
 * decoder, so that the two sides cannot differ. What a verb means stands in verbs.
 */
#include "keyd/proto.h"

#include <string.h>

#include "base/buf.h"

#define MAGIC UINT32_C(0x524b4431) /* "RKD1" */

enum field_kind { F_END, F_BYTES, F_U32, F_U64, F_TEXT, F_BLOB, F_LEASE };

struct field {
	enum field_kind kind;
	size_t off;
	size_t len; /* of bytes; of a text's room with its NUL */
};

#define MEMBER(u, m) sizeof(((union u *)NULL)->m)
#define BYTES(u, m)                                         \
	{                                                   \
		F_BYTES, offsetof(union u, m), MEMBER(u, m) \
	}
#define U32(u, m)                              \
	{                                      \
		F_U32, offsetof(union u, m), 4 \
	}
#define U64(u, m)                              \
	{                                      \
		F_U64, offsetof(union u, m), 8 \
	}
#define TEXT(u, m)                                         \
	{                                                  \
		F_TEXT, offsetof(union u, m), MEMBER(u, m) \
	}
#define BLOB(u, m)                                           \
	{                                                    \
		F_BLOB, offsetof(union u, m), PROTO_BLOB_MAX \
	}
#define LEASE(u, m)                                       \
	{                                                 \
		F_LEASE, offsetof(union u, m), KEYD_LEASE \
	}
#define FIELDS 8

struct verb {
	const char *name;
	struct field request[FIELDS];
	struct field reply[FIELDS];
};

static const struct verb verbs[PROTO_VERBS] =
    {
	[PROTO_PING] = {.name = "ping"},
	[PROTO_PUBLIC] =
	    {
		.name = "public",
		.reply = {U32(proto_reply, public.generation),
		    BYTES(proto_reply, public.directory_pk),
		    BYTES(proto_reply, public.outbox_pk),
		    BYTES(proto_reply, public.escrow_pk),
		    BYTES(proto_reply, public.forward_pk)},
	    },
	[PROTO_CERTIFY] =
	    {
		.name = "certify_process",
		.request = {BYTES(proto_request, certify.sign_pk)},
		.reply = {BYTES(proto_reply, cert)},
	    },
	[PROTO_LEASE] =
	    {
		.name = "lease",
		.reply = {LEASE(proto_reply, lease)},
	    },
	[PROTO_SHRED_KEY] =
	    {
		.name = "shred_key",
		.request = {U64(proto_request, shred.slot_id)},
		.reply = {BYTES(proto_reply, key)},
	    },
	[PROTO_PASSWORD_MAC] =
	    {
		.name = "password_mac",
		.request = {BYTES(proto_request, password.tenant),
		    BYTES(proto_request, password.account),
		    BYTES(proto_request, password.wrap),
		    BYTES(proto_request, password.a)},
		.reply = {BYTES(proto_reply, key)},
	    },
	[PROTO_CODE_MAKE] =
	    {
		.name = "code_make",
		.request = {BYTES(proto_request, code_make.tenant),
		    BYTES(proto_request, code_make.message),
		    BYTES(proto_request, code_make.notice),
		    BYTES(proto_request, code_make.outbox),
		    BYTES(proto_request, code_make.browser),
		    TEXT(proto_request, code_make.typed),
		    BLOB(proto_request, code_make.escrow)},
		.reply = {BYTES(proto_reply, code.handle),
		    TEXT(proto_reply, code.reference),
		    U64(proto_reply, code.expires),
		    BLOB(proto_reply, code.item)},
	    },
	[PROTO_CODE_CHECK] =
	    {
		.name = "code_check",
		.request = {BYTES(proto_request, code_check.handle),
		    BYTES(proto_request, code_check.browser),
		    TEXT(proto_request, code_check.code)},
		.reply = {BYTES(proto_reply, proof)},
	    },
	[PROTO_RELEASE] =
	    {
		.name = "release",
		.request = {BYTES(proto_request, release.proof),
		    BYTES(proto_request, release.tenant),
		    BYTES(proto_request, release.message),
		    BYTES(proto_request, release.notice),
		    BLOB(proto_request, release.escrow)},
		.reply = {U64(proto_reply, release.slot_id),
		    BYTES(proto_reply, release.half),
		    U32(proto_reply, release.has_key),
		    BYTES(proto_reply, release.sk)},
	    },
	[PROTO_REGISTRATION_MAKE] =
	    {
		.name = "registration_make",
		.request = {BYTES(proto_request, registration.tenant),
		    TEXT(proto_request, registration.address)},
		.reply = {TEXT(proto_reply, registration)},
	    },
	[PROTO_REGISTRATION_CHECK] =
	    {
		.name = "registration_check",
		.request = {BYTES(proto_request, registration.tenant),
		    TEXT(proto_request, registration.address),
		    TEXT(proto_request, registration.code)},
		.reply = {BYTES(proto_reply, proof)},
	    },
	[PROTO_SIGN_ACCOUNT] =
	    {
		.name = "sign_account",
		.request = {BYTES(proto_request, sign.proof),
		    BYTES(proto_request, sign.tenant),
		    BYTES(proto_request, sign.account),
		    TEXT(proto_request, sign.address),
		    U32(proto_request, sign.version),
		    BYTES(proto_request, sign.pk)},
		.reply = {BYTES(proto_reply, cert)},
	    },
	[PROTO_RESIGN] =
	    {
		.name = "resign",
		.request = {BYTES(proto_request, resign.cert)},
		.reply = {BYTES(proto_reply, cert)},
	    },
	[PROTO_TOKEN_MAKE] =
	    {
		.name = "token_make",
		.request = {BYTES(proto_request, token.tenant),
		    BYTES(proto_request, token.account),
		    BYTES(proto_request, token.token_id),
		    TEXT(proto_request, token.token)},
		.reply = {BYTES(proto_reply, verifier)},
	    },
	[PROTO_TOKEN_CHECK] =
	    {
		.name = "token_check",
		.request = {BYTES(proto_request, token.tenant),
		    BYTES(proto_request, token.account),
		    BYTES(proto_request, token.token_id),
		    BYTES(proto_request, token.verifier),
		    TEXT(proto_request, token.token)},
	    },
	[PROTO_OUTBOX_OPEN] =
	    {
		.name = "outbox_open",
		.request = {BYTES(proto_request, outbox.tenant),
		    BYTES(proto_request, outbox.outbox),
		    U32(proto_request, outbox.kind),
		    BLOB(proto_request, outbox.box)},
		.reply = {TEXT(proto_reply, item.address),
		    TEXT(proto_reply, item.secret),
		    TEXT(proto_reply, item.reference),
		    TEXT(proto_reply, item.original)},
	    },
	[PROTO_FORWARD_OPEN] =
	    {
		.name = "forward_open",
		.request = {BYTES(proto_request, forward.tenant),
		    BYTES(proto_request, forward.message),
		    BYTES(proto_request, forward.forward),
		    BLOB(proto_request, forward.box)},
		.reply = {BYTES(proto_reply, key)},
	    },
	[PROTO_DUPLICATE_TAGS] =
	    {
		.name = "duplicate_tags",
		.request = {BYTES(proto_request, tags.tenant),
		    BYTES(proto_request, tags.digest)},
		.reply = {BYTES(proto_reply, tags)},
	    },
};

const char *
proto_role_name(enum proto_role role)
{
	static const char *const names[PROTO_ROLES] = {
	    [PROTO_PORTAL] = "portal",
	    [PROTO_INTAKE] = "intake",
	    [PROTO_COURIER] = "courier",
	    [PROTO_CTL] = "ctl",
	};

	return role < PROTO_ROLES ? names[role] : "none";
}

const char *
proto_verb_name(unsigned verb)
{
	return verb < PROTO_VERBS ? verbs[verb].name : NULL;
}

/* A place to write that ends at the end of the message. */
struct writer {
	uint8_t *p;
	size_t left;
	int bad;
};

static void
put(struct writer *w, const void *p, size_t n)
{
	if (w->bad || n > w->left) {
		w->bad = 1;
		return;
	}
	if (n > 0)
		memcpy(w->p, p, n);
	w->p += n;
	w->left -= n;
}

static void
put_int(struct writer *w, uint64_t v, size_t n)
{
	uint8_t b[8];
	size_t i;

	for (i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	put(w, b, n);
}

static void
put_counted(struct writer *w, const void *p, size_t n, size_t max)
{
	if (n > max) {
		w->bad = 1;
		return;
	}
	put_int(w, n, 2);
	put(w, p, n);
}

static void
put_lease(struct writer *w, const struct keyd_slot *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		put_int(w, s[i].id, 8);
		put(w, s[i].shred, sizeof(s[i].shred));
		put(w, s[i].half, sizeof(s[i].half));
	}
}

static void
put_field(struct writer *w, const struct field *f, const uint8_t *p)
{
	const struct proto_blob *b;
	uint64_t u64;
	uint32_t u32;

	switch (f->kind) {
	case F_END:
		break;
	case F_BYTES:
		put(w, p, f->len);
		break;
	case F_U32:
		memcpy(&u32, p, sizeof(u32));
		put_int(w, u32, 4);
		break;
	case F_U64:
		memcpy(&u64, p, sizeof(u64));
		put_int(w, u64, 8);
		break;
	case F_TEXT:
		put_counted(w, p, strnlen((const char *)p, f->len), f->len - 1);
		break;
	case F_BLOB:
		b = (const struct proto_blob *)(const void *)p;
		put_counted(w, b->data, b->len, f->len);
		break;
	case F_LEASE:
		put_lease(w, (const struct keyd_slot *)(const void *)p, f->len);
		break;
	}
}

static int
write_message(uint8_t out[PROTO_SIZE], const struct proto_head *h,
    const struct field *f, const void *fields)
{
	struct writer head = {out, PROTO_HEADER, 0};
	struct writer body = {out + PROTO_HEADER, PROTO_BODY, 0};

	memset(out, 0, PROTO_SIZE);
	for (; fields != NULL && f->kind != F_END; f++)
		put_field(&body, f, (const uint8_t *)fields + f->off);
	if (body.bad) {
		secret_wipe(out, PROTO_SIZE);
		return -1;
	}
	put_int(&head, MAGIC, 4);
	put_int(&head, h->verb, 2);
	put_int(&head, h->outcome, 2);
	put_int(&head, h->wait_s, 4);
	put_int(&head, h->seq, 4);
	put_int(&head, PROTO_BODY - body.left, 2);
	return 0;
}

int
proto_write_request(uint8_t out[PROTO_SIZE], const struct proto_head *h,
    const union proto_request *q)
{
	if (proto_verb_name(h->verb) == NULL)
		return -1;
	return write_message(out, h, verbs[h->verb].request, q);
}

int
proto_write_reply(uint8_t out[PROTO_SIZE], const struct proto_head *h,
    const union proto_reply *r)
{
	static const struct field none = {F_END, 0, 0};

	if (h->outcome != ERR_NONE || proto_verb_name(h->verb) == NULL)
		return write_message(out, h, &none, NULL);
	return write_message(out, h, verbs[h->verb].reply, r);
}

int
proto_read_head(const uint8_t in[PROTO_SIZE], struct proto_head *out)
{
	struct reader r;
	uint32_t magic;
	unsigned outcome;

	reader_init(&r, in, PROTO_HEADER);
	magic = reader_u32(&r);
	out->verb = reader_u16(&r);
	outcome = reader_u16(&r);
	out->wait_s = reader_u32(&r);
	out->seq = reader_u32(&r);
	if (magic != MAGIC || outcome >= ERR_CODES ||
	    reader_u16(&r) > PROTO_BODY)
		return -1;
	out->outcome = (enum err_code)outcome;
	return 0;
}

static int
get_bytes(struct reader *r, uint8_t *p, size_t n)
{
	const uint8_t *b = reader_bytes(r, n);

	if (b == NULL)
		return -1;
	if (n > 0)
		memcpy(p, b, n);
	return 0;
}

static int
get_text(struct reader *r, uint8_t *p, size_t cap)
{
	size_t n = reader_u16(r);

	if (n >= cap || get_bytes(r, p, n) == -1 || memchr(p, 0, n) != NULL)
		return -1;
	p[n] = 0;
	return 0;
}

static int
get_blob(struct reader *r, struct proto_blob *b)
{
	b->len = reader_u16(r);
	if (b->len > sizeof(b->data)) {
		b->len = 0;
		return -1;
	}
	return get_bytes(r, b->data, b->len);
}

static int
get_lease(struct reader *r, struct keyd_slot *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		s[i].id = reader_u64(r);
		if (get_bytes(r, s[i].shred, sizeof(s[i].shred)) == -1 ||
		    get_bytes(r, s[i].half, sizeof(s[i].half)) == -1)
			return -1;
	}
	return 0;
}

static int
get_field(struct reader *r, const struct field *f, uint8_t *p)
{
	uint64_t u64;
	uint32_t u32;

	switch (f->kind) {
	case F_END:
		break;
	case F_BYTES:
		return get_bytes(r, p, f->len);
	case F_U32:
		u32 = reader_u32(r);
		memcpy(p, &u32, sizeof(u32));
		break;
	case F_U64:
		u64 = reader_u64(r);
		memcpy(p, &u64, sizeof(u64));
		break;
	case F_TEXT:
		return get_text(r, p, f->len);
	case F_BLOB:
		return get_blob(r, (struct proto_blob *)(void *)p);
	case F_LEASE:
		return get_lease(r, (struct keyd_slot *)(void *)p, f->len);
	}
	return 0;
}

static int
read_message(const uint8_t in[PROTO_SIZE], const struct field *f, void *out)
{
	struct reader r;

	reader_init(
	    &r, in + PROTO_HEADER, (size_t)in[16] << 8 | (size_t)in[17]);
	for (; f->kind != F_END; f++)
		if (get_field(&r, f, (uint8_t *)out + f->off) == -1 || r.bad)
			return -1;
	return r.left == 0 && !r.bad ? 0 : -1;
}

int
proto_read_request(const uint8_t in[PROTO_SIZE], union proto_request *out)
{
	struct proto_head h;

	memset(out, 0, sizeof(*out));
	if (proto_read_head(in, &h) == -1 || proto_verb_name(h.verb) == NULL)
		return -1;
	return read_message(in, verbs[h.verb].request, out);
}

int
proto_read_reply(const uint8_t in[PROTO_SIZE], union proto_reply *out)
{
	static const struct field none = {F_END, 0, 0};
	struct proto_head h;

	memset(out, 0, sizeof(*out));
	if (proto_read_head(in, &h) == -1 || proto_verb_name(h.verb) == NULL)
		return -1;
	return read_message(
	    in, h.outcome == ERR_NONE ? verbs[h.verb].reply : &none, out);
}
