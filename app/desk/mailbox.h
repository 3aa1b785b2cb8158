/*
 * mailbox.h: what a proved reader does with messages: list, open, download, answer,
 * write, and see who has read. Everything that is not theirs is ERR_NOT_FOUND.
 */
#ifndef DESK_MAILBOX_H
#define DESK_MAILBOX_H

#include "desk/visit.h"
#include "mail/build.h"
#include "mail/manifest.h"

/* A row of inbox or sent list. */
struct desk_item {
	struct id id;
	char name[LIMIT_NAME * 4 +
	    1]; /* inbox: sender's name, "" when none; sent: first recipient */
	char address[LIMIT_ADDRESS + 1];
	char *subject; /* owned by the list */
	int64_t created;
	int64_t expires;
	bool fresh; /* inbox: not displayed yet */
	uint32_t files;
	uint32_t recipients;
	uint32_t displayed; /* sent: by how many */
};
struct desk_list {
	struct desk_item *item;
	size_t n;
	/* the next page comes behind it; none: no more */
	struct list_place more;
	uint8_t mark[32]; /* as in struct desk_visit, of these rows */
};
int desk_list(struct desk *d, const struct desk_visit *v, enum reader_role role,
    const struct list_place *after, struct desk_list *out, struct err *e)
    __attribute__((warn_unused_result));
void desk_list_clear(struct desk_list *l); /* wipes */
/*
 * The first page of the inbox as HTML, kept for this session alone: sealed under a key
 * that follows from its cookie, in memory, some minutes. v is desk_visit_open_inbox()'s.
 * False when none is kept, or anything on it may have changed since.
 */
bool desk_inbox_recall(
    struct desk *d, const struct desk_visit *v, struct buf *out);
/* A page made of that list. One made of rows newer than v's mark is not kept. */
void desk_inbox_keep(struct desk *d, const struct desk_visit *v,
    const uint8_t mark[32], const struct buf *page);

/* One message, opened: keys checked, manifest in clear. */
struct desk_message {
	struct id tenant;
	struct message row;
	struct reader_row reader; /* the slot it was opened with */
	bool mine;                /* I sent it */
	bool receipt;             /* its sender is told when it is displayed */
	struct manifest *manifest;
	/* all readers, without keys; for "to" and reply */
	struct reader_row *people;
	size_t n_people;
	uint8_t dek[SECRET_KEY_LEN];
};
/*
 * ERR_EXPIRED: its reader is told who sent it and when: of *out mine and row's sender,
 * sender_name, created and expires alone are set, and there is nothing to clear.
 */
int desk_open_message(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct desk_message *out, struct err *e)
    __attribute__((warn_unused_result));
void desk_message_clear(struct desk_message *m); /* wipes */

/*
 * Says that it was displayed to this reader: event, and the first time a receipt. Not
 * for the sender's own slot. Call after the page was made, before it is sent.
 */
int desk_displayed(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, struct err *e)
    __attribute__((warn_unused_result));
/* The text to show. */
int desk_text(struct desk *d, const struct desk_message *m, struct buf *out,
    bool *cut_out, struct err *e) __attribute__((warn_unused_result));
/*
 * A download under way: the raw message (DESK_WHOLE), or one file, decoded. It keeps the
 * keys and the place, no connection of the database, and copies what it needs of m.
 * ERR_NOT_FOUND.
 */
#define DESK_WHOLE UINT32_MAX /* in place of a part's number */
struct desk_download;
int desk_download_open(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, uint32_t no, struct desk_download **out,
    struct err *e) __attribute__((warn_unused_result));
uint64_t desk_download_size(const struct desk_download *dl); /* clear bytes */
/* A strong validator (RFC 9110 8.8.3) without its quotes; says nothing of the content. */
void desk_download_tag(const struct desk_download *dl, char out[65]);
/* Only n bytes from `first` on; they are inside. Before the first block. */
void desk_download_range(struct desk_download *dl, uint64_t first, uint64_t n);
/* Appends the next block, at most LIMIT_STREAM_BLOCK bytes. -1 also where a digest differs. */
int desk_download_next(struct desk *d, struct desk_download *dl,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));
/*
 * Ends it; dl is gone in any case. complete: every byte asked for was acknowledged; when
 * that was the whole file, or the rest of one that broke off in this session, it is
 * recorded as downloaded. Not for the sender's own slot.
 */
int desk_download_end(struct desk *d, struct desk_download *dl, bool complete,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Writing. Members write to anyone; guests to members of the tenant. `answers` is the
 * message it replies to (zero: none): it must be the writer's to read.
 * ERR_BAD_INPUT with text "to", "empty", "files"; ERR_NOT_FOUND / ERR_DENIED: a
 * recipient who may not be written to, *bad_out its number in `to`; ERR_TOO_BIG. With
 * *bad_out past the end of `to`: an upload that is not there (ERR_NOT_FOUND, ERR_EXPIRED),
 * or unfinished, or gone with another letter (ERR_CONFLICT).
 */
struct desk_letter {
	const struct mailbox *to;
	size_t n_to;
	const char *subject;
	const char *text;
	const struct mail_file *files;
	size_t n_files;
	/* finished ones of the writer's (desk/upload.h) */
	const struct id *uploads;
	size_t n_uploads;
	struct id answers;
	struct id form; /* of the form it was typed in; zero: none */
};
/* The id of a new form: the same letter from one form twice is one message. */
struct id desk_letter_form(void);
int desk_send(struct desk *d, const struct desk_visit *v,
    const struct desk_letter *l, struct id *id_out, size_t *bad_out,
    struct err *e) __attribute__((warn_unused_result));

/* Tracking: the sender's grid of people and steps. ERR_NOT_FOUND unless I sent it. */
struct desk_step {
	int64_t at;
	char detail[200];
}; /* at 0: not yet */
struct desk_person {
	char address[LIMIT_ADDRESS + 1];
	struct desk_step notice; /* taken by their server */
	struct desk_step failed; /* refused by it */
	struct desk_step code;   /* the code mail taken */
	struct desk_step proved;
	struct desk_step displayed;
	struct desk_step replied;
	struct desk_step wrong; /* said it is not for them */
	/* downloads, the first of each; detail: the file's name */
	struct desk_step file[8];
	uint32_t file_no[8]; /* its part */
	size_t n_file;
};
struct desk_track {
	struct desk_message message;
	struct desk_person *person;
	size_t n;
	uint32_t files;
};
int desk_track(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_track *out, struct err *e) __attribute__((warn_unused_result));
void desk_track_clear(struct desk_track *t);

/* "Not for me": records it for the sender, once a notice. Only by POST, opens nothing. */
int desk_wrong_person(struct desk *d, const struct desk_visit *v,
    const char *pickup, struct err *e) __attribute__((warn_unused_result));

#endif
