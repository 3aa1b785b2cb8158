/*
 * Size and digest, behind the decoder.
 */
#include "mail/measure.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "mail/decode.h"

struct measure {
	EVP_MD_CTX *digest;
	struct mail_decoder *decoder;
	uint64_t size;
};

struct measure *
measure_new(void)
{
	struct measure *me = calloc(1, sizeof(*me));

	if (me != NULL && (me->digest = EVP_MD_CTX_new()) == NULL) {
		free(me);
		return NULL;
	}
	return me;
}

void
measure_free(struct measure *me)
{
	if (me == NULL)
		return;
	mail_decoder_free(me->decoder);
	EVP_MD_CTX_free(me->digest);
	free(me);
}

static int
sink(void *arg, const void *p, size_t n, struct err *e)
{
	struct measure *me = arg;

	(void)e;
	me->size += n;
	EVP_DigestUpdate(me->digest, p, n);
	return 0;
}

int
measure_begin(struct measure *me, enum mail_encoding enc, struct err *e)
{
	mail_decoder_free(me->decoder);
	me->size = 0;
	me->decoder = mail_decoder_new(enc);
	if (me->decoder == NULL ||
	    EVP_DigestInit_ex(me->digest, EVP_sha256(), NULL) != 1)
		return err_set(e, ERR_INTERNAL, "memory");
	return 0;
}

int
measure_add(struct measure *me, const void *p, size_t n, struct err *e)
{
	return mail_decoder_add(me->decoder, p, n, sink, me, e);
}

int
measure_end(struct measure *me, struct mail_part *part, struct err *e)
{
	if (mail_decoder_end(me->decoder, sink, me, e) == -1)
		return -1;
	part->size = me->size;
	EVP_DigestFinal_ex(me->digest, part->sha256, NULL);
	return 0;
}
