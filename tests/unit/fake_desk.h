/*
 * fake_desk.h: stands in for desk/ and store/ under the pages: a few people, a few
 * messages, always the same. What a page asked for is noted in `fake`.
 *
 * The first letter of the cookie says who sits there: A Alice (member), G Carol (guest),
 * V Carol before her code for 7KQF2M9X, W Carol before her code for the inbox.
 */
#ifndef UNIT_FAKE_DESK_H
#define UNIT_FAKE_DESK_H

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "desk/mailbox.h"
#include "desk/ready.h"
#include "desk/upload.h"
#include "store/tenant.h"

#define FAKE_ID     "01936f3e-7a00-7000-8000-000000000001"
#define FAKE_MANY   "01936f3e-7a00-7000-8000-0000000001" /* two digits more */
#define FAKE_CSRF   "csrf-csrf-csrf-csrf-22"
#define FAKE_CODE   "KQ7M2F9X"
#define FAKE_DAY    (INT64_C(1763647080) * CLOCK_SECOND) /* 20 Nov 2025, 13:58 */
#define FAKE_SECRET "abcdefghjkmnpqrstvwxyz2345"

static struct {
	int codes;     /* code mails asked for */
	int displayed; /* receipts */
	int downloads;
	int open;      /* downloads under way */
	uint64_t size; /* of every file */
	int wrong;
	int sent;
	bool down;    /* the database */
	bool expired; /* the message */
	char from;    /* it is: 0 a member, p proved, s a stranger, - nobody */
	enum err_code login; /* what a sign-in gives */
	enum err_code send;
	const char *send_text;
	struct desk_letter letter; /* the last one sent */
	char text[64];
	char file[64];
	size_t file_len;
	const char *subject; /* of the message; NULL: the usual one */
	const char *body;
	enum err_code upload;    /* what its use cases give */
	enum err_code slice;     /* what the end of a slice gives */
	struct desk_upload kept; /* the one that there is: of Alice */
	enum desk_digest digest; /* of the last slice */
	int slices;              /* open ones */
} fake;

struct desk_shared *
desk_shared_new(void)
{
	return malloc(1);
}

void
desk_shared_free(struct desk_shared *s)
{
	free(s);
}

struct desk *
desk_open(const struct settings *set, struct desk_shared *shared)
{
	(void)set;
	(void)shared;
	return malloc(1);
}

void
desk_close(struct desk *d)
{
	free(d);
}

struct db *
desk_db(struct desk *d)
{
	(void)d;
	return NULL;
}

void
desk_ready(struct desk *d, struct desk_readiness *out)
{
	(void)d;
	for (int i = 0; i < READY_PARTS; i++) {
		out->name[i] = "part";
		out->ok[i] = !fake.down || i == READY_SPOOL;
	}
}

int
tenant_by_host(
    struct db *db, const char *host, struct tenant *out, struct err *e)
{
	(void)db;
	if (fake.down)
		return err_set(e, ERR_UNAVAILABLE, "down");
	if (strcmp(host, "acme.localhost") != 0)
		return 0;
	memset(out, 0, sizeof(*out));
	text_cut(out->name, sizeof(out->name), "Acme Bank");
	text_cut(out->host, sizeof(out->host), host);
	text_cut(out->contact, sizeof(out->contact), "+44 20 7946 0000");
	text_cut(out->color, sizeof(out->color), "#1f4b8f");
	return 1;
}

/* ---- who sits there ----------------------------------------------------------- */

int
desk_visit_open(struct desk *d, const struct tenant *t, const char *cookie,
    struct desk_visit *out, struct err *e)
{
	(void)d;
	(void)e;
	memset(out, 0, sizeof(*out));
	out->tenant = *t;
	if (cookie == NULL || strchr("AGVW", cookie[0]) == NULL)
		return 0;
	text_cut(out->csrf, sizeof(out->csrf), FAKE_CSRF);
	text_cut(out->address, sizeof(out->address), "carol@partner.example");
	out->kind = SESSION_VISITOR;
	if (cookie[0] == 'A') {
		out->kind = SESSION_ACCOUNT;
		out->account.kind = ACCOUNT_MEMBER;
		text_cut(
		    out->address, sizeof(out->address), "alice@acme.example");
		text_cut(out->account.name, sizeof(out->account.name),
		    "Alice Example");
		out->account.last_login = FAKE_DAY;
	} else if (cookie[0] == 'G') {
		out->kind = SESSION_GUEST;
	} else {
		text_cut(
		    out->code_reference, sizeof(out->code_reference), "7F3");
		out->code_sent = FAKE_DAY + 4 * CLOCK_MINUTE;
		out->code_expires = FAKE_DAY + 19 * CLOCK_MINUTE;
	}
	if (cookie[0] == 'V')
		text_cut(out->pickup, sizeof(out->pickup), "7KQF2M9X");
	return 0;
}

int
desk_visit_open_inbox(struct desk *d, const struct tenant *t,
    const char *cookie, struct desk_visit *out, struct err *e)
{
	return desk_visit_open(d, t, cookie, out, e);
}

bool
desk_inbox_recall(struct desk *d, const struct desk_visit *v, struct buf *out)
{
	(void)d;
	(void)v;
	(void)out;
	return false;
}

void
desk_inbox_keep(struct desk *d, const struct desk_visit *v,
    const uint8_t mark[32], const struct buf *page)
{
	(void)d;
	(void)v;
	(void)mark;
	(void)page;
}

void
desk_visit_close(struct desk_visit *v)
{
	secret_wipe(v, sizeof(*v));
}

bool
desk_csrf_ok(const struct desk_visit *v, const char *token)
{
	return v->kind != 0 && strcmp(v->csrf, token) == 0;
}

static void
fake_cookie(struct desk_visit *v, char first)
{
	memset(v->cookie, first, DESK_COOKIE_LEN - 1);
	v->cookie[DESK_COOKIE_LEN - 1] = '\0';
}

int
desk_landing(struct desk *d, const struct desk_visit *v, const char *pickup,
    const char *secret, struct desk_landing *out, struct err *e)
{
	bool known = strcmp(pickup, "7KQF2M9X") == 0 ||
	    strcmp(pickup, "EXPR0001") == 0 ||
	    strcmp(pickup, "RETR0001") == 0 || strcmp(pickup, "ACCT0001") == 0;
	bool proved = v->kind == SESSION_GUEST || v->kind == SESSION_ACCOUNT;

	(void)d;
	memset(out, 0, sizeof(*out));
	if (!known)
		return 0;
	if (secret != NULL && strcmp(secret, FAKE_SECRET) != 0)
		return err_set(e, ERR_BAD_INPUT, "mistyped");
	if (id_parse(FAKE_ID, &out->message) == -1)
		return -1;
	out->state = pickup[0] == 'E' ? LANDING_EXPIRED :
	    pickup[0] == 'R'          ? LANDING_RETRACTED :
					LANDING_OPEN;
	text_cut(out->pickup, sizeof(out->pickup), pickup);
	if (fake.from != '-') {
		text_cut(out->sender_name, sizeof(out->sender_name),
		    fake.from == 0 ? "Alice Example" : "");
		text_cut(
		    out->sender, sizeof(out->sender), "alice@acme.example");
	}
	text_cut(out->ends_in, sizeof(out->ends_in), "@pa");
	out->created = FAKE_DAY;
	out->expires = FAKE_DAY + 28 * CLOCK_DAY;
	out->account = pickup[0] == 'A';
	out->yours = proved && strcmp(v->address, "carol@partner.example") == 0;
	out->others = proved && !out->yours;
	return 1;
}

int
desk_ask_code(struct desk *d, struct desk_visit *v, const char *pickup,
    const char *secret, const char *typed, struct err *e)
{
	(void)d;
	(void)pickup;
	(void)secret;
	if (strcmp(typed, "often@partner.example") == 0)
		return err_set(e, ERR_TOO_MANY, "codes");
	fake.codes++;
	fake_cookie(v, 'V');
	return 0;
}

int
desk_check_code(struct desk *d, struct desk_visit *v, const char *code,
    struct id *message_out, struct err *e)
{
	char stored[SEAL_CODE_LEN];

	(void)d;
	if (seal_code_parse(code, stored) == -1 ||
	    strcmp(stored, FAKE_CODE) != 0)
		return err_set(e, ERR_DENIED, "code");
	fake_cookie(v, 'G');
	return v->pickup[0] == '\0' ? 0 : id_parse(FAKE_ID, message_out);
}

int
desk_login(struct desk *d, struct desk_visit *v, const char *address,
    const char *password, int *wait_s, struct err *e)
{
	(void)d;
	(void)address;
	(void)password;
	*wait_s = 0;
	if (fake.login != ERR_NONE)
		return err_set(e, fake.login, "sign-in");
	fake_cookie(v, 'A');
	return 0;
}

int
desk_register_guest(struct desk *d, struct desk_visit *v, const char *name,
    const char *password, struct err *e)
{
	return desk_login(d, v, name, password, &(int){0}, e);
}

int
desk_register_code(struct desk *d, struct desk_visit *v, const char *address,
    const char *code, const char *name, const char *password, struct err *e)
{
	(void)code;
	(void)name;
	return desk_login(d, v, address, password, &(int){0}, e);
}

int
desk_logout(
    struct desk *d, struct desk_visit *v, bool everywhere, struct err *e)
{
	(void)d;
	(void)everywhere;
	(void)e;
	v->kind = 0;
	v->cookie_end = true;
	return 0;
}

/* ---- messages -------------------------------------------------------------------- */

static void
fake_item(struct desk_item *it, const char *name, const char *address,
    const char *subject, int day)
{
	if (id_parse(FAKE_ID, &it->id) == -1)
		abort();
	text_cut(it->name, sizeof(it->name), name);
	text_cut(it->address, sizeof(it->address), address);
	it->subject = strdup(subject);
	it->created = FAKE_DAY - day * CLOCK_DAY;
	it->expires = it->created + 28 * CLOCK_DAY;
	it->recipients = 1;
}

int
desk_list(struct desk *d, const struct desk_visit *v, enum reader_role role,
    const struct list_place *after, struct desk_list *out, struct err *e)
{
	(void)d;
	(void)v;
	if (fake.down)
		return err_set(e, ERR_UNAVAILABLE, "down");
	memset(out, 0, sizeof(*out));
	if (after->created == 1)
		return 0;
	out->item = calloc(4, sizeof(*out->item));
	out->n = 4;
	out->more.created = FAKE_DAY - 40 * CLOCK_DAY;
	if (role == READER_RECIPIENT) {
		fake_item(&out->item[0], "Alice Example", "alice@acme.example",
		    "Quarterly figures", 0);
		fake_item(&out->item[1], "", "cards@acme.example",
		    "Your statement for October", 1);
		fake_item(&out->item[2], "Alice Example", "alice@acme.example",
		    "Re: meeting on Tuesday", 8);
		fake_item(
		    &out->item[3], "Dan Example", "dan@acme.example", "", 15);
		out->item[0].fresh = out->item[1].fresh = true;
		out->item[0].files = 2;
		out->item[1].files = 1;
		return 0;
	}
	fake_item(&out->item[0], "Carol Example", "carol@partner.example",
	    "Quarterly figures", 0);
	fake_item(&out->item[1], "", "dan@partner.example",
	    "Contract, second draft", 3);
	fake_item(&out->item[2], "", "erna.with.a.long.name@partner.example",
	    "An invitation to our summer meeting in the old town hall, and "
	    "what to bring along for the day",
	    9);
	fake_item(&out->item[3], "", "dan@partner.example", "Hello", 15);
	out->item[0].recipients = 3;
	out->item[0].displayed = 1;
	out->item[0].files = 2;
	out->item[1].displayed = 1;
	return 0;
}

void
desk_list_clear(struct desk_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->item[i].subject);
	free(l->item);
}

static const char fake_text[] =
    "Dear Carol,\r\n\r\nthe figures for the third quarter are attached, as "
    "agreed on Tuesday. Please treat them as confidential until the "
    "27th.\r\n\r\nThe second sheet has the open points:\r\n  1. the Bremen "
    "office\r\n  2. the new contract\r\n\r\nI would be glad of your answer by "
    "Wednesday.\r\n\r\nKind regards\r\nAlice\r\n";

static void
fake_file(struct mail_part *p, uint32_t no, const char *name, uint64_t size)
{
	p->no = no;
	p->leaf = p->attached = true;
	text_cut(p->name, sizeof(p->name), name);
	text_cut(p->type, sizeof(p->type), "application/pdf");
	p->size = size;
}

static struct manifest *
fake_manifest(void)
{
	struct manifest *m = calloc(1, sizeof(*m));

	m->subject = strdup(
	    fake.subject == NULL ? "Quarterly figures" : fake.subject);
	text_cut(m->from.name, sizeof(m->from.name), "Alice Example");
	text_cut(
	    m->from.address, sizeof(m->from.address), "alice@acme.example");
	m->to = calloc(2, sizeof(*m->to));
	m->n_to = 2;
	text_cut(m->to[0].address, sizeof(m->to[0].address),
	    "Carol@partner.example");
	text_cut(m->to[1].name, sizeof(m->to[1].name), "Dan Example");
	text_cut(
	    m->to[1].address, sizeof(m->to[1].address), "dan@partner.example");
	m->parts = calloc(4, sizeof(*m->parts));
	m->n_parts = 4;
	m->parts[0].no = 0;
	m->parts[1].no = 1;
	m->parts[1].leaf = true;
	fake_file(&m->parts[2], 2, "figures-q3.xlsx", 412345);
	fake_file(&m->parts[3], 3, "", 96001);
	m->text_part = 1;
	m->html_part = -1;
	m->size = 702345;
	return m;
}

static void
fake_manifest_free(struct manifest *m)
{
	free(m->subject);
	free(m->to);
	free(m->parts);
	free(m);
}

static struct reader_row fake_sender = {.role = READER_SENDER};

int
desk_open_message(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct desk_message *out, struct err *e)
{
	struct id known;

	(void)d;
	memset(out, 0, sizeof(*out));
	if (id_parse(FAKE_ID, &known) == -1 || !id_equal(id, &known))
		return err_set(e, ERR_NOT_FOUND, "no such message");
	if (fake.expired) {
		out->mine = v->kind == SESSION_ACCOUNT;
		out->row.created = FAKE_DAY - 40 * CLOCK_DAY;
		out->row.expires = FAKE_DAY - 10 * CLOCK_DAY;
		text_cut(out->row.sender, sizeof(out->row.sender),
		    "alice@acme.example");
		return err_set(e, ERR_EXPIRED, "message expired");
	}
	out->row.id = *id;
	if (fake.from == 0)
		out->row.sender_account = *id;
	if (fake.from != '-')
		text_cut(out->row.sender, sizeof(out->row.sender),
		    "alice@acme.example");
	if (fake.from == 'p') {
		out->people = &fake_sender;
		out->n_people = 1;
	}
	out->row.created = FAKE_DAY;
	out->row.expires = FAKE_DAY + 28 * CLOCK_DAY;
	out->mine = v->kind == SESSION_ACCOUNT;
	out->receipt = !out->mine;
	out->manifest = fake_manifest();
	if (fake.from == '-')
		memset(&out->manifest->from, 0, sizeof(out->manifest->from));
	return 0;
}

void
desk_message_clear(struct desk_message *m)
{
	if (m->manifest != NULL)
		fake_manifest_free(m->manifest);
	memset(m, 0, sizeof(*m));
}

int
desk_displayed(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, struct err *e)
{
	(void)d;
	(void)v;
	(void)m;
	fake.displayed++;
	return fake.down ? err_set(e, ERR_UNAVAILABLE, "down") : 0;
}

int
desk_text(struct desk *d, const struct desk_message *m, struct buf *out,
    bool *cut_out, struct err *e)
{
	(void)d;
	(void)m;
	*cut_out = false;
	return buf_adds(out, fake.body == NULL ? fake_text : fake.body) == -1 ?
	    err_set(e, ERR_INTERNAL, "memory") :
	    0;
}

struct desk_download {
	uint32_t no;
	uint64_t size, first, n, made;
};

int
desk_download_open(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, uint32_t no, struct desk_download **out,
    struct err *e)
{
	(void)d;
	(void)v;
	(void)m;
	if (fake.down)
		return err_set(e, ERR_UNAVAILABLE, "down");
	*out = calloc(1, sizeof(**out));
	(*out)->no = no;
	(*out)->size = (*out)->n = fake.size;
	fake.open++;
	return 0;
}

uint64_t
desk_download_size(const struct desk_download *dl)
{
	return dl->size;
}

void
desk_download_tag(const struct desk_download *dl, char out[65])
{
	snprintf(out, 65, "tag-of-%u", dl->no);
}

void
desk_download_range(struct desk_download *dl, uint64_t first, uint64_t n)
{
	dl->first = first;
	dl->n = n;
}

/* Each byte is its place's last digit; blocks of seven. */
int
desk_download_next(
    struct desk *d, struct desk_download *dl, struct buf *out, struct err *e)
{
	int i;

	(void)d;
	for (i = 0; i < 7 && dl->made < dl->n; i++, dl->made++)
		if (buf_addf(out, "%d", (int)((dl->first + dl->made) % 10)) ==
		    -1)
			return err_set(e, ERR_INTERNAL, "memory");
	return 0;
}

int
desk_download_end(
    struct desk *d, struct desk_download *dl, bool complete, struct err *e)
{
	(void)d;
	(void)e;
	fake.open--;
	fake.downloads += complete && dl->n == dl->size;
	free(dl);
	return 0;
}

struct id
desk_letter_form(void)
{
	struct id id = id_zero();

	id.b[0] = 0x0f;
	return id;
}

int
desk_send(struct desk *d, const struct desk_visit *v,
    const struct desk_letter *l, struct id *id_out, size_t *bad_out,
    struct err *e)
{
	(void)d;
	(void)v;
	fake.letter = *l;
	text_cut(fake.text, sizeof(fake.text), l->text);
	*bad_out = l->n_to;
	for (size_t i = 0; i < l->n_uploads; i++) {
		struct desk_upload u;

		if (desk_upload_get(d, v, &l->uploads[i], &u, e) == -1)
			return -1;
		if (u.offset != u.length)
			return err_set(e, ERR_CONFLICT, "unfinished");
	}
	if (l->n_files > 0) {
		text_cut(fake.file, sizeof(fake.file), l->files[0].name);
		fake.file_len = l->files[0].len;
	}
	*bad_out = 0;
	if (fake.send != ERR_NONE)
		return err_set(e, fake.send, "%s", fake.send_text);
	fake.sent++;
	return id_parse(FAKE_ID, id_out);
}

/* ---- uploads ------------------------------------------------------------------- */

/* One of 1000 bytes, 400 of them taken. */
static inline void
fake_upload(void)
{
	memset(&fake.kept, 0, sizeof(fake.kept));
	if (id_parse(FAKE_ID, &fake.kept.id) == -1)
		abort();
	fake.kept.length = 1000;
	fake.kept.offset = 400;
	fake.kept.expires = FAKE_DAY + LIMIT_UPLOAD_DAYS * CLOCK_DAY;
	text_cut(fake.kept.name, sizeof(fake.kept.name), "figures.pdf");
	text_cut(fake.kept.type, sizeof(fake.kept.type), "application/pdf");
}

int
desk_upload_create(struct desk *d, const struct desk_visit *v, uint64_t length,
    const char *name, const char *type, struct desk_upload *out, struct err *e)
{
	(void)d;
	(void)v;
	if (fake.upload != ERR_NONE)
		return err_set(e, fake.upload, "upload");
	fake_upload();
	fake.kept.length = length;
	fake.kept.offset = 0;
	text_cut(fake.kept.name, sizeof(fake.kept.name), name);
	text_cut(fake.kept.type, sizeof(fake.kept.type), type);
	*out = fake.kept;
	return 0;
}

int
desk_upload_get(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_upload *out, struct err *e)
{
	(void)d;
	if (fake.upload != ERR_NONE)
		return err_set(e, fake.upload, "upload");
	if (v->kind != SESSION_ACCOUNT || id_is_zero(&fake.kept.id) ||
	    (!id_equal(id, &fake.kept.id) && id->b[ID_LEN - 2] != 1))
		return err_set(e, ERR_NOT_FOUND, "no such upload");
	*out = fake.kept;
	out->id = *id;
	return 0;
}

int
desk_upload_remove(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct err *e)
{
	struct desk_upload u;

	if (desk_upload_get(d, v, id, &u, e) == -1)
		return -1;
	memset(&fake.kept, 0, sizeof(fake.kept));
	return 0;
}

int
desk_slice_open(struct desk *d, const struct desk_visit *v, const struct id *id,
    uint64_t offset, uint64_t length, enum desk_digest kind,
    const uint8_t *digest, struct desk_slice **out, struct err *e)
{
	struct desk_upload u;

	(void)digest;
	if (desk_upload_get(d, v, id, &u, e) == -1)
		return -1;
	if (offset != u.offset)
		return err_set(e, ERR_CONFLICT, "offset");
	if (length > u.length - offset)
		return err_set(e, ERR_TOO_BIG, "length");
	fake.digest = kind;
	fake.slices++;
	*out = malloc(1);
	return 0;
}

int
desk_slice_add(struct desk *d, struct desk_slice *s, const void *p, size_t n,
    struct err *e)
{
	(void)d;
	(void)s;
	(void)p;
	if (fake.upload != ERR_NONE)
		return err_set(e, fake.upload, "upload");
	fake.kept.offset += n;
	return 0;
}

int
desk_slice_end(struct desk *d, struct desk_slice *s, bool complete,
    struct desk_upload *out, struct err *e)
{
	(void)d;
	fake.slices--;
	free(s);
	if (complete && fake.slice != ERR_NONE)
		return err_set(e, fake.slice, "slice");
	*out = fake.kept;
	return 0;
}

static void
fake_step(struct desk_step *s, int minutes, const char *detail)
{
	s->at = FAKE_DAY + minutes * CLOCK_MINUTE;
	text_cut(s->detail, sizeof(s->detail), detail);
}

int
desk_track(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_track *out, struct err *e)
{
	struct desk_person *p;

	memset(out, 0, sizeof(*out));
	if (desk_open_message(d, v, id, &out->message, e) == -1)
		return -1;
	if (!out->message.mine) {
		desk_message_clear(&out->message);
		return err_set(e, ERR_NOT_FOUND, "not the sender");
	}
	p = out->person = calloc(3, sizeof(*p));
	out->n = 3;
	out->files = 2;
	text_cut(p[0].address, sizeof(p[0].address), "carol@partner.example");
	fake_step(&p[0].notice, 0, "mx.partner.example: 250 2.0.0 Ok");
	fake_step(&p[0].code, 4, "mx.partner.example: 250 2.0.0 Ok");
	fake_step(&p[0].proved, 5, "code by mail");
	fake_step(&p[0].displayed, 5, "");
	fake_step(&p[0].file[0], 7, "figures-q3.xlsx");
	p[0].n_file = 1;
	text_cut(p[1].address, sizeof(p[1].address), "dan@partner.example");
	fake_step(
	    &p[1].failed, 12, "mx.partner.example: 552 5.2.2 mailbox full");
	text_cut(p[2].address, sizeof(p[2].address),
	    "erna.with.a.long.name@subsidiary.partner.example");
	fake_step(&p[2].notice, 1, "mx.partner.example: 250 2.0.0 Ok");
	fake_step(&p[2].wrong, 9, "");
	return 0;
}

void
desk_track_clear(struct desk_track *t)
{
	desk_message_clear(&t->message);
	free(t->person);
}

int
desk_wrong_person(struct desk *d, const struct desk_visit *v,
    const char *pickup, struct err *e)
{
	(void)d;
	(void)v;
	(void)pickup;
	(void)e;
	fake.wrong++;
	return 0;
}

#endif
