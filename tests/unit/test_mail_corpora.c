/*
 * What others collected: the trees and decoded bytes that mime4j expects, nothing
 * worse than a manifest from all other messages, and isemail's addresses. The folder
 * is named by CORPORA (default ../shared/corpora); without it the tests say so and
 * test nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"
#include "mail/parse.h"

static const char *
corpora(void)
{
	const char *s = getenv("CORPORA");

	return s ? s : "../shared/corpora";
}

static bool
have(const char *sub)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", corpora(), sub);
	if (access(path, R_OK) == 0)
		return true;
	fprintf(stderr, "# NOT TESTED: no %s here; set CORPORA\n", path);
	return false;
}

static int
slurp(const char *path, struct buf *out)
{
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return -1;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		assert_int_equal(buf_add(out, piece, n), 0);
	fclose(f);
	return 0;
}

static int
gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

/* One message: the folder it lies in, and how far its tree was compared. */
struct compare {
	const char *name;
	const char *dir;
	struct mail_source src;
	struct manifest *m;
	size_t at; /* next part */
	unsigned wrong;
	unsigned parts; /* whose bytes were compared */
};

/*
 * What differs, and why. mime4j keeps two expectations for the same bytes, one for each way
 * of taking a line in the header that is no field: ours is passed over. Where no field came
 * before it, both of its ways lose text, and we show all of it. What our rule gives no
 * tree: a doubled Content-Type, a boundary that ends in blanks, which many take away, and
 * a line with text behind the boundary, which is none to many.
 */
#define BLANK_END "a boundary that ends in blanks: no tree by our rule"

static const char *
reason(const char *name)
{
	static const char *const known[][2] = {
	    {"malformedHeaderStartsBody-nocrlfcrlf.msg",
		"the same bytes as malformedHeader-nocrlfcrlf.msg, read the "
		"other way"},
	    {"malformedHeaderStartsBody-noheader.msg",
		"text without a header: all of it is shown, not its first "
		"line alone"},
	    {"malformedHeader-noheader.msg",
		"text without a header: all of it is shown, not nothing"},
	    {"multi-bad.msg", "two Content-Type fields: no tree by our rule"},
	    {"ending-boundaries.msg",
		"text behind the boundary: no tree by our rule"},
	    {"weird-boundary.msg", BLANK_END},
	    {"very-long-boundary.msg", BLANK_END},
	    {"very-very-long-boundary.msg", BLANK_END},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i][0]) == 0)
			return known[i][1];
	return NULL;
}

static void
differs(struct compare *c, const char *what)
{
	if (c->wrong++ == 0 && reason(c->name) == NULL)
		print_error("%s: part %zu: %s\n", c->name, c->at, what);
}

/* Text was written with the line ends of whoever ran mime4j: CR is left out. */
static void
without_cr(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] != '\r')
			b->data[to++] = b->data[i];
	b->len = to;
}

static void
compare_bytes(struct compare *c, xmlNode *body, bool text)
{
	const struct mail_part *p = &c->m->parts[c->at];
	struct buf want = BUF_INIT, have_it = BUF_INIT;
	xmlChar *file = xmlGetProp(body, BAD_CAST "name");
	char path[1024];
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", c->dir, (char *)file);
	xmlFree(file);
	if (slurp(path, &want) == -1) {
		differs(c, "expected bytes are missing");
		return;
	}
	assert_int_equal(mail_part_decode(&c->src, p, gather, &have_it, &e), 0);
	if (have_it.len != p->size)
		differs(c, "size");
	if (text) {
		without_cr(&want);
		without_cr(&have_it);
	}
	if (want.len != have_it.len ||
	    (want.len && memcmp(want.data, have_it.data, want.len) != 0))
		differs(c, "bytes");
	c->parts++;
	buf_free(&want);
	buf_free(&have_it);
}

static bool
is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE &&
	    strcmp((const char *)n->name, name) == 0;
}

static void compare_entity(struct compare *c, xmlNode *entity, uint32_t depth);

/* A message within the message is a file to us: its tree is what that file's is. */
static void
compare_inside(struct compare *c, xmlNode *message)
{
	struct compare inside = {.name = c->name, .dir = c->dir};
	struct buf raw = BUF_INIT;
	struct mail_memory memory;
	struct err e;

	assert_int_equal(
	    mail_part_decode(&c->src, &c->m->parts[c->at], gather, &raw, &e),
	    0);
	memory = (struct mail_memory){raw.data, raw.len};
	mail_source_memory(&inside.src, &memory);
	assert_int_equal(mail_parse(&inside.src, &inside.m, &e), 0);
	compare_entity(&inside, message, 0);
	if (inside.wrong == 0 && inside.at != inside.m->n_parts)
		differs(&inside, "parts too many");
	c->wrong += inside.wrong;
	c->parts += inside.parts;
	manifest_free(inside.m);
	buf_free(&raw);
}

/* An entity of mime4j's tree: <message> or <body-part>. */
static void
compare_entity(struct compare *c, xmlNode *entity, uint32_t depth)
{
	const struct mail_part *p = manifest_part(c->m, (uint32_t)c->at);

	for (xmlNode *n = entity->children; n != NULL; n = n->next) {
		bool multi = is(n, "multipart");

		if (!multi && !is(n, "text-body") && !is(n, "binary-body") &&
		    !is(n, "message"))
			continue;
		if (p == NULL || p->depth != depth || p->leaf == multi) {
			differs(c, "tree");
			return;
		}
		if (is(n, "message") && strcmp(p->type, "message/rfc822") != 0)
			differs(c, "type");
		else if (is(n, "message"))
			compare_inside(c, n);
		if (is(n, "text-body") || is(n, "binary-body"))
			compare_bytes(c, n, is(n, "text-body"));
		c->at++;
		for (xmlNode *k = multi ? n->children : NULL; k != NULL;
		     k = k->next)
			if (is(k, "body-part"))
				compare_entity(c, k, depth + 1);
	}
}

static unsigned parts_compared;

static bool
compare_message(const char *dir, const char *name)
{
	struct buf raw = BUF_INIT;
	struct mail_memory memory;
	struct compare c = {.name = name, .dir = dir};
	char path[1024];
	struct err e;
	xmlDoc *doc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(slurp(path, &raw), 0);
	memory = (struct mail_memory){raw.data, raw.len};
	mail_source_memory(&c.src, &memory);
	assert_int_equal(mail_parse(&c.src, &c.m, &e), 0);
	assert_int_equal(c.m->size, raw.len);
	snprintf(path, sizeof(path), "%s/%.*s_decoded.xml", dir,
	    (int)strlen(name) - 4, name);
	doc = xmlReadFile(path, NULL,
	    XML_PARSE_HUGE | XML_PARSE_RECOVER | XML_PARSE_NOERROR |
		XML_PARSE_NOWARNING);
	assert_non_null(doc);
	compare_entity(&c, xmlDocGetRootElement(doc), 0);
	if (c.wrong == 0 && c.at != c.m->n_parts)
		differs(&c, "parts too many");
	if (reason(name) != NULL) {
		print_message("# %s: %s\n", name, reason(name));
		c.wrong = c.wrong == 0;
	}
	parts_compared += c.parts;
	xmlFreeDoc(doc);
	manifest_free(c.m);
	buf_free(&raw);
	return c.wrong == 0;
}

static void
each(const char *sub, const char *suffix, bool (*f)(const char *, const char *),
    unsigned *good, unsigned *bad)
{
	char dir[512];
	struct dirent *d;
	DIR *dp;

	snprintf(dir, sizeof(dir), "%s/%s", corpora(), sub);
	dp = opendir(dir);
	assert_non_null(dp);
	while ((d = readdir(dp)) != NULL) {
		size_t n = strlen(d->d_name);

		if (n <= strlen(suffix) ||
		    strcmp(d->d_name + n - strlen(suffix), suffix) != 0)
			continue;
		if (f(dir, d->d_name))
			(*good)++;
		else
			(*bad)++;
	}
	closedir(dp);
}

static void
mime4j_trees_are_the_same(void **state)
{
	unsigned good = 0, bad = 0;

	(void)state;
	if (!have("mail/mime4j"))
		return;
	each("mail/mime4j/testmsgs", ".msg", compare_message, &good, &bad);
	each("mail/mime4j/mimetools-testmsgs", ".msg", compare_message, &good,
	    &bad);
	print_message("# %u messages, %u parts; %u differ unexpectedly\n",
	    good + bad, parts_compared, bad);
	assert_true(good + bad >= 80);
	assert_int_equal(bad, 0);
}

/* Any file: a manifest that survives its own JSON, and a text. */
static bool
parses(const char *dir, const char *name)
{
	struct buf raw = BUF_INIT, json = BUF_INIT, text = BUF_INIT;
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *m, *again;
	char path[1024];
	struct err e;
	bool cut;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(slurp(path, &raw), 0);
	memory = (struct mail_memory){raw.data, raw.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	assert_int_equal(manifest_encode(m, &json, &e), 0);
	assert_int_equal(manifest_decode(json.data, json.len, &again, &e), 0);
	assert_int_equal(again->n_parts, m->n_parts);
	assert_int_equal(mail_text(&src, m, &text, &cut, &e), 0);
	manifest_free(m);
	manifest_free(again);
	buf_free(&raw);
	buf_free(&json);
	buf_free(&text);
	return true;
}

static void
others_parse_without_fault(void **state)
{
	unsigned good = 0, bad = 0;

	(void)state;
	if (!have("mail/python") || !have("mail/mime4j"))
		return;
	each("mail/python", ".txt", parses, &good, &bad);
	each("mail/mime4j/testmsgs", ".msg", parses, &good, &bad);
	each("mail/mime4j/mimetools-testmsgs", ".msg", parses, &good, &bad);
	assert_true(good > 100);
}

/* The text of a child element; NULL when there is none. The caller frees it. */
static char *
child_text(const xmlNode *n, const char *name)
{
	for (xmlNode *k = n->children; k != NULL; k = k->next)
		if (is(k, name))
			return (char *)xmlNodeGetContent(k);
	return NULL;
}

/*
 * U+2400 and on stand for the control characters that XML cannot hold. In place.
 */
static void
real_controls(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (memcmp(s, "\xe2\x90", 2) == 0 && (s[2] & 0xff) < 0xa0) {
			*to++ = (char)(s[2] & 0x1f);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* Deliverable by RFC 5321 alone, less address literals and numeric domains. */
static bool
is_ours(const char *category, const char *diagnosis)
{
	if (strcmp(diagnosis, "ISEMAIL_RFC5321_ADDRESSLITERAL") == 0 ||
	    strcmp(diagnosis, "ISEMAIL_RFC5321_IPV6DEPRECATED") == 0 ||
	    strcmp(diagnosis, "ISEMAIL_RFC5321_TLDNUMERIC") == 0)
		return false;
	return strcmp(category, "ISEMAIL_VALID_CATEGORY") == 0 ||
	    strcmp(category, "ISEMAIL_DNSWARN") == 0 ||
	    strcmp(category, "ISEMAIL_RFC5321") == 0;
}

static bool
compare_address(const xmlNode *n)
{
	char *address = child_text(n, "address");
	char *category = child_text(n, "category");
	char *diagnosis = child_text(n, "diagnosis");
	struct mailbox box;
	bool taken, same;

	assert_non_null(address);
	assert_non_null(category);
	assert_non_null(diagnosis);
	real_controls(address);
	taken = mailbox_parse(address, strlen(address), &box, NULL) == 0;
	same = taken == is_ours(category, diagnosis);
	if (!same)
		print_error("%s: %s %s, %s\n", address, category, diagnosis,
		    taken ? "taken" : "refused");
	xmlFree(address);
	xmlFree(category);
	xmlFree(diagnosis);
	return same;
}

static void
isemail_agrees(void **state)
{
	unsigned good = 0, bad = 0;
	char path[512];
	xmlDoc *doc;

	(void)state;
	if (!have("address/isemail-tests.xml"))
		return;
	snprintf(path, sizeof(path), "%s/address/isemail-tests.xml", corpora());
	doc = xmlReadFile(path, NULL, 0);
	assert_non_null(doc);
	for (xmlNode *n = xmlDocGetRootElement(doc)->children; n; n = n->next)
		if (is(n, "test"))
			compare_address(n) ? good++ : bad++;
	xmlFreeDoc(doc);
	print_message("# %u addresses, %u differ\n", good + bad, bad);
	assert_true(good + bad > 150);
	assert_int_equal(bad, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mime4j_trees_are_the_same),
	    cmocka_unit_test(others_parse_without_fault),
	    cmocka_unit_test(isemail_agrees),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
