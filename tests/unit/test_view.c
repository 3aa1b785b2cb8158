/*
 * test_view.c: the templates as they are: mails against tests/golden/mails, every word
 * used; and templates with faults, each found when they are loaded.
 */
#include "view/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "golden.h"

static const char *
share(void)
{
	const char *s = getenv("RESTANTE_SHARE");

	return s == NULL ? "." : s;
}

/* ---- mails ------------------------------------------------------------------------ */

static const struct view_field fields[] = {
    {"tenant", "Acme Bank"},
    {"host", "acme.localhost:8443"},
    {"url",
	"https://acme.localhost:8443/m/7kqf2m9x-abcdefghjkmnpqrstvwxyz2345"},
    {"pickup_shown", "7KQF-2M9X"},
    {"sender", "alice@acme.example"},
    {"sender_name", "Alice Example"},
    {"sender_line", "Alice Example <alice@acme.example>"},
    {"sender_of", "Alice Example (Acme Bank)"},
    {"guest", "yes"},
    {"account", ""},
    {"known", "yes"},
    {"outside", ""},
    {"nobody", ""},
    {"expires", "Friday 18 December 2026"},
    {"contact", "+44 20 7946 0000"},
    {"check_url", "https://acme.localhost:8443/check"},
    {"wrong_url", "https://acme.localhost:8443/m/7KQF2M9X/wrong"},
    {"code", "KQ7M-2F9X"},
    {"reference", "7F3"},
    {"recipient", "Carol Example (carol@partner.example)"},
    {"displayed_at", "20 Nov 2026, 14:03 UTC"},
    {"original_date", "20 Nov 2026, 13:58 UTC"},
    {"track_url", "https://acme.localhost:8443/message/x/track"},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void
check_mail(const struct view *v, const char *name, const struct view_field *f,
    const char *suffix)
{
	struct buf subject = BUF_INIT, text = BUF_INIT, html = BUF_INIT;
	struct buf all = BUF_INIT;
	char path[100];
	struct err e;

	if (view_mail(v, name, "en", f, FIELDS, &subject, &text, &html, &e) ==
	    -1)
		fail_msg("%s", e.text);
	assert_null(strpbrk(buf_cstr(&subject), "{}<>\r\n"));
	assert_null(strpbrk(buf_cstr(&text), "{}\r"));
	assert_null(strpbrk(buf_cstr(&html), "{}"));
	assert_null(strstr(buf_cstr(&html), "<img"));
	assert_null(strstr(buf_cstr(&html), "http:"));
	assert_true(text.len + html.len < 20000);
	assert_int_equal(buf_addf(&all, "Subject: %s\n\n%s", buf_cstr(&subject),
			     buf_cstr(&text)),
	    0);
	snprintf(path, sizeof(path), "mails/%s%s.txt", name, suffix);
	assert_int_equal(golden_check(path, all.data, all.len), 0);
	snprintf(path, sizeof(path), "mails/%s%s.html", name, suffix);
	if (html.len > 0)
		assert_int_equal(golden_check(path, html.data, html.len), 0);
	buf_free(&subject);
	buf_free(&text);
	buf_free(&html);
	buf_free(&all);
}

static void
test_mails(void **state)
{
	const struct view *v = *state;
	struct view_field odd[FIELDS];
	size_t i;

	check_mail(v, "notice", fields, "");
	check_mail(v, "code", fields, "");
	check_mail(v, "receipt", fields, "");
	memcpy(odd, fields, sizeof(odd));
	for (i = 0; i < FIELDS; i++) {
		if (strcmp(odd[i].name, "guest") == 0)
			odd[i].value = "";
		if (strcmp(odd[i].name, "account") == 0)
			odd[i].value = "yes";
	}
	check_mail(v, "notice", odd, "_account");
	/* Without a contact its line goes; hostile values stay text in one line. */
	memcpy(odd, fields, sizeof(odd));
	for (i = 0; i < FIELDS; i++) {
		if (strcmp(odd[i].name, "contact") == 0)
			odd[i].value = "";
		if (strcmp(odd[i].name, "sender_line") == 0)
			odd[i].value =
			    "\"</a><img src=x>\" & 'b'\r\nBcc: x <a@b.example>";
	}
	check_mail(v, "notice", odd, "-odd");
}

static void
test_mail_faults(void **state)
{
	const struct view *v = *state;
	struct buf b = BUF_INIT;
	struct err e;

	assert_int_equal(
	    view_mail(v, "nothing", "en", fields, FIELDS, &b, &b, &b, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(
	    view_mail(v, "code", "en", fields, 1, &b, &b, &b, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_non_null(strstr(e.text, "reference"));
	buf_free(&b);
}

static void
test_words(void **state)
{
	const struct view *v = *state;

	assert_string_equal(view_word(v, "en", "nav.inbox"), "Inbox");
	assert_string_equal(view_word(v, "xx", "nav.inbox"), "Inbox");
	assert_string_equal(view_word(v, NULL, "nav.inbox"), "Inbox");
	assert_string_equal(view_word(v, "en", "nothing"), "");
}

/* ---- the model --------------------------------------------------------------------- */

/* How many tags the page has with s in every place. */
static size_t
render_string(const struct view *v, const char *s, size_t len)
{
	struct model *m = model_new();
	struct node *n = node_add(model_root(m), "compose");
	struct buf b = BUF_INIT;
	const char *p;
	size_t tags = 0;
	struct err e;

	node_set(model_root(m), "tenant", s);
	node_set(n, "to", s);
	node_text_n(n, "subject", s, len);
	node_text_n(n, "body", s, len);
	if (view_page(v, "compose", "en", m, &b, &e) == -1)
		fail_msg("'%s': %s", s, e.text);
	assert_true(text_is_utf8(buf_cstr(&b), b.len));
	assert_null(memchr(b.data, '\0', b.len));
	for (p = buf_cstr(&b); (p = strchr(p, '<')) != NULL; p++)
		tags++;
	buf_free(&b);
	model_free(m);
	return tags;
}

/* What people type and send, shown on a page, comes back as text and nothing else. */
static void
test_strings(void **state)
{
	const struct view *v = *state;
	const char *corpora = getenv("CORPORA");
	char path[1024];
	size_t i, want;
	json_t *all;

	snprintf(path, sizeof(path), "%s/strings/blns.json",
	    corpora == NULL ? "../shared/corpora" : corpora);
	all = json_load_file(path, 0, NULL);
	if (all == NULL)
		skip();
	want = render_string(v, "x", 1);
	for (i = 0; i < json_array_size(all); i++) {
		json_t *one = json_array_get(all, i);

		if (render_string(v, json_string_value(one),
			json_string_length(one)) != want)
			fail_msg("string %zu changes the page", i);
	}
	json_decref(all);
}

static void
test_nothing(void **state)
{
	const struct view *v = *state;
	struct buf b = BUF_INIT;
	struct model *m = model_new();
	struct err e;

	assert_null(model_root(NULL));
	assert_null(node_add(NULL, "a"));
	node_text(NULL, "a", "b");
	node_set(NULL, "a", "b");
	node_set_int(NULL, "a", 1);
	model_free(NULL);
	assert_int_equal(view_page(v, "nothing", "en", m, &b, &e), -1);
	assert_int_equal(view_page(v, "layout", "en", m, &b, &e), -1);
	assert_int_equal(view_page(v, "reset", "en", NULL, &b, &e), -1);
	assert_int_equal(b.len, 0);
	model_free(m);
	view_free(NULL);
}

/* Many threads, one view. */
static void *
render(void *arg)
{
	const struct view *v = arg;
	struct buf first = BUF_INIT, b = BUF_INIT;
	uintptr_t bad = 0;
	struct err e;
	int i;

	for (i = 0; i < 200; i++) {
		struct model *m = model_new();

		node_set(model_root(m), "tenant", "Acme Bank");
		node_add(model_root(m), "home");
		buf_clear(&b);
		bad += view_page(
			   v, "home", "en", m, i == 0 ? &first : &b, &e) == -1;
		bad += i > 0 && strcmp(buf_cstr(&first), buf_cstr(&b)) != 0;
		model_free(m);
	}
	buf_free(&first);
	buf_free(&b);
	return (void *)bad;
}

static void
test_threads(void **state)
{
	pthread_t t[4];
	void *bad;
	size_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, render, *state), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

/* ---- faults found at the start -------------------------------------------------------- */

#define SHEET(body)                                                     \
	"<xsl:stylesheet version=\"1.0\" "                              \
	"xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" "           \
	"xmlns:w=\"urn:restante:words\" exclude-result-prefixes=\"w\">" \
	"<xsl:template match=\"/\"><p>" body "</p></xsl:template>"      \
	"</xsl:stylesheet>"
#define WORDS(body) "<words lang=\"en\">" body "</words>"
#define MAIL        "Subject: s\n\ntext\n"

static const struct fault {
	const char *name;
	const char *words;
	const char *page;
	const char *mail;
	const char *html; /* of the page; NULL: it must not load */
	const char *says;
} faults[] = {
    {"well", WORDS("<w id=\"a\"> A  <b>{x}</b>\n{y} </w>"),
	SHEET("<w:t id=\"a\" x=\"'&lt;'\"><w:f name=\"y\"><i>I</i></w:f></w:t>"
	      "<i><w:a name=\"title\" id=\"a\" x=\"1\" y=\"2\"/></i>"),
	MAIL, "<p>A <b>&lt;</b> <i>I</i><i title=\"A 1 2\"></i></p>", NULL},
    {"a brace is a brace", WORDS("<w id=\"a\">{ {A} {x</w>"),
	SHEET("<w:t id=\"a\"/>"), MAIL, "<p>{ {A} {x</p>", NULL},
    {"unknown word", WORDS("<w id=\"a\">A</w>"), SHEET("<w:t id=\"b\"/>"), MAIL,
	NULL, "no word 'b'"},
    {"field missing", WORDS("<w id=\"a\">{x}</w>"), SHEET("<w:t id=\"a\"/>"),
	MAIL, NULL, "not given"},
    {"field too many", WORDS("<w id=\"a\">A</w>"),
	SHEET("<w:t id=\"a\" x=\"1\"/>"), MAIL, NULL, "too many"},
    {"odd inside", WORDS("<w id=\"a\">A</w>"), SHEET("<w:t id=\"a\">x</w:t>"),
	MAIL, NULL, "odd"},
    {"no such element", WORDS("<w id=\"a\">A</w>"), SHEET("<w:x id=\"a\"/>"),
	MAIL, NULL, "not w:t"},
    {"word twice", WORDS("<w id=\"a\">A</w><w id=\"a\">B</w>"), SHEET(""), MAIL,
	NULL, "twice"},
    {"markup in a word", WORDS("<w id=\"a\"><i>A</i></w>"), SHEET(""), MAIL,
	NULL, "alone"},
    {"words not well-formed", "<words lang=\"en\">", SHEET(""), MAIL, NULL,
	"cannot be read"},
    {"another language", "<words lang=\"de\"/>", SHEET(""), MAIL, NULL,
	"no word"},
    {"page not well-formed", WORDS(""), "<a>", MAIL, NULL, "cannot be read"},
    {"page of another kind", WORDS(""), "<a/>", MAIL, NULL, "style sheet"},
    {"bad XPath", WORDS(""), SHEET("<xsl:value-of select=\"((\"/>"), MAIL, NULL,
	"compile"},
    {"mail without subject", WORDS(""), SHEET(""), "text\n", NULL, "subject"},
    {"mail with an unknown word", WORDS(""), SHEET(""),
	"Subject: s\n\n{word:b}\n", NULL, "no word 'b'"},
    {"reads a file", WORDS(""),
	SHEET("<xsl:copy-of select=\"document('/etc/passwd')\"/>"), MAIL, "",
	"failed"},
    {"reads a file of its own", WORDS(""),
	SHEET("<xsl:copy-of select=\"document('')\"/>"), MAIL, NULL, NULL},
};

static void
put(const char *dir, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

/* The words that every catalogue needs, behind those of the case. */
static void
put_words(const char *dir, const char *words)
{
	struct buf b = BUF_INIT;
	const char *end = strstr(words, "</words>");
	int i;

	if (end == NULL || strstr(words, "lang=\"de\"") != NULL) {
		put(dir, "templates/text/en.xml", words);
		return;
	}
	assert_int_equal(buf_add(&b, words, (size_t)(end - words)), 0);
	for (i = 0; i < ERR_CODES; i++)
		assert_int_equal(buf_addf(&b, "<w id=\"%s\">-</w>",
				     err_row((enum err_code)i)->word),
		    0);
	assert_int_equal(buf_adds(&b, end), 0);
	put(dir, "templates/text/en.xml", buf_cstr(&b));
	buf_free(&b);
}

static void
check_page(const struct fault *f, const struct view *v)
{
	struct model *m = model_new();
	struct buf b = BUF_INIT;
	struct err e;
	int got = view_page(v, "page", "en", m, &b, &e);

	if (f->html != NULL && f->html[0] != '\0') {
		assert_int_equal(got, 0);
		assert_non_null(strstr(buf_cstr(&b), f->html));
	} else if (got == 0) {
		/* What may not be read is not there. */
		assert_null(strstr(buf_cstr(&b), "root:"));
		assert_null(strstr(buf_cstr(&b), "stylesheet"));
	}
	buf_free(&b);
	model_free(m);
}

static void
test_faults(void **state)
{
	char dir[] = "/tmp/test-view-XXXXXX", path[300];
	static const char *const made[] = {"templates/text/en.xml",
	    "templates/mail/m.txt", "templates/page.xsl",
	    "templates/layout.xsl", "templates/text", "templates/mail",
	    "templates", ""};
	struct view *v;
	struct err e;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (i = 7; i-- > 4;) {
		snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put(dir, "templates/layout.xsl",
	    "<xsl:stylesheet version=\"1.0\" "
	    "xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"/>");
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		bool loads = f->html != NULL || f->says == NULL;

		put_words(dir, f->words);
		put(dir, "templates/page.xsl", f->page);
		put(dir, "templates/mail/m.txt", f->mail);
		if ((view_load(dir, &v, &e) == 0) != loads)
			fail_msg("%s: %s", f->name, loads ? e.text : "loads");
		if (loads) {
			check_page(f, v);
			view_free(v);
		} else if (strstr(e.text, f->says) == NULL) {
			fail_msg("%s: %s", f->name, e.text);
		}
	}
	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(view_load("/nowhere", &v, &e), -1);
}

/* Is every word of the catalogue used? */
static int
is_used(const char *text, const char *id)
{
	char quoted[120], braced[120];

	/* id="..." of a template, or "..." of a program that is told in text */
	snprintf(quoted, sizeof(quoted), "\"%s\"", id);
	snprintf(braced, sizeof(braced), "{word:%s}", id);
	return strstr(text, quoted) != NULL || strstr(text, braced) != NULL;
}

static void
read_all(const char *dir, struct buf *out)
{
	DIR *d = opendir(dir);
	const struct dirent *ent;
	char path[600], part[4096];
	size_t n;
	FILE *f;

	assert_non_null(d);
	while ((ent = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%.300s/%.255s", dir, ent->d_name);
		f = ent->d_type == DT_REG ? fopen(path, "r") : NULL;
		while (f != NULL && (n = fread(part, 1, sizeof(part), f)) > 0)
			assert_int_equal(buf_add(out, part, n), 0);
		if (f != NULL)
			fclose(f);
	}
	closedir(d);
}

static void
test_every_word(void **state)
{
	struct buf use = BUF_INIT, words = BUF_INIT;
	char path[300], id[100];
	const char *p;
	int i;

	(void)state;
	snprintf(path, sizeof(path), "%s/templates", share());
	read_all(path, &use);
	snprintf(path, sizeof(path), "%s/templates/mail", share());
	read_all(path, &use);
	read_all("app/portal", &use);
	read_all("app/courier", &use);
	for (i = 0; i < ERR_CODES; i++)
		assert_int_equal(buf_addf(&use, "{word:%s}",
				     err_row((enum err_code)i)->word),
		    0);
	snprintf(path, sizeof(path), "%s/templates/text", share());
	read_all(path, &words);
	for (p = buf_cstr(&words); (p = strstr(p, "<w id=\"")) != NULL;) {
		p += strlen("<w id=\"");
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(p, "\""), p);
		if (!is_used(buf_cstr(&use), id))
			fail_msg("the word '%s' is not used", id);
	}
	buf_free(&use);
	buf_free(&words);
}

static int
start(void **state)
{
	struct view *v;
	struct err e;

	if (view_load(share(), &v, &e) == -1) {
		print_error("%s\n", e.text);
		return -1;
	}
	*state = v;
	return 0;
}

static int
stop(void **state)
{
	view_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mails),
	    cmocka_unit_test(test_mail_faults),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_every_word),
	};

	return cmocka_run_group_tests_name("view", tests, start, stop);
}
