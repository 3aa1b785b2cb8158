/*
 * internal.h: what the files of desk/ share among themselves.
 */
#ifndef DESK_INTERNAL_H
#define DESK_INTERNAL_H

#include "desk/delivered.h"
#include "desk/commit.h"
#include "desk/desk.h"
#include "desk/directory.h"
#include "desk/intake.h"
#include "desk/kept.h"
#include "desk/visit.h"
#include "desk/mailbox.h"
#include "mail/parse.h"
#include "seal/content.h"
#include "seal/keys.h"
#include "seal/token.h"
#include "store/account.h"
#include "store/bundle.h"
#include "store/message.h"
#include "store/outbox.h"
#include "store/tenant.h"

struct desk {
	struct db *db;
	struct keyd *keyd;
	struct desk_shared *shared;
	const struct settings *set;
	struct secret *pair; /* for the next message; NULL: no room yet */
	bool has_pair;
	/* What is written while it is gathered, on this connection; NULL: nothing. */
	const struct commit_item *ahead;
};

/* keyd's public keys, asked for once a process. */
int shared_public(struct desk *d, struct keyd_public *out, struct err *e)
    __attribute__((warn_unused_result));
/* This process's certificate, renewed a day before its end. */
int shared_cert(struct desk *d, uint8_t cert[SEAL_CERT_LEN], struct err *e)
    __attribute__((warn_unused_result));
/* n slots of the leased ones; the caller wipes them. */
int shared_slots(struct desk *d, struct keyd_slot *out, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/* A new pair for one message: the one that was made ahead, or made now. */
void desk_pair(struct desk *d, struct seal_pair *out);
/* Makes the next one, while nobody waits for this thread. */
void desk_pair_ahead(struct desk *d);
const struct seal_signer *shared_signer(const struct desk *d);
/* Of the process, and safe between threads. */
struct delivered *shared_delivered(const struct desk *d);
struct ready *shared_ready(const struct desk *d);
struct kept *shared_kept(const struct desk *d);
struct directory *shared_directory(const struct desk *d);
struct directory *desk_directory(const struct desk_shared *s);
struct commit_line *shared_commit(const struct desk *d);

/*
 * Runs fn inside a transaction of the tenant (NULL: none) and commits; rolls back
 * and passes on the error when fn returns -1.
 */
int desk_within(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e) __attribute__((warn_unused_result));
/*
 * The same for what only reads: nothing is committed, and the end not waited for. What is
 * just written ahead for that tenant goes on.
 */
int desk_look(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e) __attribute__((warn_unused_result));

/* Draft: what desk_accept() and desk_send() need of a finished one. */
int draft_end(struct desk_draft *f, struct err *e)
    __attribute__((warn_unused_result));
/* Before that, of a small one: all of it in clear, as it is still here; else NULL. */
const uint8_t *draft_clear(const struct desk_draft *f, size_t *n);
const struct id *draft_id(const struct desk_draft *f);
const uint8_t *draft_dek(const struct desk_draft *f);
const char *draft_dir(const struct desk_draft *f); /* its spool */
uint64_t draft_size(const struct desk_draft *f);
uint32_t draft_chunks(const struct desk_draft *f);
const uint8_t *draft_header(const struct desk_draft *f);
uint64_t draft_trace_size(
    const struct desk_draft *f); /* clear bytes of our own trace */
/* Digests of the client's header with the line behind it, and of its body; no more comes. */
void draft_digests(struct desk_draft *f, uint8_t head[32], uint8_t body[32]);
/* And what it need not be read back for, to be parsed. */
void draft_known(struct desk_draft *f, struct mail_known *out);
/* One sealed chunk. */
int draft_chunk(struct desk_draft *f, uint32_t seq, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * The clear bytes of sealed content with random access, wherever its chunks are kept.
 * The last chunk is verified when it is opened, before any other is served.
 */
struct content_place {
	const uint8_t *key; /* SECRET_KEY_LEN bytes; copied */
	const struct id *tenant;
	const struct id *id; /* the message's, or the file's */
	uint32_t part;
	const uint8_t *header; /* SEAL_CONTENT_HEADER bytes; copied */
	uint64_t size;         /* clear bytes */
	uint32_t chunks;
};
/* A store: hands n sealed chunks from `first` on to take, in order. */
typedef int (*content_fetch)(void *arg, uint32_t first, uint32_t n,
    seal_sink take, void *take_arg, struct err *e);
struct content;
int content_open(const struct content_place *p, content_fetch fetch, void *arg,
    struct content **out, struct err *e) __attribute__((warn_unused_result));
/* Appends the clear bytes of n chunks from `first` on; they are inside. */
int content_block(struct content *c, uint32_t first, uint32_t n,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));
void content_source(struct content *c, struct mail_source *out);
/* The clear bytes of a finished draft. */
int draft_open(struct desk_draft *f, struct content **out, struct err *e)
    __attribute__((warn_unused_result));
void content_close(struct content *c); /* wipes; NULL is fine */

/* A finished message on its way into the store. Pointers stay the caller's. */
struct parcel {
	const struct tenant *tenant;
	struct desk_draft *draft;
	struct manifest *manifest;
	bool proved; /* the sender is who it says: gets a slot and receipts */
	struct id account;     /* the sender's, zero when none */
	const char *from;      /* envelope sender, "" for null */
	const char *from_key;  /* lower case */
	const char *from_name; /* "" when unknown */
	const struct desk_rcpt *rcpt;
	size_t n_rcpt;
	struct id answers; /* message it replies to, or zero */
	uint32_t answers_slot;
	const uint8_t (*tags)[32]; /* duplicate tags, NULL for none */
	/* How it came, NULL in the portal; automatic: a program's, nothing answers it. */
	const struct desk_sender *client;
	const struct desk_envelope *env;
	bool automatic;
	struct commit_item *item; /* by which it is written, NULL: none yet */
	const struct id *uploads; /* that go with it: in its manifest */
	size_t n_uploads;
};
/*
 * Seals for every reader, writes everything in one transaction, commits, wakes the
 * couriers. ERR_CONFLICT: a duplicate came first; *first_out is its id. Or, when that is
 * zero, an upload went with another letter.
 */
int parcel_commit(struct desk *d, const struct parcel *p, struct id *first_out,
    struct err *e) __attribute__((warn_unused_result));
/*
 * The first half of it, in steps. *b, which was zeroed, is begun; it gets the duplicate
 * tags, NULL for none, each of a span in ms; then what is known when the draft has ended;
 * then every reader is sealed for, and all rows are gathered. *b needs the draft until it is
 * written, and nothing else of the parcel.
 */
void parcel_begin(
    const struct id *tenant, const struct desk_draft *f, struct bundle *b);
void parcel_tags(const uint8_t (*tags)[32], int64_t span, struct bundle *b);
void parcel_content(struct desk_draft *f, struct bundle *b);
int parcel_gather(struct desk *d, const struct parcel *p, struct bundle *b,
    struct err *e) __attribute__((warn_unused_result));
/*
 * The second, of one message alone, without waking couriers. ERR_CONFLICT as above. What
 * writes many at once is desk/commit.h.
 */
int bundle_commit(struct desk *d, struct bundle *b, struct id *first_out,
    struct err *e) __attribute__((warn_unused_result));
/*
 * What the accepting process signs, and every reader checks: the message's row but for
 * its end, and the readers by slot. -1 of parcel_sign(): memory.
 */
int parcel_sign(const struct seal_signer *s, const struct id *tenant,
    const struct message *m, const struct reader_row *readers, size_t n,
    uint8_t sig[SEAL_SIG_LEN]) __attribute__((warn_unused_result));
int parcel_verify(const uint8_t pk[SEAL_PK_LEN], const struct id *tenant,
    const struct message *m, const struct reader_row *readers, size_t n)
    __attribute__((warn_unused_result));
/*
 * Boxes to keyd what a mail carries beside its facts: the address it goes to, and a
 * secret by kind (see seal_item). Fills o's id, item and item_kind; o->tenant is set.
 */
int outbox_seal(struct desk *d, struct outbox *o, enum seal_item_kind kind,
    const char *address, const char *secret, struct err *e)
    __attribute__((warn_unused_result));
/* With the original's Message-ID, which its sender is told of when the mail fails. */
int outbox_seal_for(struct desk *d, struct outbox *o, enum seal_item_kind kind,
    const char *address, const char *secret, const char *original,
    struct err *e) __attribute__((warn_unused_result));
/* The key a message's manifest is sealed under, and where it belongs. */
void manifest_key(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint8_t out[SECRET_KEY_LEN]);
void manifest_bind(
    const struct id *tenant, const struct id *message, struct seal_bind *out);
void slot_bind(const struct id *tenant, const struct id *message, uint32_t slot,
    struct seal_bind *out);

/* The key ring of a session. */
#define RING_KEYS    8 /* versions of an account's key */
#define RING_HANDLES 2 /* the newest code and the one before */
struct desk_ring {
	struct ring_key {
		uint32_t version;
		uint8_t sk[SECRET_KEY_LEN];
	} key[RING_KEYS];
	uint32_t n_key;
	uint8_t has_proof;
	uint8_t proof[KEYD_PROOF_LEN];
	uint8_t has_link;
	uint8_t link[SEAL_LINK_BYTES]; /* secret of the link they came by */
	char pickup[SEAL_PICKUP_LEN];
	struct id handle[RING_HANDLES]; /* zero: none */
	char reference[8];
	int64_t code_sent;
	int64_t code_expires;
};
struct desk_ring *ring_new(void);
void ring_free(struct desk_ring *r);
int ring_encode(const struct desk_ring *r, struct buf *out)
    __attribute__((warn_unused_result));
int ring_decode(const void *p, size_t n, struct desk_ring *r)
    __attribute__((warn_unused_result));

/*
 * Begins a new session of that kind in place of the visit's present one; v->ring is
 * sealed into it. Inside a transaction of the tenant.
 */
int visit_begin(struct desk *d, struct desk_visit *v, enum session_kind kind,
    const struct account *account, const char *address, struct err *e)
    __attribute__((warn_unused_result));
/* desk_within() for what begins a session: where it fails, *v is who it was before. */
int visit_within(struct desk *d, struct desk_visit *v,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e) __attribute__((warn_unused_result));
/* Seals v->ring into the present session again. Inside a transaction. */
int visit_save(struct desk *d, struct desk_visit *v, struct err *e)
    __attribute__((warn_unused_result));
/* The key of pages kept for this session: only its cookie leads there. */
void visit_page_key(const struct desk_visit *v, uint8_t out[SECRET_KEY_LEN]);
/* Of the records of a list's rows (list_mark()). */
void listing_mark(const void *p, size_t n, uint8_t out[32]);
/* What keyd knows this browser by. */
void visit_browser(const struct desk_visit *v, uint8_t out[32]);
/* What a guest's uploads are wrapped under: with the session it is gone. */
void visit_upload_key(const struct desk_visit *v, uint8_t out[SECRET_KEY_LEN]);

/*
 * The reading key of one slot for this visit: from the ring, or by proof through keyd.
 * Inside a transaction (looks the notice up). ERR_DENIED when there is none.
 */
int visit_pair(struct desk *d, const struct desk_visit *v,
    const struct reader_row *r, struct seal_pair *out, struct err *e)
    __attribute__((warn_unused_result));
/* From a slot to the message's data key; its commitment checked. */
int slot_open(struct desk *d, const struct id *tenant, const struct message *m,
    const struct reader_row *r, const struct seal_pair *reader,
    uint8_t dek[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));
/* From a slot of this visit to data key and manifest (free it). Inside a transaction. */
int message_unseal(struct desk *d, const struct desk_visit *v,
    const struct message *m, const struct reader_row *r,
    uint8_t dek[SECRET_KEY_LEN], struct manifest **manifest, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Seals everything that waits for the account's address to its newest key; v->ring
 * holds the proof.
 */
int adopt_pending(struct desk *d, const struct desk_visit *v, struct err *e)
    __attribute__((warn_unused_result));

/* The newest public key; ERR_CORRUPT for an account without one. Inside a transaction. */
int account_key_newest(struct desk *d, const struct id *tenant,
    const struct id *account, struct account_key *out, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Did keyd certify this key for that account and address? Asked before every seal; an
 * aged certificate is renewed in *k first.
 */
int account_key_check(struct desk *d, const struct id *tenant,
    const struct id *account, const char *address, struct account_key *k,
    struct err *e) __attribute__((warn_unused_result));

#endif
