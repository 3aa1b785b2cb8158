/*
 * Any bytes at the SMTP listener: lines, commands, DATA, BDAT. The first byte chooses TLS
 * and how the rest is cut; the second what is offered, what the backend answers, and
 * whether the session is wary. Unless it is, the replies must not depend on the cut, nor a
 * message be taken twice.
 */
#include <stdint.h>

#include "../unit/smtp_fake.h"
#include "base/log.h"
#include "base/secret.h"

enum {
	HOW_WARY = 1,
	HOW_FRONT = 2,
	HOW_NOW = 4,
	HOW_BINARY = 8,
	HOW_ADD_FAILS = 16,
	HOW_BEGIN_FAILS = 32,
	HOW_ACCEPT_FAILS = 64,
	HOW_TRACE = 128
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_open("fuzz", (enum log_level)(LOG_LEVEL_ERROR + 1));
	return secret_init();
}

/* What a message that was taken may never hold. */
static void
check_message(void)
{
	const struct buf *b = &fake.last_body;

	if (fake.last.body == DESK_BODY_BINARY)
		return;
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] == '\0' ||
		    (b->data[i] == '\n' &&
			(i == 0 || b->data[i - 1] != '\r')) ||
		    (b->data[i] == '\r' &&
			(i + 1 == b->len || b->data[i + 1] != '\n')))
			abort();
}

/* Replies are lines of at most 512 octets, of graphic ASCII. */
static void
check_replies(const struct buf *out)
{
	size_t line = 0;

	for (size_t i = 0; i < out->len; i++) {
		uint8_t c = out->data[i];

		if (c == '\n') {
			if (i == 0 || out->data[i - 1] != '\r' || line > 511)
				abort();
			line = 0;
			continue;
		}
		line++;
		if (c != '\r' && (c < ' ' || c > '~'))
			abort();
	}
	if (line != 0)
		abort();
}

/* Answers are held back, and from the third recipient on nothing is told. */
static unsigned
brake(const struct desk_sender *s, const struct desk_envelope *env,
    bool *silent_out)
{
	(void)s;
	*silent_out = env->n_rcpt >= 2;
	return env->n_rcpt > 0 ? 5 : 0;
}

/* One client may connect no more, one reaches nobody. */
static int
admit(const struct desk_sender *s, struct err *e)
{
	return fake_fail(s->client[0] == 'u' ? ERR_RATE : ERR_NONE, e);
}

static int
meet(
    const struct desk_sender *s, const struct desk_envelope *env, struct err *e)
{
	(void)env;
	return fake_fail(s->helo[0] == 'x' ? ERR_RATE : ERR_NONE, e);
}

static void
prepare(unsigned how, struct smtp_settings *set)
{
	static struct smtp_backend braked;

	fake_reset();
	*set = fake_settings;
	if ((how & HOW_TRACE) != 0) {
		braked = fake_backend;
		braked.brake = brake;
		braked.admit = admit;
		braked.meet = meet;
		set->backend = &braked;
	}
	set->unwary = (how & HOW_WARY) == 0;
	set->trace = (how & HOW_TRACE) != 0;
	set->offer.binarymime = (how & HOW_BINARY) != 0;
	fake.now = fake.alone = (how & HOW_NOW) != 0;
	fake.add_err = (how & HOW_ADD_FAILS) != 0 ? ERR_UNAVAILABLE : 0;
	fake.begin_err = (how & HOW_BEGIN_FAILS) != 0 ? ERR_UNAVAILABLE : 0;
	fake.accept_err = (how & HOW_ACCEPT_FAILS) != 0 ? ERR_UNKNOWN : 0;
	fake.add_after = 16;
	fake.chunk = (how & HOW_NOW) != 0 ? 5 : 0;
	if ((how & HOW_BEGIN_FAILS) != 0 && (how & HOW_ADD_FAILS) != 0) {
		fake.begin_err = 0;
		fake.seal_err = ERR_UNAVAILABLE;
	}
}

static enum smtp_next
begin(struct smtp_session *s, bool tls, unsigned how, struct buf *out)
{
	if ((how & HOW_FRONT) != 0)
		smtp_session_front(s);
	if (tls && (how & HOW_NOW) != 0)
		smtp_session_certificate(s, "0123", "4567");
	if ((how & 0xff) == 0xff)
		return smtp_session_early(s, out);
	if ((how & 0xff) == 0xfe)
		return smtp_session_crowded(s, out);
	return smtp_session_greet(s, out);
}

/* What the glue asks of a session between two packets. */
static void
check_session(struct smtp_session *s, unsigned how)
{
	const char *client = smtp_session_client(s);

	if (smtp_session_held(s) > 1u << 20)
		abort();
	if (smtp_session_trusted(s) && *client == '\0')
		abort();
	if (smtp_session_renewed(s) && (how & HOW_FRONT) == 0)
		abort();
	if (smtp_session_renewed(s))
		abort();
	if (smtp_session_waits(s) && (how & HOW_WARY) == 0)
		abort();
}

/* Nothing is said to one that has closed. */
static void
check_closed(struct smtp_session *s)
{
	struct buf out = BUF_INIT;
	size_t used = 0;

	if (smtp_session_busy(s) || smtp_session_waits(s) ||
	    smtp_session_feed(s, "NOOP\r\n", 6, &used, &out) != SMTP_CLOSE ||
	    used != 6 || out.len != 0)
		abort();
	buf_free(&out);
}

/* As much as there is of a piece of that size, and room for. */
static size_t
piece(const struct smtp_session *s, size_t left, size_t step)
{
	const size_t room = smtp_session_room(s);

	step = step < room ? step : room;
	return step < left ? step : left;
}

static size_t
run(const uint8_t *p, size_t n, bool tls, unsigned how, size_t step,
    struct buf *out)
{
	struct smtp_settings set;
	struct smtp_session *s;
	enum smtp_next next;
	size_t len;

	prepare(how, &set);
	/* Replies that do not leave between packets. */
	fake.stuck = (how & HOW_WARY) != 0 && step % 2 == 1;
	if ((s = smtp_session_new(&set, "192.0.2.1", tls)) == NULL)
		abort();
	next = begin(s, tls, how, out);
	for (size_t at = 0; at < n && next != SMTP_CLOSE; at += len) {
		len = piece(s, n - at, step);
		next = fake_packet(s, p + at, len, out);
		if (fake.handshakes > 0)
			break;
		check_session(s, how);
	}
	if (next != SMTP_CLOSE)
		smtp_session_goodbye(s, "bye", out);
	else
		check_closed(s);
	smtp_session_free(s);
	if (fake.drafts != 0 || fake.envelopes != 0)
		abort();
	check_message();
	check_replies(out);
	return fake.messages;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;
	size_t messages;
	bool tls;

	if (n < 3)
		return 0;
	tls = (p[0] & 1) != 0;
	messages = run(p + 2, n - 2, tls, p[1], n, &whole);
	if (run(p + 2, n - 2, tls, p[1], 1 + (p[0] >> 1), &cut) != messages ||
	    cut.len != whole.len ||
	    (cut.len > 0 && memcmp(cut.data, whole.data, cut.len) != 0))
		if ((p[1] & HOW_WARY) == 0)
			abort();
	buf_free(&whole);
	buf_free(&cut);
	fake_reset();
	return 0;
}
