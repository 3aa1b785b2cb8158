/*
 * fuzz_mail.h: what every target over app/mail begins with.
 */
#ifndef FUZZ_MAIL_H
#define FUZZ_MAIL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mail_init();
	return 0;
}

#endif
