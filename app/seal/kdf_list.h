/*
 * kdf_list.h: a KDF whose fields come one after another, for the rest of seal/:
 * where a field stands before a caller's list, or is made while it is read.
 */
#ifndef SEAL_KDF_LIST_H
#define SEAL_KDF_LIST_H

#include <sodium.h>

#include "seal/kdf.h"

struct kdf_list {
	crypto_generichash_state state;
	size_t outlen;
};

void kdf_list_begin(struct kdf_list *k, size_t outlen,
    const uint8_t key[SECRET_KEY_LEN], enum seal_label label);
/* A whole field. */
void kdf_list_field(struct kdf_list *k, const void *p, size_t n);
/* The length of a field whose bytes follow through kdf_list_bytes(). */
void kdf_list_length(struct kdf_list *k, size_t n);
void kdf_list_bytes(struct kdf_list *k, const void *p, size_t n);
/* Gives the result and wipes the state. */
void kdf_list_end(struct kdf_list *k, uint8_t *out);

/* The key of what is a digest and no secret. */
extern const uint8_t kdf_no_key[SECRET_KEY_LEN];

#endif
