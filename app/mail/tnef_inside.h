/*
 * tnef_inside.h: what the files of the winmail.dat reader share: a machine of steps. Each
 * asks for so many octets, or for so many to be passed over, and names the next. Every
 * length is held against the end of its attribute. For tnef*.c alone.
 */
#ifndef MAIL_TNEF_INSIDE_H
#define MAIL_TNEF_INSIDE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "mail/tnef.h"

#define TNEF_STRING_MAX 512 /* octets of a name that is read */

/* Property types, and ids. */
enum { PT_INT = 3, PT_OBJECT = 0x0d, PT_STRING = 0x1e, PT_UNICODE = 0x1f };
enum { PT_BINARY = 0x102, PT_MANY = 0x1000 };

struct tnef {
	tnef_take take;
	void *arg;
	struct err *e;
	int result;
	EVP_MD_CTX *digest;
	void (*step)(struct tnef *t); /* NULL: it is over */
	uint64_t at;                  /* octets taken in */
	uint64_t pass;                /* to be passed over before the step */
	bool hashing;                 /* they are some item's */
	size_t need, have;
	uint8_t buf[TNEF_STRING_MAX];
	uint64_t end; /* of the attribute's data */
	bool in_file; /* its level */
	uint32_t properties, values;
	unsigned type, id;     /* of the property */
	uint64_t value_end;    /* with its padding */
	uint32_t object;       /* octets behind its IID */
	struct tnef_item *now; /* whose content comes */
	bool have_file, have_data, long_name;
	uint32_t codepage, html_codepage;
	bool unicode; /* of the text */
	struct tnef_item file, text, html;
};

/* ---- tnef.c ---- */

/* All is over. */
void tnef_stop(struct tnef *t);
/* The step once n octets lie in buf. */
void tnef_expect(struct tnef *t, size_t n, void (*step)(struct tnef *));
/* The same within the attribute, or all is over. */
void tnef_expect_inside(struct tnef *t, size_t n, void (*step)(struct tnef *));
/* The step once all before `to` is passed over. */
void tnef_pass_to(struct tnef *t, uint64_t to, void (*step)(struct tnef *));
/* Little-endian. */
uint16_t tnef_u16(const uint8_t *p);
uint32_t tnef_u32(const uint8_t *p);
/* A step: what is left of the attribute, then the next. */
void tnef_attribute_rest(struct tnef *t);

/* ---- tnef_property.c ---- */

/* A step: a number of properties begins, which lies in buf. */
void tnef_properties_begin(struct tnef *t);

/* ---- tnef_item.c ---- */

/* The name of a code page's character set; "" for 0. */
void tnef_charset_of(uint32_t codepage, char out[40]);
void tnef_hand_over(struct tnef *t, struct tnef_item *item);
/* The file that is read is handed over, if it has content. */
void tnef_file_finish(struct tnef *t);
void tnef_file_begin(struct tnef *t); /* after the one before */
/* The next n octets are what the item is; tnef_content_end() first thing in the step. */
void tnef_content_begin(struct tnef *t, struct tnef_item *item, uint64_t n,
    void (*after)(struct tnef *));
void tnef_content_end(struct tnef *t);
/* The n octets in buf as the file's name; a long one stands against others. */
void tnef_name_take(struct tnef *t, size_t n, bool is_long);
/* The same as printable ASCII; "" when they are not. */
void tnef_ascii_take(struct tnef *t, size_t n, char *out, size_t cap);

#endif
