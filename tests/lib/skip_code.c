/*
 * skip_code.c: linked into a portal of the tests in place of the code check, this is
 * what a taken portal would do: every code is right. It has no proof from keyd, so
 * nothing may come of it.
 */
#include "keyd/client.h"

int __wrap_keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e);

int
__wrap_keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	(void)k;
	(void)handle;
	(void)browser;
	(void)code;
	(void)e;
	secret_random(proof, KEYD_PROOF_LEN);
	return (0);
}
