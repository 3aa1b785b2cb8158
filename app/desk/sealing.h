/*
 * sealing.h: seals a message for one reader after another. Inside desk/ only.
 */
#ifndef DESK_SEALING_H
#define DESK_SEALING_H

#include "desk/internal.h"

/* What its readers share; holds secrets, the caller's to wipe. */
struct sealing {
	struct desk *d;
	const struct parcel *p;
	const struct id *tenant;
	struct seal_pair ephemeral; /* of this message alone */
	struct keyd_public pub;
	struct bundle *b; /* what comes of it; its message is filled in */
};

/* One reader; the caller has filled in the row's slot, role, address and account. */
struct sealed_for {
	struct reader_row row;
	struct account_key key; /* of its account, where it has one */
	bool has_key;
	uint8_t pk[SEAL_PK_LEN]; /* what is sealed to */
	struct keyd_slot slot;
};

/*
 * Appends to the bundle, where the reader is a recipient, its notice, and the mail that
 * tells of it unless it is handed the message itself. Without a key of its own the reader
 * has a provisional one, for this notice alone.
 */
int sealing_notice(struct sealing *w, struct sealed_for *s, struct err *e)
    __attribute__((warn_unused_result));
/* Then its slot. */
int sealing_slot(struct sealing *w, struct sealed_for *s, struct err *e)
    __attribute__((warn_unused_result));

#endif
