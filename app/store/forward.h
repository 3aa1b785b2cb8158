/*
 * forward.h: sealed copies on their way to a tenant's own server. Within a transaction of
 * the tenant. Intake and portal may only add; the courier alone reads, and removes.
 */
#ifndef STORE_FORWARD_H
#define STORE_FORWARD_H

#include "seal/content.h"
#include "store/report.h"

enum forward_body { FORWARD_7BIT, FORWARD_8BIT, FORWARD_BINARY };
enum forward_state {
	FORWARD_WAITS = 1,
	FORWARD_TAKEN = 2,
	FORWARD_REFUSED = 3
};

struct forward_rcpt {
	uint32_t slot; /* the recipient's number within the message */
	char address[LIMIT_ADDRESS + 1];
	char given[LIMIT_ADDRESS + 1]; /* what the sender is told of */
	unsigned notify; /* enum desk_notify, with what is kept beside it */
	char orcpt[REPORT_ORCPT];
};

struct forward {
	struct id id; /* the outbox row's, whose item holds its data key */
	struct id message;
	char sender[LIMIT_ADDRESS + 1]; /* "" the null sender */
	bool proved;                    /* is who it says */
	uint8_t content_header[SEAL_CONTENT_HEADER];
	uint64_t size;
	uint32_t chunks;
	enum forward_body body;
	bool utf8;        /* needs SMTPUTF8 */
	bool require_tls; /* RFC 8689 */
	int ret;
	char envid[REPORT_ENVID];
	struct forward_rcpt *rcpt; /* owned: forward_clear() */
	size_t n_rcpt;
};
void forward_clear(struct forward *f);

int forward_add(struct db *db, const struct id *tenant, const struct forward *f,
    struct err *e) __attribute__((warn_unused_result));
int forward_chunk_add(struct db *db, const struct id *tenant,
    const struct id *forward, uint32_t seq, const void *p, size_t n,
    struct err *e) __attribute__((warn_unused_result));

/* Courier. With those of its recipients that wait; 1, 0 when it is gone, -1. */
int forward_get(struct db *db, const struct outbox *o, struct forward *out,
    struct err *e) __attribute__((warn_unused_result));
/* Is it waiting still, for its n recipients, and this courier's? 1, 0 no, -1. */
int forward_ours(struct db *db, const struct outbox *o, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/* Those of n chunks from `first` on that are there, in order. */
int forward_chunks(struct db *db, const struct outbox *o, uint32_t first,
    uint32_t n, seal_sink take, void *arg, struct err *e)
    __attribute__((warn_unused_result));

/* Where a tenant's people get their mail: 1, 0 when nowhere (any more), -1. */
struct forward_route {
	char host[256];
	int port;
	char *authority; /* PEM, "" for the system's; free() */
};
int forward_route(struct db *db, const struct id *tenant,
    struct forward_route *out, struct err *e)
    __attribute__((warn_unused_result));

/* ctl: the authorities of that server; "": the system's. */
int forward_authority(struct db *db, const struct id *tenant, const char *pem,
    struct err *e) __attribute__((warn_unused_result));

/* Across tenants, a transaction of its own, as outbox_take(). */
int forward_take(struct db *db, int lease_s, struct outbox *out, size_t cap,
    size_t *n, struct err *e) __attribute__((warn_unused_result));

/*
 * The end of one try, in a transaction of its own: what became of each recipient, their
 * events, and the mails that tell the sender. When none waits any more the copy and its
 * key are destroyed, whatever `due` says; else it is tried again then. When
 * another courier has it by now only who has got it is written down, which that one finds
 * out by forward_ours().
 */
struct forward_result {
	uint32_t slot;
	enum forward_state state;
	const char *reply; /* as of outbox_sent() */
};
struct forward_end {
	const struct forward_result *result;
	size_t n;
	int64_t due;
	const char *reply; /* of the try as a whole */
	bool told;         /* the sender is now told of the delay */
	const struct report_mail *tell;
	size_t n_tell;
};
int forward_ended(struct db *db, const struct outbox *o,
    const struct forward_end *end, struct err *e)
    __attribute__((warn_unused_result));

#endif
