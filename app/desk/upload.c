/*
 * upload.c: uploads are not kept yet: every one of them is told to come later.
 */
#include "desk/upload.h"

static int
later(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "uploads are not kept yet");
}

int
desk_upload_create(struct desk *d, const struct desk_visit *v, uint64_t length,
    const char *name, const char *type, struct desk_upload *out, struct err *e)
{
	(void)d, (void)v, (void)length, (void)name, (void)type, (void)out;
	return later(e);
}

int
desk_upload_get(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_upload *out, struct err *e)
{
	(void)d, (void)v, (void)id, (void)out;
	return later(e);
}

int
desk_upload_remove(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct err *e)
{
	(void)d, (void)v, (void)id;
	return later(e);
}

int
desk_slice_open(struct desk *d, const struct desk_visit *v, const struct id *id,
    uint64_t offset, uint64_t length, enum desk_digest kind,
    const uint8_t *digest, struct desk_slice **out, struct err *e)
{
	(void)d, (void)v, (void)id, (void)offset, (void)length, (void)kind;
	(void)digest, (void)out;
	return later(e);
}

int
desk_slice_add(struct desk *d, struct desk_slice *s, const void *p, size_t n,
    struct err *e)
{
	(void)d, (void)s, (void)p, (void)n;
	return later(e);
}

int
desk_slice_end(struct desk *d, struct desk_slice *s, bool complete,
    struct desk_upload *out, struct err *e)
{
	(void)d, (void)s, (void)complete, (void)out;
	return later(e);
}
