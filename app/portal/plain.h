/*
 * plain.h: what the port without TLS answers: where the pages are, and the challenges
 * of an ACME client (RFC 8555 8.3). No cookie, no page, no database.
 */
#ifndef PORTAL_PLAIN_H
#define PORTAL_PLAIN_H

#include "base/settings.h"
#include "portal/http.h"

/*
 * Fills resp, always; on the event loop.
 *
 *	GET, HEAD	308 to the same host, path and query under https and
 *			set->https_port; 400 when the host is no name or address
 *	the same at /.well-known/acme-challenge/<token>
 *			that file under set->acme_dir, 404 when there is none
 *	others		403 with a sentence: what was sent was not private
 */
void portal_plain(const struct settings *set, const struct request *req,
    struct response *resp);

#endif
