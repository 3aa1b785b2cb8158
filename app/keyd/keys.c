/*
 * keys.c: see keys.h.
 */
#include "keyd/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "keyd/files.h"

#define MAGIC     "RKF1"
#define FILE_LEN  56
#define CHECK_LEN 16
#define KEYS_NAME "keys"
#define NEW_NAME  "keys.new"

struct block {
	uint8_t key[KEYD_KEYS][SECRET_KEY_LEN];
	struct seal_pair outbox;
	struct seal_pair escrow;
	struct seal_pair forward;
	struct seal_signer directory;
	uint8_t file[FILE_LEN]; /* while reading and writing */
};

struct keyd_keys {
	struct secret *mem; /* a struct block */
	struct block *block;
	uint32_t generation;
};

static const char *const names[KEYD_KEYS] = {
    [KEYD_PEPPER] = "pepper",
    [KEYD_OUTBOX] = "outbox",
    [KEYD_ESCROW] = "escrow",
    [KEYD_DIRECTORY] = "directory",
    [KEYD_HALF] = "half",
    [KEYD_SHRED] = "shred",
    [KEYD_CODE] = "code",
    [KEYD_TOKEN] = "token",
    [KEYD_PROOF] = "proof",
    [KEYD_DUPLICATE] = "duplicate",
    [KEYD_COUNT] = "count",
    [KEYD_FORWARD] = "forward",
};

static void
check_of(
    enum keyd_key which, const uint8_t file[FILE_LEN], uint8_t out[CHECK_LEN])
{
	const struct seal_field f[] = {
	    SEAL_FSTR(names[which]), SEAL_F(file + 4, 4)};

	seal_kdf(out, CHECK_LEN, file + 8, SEAL_L_DIGEST, f, 2);
}

static int
write_key(struct block *b, int dir, enum keyd_key which, struct err *e)
{
	int rc;

	memset(b->file, 0, FILE_LEN);
	memcpy(b->file, MAGIC, 4);
	b->file[7] = 1; /* generation 1, big-endian */
	secret_random(b->file + 8, SECRET_KEY_LEN);
	check_of(which, b->file, b->file + 40);
	rc = keyd_files_write(dir, names[which], 0400, b->file, FILE_LEN, e);
	secret_wipe(b->file, FILE_LEN);
	return rc;
}

static int
read_key(struct keyd_keys *k, int dir, enum keyd_key which, struct err *e)
{
	struct block *b = k->block;
	uint8_t check[CHECK_LEN];
	int rc = -1;

	if (keyd_files_read(dir, names[which], 0400, b->file, FILE_LEN, e) ==
	    -1)
		goto out;
	check_of(which, b->file, check);
	if (memcmp(b->file, MAGIC, 4) != 0 ||
	    !secret_equal(check, b->file + 40, CHECK_LEN)) {
		err_set(e, ERR_CORRUPT, "key %s: damaged", names[which]);
		goto out;
	}
	memcpy(b->key[which], b->file + 8, SECRET_KEY_LEN);
	if (which == KEYD_DIRECTORY)
		k->generation = (uint32_t)b->file[4] << 24 |
		    (uint32_t)b->file[5] << 16 | (uint32_t)b->file[6] << 8 |
		    b->file[7];
	rc = 0;
out:
	secret_wipe(b->file, FILE_LEN);
	secret_wipe(check, sizeof(check));
	return rc;
}

/* What a first start that was cut off has left: never used by anything. */
static void
drop_new(int dir)
{
	char tmp[64];
	int fd, i;

	fd = openat(dir, NEW_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	for (i = 0; i < KEYD_KEYS; i++) {
		(void)unlinkat(fd, names[i], 0);
		snprintf(tmp, sizeof(tmp), ".new-%s", names[i]);
		(void)unlinkat(fd, tmp, 0);
	}
	close(fd);
	(void)unlinkat(dir, NEW_NAME, AT_REMOVEDIR);
}

static int
make_keys(struct block *b, int dir, struct err *e)
{
	int fd, i;

	drop_new(dir);
	fd = keyd_files_dir(dir, NEW_NAME, 0700, e);
	if (fd == -1)
		return -1;
	for (i = 0; i < KEYD_KEYS; i++)
		if (write_key(b, fd, (enum keyd_key)i, e) == -1) {
			close(fd);
			return -1;
		}
	close(fd);
	if (renameat(dir, NEW_NAME, dir, KEYS_NAME) == -1 || fsync(dir) == -1)
		return err_set(e, ERR_UNAVAILABLE, "keys: %s", strerror(errno));
	log_line(LOG_LEVEL_INFO, NULL, "keys made", "count=%d", KEYD_KEYS);
	return 0;
}

/*
 * A directory of before this key was: what is sealed to it lives days, so that one that was
 * lost costs no more than what was on its way.
 */
static int
make_forward(struct keyd_keys *k, int fd, struct err *e)
{
	struct stat st;

	if (fstatat(fd, names[KEYD_FORWARD], &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT)
		return 0;
	log_line(
	    LOG_LEVEL_INFO, NULL, "key made", "name=%s", names[KEYD_FORWARD]);
	return write_key(k->block, fd, KEYD_FORWARD, e);
}

static int
read_keys(struct keyd_keys *k, int dir, struct err *e)
{
	int fd, i;

	fd = keyd_files_dir(dir, KEYS_NAME, 0700, e);
	if (fd == -1)
		return -1;
	if (make_forward(k, fd, e) == -1) {
		close(fd);
		return -1;
	}
	for (i = 0; i < KEYD_KEYS; i++)
		if (read_key(k, fd, (enum keyd_key)i, e) == -1) {
			/* Never made anew: what it sealed would be lost. */
			if (e != NULL)
				e->code = ERR_CORRUPT;
			close(fd);
			return -1;
		}
	close(fd);
	seal_pair_from(k->block->key[KEYD_OUTBOX], &k->block->outbox);
	seal_pair_from(k->block->key[KEYD_ESCROW], &k->block->escrow);
	seal_pair_from(k->block->key[KEYD_FORWARD], &k->block->forward);
	seal_signer_from_seed(
	    k->block->key[KEYD_DIRECTORY], &k->block->directory);
	return 0;
}

bool
keyd_keys_exist(int dir)
{
	struct stat st;

	return fstatat(dir, KEYS_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
}

struct keyd_keys *
keyd_keys_load(int dir, bool first, struct err *e)
{
	struct keyd_keys *k = calloc(1, sizeof(*k));

	if (k == NULL || (k->mem = secret_new(sizeof(struct block))) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "memory is out");
		goto fail;
	}
	k->block = (struct block *)(void *)secret_data(k->mem);
	if (!keyd_keys_exist(dir)) {
		if (!first) {
			err_set(e, ERR_NOT_FOUND,
			    "keys are missing though this directory was used: "
			    "put them back from a backup");
			goto fail;
		}
		if (make_keys(k->block, dir, e) == -1)
			goto fail;
	}
	if (read_keys(k, dir, e) == -1)
		goto fail;
	return k;
fail:
	keyd_keys_free(k);
	return NULL;
}

void
keyd_keys_free(struct keyd_keys *k)
{
	if (k == NULL)
		return;
	secret_free(k->mem);
	free(k);
}

const uint8_t *
keyd_keys_get(const struct keyd_keys *k, enum keyd_key which)
{
	return k->block->key[which];
}

const struct seal_pair *
keyd_keys_outbox(const struct keyd_keys *k)
{
	return &k->block->outbox;
}

const struct seal_pair *
keyd_keys_escrow(const struct keyd_keys *k)
{
	return &k->block->escrow;
}

const struct seal_pair *
keyd_keys_forward(const struct keyd_keys *k)
{
	return &k->block->forward;
}

const struct seal_signer *
keyd_keys_directory(const struct keyd_keys *k)
{
	return &k->block->directory;
}

uint32_t
keyd_keys_generation(const struct keyd_keys *k)
{
	return k->generation;
}
