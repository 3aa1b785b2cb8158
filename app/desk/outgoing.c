/*
 * outgoing.c: the secret part of a mail to be sent: where it goes and what it carries,
 * boxed to keyd, which opens it for the courier alone.
 */
#include <string.h>

#include "base/text.h"
#include "desk/internal.h"

int
outbox_seal(struct desk *d, struct outbox *o, enum seal_item_kind kind,
    const char *address, const char *secret, struct err *e)
{
	return outbox_seal_for(d, o, kind, address, secret, "", e);
}

int
outbox_seal_for(struct desk *d, struct outbox *o, enum seal_item_kind kind,
    const char *address, const char *secret, const char *original,
    struct err *e)
{
	struct seal_item item = {.kind = kind};
	struct seal_bind bind = {.tenant = o->tenant, .number = (uint64_t)kind};
	struct keyd_public pub;
	struct buf clear = BUF_INIT;
	int r = -1;

	o->id = bind.owner = id_new();
	o->item_kind = kind;
	if (text_copy(item.original, sizeof(item.original), original) == -1)
		item.original[0] = '\0';
	if (text_copy(item.address, sizeof(item.address), address) == -1 ||
	    text_copy(item.secret, sizeof(item.secret), secret) == -1)
		err_set(e, ERR_INTERNAL, "mail's secret does not fit");
	else if (seal_item_encode(&item, &clear) == -1)
		err_set(e, ERR_UNAVAILABLE, "mail's secret: memory");
	else if (shared_public(d, &pub, e) == 0)
		r = seal_box_seal(pub.outbox_pk, SEAL_P_OUTBOX, &bind,
		    clear.data, clear.len, &o->item, e);
	secret_wipe(&item, sizeof(item));
	buf_free(&clear);
	return r;
}
