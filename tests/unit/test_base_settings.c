/* test_base_settings.c: what the environment may say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

static const char *const names[] = {"RESTANTE_DB", "RESTANTE_KEYD",
    "RESTANTE_KEYD_DIR", "RESTANTE_KEYD_UIDS", "RESTANTE_SHARE",
    "RESTANTE_TLS_CERT", "RESTANTE_TLS_KEY", "RESTANTE_SPOOL",
    "RESTANTE_TLS_DIR", "RESTANTE_ACME_DIR", "RESTANTE_USER",
    "RESTANTE_HOSTNAME", "RESTANTE_SMARTHOST", "RESTANTE_SMARTHOST_TLS",
    "RESTANTE_HTTPS_PORT", "RESTANTE_THREADS", "RESTANTE_TICKET_PERIOD",
    "RESTANTE_HSTS", "RESTANTE_RATE_FREE", "RESTANTE_RATE_SECONDS",
    "RESTANTE_BRAKE_SECONDS"};

static int
empty_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	return 0;
}

static void
defaults(void **state)
{
	struct settings s;
	struct err e = {0};

	(void)state;
	assert_int_equal(settings_read(&s, &e), 0);
	assert_null(s.db);
	assert_null(s.keyd);
	assert_null(s.keyd_dir);
	assert_null(s.keyd_uids);
	assert_null(s.share);
	assert_null(s.tls_cert);
	assert_null(s.tls_key);
	assert_null(s.spool);
	assert_null(s.smarthost);
	assert_true(s.smarthost_tls);
	assert_int_equal(s.https_port, 443);
	assert_int_equal(s.threads, 4);
	assert_int_equal(s.ticket_period, 43200);
	assert_int_equal(s.hsts, 31536000);
	assert_string_equal(s.rate_free, "127.0.0.0/8 ::1");
	assert_int_equal(s.rate_seconds, 3600);
	assert_int_equal(s.brake_seconds, 600);
	assert_null(s.tls_dir);
	assert_null(s.acme_dir);
	assert_null(s.user);
	assert_non_null(s.hostname);
	assert_true(strlen(s.hostname) > 0);
}

static void
each_is_read_from_its_name(void **state)
{
	struct settings s;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < 11; i++)
		setenv(names[i], names[i] + strlen("RESTANTE_"), 1);
	setenv("RESTANTE_HOSTNAME", "mail.example", 1);
	setenv("RESTANTE_SMARTHOST", "[::1]:1025", 1);
	setenv("RESTANTE_SMARTHOST_TLS", "none", 1);
	setenv("RESTANTE_HTTPS_PORT", "8443", 1);
	setenv("RESTANTE_THREADS", "64", 1);
	setenv("RESTANTE_TICKET_PERIOD", "3", 1);
	setenv("RESTANTE_HSTS", "0", 1);
	setenv("RESTANTE_RATE_FREE", "none", 1);
	setenv("RESTANTE_RATE_SECONDS", "60", 1);
	setenv("RESTANTE_BRAKE_SECONDS", "1", 1);
	assert_int_equal(settings_read(&s, &e), 0);
	assert_string_equal(s.db, "DB");
	assert_string_equal(s.keyd, "KEYD");
	assert_string_equal(s.keyd_dir, "KEYD_DIR");
	assert_string_equal(s.keyd_uids, "KEYD_UIDS");
	assert_string_equal(s.share, "SHARE");
	assert_string_equal(s.tls_cert, "TLS_CERT");
	assert_string_equal(s.tls_key, "TLS_KEY");
	assert_string_equal(s.spool, "SPOOL");
	assert_string_equal(s.tls_dir, "TLS_DIR");
	assert_string_equal(s.acme_dir, "ACME_DIR");
	assert_string_equal(s.user, "USER");
	assert_int_equal(s.ticket_period, 3);
	assert_int_equal(s.hsts, 0);
	assert_string_equal(s.rate_free, "none");
	assert_int_equal(s.rate_seconds, 60);
	assert_int_equal(s.brake_seconds, 1);
	assert_string_equal(s.hostname, "mail.example");
	assert_string_equal(s.smarthost, "[::1]:1025");
	assert_false(s.smarthost_tls);
	assert_int_equal(s.https_port, 8443);
	assert_int_equal(s.threads, 64);
	/* An empty value is as good as none. */
	setenv("RESTANTE_DB", "", 1);
	setenv("RESTANTE_THREADS", "", 1);
	assert_int_equal(settings_read(&s, &e), 0);
	assert_null(s.db);
	assert_int_equal(s.threads, 4);
}

static void
good_and_bad_values(void **state)
{
	static const struct {
		const char *name, *value;
		int want;
	} cases[] = {
	    {"RESTANTE_THREADS", "1", 0},
	    {"RESTANTE_THREADS", "0", -1},
	    {"RESTANTE_THREADS", "65", -1},
	    {"RESTANTE_THREADS", "-1", -1},
	    {"RESTANTE_THREADS", "4 ", -1},
	    {"RESTANTE_THREADS", "4x", -1},
	    {"RESTANTE_THREADS", "99999999999999999999", -1},
	    {"RESTANTE_RATE_SECONDS", "3600", 0},
	    {"RESTANTE_RATE_SECONDS", "3601", -1},
	    {"RESTANTE_RATE_SECONDS", "0", -1},
	    {"RESTANTE_BRAKE_SECONDS", "3600", 0},
	    {"RESTANTE_BRAKE_SECONDS", "0", -1},
	    {"RESTANTE_HTTPS_PORT", "65535", 0},
	    {"RESTANTE_HTTPS_PORT", "65536", -1},
	    {"RESTANTE_HTTPS_PORT", "0", -1},
	    {"RESTANTE_HTTPS_PORT", "https", -1},
	    {"RESTANTE_SMARTHOST", "relay.example:25", 0},
	    {"RESTANTE_SMARTHOST", "relay.example", -1},
	    {"RESTANTE_SMARTHOST", ":25", -1},
	    {"RESTANTE_SMARTHOST", "relay.example:", -1},
	    {"RESTANTE_SMARTHOST", "relay.example:0", -1},
	    {"RESTANTE_SMARTHOST", "relay.example:65536", -1},
	    {"RESTANTE_SMARTHOST", "relay example:25", -1},
	    {"RESTANTE_SMARTHOST_TLS", "required", 0},
	    {"RESTANTE_SMARTHOST_TLS", "none", 0},
	    {"RESTANTE_SMARTHOST_TLS", "optional", -1},
	    {"RESTANTE_SMARTHOST_TLS", "None", -1},
	    {"RESTANTE_HOSTNAME", "a-1.example", 0},
	    {"RESTANTE_HOSTNAME", "a b", -1},
	    {"RESTANTE_HOSTNAME", "a\r\nb", -1},
	    {"RESTANTE_HOSTNAME", ".a", -1},
	    {"RESTANTE_HOSTNAME", "-a", -1},
	};
	struct settings s;
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		empty_environment(state);
		setenv(cases[i].name, cases[i].value, 1);
		err_clear(&e);
		if (settings_read(&s, &e) != cases[i].want)
			fail_msg("%s=%s", cases[i].name, cases[i].value);
		if (cases[i].want == 0)
			continue;
		assert_int_equal(e.code, ERR_BAD_INPUT);
		/* The log says which one it is. */
		assert_non_null(strstr(e.text, cases[i].name));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(defaults, empty_environment),
	    cmocka_unit_test_setup(
		each_is_read_from_its_name, empty_environment),
	    cmocka_unit_test_setup(good_and_bad_values, empty_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
