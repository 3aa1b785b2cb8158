/*
 * manifest.h: what is known of one message beside its bytes: subject, people, and
 * the MIME tree with the place of every part in the raw message. Made once at
 * acceptance, sealed with the message, and the only tree that anything shows, scans
 * or downloads. Kept as JSON inside its seal.
 */
#ifndef MAIL_MANIFEST_H
#define MAIL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/limits.h"

enum mail_encoding {
	MAIL_ENC_IDENTITY,
	MAIL_ENC_BASE64,
	MAIL_ENC_QP,
	MAIL_ENC_UU
};

/*
 * A file kept beside the raw message as sealed content of its own: where it is, and its key,
 * which is nowhere else.
 */
#define MAIL_BESIDE_HEADER 96
struct mail_beside {
	struct id id; /* zero: none, the part lies in the raw message */
	uint8_t key[32];
	uint8_t header[MAIL_BESIDE_HEADER]; /* of the content */
	uint32_t chunks;
};

struct mail_part {
	uint32_t no; /* index in parts[], and <n> of /message/<id>/part/<n> */
	uint32_t depth;   /* 0 for the root, and beside the message */
	char type[100];   /* "text/plain", lower case */
	char charset[40]; /* "" when none */
	/*
	 * safe to show and to save under: UTF-8, no path, no control; ""
	 * when none
	 */
	char name[LIMIT_FILE_NAME + 1];
	char cid[200];
	/*
	 * has content of its own: not multipart; message/rfc822 is a leaf
	 * here and its inside is not walked
	 */
	bool leaf;
	bool attached; /* to be listed as a file */
	enum mail_encoding encoding;
	uint64_t offset; /* of the encoded content in the raw message, bytes */
	uint64_t length; /* encoded bytes */
	uint64_t size;   /* decoded bytes */
	uint8_t sha256[32]; /* of the decoded bytes; zero and unknown beside */
	/* leaf, attached, nothing of it in the raw message but `size` bytes beside it */
	struct mail_beside beside;
	/*
	 * unpacked from the winmail.dat that is part box - 1 (0: from none): offset,
	 * length and encoding are that part's, and `skip` of its decoded bytes come
	 * before these
	 */
	uint32_t box;
	uint64_t skip;
};

struct mail_person {
	char name[LIMIT_NAME * 4 + 1]; /* decoded, UTF-8; "" when none */
	char address[LIMIT_ADDRESS + 1];
};

/* The connection a message came over; all "" when it came over none. */
struct mail_connection {
	char client[64];      /* network address */
	char helo[256];       /* what the client called itself */
	char tls[80];         /* version and cipher; "" in clear */
	char certificate[65]; /* SHA-256 of the client's, hexadecimal */
	char account[LIMIT_ADDRESS + 1]; /* whose AUTH it was */
};

struct manifest {
	char *subject;     /* decoded UTF-8, never NULL; "" when none */
	char *message_id;  /* without brackets, "" when none or malformed */
	char *in_reply_to; /* likewise, the first one */
	int64_t date;      /* of the Date field, microseconds; 0 when none */
	struct mail_person from; /* the first of From */
	/* To and Cc in order, at most LIMIT_RECIPIENTS */
	struct mail_person *to;
	size_t n_to;
	struct mail_part *parts;
	size_t n_parts;
	int text_part; /* number of the part shown as text, -1 when none */
	int html_part; /* of the part shown as HTML, -1 when none */
	/*
	 * readers disagree about its tree: stored and downloadable, shown
	 * without a tree
	 */
	bool ambiguous;
	bool cut;       /* more parts or depth than the limits */
	bool automatic; /* a program's, or a report: nothing answers it */
	struct mail_connection connection;
	uint64_t size;      /* of the raw message */
	uint8_t sha256[32]; /* of the raw message */
};

/* Copies what is known of it, each fit to be shown on one line. -1: memory. */
int manifest_connection(struct manifest *m, const struct mail_connection *c,
    struct err *e) __attribute__((warn_unused_result));

/* Appends the JSON. */
int manifest_encode(const struct manifest *m, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
int manifest_decode(const void *p, size_t n, struct manifest **out,
    struct err *e) __attribute__((warn_unused_result));
/*
 * Puts a file beside the message behind the last part. -1: memory, or LIMIT_MIME_PARTS
 * (ERR_TOO_BIG).
 */
int manifest_add(struct manifest *m, const char *name, const char *type,
    uint64_t size, const struct mail_beside *where, struct err *e)
    __attribute__((warn_unused_result));
/* The part, or NULL when there is none of that number. */
const struct mail_part *manifest_part(const struct manifest *m, uint32_t no);
void manifest_free(struct manifest *m); /* wipes; NULL is fine */

#endif
