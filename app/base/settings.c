/*
 * settings.c: the environment, read and checked once.
 */
#include "base/settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#define HOSTNAME_LEN 254
#define DAY_S        86400

/* An empty value is no value. */
static const char *
get(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* Plain decimal digits of at most eight places, low..high. */
static int
number(const char *v, int low, int high, int *out)
{
	int n = 0;
	size_t i;

	for (i = 0; v[i] >= '0' && v[i] <= '9' && i < 8; i++)
		n = n * 10 + (v[i] - '0');
	if (i == 0 || v[i] != '\0' || n < low || n > high)
		return -1;
	*out = n;
	return 0;
}

static int
get_number(
    const char *name, int fallback, int low, int high, int *out, struct err *e)
{
	const char *v = get(name);

	*out = fallback;
	if (v == NULL || number(v, low, high, out) == 0)
		return 0;
	return err_set(e, ERR_BAD_INPUT, "%s must be a number from %d to %d",
	    name, low, high);
}

/* Letters, digits, hyphens and dots: what may be said in EHLO. */
static bool
is_hostname(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n >= HOSTNAME_LEN || s[0] == '.' || s[0] == '-')
		return false;
	return strspn(s,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static int
get_hostname(const char **out, struct err *e)
{
	static char machine[HOSTNAME_LEN];
	const char *v = get("RESTANTE_HOSTNAME");

	if (v != NULL) {
		*out = v;
		if (is_hostname(v))
			return 0;
		return err_set(
		    e, ERR_BAD_INPUT, "RESTANTE_HOSTNAME is not a host name");
	}
	if (gethostname(machine, sizeof(machine)) == -1 ||
	    memchr(machine, '\0', sizeof(machine)) == NULL ||
	    !is_hostname(machine))
		snprintf(machine, sizeof(machine), "localhost");
	*out = machine;
	return 0;
}

/* host:port, the port after the last colon. */
static bool
is_host_port(const char *s)
{
	const char *colon = strrchr(s, ':');
	int port;

	return colon != NULL && colon > s && s[strcspn(s, " \t\r\n")] == '\0' &&
	    number(colon + 1, 1, 65535, &port) == 0;
}

static int
get_smarthost(struct settings *out, struct err *e)
{
	const char *tls = get("RESTANTE_SMARTHOST_TLS");

	out->smarthost = get("RESTANTE_SMARTHOST");
	if (out->smarthost != NULL && !is_host_port(out->smarthost))
		return err_set(
		    e, ERR_BAD_INPUT, "RESTANTE_SMARTHOST must be host:port");
	out->smarthost_tls = tls == NULL || strcmp(tls, "none") != 0;
	if (tls != NULL && out->smarthost_tls && strcmp(tls, "required") != 0)
		return err_set(e, ERR_BAD_INPUT,
		    "RESTANTE_SMARTHOST_TLS must be required or none");
	return 0;
}

/* A URI, as security.txt wants it (RFC 9116 2.5.3). */
static int
get_security_contact(const char **out, struct err *e)
{
	const char *v = get("RESTANTE_SECURITY_CONTACT");
	bool good = v == NULL || strncmp(v, "https://", 8) == 0 ||
	    strncmp(v, "mailto:", 7) == 0 || strncmp(v, "tel:", 4) == 0;

	for (size_t i = 0; v != NULL && v[i] != '\0'; i++)
		good = good && v[i] > ' ' && v[i] < 0x7f;
	*out = v;
	return good ? 0 :
		      err_set(e, ERR_BAD_INPUT,
			  "RESTANTE_SECURITY_CONTACT must be a URI: "
			  "mailto:, https: or tel:");
}

int
settings_read(struct settings *out, struct err *e)
{
	*out = (struct settings){
	    .db = get("RESTANTE_DB"),
	    .keyd = get("RESTANTE_KEYD"),
	    .keyd_dir = get("RESTANTE_KEYD_DIR"),
	    .keyd_uids = get("RESTANTE_KEYD_UIDS"),
	    .share = get("RESTANTE_SHARE"),
	    .tls_cert = get("RESTANTE_TLS_CERT"),
	    .tls_key = get("RESTANTE_TLS_KEY"),
	    .tls_dir = get("RESTANTE_TLS_DIR"),
	    .acme_dir = get("RESTANTE_ACME_DIR"),
	    .user = get("RESTANTE_USER"),
	    .spool = get("RESTANTE_SPOOL"),
	    .proxies = get("RESTANTE_PROXIES"),
	    .xclient = get("RESTANTE_XCLIENT"),
	    .smtp_trace = get("RESTANTE_SMTP_TRACE") != NULL,
	    .rate_free = get("RESTANTE_RATE_FREE"),
	};
	if (out->rate_free == NULL)
		out->rate_free = "127.0.0.0/8 ::1";
	if (get_hostname(&out->hostname, e) == -1 ||
	    get_smarthost(out, e) == -1 ||
	    get_security_contact(&out->security_contact, e) == -1 ||
	    get_number("RESTANTE_HTTPS_PORT", 443, 1, 65535, &out->https_port,
		e) == -1 ||
	    get_number("RESTANTE_THREADS", 4, 1, 64, &out->threads, e) == -1 ||
	    get_number("RESTANTE_MAIL_MEMORY", LIMIT_MAIL_MEMORY, 1, 65536,
		&out->mail_memory, e) == -1 ||
	    get_number("RESTANTE_RATE_SECONDS", LIMIT_RATE_SECONDS, 1,
		LIMIT_RATE_SECONDS, &out->rate_seconds, e) == -1 ||
	    get_number("RESTANTE_BRAKE_SECONDS", LIMIT_BRAKE_SECONDS, 1,
		LIMIT_RATE_SECONDS, &out->brake_seconds, e) == -1 ||
	    get_number("RESTANTE_TICKET_PERIOD", DAY_S / 2, 1, DAY_S,
		&out->ticket_period, e) == -1 ||
	    get_number("RESTANTE_HSTS", 365 * DAY_S, 0, 730 * DAY_S, &out->hsts,
		e) == -1)
		return -1;
	return 0;
}
