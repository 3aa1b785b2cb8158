/*
 * inbox.c: the inbox's page kept from one request to the next. Its name says all that is
 * on it: another tenant's look, another row, another state of one is another name.
 */
#include <string.h>

#include "desk/internal.h"

static void
page_name(const struct desk_visit *v, const uint8_t mark[32],
    const uint8_t key[SECRET_KEY_LEN], uint8_t out[32])
{
	const struct tenant *t = &v->tenant;
	const struct seal_field f[] = {SEAL_FID(&t->id), SEAL_FSTR(t->name),
	    SEAL_FSTR(t->host), SEAL_FSTR(t->contact), SEAL_FSTR(t->color),
	    SEAL_FID(&v->account.id), SEAL_FSTR(v->address), SEAL_FSTR(v->csrf),
	    SEAL_F(mark, 32)};

	seal_kdf(out, 32, key, SEAL_L_PAGE_NAME, f, sizeof(f) / sizeof(f[0]));
}

static void
page_bind(
    const struct desk_visit *v, const uint8_t name[32], struct seal_bind *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = v->tenant.id;
	memcpy(out->owner.b, v->hash, ID_LEN);
	memcpy(out->item.b, name, ID_LEN);
	out->number = (uint64_t)v->kind;
}

bool
desk_inbox_recall(struct desk *d, const struct desk_visit *v, struct buf *out)
{
	uint8_t key[SECRET_KEY_LEN], name[32];
	struct buf sealed = BUF_INIT;
	struct seal_bind bind;
	struct err ignored;
	bool ok = false;

	if (!v->marked)
		return false;
	visit_page_key(v, key);
	page_name(v, v->mark, key, name);
	page_bind(v, name, &bind);
	if (kept_get(shared_kept(d), v->hash, name, &sealed))
		ok = seal_unwrap(key, SEAL_P_PAGE, &bind, sealed.data,
			 sealed.len, out, &ignored) == 0;
	buf_free(&sealed);
	secret_wipe(key, sizeof(key));
	secret_wipe(name, sizeof(name));
	return ok;
}

void
desk_inbox_keep(struct desk *d, const struct desk_visit *v,
    const uint8_t mark[32], const struct buf *page)
{
	uint8_t key[SECRET_KEY_LEN], name[32];
	struct buf sealed = BUF_INIT;
	struct seal_bind bind;
	struct err ignored;

	/* The rows were read after the mark: is this the page it was taken of? */
	if (!v->marked || memcmp(v->mark, mark, 32) != 0)
		return;
	visit_page_key(v, key);
	page_name(v, mark, key, name);
	page_bind(v, name, &bind);
	if (seal_wrap(key, SEAL_P_PAGE, &bind, page->data, page->len, &sealed,
		&ignored) == 0)
		kept_put(shared_kept(d), v->hash, name, &sealed);
	buf_free(&sealed);
	secret_wipe(key, sizeof(key));
	secret_wipe(name, sizeof(name));
}
