/*
 * Any bytes are a message: parsed, kept as JSON and read back, decoded, shown; every other
 * one once more, with what is known of it, which must come to the same.
 */
#include "fuzz_mail.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/text.h"

struct content {
	EVP_MD_CTX *digest;
	uint64_t size;
};

static int
take(void *arg, const void *p, size_t n, struct err *e)
{
	struct content *c = arg;

	(void)e;
	c->size += n;
	EVP_DigestUpdate(c->digest, p, n);
	return 0;
}

/* What was said of a part when the message was read is so when it is decoded. */
static void
check_part(const struct mail_source *src, const struct mail_part *part)
{
	struct content c = {EVP_MD_CTX_new(), 0};
	uint8_t sha256[32];

	EVP_DigestInit_ex(c.digest, EVP_sha256(), NULL);
	if (mail_part_decode(src, part, take, &c, NULL) == -1 ||
	    c.size != part->size)
		abort();
	EVP_DigestFinal_ex(c.digest, sha256, NULL);
	if (memcmp(sha256, part->sha256, sizeof(sha256)) != 0)
		abort();
	EVP_MD_CTX_free(c.digest);
}

static void
check_known(const struct mail_memory *memory, const struct buf *json)
{
	const uint8_t *end = memmem(memory->p, memory->n, "\r\n\r\n", 4);
	const size_t body = end == NULL ? memory->n :
					  (size_t)(end + 4 - memory->p);
	struct mail_known known = {.body = body};
	struct mail_memory same = *memory;
	struct buf again = BUF_INIT;
	struct mail_source src;
	struct manifest *m;

	SHA256(memory->p, memory->n, known.sha256);
	SHA256(memory->p + body, memory->n - body, known.body_sha256);
	mail_source_memory(&src, &same);
	src.known = &known;
	if (mail_parse(&src, &m, NULL) == -1 ||
	    manifest_encode(m, &again, NULL) == -1 || again.len != json->len ||
	    memcmp(again.data, json->data, json->len) != 0)
		abort();
	manifest_free(m);
	buf_free(&again);
}

static void
check(const uint8_t *p, size_t n)
{
	struct mail_memory memory = {p, n};
	struct buf json = BUF_INIT, text = BUF_INIT;
	struct manifest *m, *again;
	struct mail_source src;
	struct mail_head head;
	bool cut;

	mail_source_memory(&src, &memory);
	mail_head_read(p, n, &head);
	if (mail_parse(&src, &m, NULL) == -1)
		abort();
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].leaf)
			check_part(&src, &m->parts[i]);
	if (manifest_encode(m, &json, NULL) == -1 ||
	    manifest_decode(json.data, json.len, &again, NULL) == -1 ||
	    mail_text(&src, m, &text, &cut, NULL) == -1 ||
	    !text_is_utf8((const char *)text.data, text.len))
		abort();
	if (n % 2 == 0)
		check_known(&memory, &json);
	manifest_free(m);
	manifest_free(again);
	buf_free(&json);
	buf_free(&text);
}

/* Now and then the same over and over: what is past the caps. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf more = BUF_INIT;

	check(p, n);
	if (n == 0 || n % 509 != 0)
		return 0;
	while (more.len < LIMIT_SHOWN_TEXT + LIMIT_HEADER_BLOCK)
		if (buf_add(&more, p, n) == -1)
			abort();
	check(more.data, more.len);
	buf_free(&more);
	return 0;
}
