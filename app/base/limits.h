/*
 * limits.h: every limit of Restante by name, with its default. Documented in
 * doc/limits.md; each has a test at the limit and one past it.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Mail. */
#define LIMIT_MESSAGE    ((size_t)50 * 1024 * 1024) /* bytes over SMTP */
#define LIMIT_RECIPIENTS 1000                       /* a message */
#define LIMIT_LIST_DEPTH 8                          /* lists within lists */
/* Answers of one kind a process remembers of addresses, and of tenants. */
#define LIMIT_DIRECTORY         4096
#define LIMIT_DIRECTORY_TENANTS 256
/* Octets of a mailbox, RFC 5321 4.5.3.1.3 less the brackets. */
#define LIMIT_ADDRESS      254
#define LIMIT_LOCAL_PART   64   /* RFC 5321 4.5.3.1.1 */
#define LIMIT_SMTP_LINE    1000 /* text line with CRLF, RFC 5321 4.5.3.1.6 */
#define LIMIT_SMTP_COMMAND 512  /* command line with CRLF, RFC 5321 4.5.3.1.4 */
/* AUTH and its response with CRLF, RFC 4954 4. */
#define LIMIT_SMTP_AUTH_LINE 12288
#define LIMIT_ENVID          100 /* as it was sent, RFC 3461 4.4 */
#define LIMIT_ORCPT          500 /* as it was sent, RFC 3461 4.2 */
/*
 * MAIL with SIZE, BODY, AUTH, RET and ENVID, SMTPUTF8, REQUIRETLS: RFC 1870, 6152, 4954,
 * 3461, 6531, 8689.
 */
#define LIMIT_SMTP_MAIL_LINE (512 + 26 + 17 + 500 + 9 + 107 + 10 + 11)
/* RCPT with NOTIFY and ORCPT: RFC 3461. */
#define LIMIT_SMTP_RCPT_LINE (512 + 29 + 507)
#define LIMIT_SMTP_VRFY_LINE (512 + 10) /* VRFY with SMTPUTF8, RFC 6531 */
/* Line of a message with CRLF, taken as it is. */
#define LIMIT_SMTP_DATA_LINE 65536
#define LIMIT_SMTP_ERRORS    20 /* refused commands before 421 */

/* Intake's connections; counts are of one process. */
#define LIMIT_SMTP_SESSIONS 12000U
/* Of one client; of one whose other sessions proved to be a tenant's own. */
#define LIMIT_SMTP_CLIENT        200U
#define LIMIT_SMTP_TRUSTED       2000U
#define LIMIT_SMTP_GREET_MS      2    /* to see who speaks before the banner */
#define LIMIT_SMTP_SHAKE_SECONDS 30   /* a TLS handshake */
#define LIMIT_SMTP_IDLE_SECONDS  300  /* RFC 5321 4.5.3.2.7 */
#define LIMIT_SMTP_DRAIN_SECONDS 30   /* to end a message, when we stop */
#define LIMIT_PROXY_SECONDS      5    /* until a front end has said for whom */
#define LIMIT_PROXY_HEADER       4096 /* bytes of what it says */
/* How many counts are kept, of clients and of tenants, for each thing that is counted. */
#define LIMIT_RATE_CLIENTS 16384
#define LIMIT_RATE_TENANTS 4096
#define LIMIT_RATE_SECONDS 3600 /* the hour: at most */
/*
 * Of a client at one tenant (connections: at all), and of a tenant, in an hour; of senders
 * that are unknown, known and trusted.
 */
#define LIMIT_CONNECTIONS_CLIENT 20000, 20000, 20000
#define LIMIT_MESSAGES_CLIENT    2000, 10000, 200000
#define LIMIT_RECIPIENTS_CLIENT  10000, 50000, 1000000
#define LIMIT_CONNECTIONS_TENANT 100000, 100000, 400000
#define LIMIT_MESSAGES_TENANT    50000, 100000, 2000000
#define LIMIT_RECIPIENTS_TENANT  250000, 500000, 10000000
/*
 * The brakes, of a client within LIMIT_BRAKE_SECONDS: recipients that are not there until
 * answers wait, up to LIMIT_BRAKE_MS each; LIMIT_BRAKE_STOP times as many until nothing is
 * told; attempts to authenticate that failed.
 */
#define LIMIT_BRAKE_SECONDS 600
#define LIMIT_UNKNOWN       25
#define LIMIT_BRAKE_STOP    3
#define LIMIT_BRAKE_MS      2000
#define LIMIT_AUTH_FAILED   60
/* Memory for mail on its way, in MiB; and what one message of it is counted as. */
#define LIMIT_MAIL_MEMORY  256
#define LIMIT_DRAFT_MEMORY ((size_t)192 * 1024)

/* Bytes of a message's header. */
#define LIMIT_HEADER_BLOCK ((size_t)256 * 1024)
#define LIMIT_MIME_DEPTH   32
#define LIMIT_MIME_PARTS   2000
#define LIMIT_RECEIVED     50 /* Received fields: a loop, RFC 5321 6.3 */
#define LIMIT_SHOWN_TEXT   ((size_t)1024 * 1024) /* of a body, shown on a page */
#define LIMIT_SUBJECT      998
#define LIMIT_NAME         100 /* display name, characters kept */
#define LIMIT_FILE_NAME    200 /* bytes of a file name kept */

/* Web. */
#define LIMIT_FORM_BODY ((size_t)64 * 1024) /* plain forms */
/* A multipart form with its frame. */
#define LIMIT_UPLOAD_BODY ((size_t)11 * 1024 * 1024)
/* Files of a composed message together. */
#define LIMIT_UPLOAD_FILES ((size_t)10 * 1024 * 1024)
#define LIMIT_FILE         ((uint64_t)2 * 1024 * 1024 * 1024) /* one file */
#define LIMIT_UPLOAD_SLICE ((size_t)8 * 1024 * 1024) /* one PATCH of it */
#define LIMIT_UPLOADS_OPEN 20 /* files of one owner not yet sent */
/* Bytes of those files together, as announced. */
#define LIMIT_UPLOAD_BYTES ((uint64_t)10 * 1024 * 1024 * 1024)
#define LIMIT_UPLOAD_DAYS  7   /* they are kept, from the last byte */
#define LIMIT_UPLOAD_SWEEP 400 /* rows of ended ones removed in one go */
/* Bytes of a block of what is streamed to or from a client. */
#define LIMIT_STREAM_BLOCK ((size_t)1024 * 1024)
#define LIMIT_UPLOAD_COUNT 20 /* files of a composed message */
#define LIMIT_FORM_FIELDS  100
#define LIMIT_COMPOSE_TEXT ((size_t)512 * 1024)
#define LIMIT_PAGE_ROWS    50 /* rows of a list page */

/* Sealed pages of inboxes in memory: of sessions, bytes of one, seconds. */
#define LIMIT_KEPT_PAGES   128
#define LIMIT_KEPT_BYTES   ((size_t)96 * 1024)
#define LIMIT_KEPT_SECONDS 300
/* Bytes free where drafts are spooled; with less /readyz says so. */
#define LIMIT_SPOOL_FREE ((uint64_t)256 * 1024 * 1024)

/* The front. A neighbour is what base/peers.h says; counts are of one process. */
#define LIMIT_CONNECTIONS      8000U
#define LIMIT_CONNECTIONS_PEER 512U /* of one neighbour */
#define LIMIT_REQUESTS_PEER    64   /* of one neighbour, waiting for a thread */
/*
 * Bodies being read into memory: large ones, of strangers and of sessions so many each, and
 * strangers' small ones, of which four count as one.
 */
#define LIMIT_BODIES         64U
#define LIMIT_BODIES_PEER    16U
#define LIMIT_FORMS          2000U /* those up to LIMIT_FORM_BODY, of all */
#define LIMIT_TRANSFERS      256U  /* files on their way, either way */
#define LIMIT_TRANSFERS_PEER 64U   /* of one neighbour, and of one session */
#define LIMIT_SHAKE_SECONDS  10    /* a TLS handshake */
#define LIMIT_HEAD_SECONDS   10    /* a head; and until the first one begins */
#define LIMIT_IDLE_SECONDS   20    /* between requests */
/* Bytes a second of a body or an answer, over each LIMIT_RATE_WINDOW seconds. */
#define LIMIT_RATE_MIN    2048U
#define LIMIT_RATE_WINDOW 20

/* Secrets. */
#define LIMIT_PASSWORD_MIN  12  /* characters */
#define LIMIT_PASSWORD_MAX  256 /* bytes */
#define LIMIT_CODE_TRIES    5   /* a one-time code */
#define LIMIT_CODE_MINUTES  15
#define LIMIT_CODES_HOUR    20 /* code mails an address and hour */
#define LIMIT_PASSWORD_HOUR 20 /* password tries an account and hour */
#define LIMIT_PASSWORD_DAY  100
#define LIMIT_TOKEN_HOUR    600 /* failed SMTP token checks an account and hour */
#define LIMIT_PROOF_HOURS   12 /* keyd's proof that an address was proved */
/* Escrow records opened a proved address and hour. */
#define LIMIT_RELEASES_HOUR 2000
#define LIMIT_KEYD_CLIENTS  256 /* connections to keyd a role */
/* Unknown pick-up codes a client address and hour. */
#define LIMIT_PICKUP_HOUR 60

/* Time. */
#define LIMIT_RETENTION_DAYS    30
#define LIMIT_AFTER_OPEN_DAYS   14
#define LIMIT_SESSION_IDLE_MIN  30
#define LIMIT_SESSION_HOURS     12
#define LIMIT_VISIT_MINUTES     60 /* the pages before proof */
#define LIMIT_DUPLICATE_HOURS   72 /* RFC 1047 */
#define LIMIT_NAMELESS_MINUTES  60 /* that, of what has no name and no date */
#define LIMIT_REGISTRATION_DAYS 14 /* a registration code */
#define LIMIT_KEY_CERT_DAYS     30 /* life of a signed public key */
#define LIMIT_OUTBOX_DAYS       5  /* how long a notice is tried */
#define LIMIT_DELAY_HOURS       4  /* until a sender is told that it waits */

#endif
