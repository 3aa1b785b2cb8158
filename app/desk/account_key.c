/*
 * account_key.c: is this key the account's? keyd's certificate says so, and is renewed when
 * its time is over.
 */
#include <string.h>

#include "base/clock.h"
#include "desk/internal.h"

int
account_key_check(struct desk *d, const struct id *tenant,
    const struct id *account, const char *address, struct account_key *k,
    struct err *e)
{
	struct keyd_public pub;
	uint8_t digest[32];
	struct seal_cert c;

	if (shared_public(d, &pub, e) == -1 ||
	    seal_cert_open(pub.directory_pk, k->cert, sizeof(k->cert), &c, e) ==
		-1)
		return -1;
	if (c.not_after < clock_now() &&
	    (keyd_resign(d->keyd, k->cert, k->cert, e) == -1 ||
		seal_cert_open(
		    pub.directory_pk, k->cert, sizeof(k->cert), &c, e) == -1))
		return -1;
	seal_address_digest(tenant, address, digest);
	if (c.kind != SEAL_C_ACCOUNT || c.generation != pub.generation ||
	    !id_equal(&c.tenant, tenant) || !id_equal(&c.subject, account) ||
	    c.version != k->version || memcmp(c.address, digest, 32) != 0 ||
	    memcmp(c.pk, k->pk, SEAL_PK_LEN) != 0 || c.not_after < clock_now())
		return err_set(e, ERR_CORRUPT, "account key is not certified");
	return 0;
}
