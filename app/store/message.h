/*
 * message.h: sealed messages, their content, their readers (one slot each) and their
 * events. Within a transaction of the tenant. Intake's role may only add.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "seal/content.h"
#include "seal/keys.h"
#include "seal/token.h"
#include "store/db.h"

struct message {
	struct id id;
	/* envelope sender as given; "" for the null sender */
	char sender[LIMIT_ADDRESS + 1];
	/* of the sender's account; "" when none */
	char sender_name[LIMIT_NAME * 4 + 1];
	struct id sender_account; /* zero unless authenticated */
	struct id in_reply_to;    /* the message of ours it answers, or zero */
	int64_t created;
	int64_t expires;
	uint64_t size; /* clear bytes of the raw message */
	uint32_t chunks;
	uint8_t ephemeral_pk[SEAL_PK_LEN];
	uint8_t dek_commit[32];
	uint8_t content_header[SEAL_CONTENT_HEADER];
	/* of the accepting process over the envelope */
	uint8_t signature[SEAL_SIG_LEN];
	uint8_t signer_cert[SEAL_CERT_LEN];
	struct buf manifest; /* RSW1; owned: message_clear() */
};
void message_clear(struct message *m);

int message_get(struct db *db, const struct id *tenant,
    const struct id *message, struct message *out, struct err *e)
    __attribute__((warn_unused_result));

/* The blob store: sealed chunks of part 0 (the raw message). */
int chunk_add(struct db *db, const struct id *tenant, const struct id *message,
    uint32_t part, uint32_t seq, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Those of n chunks from `first` on that are there, in order and in one round trip: each
 * is handed to take in place. -1 also when take said so.
 */
struct chunk_range {
	const struct id *tenant;
	const struct id *message;
	uint32_t part;
	uint32_t first;
	uint32_t n;
};
int chunk_each(struct db *db, const struct chunk_range *r, seal_sink take,
    void *arg, struct err *e) __attribute__((warn_unused_result));

/* Readers. */
enum reader_role { READER_SENDER = 1, READER_RECIPIENT = 2 };
enum reader_state { READER_WAITING = 1, READER_READ = 2, READER_RETRACTED = 3 };
struct reader_row {
	struct id message;
	uint32_t slot; /* 0 is the sender's, recipients from 1 */
	enum reader_role role;
	enum reader_state state;
	char address[LIMIT_ADDRESS + 1];
	char key[LIMIT_ADDRESS + 1]; /* lower case */
	/* whose key it is sealed to; zero: a notice's provisional key */
	struct id account;
	uint32_t key_version; /* of the account's key */
	struct id notice;     /* zero for an account sender's slot */
	uint64_t slot_id;     /* keyd's */
	/* the message's, or a newer one after adoption */
	uint8_t ephemeral_pk[SEAL_PK_LEN];
	uint8_t sealed[SEAL_SLOT_LEN];
	int64_t first_displayed; /* 0: not yet */
	/* the message's, for the order of lists; set by who adds it, 0: now */
	int64_t created;
};
/*
 * The slots of one message that belong to an account, or to an address (guest): usually
 * one; a message to oneself has two.
 */
int reader_of_account(struct db *db, const struct id *tenant,
    const struct id *message, const struct id *account, struct reader_row *out,
    size_t cap, size_t *n, struct err *e) __attribute__((warn_unused_result));
int reader_of_address(struct db *db, const struct id *tenant,
    const struct id *message, const char *key, struct reader_row *out,
    size_t cap, size_t *n, struct err *e) __attribute__((warn_unused_result));
/* All readers of a message, by slot; for tracking and reply. sealed and keys are left zero. */
/* *out: free() */
int reader_list(struct db *db, const struct id *tenant,
    const struct id *message, struct reader_row **out, size_t *n, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Seals again to an account's key (adoption): all three change together, only while the
 * slot is still the notice's. ERR_CONFLICT otherwise.
 */
int reader_adopt(struct db *db, const struct id *tenant,
    const struct reader_row *r, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Sets state READ and first_displayed to now, once: 1 when this was the first time, 0
 * when not, -1. Takes the row lock, so two readers at once make one receipt. Also moves
 * expires of the message to at least LIMIT_AFTER_OPEN_DAYS from now.
 */
int reader_displayed(struct db *db, const struct id *tenant,
    const struct id *message, uint32_t slot, struct err *e)
    __attribute__((warn_unused_result));

/* One row of an inbox or a sent list, newest first: what is needed to open its manifest. */
struct list_row {
	struct message message;
	struct reader_row reader;
	uint32_t recipients; /* of the message */
	uint32_t displayed;  /* how many of them have been shown it */
};
void list_row_clear(struct list_row *r);
/*
 * What of a row of the inbox may change while it stands there: message, slot, end, first
 * display; the same bytes that session_find_inbox() has of it.
 */
#define LIST_MARK_LEN 36
void list_mark(const struct list_row *r, uint8_t out[LIST_MARK_LEN]);
/*
 * A row's place in its list: by time, and within one moment by id. created 0: none, before
 * the newest.
 */
struct list_place {
	int64_t created;
	struct id id;
};
/*
 * role RECIPIENT: the inbox; SENDER: the sent list. after: what comes behind that place.
 * Not expired, not retracted.
 */
int list_of_account(struct db *db, const struct id *tenant,
    const struct id *account, enum reader_role role,
    const struct list_place *after, struct list_row *out, size_t cap, size_t *n,
    struct err *e) __attribute__((warn_unused_result));
/* slots still sealed to notices of that address */
int list_of_address(struct db *db, const struct id *tenant, const char *key,
    enum reader_role role, const struct list_place *after, struct list_row *out,
    size_t cap, size_t *n, struct err *e) __attribute__((warn_unused_result));

/* Notices: what a pick-up code finds. */
struct notice {
	struct id id;
	struct id message;
	uint32_t slot;
	char pickup[SEAL_PICKUP_LEN]; /* stored form, 8 characters */
	/* of the address it went to, lower case */
	char key[LIMIT_ADDRESS + 1];
	struct id account;     /* recipient's account: a bare locator */
	uint8_t link_hash[32]; /* zero for an account's notice */
	struct buf link_wrap;  /* RSW1, purpose LINK; empty for an account's */
	struct buf escrow;     /* RSB1 to keyd; empty for an account's */
	/* of the provisional key; zero for an account's */
	uint8_t cert[SEAL_CERT_LEN];
	int64_t expires;
	int64_t created;
};
void notice_clear(struct notice *n);
int notice_by_pickup(struct db *db, const struct id *tenant, const char *pickup,
    struct notice *out, struct err *e) __attribute__((warn_unused_result));
int notice_of_slot(struct db *db, const struct id *tenant,
    const struct id *message, uint32_t slot, struct notice *out, struct err *e)
    __attribute__((warn_unused_result));
/* The live notices of an address that still hold escrow, newest first. */
int notice_of_address(struct db *db, const struct id *tenant, const char *key,
    struct notice *out, size_t cap, size_t *n, struct err *e)
    __attribute__((warn_unused_result));
/* After adoption: link wrap and escrow are deleted, the account is set. */
int notice_adopted(struct db *db, const struct id *tenant,
    const struct id *notice, const struct id *account, struct err *e)
    __attribute__((warn_unused_result));

/* Events: added in the transaction of the change they tell of; never changed. */
enum event_kind {
	EVENT_ACCEPTED = 1,
	EVENT_NOTICE_QUEUED = 2,
	EVENT_NOTICE_TAKEN = 3,
	EVENT_NOTICE_FAILED = 4,
	EVENT_CODE_SENT = 5,
	EVENT_CODE_TAKEN = 6,
	EVENT_CODE_FAILED = 7,
	EVENT_PROVED = 8,
	EVENT_DISPLAYED = 9,
	EVENT_DOWNLOADED = 10,
	EVENT_REPLIED = 11,
	EVENT_RETRACTED = 12,
	EVENT_EXPIRED = 13,
	EVENT_RECEIPT_TAKEN = 14,
	EVENT_WRONG_PERSON = 15,
	EVENT_FORWARD_QUEUED = 16,
	EVENT_FORWARD_TAKEN = 17,
	EVENT_FORWARD_FAILED = 18
};
const char *event_name(enum event_kind k); /* "displayed" */
struct event {
	struct id message;
	uint32_t slot; /* 0 when it is about the message itself */
	enum event_kind kind;
	int64_t at;
	/* "code by mail", "part 2", "mx.partner.example: 250 2.0.0": never content, never an address */
	char detail[200];
};
/* at is the transaction's time */
int event_add(struct db *db, const struct id *tenant, const struct event *ev,
    struct err *e) __attribute__((warn_unused_result));
/*
 * By time; *out: free(). That a message was accepted, and the notice to an account queued,
 * is told by their rows: whoever removes those adds these events first.
 */
int event_list(struct db *db, const struct id *tenant, const struct id *message,
    struct event **out, size_t *n, struct err *e)
    __attribute__((warn_unused_result));

/* Duplicates (RFC 1047). */
/*
 * 1 with the first message's id when any of the tags is known from the last
 * LIMIT_DUPLICATE_HOURS.
 */
int duplicate_find(struct db *db, const struct id *tenant,
    const uint8_t (*tags)[32], size_t n, struct id *message_out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * ctl: what stands on the envelopes, newest first; and, across tenants, whose a message
 * is (1, 0, -1).
 */
struct message_facts {
	struct id id;
	char sender[LIMIT_ADDRESS + 1];
	struct id sender_account;
	struct id in_reply_to;
	int64_t created;
	int64_t expires;
	uint64_t size; /* with the files that were uploaded for it */
	uint32_t chunks;
	uint32_t recipients;
	uint32_t displayed;
};
/* before 0: the newest */
int message_list(struct db *db, const struct id *tenant, int64_t before,
    size_t cap, void (*row)(void *arg, const struct message_facts *m),
    void *arg, struct err *e) __attribute__((warn_unused_result));
int message_facts(struct db *db, const struct id *tenant,
    const struct id *message, struct message_facts *out, struct err *e)
    __attribute__((warn_unused_result));
int message_tenant(struct db *db, const struct id *message,
    struct id *tenant_out, struct err *e) __attribute__((warn_unused_result));

#endif
