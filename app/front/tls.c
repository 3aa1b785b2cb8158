/*
 * tls.c: which certificate a client is shown, and tickets.
 */
#include "front/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "front/pair.h"

#define KEY_NAME   16
#define KEY_CIPHER 32
#define KEY_MAC    32
#define NAME_LEN   254

/* TLS 1.2; those of 1.3 are all good. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define GROUPS  "X25519:P-256:P-384"

/* The pairs of one name, by kind. NULL where there is none. */
struct site {
	char *name;
	const struct pair *pair[PAIR_KINDS];
};

struct sites {
	struct pair *pair;
	size_t n_pair;
	struct site *site; /* by name */
	size_t n_site;
	struct site otherwise;
	const char *place; /* while they are filled */
	const struct pair *adding;
	bool failed;
};

static struct {
	struct sites *sites;
	struct secret *ticket; /* newest key, then the one before it */
} self;

/* ---- sites ------------------------------------------------------------------- */

static void
sites_free(struct sites *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_pair; i++)
		pair_clear(&s->pair[i]);
	for (size_t i = 0; i < s->n_site; i++)
		free(s->site[i].name);
	free(s->pair);
	free(s->site);
	free(s);
}

static int
by_name(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Of two for the same name the place of that name has it, else what lasts longer. */
static void
site_offer(struct sites *s, struct site *at, const char *name)
{
	const struct pair **has = &at->pair[s->adding->kind];

	if (*has == NULL || strcmp(s->place, name) == 0 ||
	    ASN1_TIME_compare(X509_get0_notAfter(s->adding->leaf),
		X509_get0_notAfter((*has)->leaf)) > 0)
		*has = s->adding;
}

static void
add_name(void *arg, const char *name)
{
	struct sites *s = arg;
	struct site *grown;

	for (size_t i = 0; i < s->n_site; i++) {
		if (strcmp(s->site[i].name, name) == 0) {
			site_offer(s, &s->site[i], name);
			return;
		}
	}
	grown = realloc(s->site, (s->n_site + 1) * sizeof(*grown));
	if (grown == NULL) {
		s->failed = true;
		return;
	}
	s->site = grown;
	grown = &s->site[s->n_site];
	*grown = (struct site){.name = strdup(name)};
	if (grown->name == NULL) {
		s->failed = true;
		return;
	}
	s->n_site++;
	site_offer(s, grown, name);
}

/* What expired since it was read is served all the same: it is what there is. */
static int
add_pair(struct sites *s, const struct book_pair *from, struct err *e)
{
	struct pair *p = &s->pair[s->n_pair];
	EVP_PKEY *key;

	if (pair_read_chain(p, from->chain.data, from->chain.len) == 0)
		return err_set(
		    e, ERR_BAD_INPUT, "%.60s: no chain", from->place);
	s->n_pair++;
	if ((key = pair_read_key(from->key.data, from->key.len)) == NULL)
		return err_set(e, ERR_BAD_INPUT, "%.60s: no key", from->place);
	p->key = key;
	p->kind = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? PAIR_RSA :
							      PAIR_ECDSA;
	p->p256 = pair_is_p256(p);
	s->adding = p;
	s->place = from->place;
	if (strcmp(from->place, BOOK_DEFAULT) == 0)
		s->otherwise.pair[p->kind] = p;
	else
		pair_names(p, add_name, s);
	return 0;
}

int
tls_use(const struct book *b, struct err *e)
{
	struct sites *s = calloc(1, sizeof(*s));
	int ret = 0;

	if (s != NULL)
		s->pair = calloc(b->n, sizeof(*s->pair));
	if (s == NULL || s->pair == NULL) {
		free(s);
		return err_set(e, ERR_INTERNAL, "out of memory");
	}
	for (size_t i = 0; ret == 0 && i < b->n; i++)
		ret = add_pair(s, &b->pair[i], e);
	ERR_clear_error();
	if (ret == 0 && s->failed)
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	if (ret == -1) {
		sites_free(s);
		return -1;
	}
	if (s->n_site > 0)
		qsort(s->site, s->n_site, sizeof(*s->site), by_name);
	sites_free(self.sites);
	self.sites = s;
	return 0;
}

size_t
tls_names(void)
{
	return self.sites != NULL ? self.sites->n_site : 0;
}

static const struct site *
site_of(const char *asked)
{
	char name[NAME_LEN];
	struct site want = {.name = name}, *found;
	char *dot;

	if (asked == NULL || strlen(asked) >= sizeof(name) ||
	    self.sites->n_site == 0)
		return &self.sites->otherwise;
	for (size_t i = 0; i <= strlen(asked); i++) {
		name[i] = asked[i];
		if (asked[i] >= 'A' && asked[i] <= 'Z')
			name[i] = (char)(asked[i] - 'A' + 'a');
	}
	found = bsearch(
	    &want, self.sites->site, self.sites->n_site, sizeof(want), by_name);
	/* RFC 6125 6.4.3: a star stands for the whole first label. */
	if (found == NULL && (dot = strchr(name, '.')) != NULL && dot > name) {
		*--dot = '*';
		want.name = dot;
		found = bsearch(&want, self.sites->site, self.sites->n_site,
		    sizeof(want), by_name);
	}
	return found != NULL ? found : &self.sites->otherwise;
}

/*
 * Only what a handshake can need is given to it, because giving costs: a client of TLS
 * 1.3 that takes ecdsa_secp256r1_sha256 is shown nothing else.
 */
static bool
is_enough(SSL *ssl, const struct pair *p)
{
	unsigned char sig, hash;
	int n;

	if (p == NULL || p->kind != PAIR_ECDSA || !p->p256 ||
	    SSL_version(ssl) != TLS1_3_VERSION)
		return false;
	n = SSL_get_sigalgs(ssl, 0, NULL, NULL, NULL, NULL, NULL);
	for (int i = 0; i < n; i++) {
		(void)SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &sig, &hash);
		if (hash == 4 && sig == 3)
			return true;
	}
	return false;
}

/* OpenSSL's, once a name is known and before a cipher is chosen; not on a resumption. */
static int
choose_certificate(SSL *ssl, void *arg)
{
	const struct site *site;

	(void)arg;
	if (self.sites == NULL)
		return 0;
	site = site_of(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	for (int i = 0; i < PAIR_KINDS; i++) {
		const struct pair *p = site->pair[i];

		if (p != NULL &&
		    SSL_use_cert_and_key(ssl, p->leaf, p->key, p->chain, 1) !=
			1)
			return 0;
		if (is_enough(ssl, p))
			break;
	}
	return 1;
}

/* ---- tickets ----------------------------------------------------------------- */

int
tls_tickets_rotate(void)
{
	uint8_t key[TLS_TICKET_KEY];

	if (self.ticket == NULL) {
		self.ticket = secret_new(2 * (size_t)TLS_TICKET_KEY);
		if (self.ticket == NULL)
			return -1;
		secret_random(secret_data(self.ticket), sizeof(key));
	}
	secret_random(key, sizeof(key));
	tls_tickets_set(key);
	secret_wipe(key, sizeof(key));
	return 0;
}

void
tls_tickets_set(const uint8_t key[TLS_TICKET_KEY])
{
	uint8_t *both = secret_data(self.ticket);

	memcpy(both + TLS_TICKET_KEY, both, TLS_TICKET_KEY);
	memcpy(both, key, TLS_TICKET_KEY);
}

const uint8_t *
tls_tickets_key(void)
{
	return secret_peek(self.ticket);
}

/* OpenSSL's: 0 no ticket of ours, 1 good, 2 good and to be replaced. */
static int
ticket_key(SSL *ssl, unsigned char name[KEY_NAME], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int making)
{
	const uint8_t *key = secret_peek(self.ticket);
	char digest[] = "SHA256";
	OSSL_PARAM how[2];
	int age;

	/* Who showed a certificate shows it each time (shown.c). */
	if (making && SSL_get0_peer_certificate(ssl) != NULL)
		return 0;
	for (age = 0; !making && age < 2; age++, key += TLS_TICKET_KEY) {
		if (memcmp(name, key, KEY_NAME) == 0)
			break;
	}
	if (age == 2)
		return 0;
	if (making) {
		memcpy(name, key, KEY_NAME);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
	}
	how[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_MAC_PARAM_DIGEST, digest, 0);
	how[1] = OSSL_PARAM_construct_end();
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key + KEY_NAME,
		iv, making) != 1 ||
	    EVP_MAC_init(mac, key + KEY_NAME + KEY_CIPHER, KEY_MAC, how) != 1)
		return -1;
	return age == 0 ? 1 : 2;
}

/* ---- the context ------------------------------------------------------------- */

/* RFC 7301 3.2: http/1.1, or the handshake fails. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* A name is taken note of whether or not there is a certificate for it. */
static int
note_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *
tls_new(bool alpn, int ticket_period, struct err *e)
{
	static const unsigned char name[] = "restante";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || tls_tickets_rotate() == -1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key) != 1) {
		SSL_CTX_free(ctx);
		(void)err_set(e, ERR_INTERNAL, "TLS refuses its settings");
		return NULL;
	}
	/* A phone without AES in hardware puts ChaCha20 first: it gets it. */
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Kore writes again from wherever its buffer lies by then. */
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, 2 * (long)ticket_period);
	/*
	 * Without one a handshake of TLS 1.3 has as many round trips: one is enough. A
	 * browser's goes with the first answer, by tls_ticket().
	 */
	(void)SSL_CTX_set_num_tickets(ctx, alpn ? 0 : 1);
	SSL_CTX_set_cert_cb(ctx, choose_certificate, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, note_name);
	if (alpn)
		SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return ctx;
}

void
tls_ticket(SSL *ssl)
{
	/* Not possible is not wrong: the next handshake is a full one. */
	if (SSL_version(ssl) == TLS1_3_VERSION)
		(void)SSL_new_session_ticket(ssl);
}
