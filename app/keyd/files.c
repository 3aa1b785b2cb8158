/*
 * files.c: see files.h. Nothing here knows what the files mean.
 */
#include "keyd/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_MAGIC  "RKT1"
#define TABLE_HEADER 64

int
keyd_files_dir(int at, const char *name, mode_t mode, struct err *e)
{
	struct stat st;
	int fd, made;

	made = mkdirat(at, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return err_set(
		    e, ERR_UNAVAILABLE, "mkdir %s: %s", name, strerror(errno));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Whatever the umask: others may have to reach the sockets. */
	if (fd == -1 || (made && fchmod(fd, mode & 0711) == -1) ||
	    fstat(fd, &st) == -1) {
		err_set(
		    e, ERR_UNAVAILABLE, "open %s: %s", name, strerror(errno));
		goto bad;
	}
	if (st.st_uid != geteuid()) {
		err_set(e, ERR_CORRUPT, "%s: belongs to another user", name);
		goto bad;
	}
	if ((st.st_mode & 0777 & ~mode) != 0) {
		err_set(e, ERR_CORRUPT, "%s: mode %o is wider than %o", name,
		    (unsigned)st.st_mode & 0777, (unsigned)mode);
		goto bad;
	}
	return fd;
bad:
	if (fd != -1)
		close(fd);
	return -1;
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	ssize_t w;

	while (n > 0) {
		w = write(fd, p, n);
		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int
keyd_files_write(int dir, const char *name, mode_t mode, const void *p,
    size_t n, struct err *e)
{
	char tmp[64];
	int fd;

	snprintf(tmp, sizeof(tmp), ".new-%s", name);
	if (unlinkat(dir, tmp, 0) == -1 && errno != ENOENT)
		goto fail;
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		goto fail;
	if (fchmod(fd, mode) == -1 || write_all(fd, p, n) == -1 ||
	    fsync(fd) == -1) {
		close(fd);
		goto fail;
	}
	if (close(fd) == -1 || renameat(dir, tmp, dir, name) == -1 ||
	    fsync(dir) == -1)
		goto fail;
	return 0;
fail:
	err_set(e, ERR_UNAVAILABLE, "write %s: %s", name, strerror(errno));
	(void)unlinkat(dir, tmp, 0);
	return -1;
}

int
keyd_files_open(int dir, const char *name, int flags, mode_t mode, size_t size,
    struct err *e)
{
	struct stat st;
	int fd;

	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_CORRUPT,
		    "open %s: %s", name, strerror(errno));
	if (fstat(fd, &st) == -1)
		err_set(e, ERR_CORRUPT, "%s: %s", name, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		err_set(e, ERR_CORRUPT, "%s: not a plain file", name);
	else if (st.st_uid != geteuid())
		err_set(e, ERR_CORRUPT, "%s: belongs to another user", name);
	else if ((st.st_mode & 07777) != mode)
		err_set(e, ERR_CORRUPT, "%s: mode %o, not %o", name,
		    (unsigned)st.st_mode & 07777, (unsigned)mode);
	else if (st.st_size < 0 || (size_t)st.st_size != size)
		err_set(e, ERR_CORRUPT, "%s: wrong size", name);
	else
		return fd;
	close(fd);
	return -1;
}

int
keyd_files_read(
    int dir, const char *name, mode_t mode, void *p, size_t n, struct err *e)
{
	ssize_t r;
	int fd;

	fd = keyd_files_open(dir, name, O_RDONLY, mode, n, e);
	if (fd == -1)
		return -1;
	r = pread(fd, p, n, 0);
	close(fd);
	if (r < 0 || (size_t)r != n)
		return err_set(e, ERR_CORRUPT, "read %s: cut short", name);
	return 0;
}

static void
table_header(const struct keyd_table *t, uint8_t out[TABLE_HEADER])
{
	const uint64_t shape[] = {t->record, t->ways, t->sets};

	memset(out, 0, TABLE_HEADER);
	memcpy(out, TABLE_MAGIC, 4);
	memcpy(out + 8, shape, sizeof(shape));
}

/* The header is written last: a table without one was never used. */
static int
table_make(int dir, const char *name, const struct keyd_table *t, struct err *e)
{
	uint8_t header[TABLE_HEADER];
	char tmp[64];
	int fd = -1, rc;

	table_header(t, header);
	snprintf(tmp, sizeof(tmp), ".new-%s", name);
	if (unlinkat(dir, tmp, 0) == -1 && errno != ENOENT)
		goto fail;
	fd = openat(dir, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || fchmod(fd, 0600) == -1)
		goto fail;
	rc = posix_fallocate(fd, 0, (off_t)t->map_len);
	if (rc != 0) {
		errno = rc;
		goto fail;
	}
	if (write_all(fd, header, sizeof(header)) == -1 || fsync(fd) == -1 ||
	    renameat(dir, tmp, dir, name) == -1 || fsync(dir) == -1)
		goto fail;
	close(fd);
	return 0;
fail:
	err_set(e, ERR_UNAVAILABLE, "make %s: %s", name, strerror(errno));
	if (fd != -1)
		close(fd);
	(void)unlinkat(dir, tmp, 0);
	return -1;
}

static int
table_map(int dir, const char *name, struct keyd_table *t, struct err *e)
{
	void *map;
	int fd;

	fd = keyd_files_open(dir, name, O_RDWR, 0600, t->map_len, e);
	if (fd == -1)
		return -1;
	map = mmap(NULL, t->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return err_set(
		    e, ERR_UNAVAILABLE, "map %s: %s", name, strerror(errno));
	t->map = map;
	return 0;
}

int
keyd_table_open(int dir, const char *name, size_t record, size_t ways,
    size_t sets, struct keyd_table *out, bool *fresh, struct err *e)
{
	struct keyd_table t = {.record = record, .ways = ways, .sets = sets};
	uint8_t header[TABLE_HEADER];
	struct err why;

	*fresh = false;
	t.map_len = TABLE_HEADER + record * ways * sets;
	if (table_map(dir, name, &t, &why) == -1) {
		if (why.code != ERR_NOT_FOUND)
			return err_set(e, why.code, "%s", why.text);
		if (table_make(dir, name, &t, e) == -1 ||
		    table_map(dir, name, &t, e) == -1)
			return -1;
		*fresh = true;
	}
	table_header(&t, header);
	if (memcmp(t.map, header, sizeof(header)) != 0) {
		keyd_table_close(&t);
		return err_set(
		    e, ERR_CORRUPT, "%s: not a table of this shape", name);
	}
	*out = t;
	return 0;
}

void *
keyd_table_set(const struct keyd_table *t, uint64_t hash)
{
	return t->map + TABLE_HEADER +
	    (size_t)(hash % t->sets) * t->ways * t->record;
}

void
keyd_table_close(struct keyd_table *t)
{
	if (t->map == NULL)
		return;
	(void)msync(t->map, t->map_len, MS_SYNC);
	munmap(t->map, t->map_len);
	t->map = NULL;
}
