/*
 * bundle.h: all that is written when a message is taken, gathered before any of it is:
 * rows of one message, and the statements that write those of many messages at once, as
 * many statements for a hundred as for one.
 */
#ifndef STORE_BUNDLE_H
#define STORE_BUNDLE_H

#include "store/forward.h"
#include "store/message.h"
#include "store/outbox.h"

#define BUNDLE_TAGS 4

/*
 * One message. Vectors grow by bundle_*(); whoever has more to say about the message
 * appends to them before it is written. Freed by bundle_clear().
 */
struct bundle {
	struct id tenant;
	struct message message;
	struct reader_row *reader;
	size_t n_reader;
	struct notice *notice;
	size_t n_notice;
	struct outbox *mail; /* of every kind */
	size_t n_mail;
	/* The first ones of both, written already. */
	size_t written_notice, written_mail;
	struct event *event;
	size_t n_event;
	/* Tags it is known by; the first is stored, any that is known refuses it. */
	bool has_tags;
	uint8_t tags[BUNDLE_TAGS][32];
	/* The day began just now: the second is stored too, for who has yesterday's alone. */
	bool turn;
	/* No reader is: its chunks are not kept. */
	bool unread;
	/* One sealed chunk of its content; asked for each while it is written. */
	int (*chunk)(void *arg, uint32_t seq, struct buf *out, struct err *e);
	void *chunk_arg;
	/* The copy that is handed on, NULL: none; its chunks likewise, and what they lie in. */
	struct forward *forward;
	int (*forward_chunk)(
	    void *arg, uint32_t seq, struct buf *out, struct err *e);
	void (*forward_free)(void *arg);
	void *forward_arg;
	struct dsn *dsn; /* what its sender asked for */
	size_t n_dsn;
	struct report_mail told[2]; /* and is told at once; n 0: not */
};

/* One more, zeroed: good until the next is asked for. NULL: memory. */
struct reader_row *bundle_reader(struct bundle *b);
struct notice *bundle_notice(struct bundle *b);
struct outbox *bundle_mail(struct bundle *b);
struct event *bundle_event(struct bundle *b);
struct dsn *bundle_dsn(struct bundle *b);
void bundle_clear(struct bundle *b);

/* Is one of them the other again, though the key of tags changed between them? */
bool bundle_same(const struct bundle *a, const struct bundle *b);

/*
 * Within a transaction of b[0]'s tenant, n at least 1: queues all of them and leaves it
 * with another's. Sorts b, by tenant and tag, so that two who write the same
 * messages wait for each other in one order. A tag that is known, or stands twice in b,
 * makes the transaction fail: none of them is written, and nothing says which it was.
 */
int bundle_write(struct db *db, struct bundle **b, size_t n, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The same of one alone, as it is gathered: first tenant, tags, turn and the message's id
 * are set, then how its chunks are read and how many there are, then notices and mails, to
 * which more may be added, then all else.
 */
int bundle_write_tags(struct db *db, struct bundle *b, struct err *e)
    __attribute__((warn_unused_result));
int bundle_write_chunks(struct db *db, struct bundle *b, struct err *e)
    __attribute__((warn_unused_result));
int bundle_write_mails(struct db *db, struct bundle *b, struct err *e)
    __attribute__((warn_unused_result));
int bundle_write_rest(struct db *db, struct bundle *b, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Within a transaction of b[0]'s tenant, n at least 1: which of them is known already?
 * first[i] is the id of the message that b[i] repeats, or zero. Sorts b first, as above.
 */
int bundle_known(struct db *db, struct bundle **b, size_t n, struct id *first,
    struct err *e) __attribute__((warn_unused_result));

#endif
