/*
 * Text from HTML. libxml2's parser is fed in small pieces and calls back: no
 * tree is built, nothing is loaded. Its work grows with the square of one tag's
 * attributes and with the depth, so both are bounded and the whole is linear.
 */
#include "mail/parse.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "mail/charset.h"

#define PIECE     1024
#define DEPTH_MAX 256
#define TAG_MAX   32768    /* bytes of one tag */
#define WORK_MAX  64000000 /* attributes squared, of all tags together */
#define RUN_MAX   1024     /* base64 in one piece: a picture inside the page */
#define LINK_MAX  2000

struct writer {
	struct buf *out;
	unsigned hidden; /* open elements whose text is dropped */
	unsigned depth;
	unsigned pre;    /* open <pre> */
	unsigned breaks; /* line ends owed before the next text */
	bool space;      /* a space is owed too */
	bool failed;     /* memory is out */
	bool stop;       /* a bound is reached */
	uint64_t work;
	char *link;     /* address of the open <a> */
	size_t link_at; /* where its text begins */
};

enum { HIDE = 1, BLOCK = 2, PARAGRAPH = 4, CELL = 8, ITEM = 16, PRE = 32 };

static const struct element {
	const char *name;
	unsigned how;
} elements[] = {{"address", BLOCK}, {"article", BLOCK}, {"aside", BLOCK},
    {"blockquote", PARAGRAPH}, {"caption", BLOCK}, {"center", BLOCK},
    {"dd", BLOCK}, {"div", BLOCK}, {"dl", PARAGRAPH}, {"dt", BLOCK},
    {"footer", BLOCK}, {"form", BLOCK}, {"h1", PARAGRAPH}, {"h2", PARAGRAPH},
    {"h3", PARAGRAPH}, {"h4", PARAGRAPH}, {"h5", PARAGRAPH}, {"h6", PARAGRAPH},
    {"head", HIDE}, {"header", BLOCK}, {"iframe", HIDE}, {"li", BLOCK | ITEM},
    {"main", BLOCK}, {"nav", BLOCK}, {"noframes", HIDE}, {"object", HIDE},
    {"ol", PARAGRAPH}, {"p", PARAGRAPH}, {"pre", PARAGRAPH | PRE},
    {"script", HIDE}, {"section", BLOCK}, {"style", HIDE}, {"table", PARAGRAPH},
    {"td", CELL}, {"template", HIDE}, {"th", CELL}, {"title", HIDE},
    {"tr", BLOCK}, {"ul", PARAGRAPH}};

static unsigned
how(const xmlChar *name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (strcasecmp((const char *)name, elements[i].name) == 0)
			return elements[i].how;
	return 0;
}

static void
put(struct writer *w, const void *p, size_t n)
{
	if (!w->failed && buf_add(w->out, p, n) == -1)
		w->failed = true;
}

static void
owe(struct writer *w, unsigned breaks)
{
	if (w->breaks < breaks)
		w->breaks = breaks;
	w->space = false;
}

/* Pays what is owed before text. */
static void
settle(struct writer *w)
{
	bool first = w->out->len == 0;

	for (; w->breaks > 0; w->breaks--)
		if (!first)
			put(w, "\n", 1);
	if (w->space && !first && w->out->data[w->out->len - 1] != '\n')
		put(w, " ", 1);
	w->space = false;
}

static bool
is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
on_text(void *arg, const xmlChar *s, int len)
{
	struct writer *w = arg;
	int from = 0;

	if (w->hidden > 0)
		return;
	if (w->pre > 0 && len > 0) {
		settle(w);
		put(w, s, (size_t)len);
		return;
	}
	while (from < len) {
		int to = from;

		while (to < len && !is_space(s[to]))
			to++;
		if (to > from) {
			settle(w);
			put(w, s + from, (size_t)(to - from));
		}
		if (to < len)
			w->space = true;
		from = to + 1;
	}
}

static const char *
attribute(const xmlChar **atts, const char *name)
{
	for (; atts != NULL && atts[0] != NULL; atts += 2)
		if (strcasecmp((const char *)atts[0], name) == 0)
			return (const char *)atts[1];
	return NULL;
}

static void
link_open(struct writer *w, const char *href)
{
	free(w->link);
	w->link = NULL;
	if (href == NULL || strlen(href) > LINK_MAX ||
	    (strncasecmp(href, "http:", 5) != 0 &&
		strncasecmp(href, "https:", 6) != 0 &&
		strncasecmp(href, "mailto:", 7) != 0))
		return;
	w->link = strdup(href);
	w->link_at = w->out->len;
	if (w->link == NULL)
		w->failed = true;
}

/* "text <address>", and the address once where it is the text. */
static void
link_close(struct writer *w)
{
	const char *bare;
	size_t n;

	if (w->link == NULL)
		return;
	bare = strncasecmp(w->link, "mailto:", 7) == 0 ? w->link + 7 : w->link;
	n = strlen(bare);
	if (w->out->len < w->link_at + n ||
	    memcmp(w->out->data + w->out->len - n, bare, n) != 0) {
		w->space = w->out->len > w->link_at;
		settle(w);
		put(w, "<", 1);
		put(w, bare, n);
		put(w, ">", 1);
	}
	free(w->link);
	w->link = NULL;
}

static void
count_work(struct writer *w, const xmlChar **atts)
{
	uint64_t n = 0;

	while (atts != NULL && atts[2 * n] != NULL)
		n++;
	w->work += n * n;
	w->depth++;
	if (w->depth > DEPTH_MAX || w->work > WORK_MAX)
		w->stop = true;
}

static void
on_start(void *arg, const xmlChar *name, const xmlChar **atts)
{
	struct writer *w = arg;
	unsigned h = how(name);

	count_work(w, atts);
	if (h & HIDE)
		w->hidden++;
	if (w->hidden > 0)
		return;
	if (h & PARAGRAPH)
		owe(w, 2);
	else if (h & BLOCK)
		owe(w, 1);
	if (h & PRE)
		w->pre++;
	if (h & CELL)
		w->space = true;
	if (h & ITEM)
		on_text(w, (const xmlChar *)"- ", 2);
	if (strcasecmp((const char *)name, "br") == 0) {
		w->breaks++;
		w->space = false;
	} else if (strcasecmp((const char *)name, "a") == 0) {
		link_open(w, attribute(atts, "href"));
	} else if (strcasecmp((const char *)name, "img") == 0) {
		const char *alt = attribute(atts, "alt");

		if (alt != NULL)
			on_text(w, (const xmlChar *)alt, (int)strlen(alt));
	}
}

static void
on_end(void *arg, const xmlChar *name)
{
	struct writer *w = arg;
	unsigned h = how(name);

	if (w->depth > 0)
		w->depth--;
	if (h & HIDE) {
		if (w->hidden > 0)
			w->hidden--;
		return;
	}
	if (w->hidden > 0)
		return;
	if (strcasecmp((const char *)name, "a") == 0)
		link_close(w);
	if ((h & PRE) && w->pre > 0)
		w->pre--;
	if (h & PARAGRAPH)
		owe(w, 2);
	else if (h & BLOCK)
		owe(w, 1);
	if (h & CELL)
		w->space = true;
}

static void
on_problem(void *arg, const char *fmt, ...)
{
	(void)arg;
	(void)fmt;
}

/* The parser holds back a tag until its end has come: has one grown too long? */
static bool
tag_too_long(const htmlParserCtxt *ctxt)
{
	const xmlChar *p = ctxt->input ? ctxt->input->cur : NULL;

	return p != NULL && ctxt->input->end - p > TAG_MAX && p[0] == '<' &&
	    ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z');
}

static void
feed(htmlParserCtxtPtr ctxt, const uint8_t *s, size_t n, struct writer *w)
{
	for (size_t at = 0; at < n;) {
		size_t len = n - at < PIECE ? n - at : PIECE;

		htmlParseChunk(ctxt, (const char *)s + at, (int)len, 0);
		at += len;
		if (w->stop || w->failed || tag_too_long(ctxt))
			return;
	}
	htmlParseChunk(ctxt, NULL, 0, 1);
}

static bool
is_base64(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == '=';
}

/* Shortens runs of base64 in place: no text looks like that. */
static void
squeeze_runs(struct buf *b)
{
	size_t run = 0;
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++) {
		run = is_base64(b->data[i]) ? run + 1 : 0;
		if (run <= RUN_MAX)
			b->data[to++] = b->data[i];
	}
	b->len = to;
}

/* Bytes of the comment or declaration that begins at p, 0 when none does or ends. */
static size_t
declaration(const uint8_t *p, size_t n, bool *comment)
{
	const uint8_t *end;

	*comment = n > 3 && memcmp(p, "<!--", 4) == 0;
	if (*comment) {
		end = memmem(p + 4, n - 4, "-->", 3);
		return end != NULL ? (size_t)(end - p) + 3 : 0;
	}
	end = memchr(p, '>', n);
	return end != NULL ? (size_t)(end - p) + 1 : 0;
}

/*
 * Drops declarations in place: they hold no text, and the parser takes its time for each
 * that it does not know.
 */
static void
drop_declarations(struct buf *b)
{
	size_t to = 0, len;
	bool comment;

	for (size_t i = 0; i < b->len; i += len) {
		const uint8_t *p = b->data + i;
		const size_t n = b->len - i;

		len = 1;
		comment = true;
		if (n > 2 && p[0] == '<' && p[1] == '!' &&
		    (p[2] == '-' ||
			((p[2] | 0x20) >= 'a' && (p[2] | 0x20) <= 'z')) &&
		    (len = declaration(p, n, &comment)) == 0) {
			/* Nothing behind it ends either. */
			len = n;
			comment = true;
		}
		if (comment) {
			memmove(b->data + to, p, len);
			to += len;
		}
	}
	b->len = to;
}

static int
parse(const struct buf *html, struct writer *w)
{
	htmlSAXHandler sax = {
	    .startElement = on_start,
	    .endElement = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .warning = on_problem,
	    .error = on_problem,
	};
	htmlParserCtxtPtr ctxt = htmlCreatePushParserCtxt(
	    &sax, w, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (ctxt == NULL)
		return -1;
	htmlCtxtUseOptions(ctxt,
	    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
		HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	feed(ctxt, html->data, html->len, w);
	htmlFreeParserCtxt(ctxt);
	return w->failed ? -1 : 0;
}

int
mail_html_text(const void *html, size_t n, const char *charset, struct buf *out,
    struct err *e)
{
	struct buf text = BUF_INIT;
	struct buf shown = BUF_INIT;
	struct writer w = {.out = &text};
	int r;

	if (n > LIMIT_SHOWN_TEXT)
		n = LIMIT_SHOWN_TEXT;
	r = charset_show(&shown, charset, html, n);
	if (r == 0) {
		squeeze_runs(&shown);
		drop_declarations(&shown);
		r = parse(&shown, &w);
	}
	/* Character references may have made what text_show() took out. */
	if (r == 0)
		r = text_show(out, (const char *)text.data, text.len);
	free(w.link);
	buf_free(&shown);
	buf_free(&text);
	return r == 0 ? 0 : err_set(e, ERR_INTERNAL, "memory");
}
