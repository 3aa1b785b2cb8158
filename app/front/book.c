/*
 * book.c: files of certificates and keys. Read in the parent alone.
 */
#include "front/book.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "front/pair.h"

#define FILE_MAX  262144
#define FILES_MAX 4096 /* of one place */
#define PATH_LEN  4096

/* A file of a place, and what was found in it. */
struct leaf_file {
	char *path;
	struct buf bytes;
	EVP_PKEY *key;    /* or NULL */
	struct pair pair; /* .leaf or NULL */
};

struct place {
	const char *name;
	struct leaf_file *file;
	size_t n;
};

/* ---- a book ------------------------------------------------------------------ */

void
book_free(struct book *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++) {
		free(b->pair[i].place);
		buf_free(&b->pair[i].chain);
		buf_free(&b->pair[i].key);
	}
	free(b->pair);
	free(b);
}

static int
book_add(struct book *b, const char *place, size_t place_len, const void *chain,
    size_t chain_len, const void *key, size_t key_len)
{
	struct book_pair *grown, *p;

	grown = realloc(b->pair, (b->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	b->pair = grown;
	p = &grown[b->n++];
	*p = (struct book_pair){.place = strndup(place, place_len)};
	if (p->place == NULL || buf_add(&p->chain, chain, chain_len) == -1 ||
	    buf_add(&p->key, key, key_len) == -1)
		return -1;
	return 0;
}

static int
add_part(struct buf *out, const void *p, size_t n)
{
	if (buf_add_u32(out, (uint32_t)n) == -1)
		return -1;
	return buf_add(out, p, n);
}

int
book_pack(const struct book *b, struct buf *out)
{
	if (buf_add_u32(out, (uint32_t)b->n) == -1)
		return -1;
	for (size_t i = 0; i < b->n; i++) {
		const struct book_pair *p = &b->pair[i];

		if (add_part(out, p->place, strlen(p->place)) == -1 ||
		    add_part(out, p->chain.data, p->chain.len) == -1 ||
		    add_part(out, p->key.data, p->key.len) == -1)
			return -1;
	}
	return 0;
}

static int
unpack_pair(struct reader *r, struct book *b)
{
	const uint8_t *part[3];
	size_t len[3];

	for (size_t i = 0; i < 3; i++) {
		len[i] = reader_u32(r);
		part[i] = reader_bytes(r, len[i]);
		if (part[i] == NULL)
			return -1;
	}
	return book_add(
	    b, (const char *)part[0], len[0], part[1], len[1], part[2], len[2]);
}

struct book *
book_unpack(const void *p, size_t n)
{
	struct book *b = calloc(1, sizeof(*b));
	struct reader r;
	uint32_t count;

	if (b == NULL)
		return NULL;
	reader_init(&r, p, n);
	for (count = reader_u32(&r); count > 0; count--) {
		if (unpack_pair(&r, b) == -1) {
			book_free(b);
			return NULL;
		}
	}
	return b;
}

/* ---- a place ----------------------------------------------------------------- */

static void
place_clear(struct place *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->file[i].path);
		buf_free(&p->file[i].bytes);
		EVP_PKEY_free(p->file[i].key);
		pair_clear(&p->file[i].pair);
	}
	free(p->file);
	*p = (struct place){.name = p->name};
}

/* A plain file alone: a pipe would keep the parent waiting, who minds the workers. */
static FILE *
open_plain(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	FILE *f;

	if (fd == -1 || fstat(fd, &st) == -1)
		(void)err_set(e, ERR_UNAVAILABLE, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		(void)err_set(e, ERR_BAD_INPUT, "not a plain file");
	else if ((f = fdopen(fd, "r")) == NULL)
		(void)err_set(e, ERR_INTERNAL, "out of memory");
	else
		return f;
	if (fd != -1)
		(void)close(fd);
	return NULL;
}

static int
read_file(const char *path, struct buf *out, struct err *e)
{
	char part[8192];
	FILE *f = open_plain(path, e);
	size_t n;
	int bad;

	if (f == NULL)
		return -1;
	(void)setvbuf(f, NULL, _IONBF, 0); /* no copy that nobody wipes */
	while (
	    (n = fread(part, 1, sizeof(part), f)) > 0 && out->len <= FILE_MAX) {
		if (buf_add(out, part, n) == -1)
			break;
	}
	explicit_bzero(part, sizeof(part));
	bad = ferror(f) || n > 0;
	(void)fclose(f);
	if (bad)
		return err_set(
		    e, ERR_UNAVAILABLE, "cannot be read, or is too big");
	return 0;
}

static int
place_add(struct place *p, const char *path, struct err *e)
{
	struct leaf_file *grown;

	if (p->n == FILES_MAX)
		return err_set(e, ERR_TOO_MANY, "too many files");
	grown = realloc(p->file, (p->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	p->file = grown;
	grown = &p->file[p->n];
	*grown = (struct leaf_file){.path = strdup(path)};
	p->n++;
	if (grown->path == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (read_file(path, &grown->bytes, e) == -1)
		return -1;
	if (memmem(grown->bytes.data, grown->bytes.len, "PRIVATE KEY-----",
		16) != NULL) {
		grown->key = pair_read_key(grown->bytes.data, grown->bytes.len);
		if (grown->key == NULL)
			return err_set(e, ERR_BAD_INPUT,
			    "the key is malformed or encrypted");
	}
	(void)pair_read_chain(
	    &grown->pair, grown->bytes.data, grown->bytes.len);
	ERR_clear_error();
	return 0;
}

/* As PATH: names with ':' between. */
static int
place_add_list(struct place *p, const char *list, struct err *e)
{
	char path[PATH_LEN];

	while (list != NULL) {
		size_t n = strcspn(list, ":");

		if (n >= sizeof(path))
			return err_set(e, ERR_BAD_INPUT, "too long a name");
		memcpy(path, list, n);
		path[n] = '\0';
		if (place_add(p, path, e) == -1)
			return -1;
		list = list[n] == ':' ? list + n + 1 : NULL;
	}
	return 0;
}

static int
is_pem(const struct dirent *d)
{
	static const char *const ends[] = {".pem", ".crt", ".cer", ".key"};
	size_t n = strlen(d->d_name);

	for (size_t i = 0; d->d_name[0] != '.' && i < 4; i++) {
		if (n > 4 && strcmp(d->d_name + n - 4, ends[i]) == 0)
			return 1;
	}
	return 0;
}

static int
place_add_dir(struct place *p, const char *dir, struct err *e)
{
	char path[PATH_LEN];
	struct dirent **all;
	int n = scandir(dir, &all, is_pem, alphasort), ret = 0;

	if (n == -1)
		return err_set(e, ERR_UNAVAILABLE, "%s", strerror(errno));
	for (int i = 0; i < n; i++) {
		if (ret == 0 &&
		    snprintf(path, sizeof(path), "%s/%s", dir, all[i]->d_name) <
			(int)sizeof(path))
			ret = place_add(p, path, e);
		free(all[i]);
	}
	free(all);
	return ret;
}

/* The same certificate with more of its chain stands in another file. */
static bool
is_shorter(const struct place *p, size_t at)
{
	const struct pair *me = &p->file[at].pair, *other;

	for (size_t i = 0; i < p->n; i++) {
		other = &p->file[i].pair;
		if (i == at || other->leaf == NULL ||
		    X509_cmp(other->leaf, me->leaf) != 0)
			continue;
		if (sk_X509_num(other->chain) > sk_X509_num(me->chain) ||
		    (sk_X509_num(other->chain) == sk_X509_num(me->chain) &&
			i < at))
			return true;
	}
	return false;
}

static const struct leaf_file *
key_of(const struct place *p, const struct pair *pair)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->file[i].key != NULL &&
		    X509_check_private_key(pair->leaf, p->file[i].key) == 1)
			return &p->file[i];
	}
	ERR_clear_error();
	return NULL;
}

/* The pairs of a place go into b; one that is bad spoils all of them. */
static int
place_pairs(const struct place *p, struct book *b, struct err *e)
{
	const struct leaf_file *key;
	size_t found = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct leaf_file *f = &p->file[i];

		if (f->pair.leaf == NULL || is_shorter(p, i))
			continue;
		key = key_of(p, &f->pair);
		if (key == NULL && X509_check_ca(f->pair.leaf) != 0)
			continue; /* an issuer's, beside the chain */
		if (key == NULL)
			return err_set(e, ERR_BAD_INPUT,
			    "no key here is the certificate's: %.120s",
			    f->path);
		if (pair_complete(&f->pair, key->key, e) == -1)
			return -1;
		if (book_add(b, p->name, strlen(p->name), f->bytes.data,
			f->bytes.len, key->bytes.data, key->bytes.len) == -1)
			return err_set(e, ERR_INTERNAL, "out of memory");
		found++;
	}
	if (found == 0)
		return err_set(
		    e, ERR_NOT_FOUND, "there is no certificate with its key");
	return 0;
}

/* ---- all places -------------------------------------------------------------- */

/* Takes b's pairs from `from` on, of that place, out again. */
static void
book_cut(struct book *b, size_t from)
{
	while (b->n > from) {
		struct book_pair *p = &b->pair[--b->n];

		free(p->place);
		buf_free(&p->chain);
		buf_free(&p->key);
	}
}

static size_t
book_keep(struct book *b, const struct book *old, const char *place)
{
	size_t kept = 0;

	for (size_t i = 0; old != NULL && i < old->n; i++) {
		const struct book_pair *p = &old->pair[i];

		if (strcmp(p->place, place) == 0 &&
		    book_add(b, place, strlen(place), p->chain.data,
			p->chain.len, p->key.data, p->key.len) == 0)
			kept++;
	}
	return kept;
}

/* One place into b; how = 0 when its files were good. Gives the pairs it has. */
static size_t
take_place(struct book *b, const struct book *old, struct place *p, int how,
    struct err *e)
{
	size_t before = b->n;

	if (how == 0)
		how = place_pairs(p, b, e);
	if (how == -1) {
		const char *file = p->n > 0 && p->file[p->n - 1].path != NULL ?
		    p->file[p->n - 1].path :
		    "-";

		book_cut(b, before);
		log_line(LOG_LEVEL_ERROR, NULL, "certificate refused",
		    "host=%s reason=\"%s\" last=%s pairs_kept=%zu", p->name,
		    e->text, file, book_keep(b, old, p->name));
	}
	place_clear(p);
	return b->n - before;
}

static int
take_default(struct book *b, const struct book *old, const struct settings *set,
    struct err *e)
{
	struct place p = {.name = BOOK_DEFAULT};
	int how;

	if (set->tls_cert == NULL || set->tls_key == NULL)
		return err_set(e, ERR_BAD_INPUT,
		    "RESTANTE_TLS_CERT and RESTANTE_TLS_KEY are not set");
	how = place_add_list(&p, set->tls_cert, e);
	if (how == 0)
		how = place_add_list(&p, set->tls_key, e);
	return take_place(b, old, &p, how, e) > 0 ? 0 : -1;
}

static int
is_place(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
take_hosts(
    struct book *b, const struct book *old, const char *dir, struct err *e)
{
	char path[PATH_LEN];
	struct dirent **all;
	struct err why;
	int n = scandir(dir, &all, is_place, alphasort);

	if (n == -1)
		return err_set(e, ERR_UNAVAILABLE, "RESTANTE_TLS_DIR: %s",
		    strerror(errno));
	for (int i = 0; i < n; i++) {
		struct place p = {.name = all[i]->d_name};

		err_clear(&why);
		if (strcmp(p.name, BOOK_DEFAULT) != 0 &&
		    snprintf(path, sizeof(path), "%s/%s", dir, p.name) <
			(int)sizeof(path))
			(void)take_place(
			    b, old, &p, place_add_dir(&p, path, &why), &why);
		free(all[i]);
	}
	free(all);
	return 0;
}

struct book *
book_read(const struct settings *set, const struct book *old, struct err *e)
{
	struct book *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		(void)err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	if (take_default(b, old, set, e) == -1 ||
	    (set->tls_dir != NULL &&
		take_hosts(b, old, set->tls_dir, e) == -1)) {
		book_free(b);
		return NULL;
	}
	return b;
}
