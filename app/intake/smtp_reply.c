/*
 * smtp_reply.c: the words of the SMTP listener.
 */
#include "intake/smtp_reply.h"

#include <stddef.h>

#include "base/limits.h"

struct words {
	const char *code;
	const char *text;
};

static const struct words table[SMTP_REPLIES] = {
    [SMTP_REPLY_NONE] = {"451 4.3.0", "Something went wrong on our side"},
    [SMTP_REPLY_RESET] = {"250 2.0.0", "Forgotten"},
    [SMTP_REPLY_NOOP] = {"250 2.0.0", "Still here"},
    [SMTP_REPLY_HELP] = {"214 2.0.0", "See RFC 5321"},
    [SMTP_REPLY_VRFY] = {"252 2.0.0", "Send some mail and see"},
    [SMTP_REPLY_QUIT] = {"221 2.0.0", "Goodbye"},
    [SMTP_REPLY_STARTTLS] = {"220 2.0.0", "Ready to start TLS"},
    [SMTP_REPLY_SENDER] = {"250 2.1.0", "Sender is fine"},
    [SMTP_REPLY_RECIPIENT] = {"250 2.1.5", "Recipient is fine"},
    [SMTP_REPLY_DATA] = {"354", "End the message with CR LF . CR LF"},
    [SMTP_REPLY_AUTH_GO] = {"334", ""},
    [SMTP_REPLY_AUTH_OK] = {"235 2.7.0", "Authenticated"},
    [SMTP_REPLY_AUTH_MECHANISM] = {"504 5.5.4", "Only PLAIN is known"},
    [SMTP_REPLY_AUTH_CANCELLED] = {"501 5.7.0", "Authentication cancelled"},
    [SMTP_REPLY_AUTH_BAD] = {"501 5.5.2",
	"That is no base64 of a PLAIN message"},
    [SMTP_REPLY_AUTH_LONG] = {"500 5.5.6", "Response is too long"},
    [SMTP_REPLY_AUTH_FAILED] = {"535 5.7.8", "Address or token is not right"},
    [SMTP_REPLY_AUTH_ALREADY] = {"503 5.5.1", "Already authenticated"},
    [SMTP_REPLY_NEED_TLS] = {"538 5.7.11",
	"Authentication needs TLS: say STARTTLS first"},
    [SMTP_REPLY_TLS_ALREADY] = {"503 5.5.1", "TLS is already on"},
    [SMTP_REPLY_NO_TLS] = {"502 5.5.1", "TLS is not offered here"},
    [SMTP_REPLY_UNKNOWN] = {"500 5.5.2", "Unknown command"},
    [SMTP_REPLY_NOT_HERE] = {"502 5.5.1", "Not implemented here"},
    [SMTP_REPLY_BYTES] = {"500 5.5.2",
	"Commands are printable ASCII, nothing else"},
    [SMTP_REPLY_BARE_LF] = {"500 5.5.2", "Lines end in CR LF"},
    [SMTP_REPLY_LONG] = {"500 5.5.2", "Command is too long"},
    [SMTP_REPLY_NO_ARGUMENT] = {"501 5.5.4", "This command takes no argument"},
    [SMTP_REPLY_ARGUMENT] = {"501 5.5.4", "Argument is missing or malformed"},
    [SMTP_REPLY_NAME] = {"501 5.5.4", "Say your host name or [address]"},
    [SMTP_REPLY_PATH_FROM] = {"501 5.1.7", "Malformed: MAIL FROM:<address>"},
    [SMTP_REPLY_PATH_TO] = {"501 5.1.3", "Malformed: RCPT TO:<address>"},
    [SMTP_REPLY_PARAMETER] = {"501 5.5.4", "Malformed parameter"},
    [SMTP_REPLY_UNKNOWN_PARAMETER] = {"555 5.5.4", "Unknown parameter"},
    [SMTP_REPLY_ORDER] = {"503 5.5.1", "Say MAIL first"},
    [SMTP_REPLY_HELLO_FIRST] = {"503 5.5.1", "Say EHLO first"},
    [SMTP_REPLY_IN_MAIL] = {"503 5.5.1", "Not within a mail transaction"},
    [SMTP_REPLY_NO_RECIPIENT] = {"503 5.5.1", "Say RCPT first"},
    [SMTP_REPLY_NONE_VALID] = {"554 5.5.1", "No valid recipients"},
    [SMTP_REPLY_TOO_BIG] = {"552 5.3.4",
	"Message is larger than what is accepted here"},
    [SMTP_REPLY_BARE_DATA] = {"550 5.6.0",
	"Message holds a bare CR, a bare LF or a NUL"},
    [SMTP_REPLY_LONG_DATA] = {"550 5.6.0",
	"Message holds a line that is too long"},
    [SMTP_REPLY_NEED_UTF8] = {"553 5.6.7",
	"Addresses beyond ASCII need SMTPUTF8 behind MAIL"},
    [SMTP_REPLY_CHUNK] = {"250 2.0.0", "Chunk taken"},
    [SMTP_REPLY_CHUNK_SIZE] = {"501 5.5.4",
	"Malformed: BDAT size [LAST]; what follows cannot be told apart"},
    [SMTP_REPLY_CHUNKED] = {"503 5.5.1",
	"Within a message sent by BDAT: go on, or say RSET"},
    [SMTP_REPLY_BINARY] = {"503 5.5.1", "BINARYMIME is sent by BDAT"},
    [SMTP_REPLY_AHEAD] = {"503 5.5.1",
	"More was sent before this command was answered"},
    [SMTP_REPLY_REQUIRE_TLS] = {"530 5.7.10",
	"REQUIRETLS needs TLS: say STARTTLS first"},
    [SMTP_REPLY_FRONT_ONLY] = {"550 5.7.0", "Not from this address"},
    [SMTP_REPLY_LATER] = {"451 4.3.0",
	"This cannot be done just now, try again in a few minutes"},
    [SMTP_REPLY_EARLY] = {"554 5.5.0", "Wait for the greeting"},
    [SMTP_REPLY_SILENT] = {"450 4.7.1",
	"Too many unknown recipients from your network, try again later"},
};

/* Where a fault says something else here than err_row() says. */
static const struct {
	enum smtp_asked asked;
	enum err_code code;
	struct words words;
} faults[] = {
    {SMTP_ASKED_AUTH, ERR_DENIED,
	{"535 5.7.8", "Address or token is not right"}},
    {SMTP_ASKED_AUTH, ERR_NOT_FOUND,
	{"535 5.7.8", "Address or token is not right"}},
    {SMTP_ASKED_AUTH, ERR_BAD_INPUT,
	{"535 5.7.8", "Address or token is not right"}},
    {SMTP_ASKED_AUTH, ERR_TOO_MANY,
	{"454 4.7.0", "Too many attempts, try again later"}},
    {SMTP_ASKED_MAIL, ERR_DENIED,
	{"553 5.7.1", "This sender address is not yours to use"}},
    {SMTP_ASKED_MAIL, ERR_BAD_INPUT, {"501 5.1.7", "Malformed sender address"}},
    {SMTP_ASKED_RCPT, ERR_TYPE,
	{"553 5.6.7", "Outside, addresses beyond ASCII cannot be reached"}},
    {SMTP_ASKED_RCPT, ERR_NOT_FOUND, {"550 5.1.1", "No such member here"}},
    {SMTP_ASKED_RCPT, ERR_GONE,
	{"550 5.2.4", "This list reaches nobody, or is too large"}},
    {SMTP_ASKED_RCPT, ERR_UNWANTED,
	{"550 5.7.1", "This recipient takes no mail from this sender"}},
    {SMTP_ASKED_RCPT, ERR_INSECURE,
	{"550 5.7.10", "Mail from this domain is taken over TLS alone"}},
    {SMTP_ASKED_RCPT, ERR_DENIED,
	{"550 5.7.1", "No relaying without authentication"}},
    {SMTP_ASKED_RCPT, ERR_BAD_INPUT,
	{"501 5.1.3", "Malformed recipient address"}},
    {SMTP_ASKED_MAIL, ERR_RATE,
	{"450 4.7.1", "Too much mail in this hour, try again later"}},
    {SMTP_ASKED_RCPT, ERR_RATE,
	{"450 4.7.1", "Too much mail in this hour, try again later"}},
    {SMTP_ASKED_RCPT, ERR_TOO_MANY,
	{"452 4.5.3",
	    "Too many recipients: send to this one in another message"}},
    {SMTP_ASKED_DATA, ERR_BAD_INPUT,
	{"554 5.6.0", "Message has a header too big, or loops"}},
    {SMTP_ASKED_DATA, ERR_TOO_MANY,
	{"452 4.3.1", "Too much mail is on its way, try again later"}},
    {SMTP_ASKED_DATA, ERR_TOO_BIG,
	{"552 5.3.4", "Message is larger than what is accepted here"}},
    {SMTP_ASKED_DATA, ERR_NOT_FOUND,
	{"550 5.1.1", "A recipient is no member here any more"}},
};

static struct words
fixed(enum smtp_reply r)
{
	if ((unsigned)r >= SMTP_REPLIES)
		r = SMTP_REPLY_NONE;
	return table[r];
}

static struct words
fault(enum smtp_asked asked, enum err_code code)
{
	const struct err_row *row;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].asked == asked && faults[i].code == code)
			return faults[i].words;
	/* A failure without a cause must not read as success. */
	row = err_row(code == ERR_NONE ? ERR_INTERNAL : code);
	return (struct words){row->smtp, row->sentence};
}

static int
say(struct buf *out, struct words w)
{
	return buf_addf(out, "%s %s\r\n", w.code, w.text);
}

const char *
smtp_reply_code(enum smtp_reply r)
{
	return fixed(r).code;
}

int
smtp_reply_add(struct buf *out, enum smtp_reply r)
{
	return say(out, fixed(r));
}

int
smtp_reply_banner(struct buf *out, const char *hostname)
{
	return buf_addf(out, "220 %s ESMTP Restante\r\n", hostname);
}

int
smtp_reply_helo(struct buf *out, const char *hostname)
{
	return buf_addf(out, "250 %s\r\n", hostname);
}

int
smtp_reply_ehlo(
    struct buf *out, const char *hostname, const struct smtp_offer *offer)
{
	const struct {
		bool on;
		const char *line;
	} lines[] = {
	    {offer->starttls, "250-STARTTLS\r\n"},
	    {offer->auth, "250-AUTH PLAIN\r\n"},
	    {offer->dsn, "250-DSN\r\n"},
	    {offer->chunking, "250-CHUNKING\r\n"},
	    {offer->binarymime, "250-BINARYMIME\r\n"},
	    {offer->smtputf8, "250-SMTPUTF8\r\n"},
	    {offer->requiretls, "250-REQUIRETLS\r\n"},
	    {offer->xclient, "250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"},
	};

	if (buf_addf(out,
		"250-%s\r\n250-PIPELINING\r\n250-SIZE %zu\r\n"
		"250-8BITMIME\r\n",
		hostname, LIMIT_MESSAGE) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (lines[i].on && buf_adds(out, lines[i].line) == -1)
			return -1;
	return buf_adds(out, "250 ENHANCEDSTATUSCODES\r\n");
}

int
smtp_reply_accepted(struct buf *out, const struct id *message)
{
	char text[ID_TEXT_LEN];

	id_format(message, text);
	return buf_addf(out, "250 2.0.0 Taken as %s\r\n", text);
}

int
smtp_reply_bye(
    struct buf *out, const char *status, const char *hostname, const char *why)
{
	return buf_addf(out, "421 %s %s %s\r\n", status, hostname, why);
}

const char *
smtp_reply_err_code(enum smtp_asked asked, enum err_code code)
{
	return fault(asked, code).code;
}

int
smtp_reply_err(struct buf *out, enum smtp_asked asked, enum err_code code)
{
	return say(out, fault(asked, code));
}
