/*
 * slots.c: see slots.h. The keys are derived today; a store that can destroy single
 * ones comes behind the same two calls.
 */
#include "keyd/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "keyd/files.h"

#define MAGIC     UINT32_C(0x524b5331) /* "RKS1" */
#define NAME      "slots"
#define COPY_LEN  32
#define COPY_GAP  512
#define FILE_LEN  (2 * COPY_GAP)
#define CHECK_LEN 16

struct keyd_slots {
	int fd;
	uint64_t next;
	uint64_t limit; /* first id not reserved on disk */
};

static void
encode(uint64_t limit, uint8_t out[COPY_LEN])
{
	static const uint8_t zero[SECRET_KEY_LEN];
	struct seal_field f[] = {SEAL_FSTR(NAME), SEAL_F(out, 16)};

	memset(out, 0, COPY_LEN);
	memcpy(out, "RKS1", 4);
	be64_put(out + 8, limit);
	seal_kdf(out + 16, CHECK_LEN, zero, SEAL_L_DIGEST, f, 2);
}

/* 1 and the number when the copy is whole, else 0. */
static int
decode(const uint8_t in[COPY_LEN], uint64_t *limit)
{
	uint8_t same[COPY_LEN];
	struct reader r;

	reader_init(&r, in, COPY_LEN);
	if (reader_u32(&r) != MAGIC)
		return 0;
	(void)reader_u32(&r);
	*limit = reader_u64(&r);
	encode(*limit, same);
	return memcmp(in, same, COPY_LEN) == 0;
}

static int
read_limit(int dir, uint64_t *limit, struct err *e)
{
	uint8_t file[FILE_LEN];
	uint64_t v;
	int i, found = 0;

	if (keyd_files_read(dir, NAME, 0600, file, sizeof(file), e) == -1)
		return -1;
	*limit = 0;
	for (i = 0; i < 2; i++)
		if (decode(file + i * COPY_GAP, &v)) {
			found = 1;
			if (v > *limit)
				*limit = v;
		}
	if (!found)
		return err_set(e, ERR_CORRUPT, "%s: damaged", NAME);
	return 0;
}

static int
make_file(int dir, struct err *e)
{
	uint8_t file[FILE_LEN];

	memset(file, 0, sizeof(file));
	encode(0, file);
	return keyd_files_write(dir, NAME, 0600, file, sizeof(file), e);
}

int
keyd_slots_used(int dir, bool make, struct err *e)
{
	struct err why;
	uint64_t limit;

	if (read_limit(dir, &limit, &why) == 0)
		return limit > 0;
	if (why.code != ERR_NOT_FOUND || !make)
		return err_set(e, ERR_CORRUPT, "%s", why.text);
	return make_file(dir, e);
}

static int
reserve(struct keyd_slots *s, struct err *e)
{
	uint8_t copy[COPY_LEN];
	uint64_t limit = s->limit + KEYD_SLOTS_STEP;
	off_t at = (limit / KEYD_SLOTS_STEP) % 2 * COPY_GAP;

	encode(limit, copy);
	if (pwrite(s->fd, copy, sizeof(copy), at) != (ssize_t)sizeof(copy) ||
	    fdatasync(s->fd) == -1)
		return err_set(
		    e, ERR_UNAVAILABLE, "%s: %s", NAME, strerror(errno));
	s->limit = limit;
	return 0;
}

struct keyd_slots *
keyd_slots_open(int dir, struct err *e)
{
	struct keyd_slots *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, ERR_UNAVAILABLE, "memory is out");
		return NULL;
	}
	s->fd = -1;
	if (read_limit(dir, &s->limit, e) == -1)
		goto fail;
	s->fd = keyd_files_open(dir, NAME, O_RDWR, 0600, FILE_LEN, e);
	if (s->fd == -1)
		goto fail;
	s->next = s->limit > 0 ? s->limit : 1;
	if (reserve(s, e) == -1)
		goto fail;
	return s;
fail:
	keyd_slots_close(s);
	return NULL;
}

void
keyd_slots_close(struct keyd_slots *s)
{
	if (s == NULL)
		return;
	if (s->fd != -1)
		close(s->fd);
	free(s);
}

int
keyd_slots_take(
    struct keyd_slots *s, uint64_t n, uint64_t *first_out, struct err *e)
{
	if (n > KEYD_SLOTS_STEP)
		return err_set(e, ERR_BAD_INPUT, "too many slots at once");
	if (s->next + n > s->limit && reserve(s, e) == -1)
		return -1;
	*first_out = s->next;
	s->next += n;
	return 0;
}

static int
derive(const struct keyd_slots *s, const uint8_t key[SECRET_KEY_LEN],
    enum seal_label label, uint64_t id, uint8_t out[SECRET_KEY_LEN],
    struct err *e)
{
	uint8_t name[8];
	struct seal_field f = SEAL_F(name, sizeof(name));

	if (id == 0 || id >= s->next)
		return err_set(e, ERR_NOT_FOUND, "slot was never given out");
	be64_put(name, id);
	seal_kdf(out, SECRET_KEY_LEN, key, label, &f, 1);
	return 0;
}

int
keyd_slots_shred(const struct keyd_slots *s, const struct keyd_keys *k,
    uint64_t id, uint8_t out[SECRET_KEY_LEN], struct err *e)
{
	return derive(
	    s, keyd_keys_get(k, KEYD_SHRED), SEAL_L_SHRED, id, out, e);
}

int
keyd_slots_half(const struct keyd_slots *s, const struct keyd_keys *k,
    uint64_t id, uint8_t out[SECRET_KEY_LEN], struct err *e)
{
	return derive(s, keyd_keys_get(k, KEYD_HALF), SEAL_L_HALF, id, out, e);
}
