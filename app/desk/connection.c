#include "desk/connection.h"

#include "base/text.h"

int
connection_keep(const struct desk_sender *s, struct manifest *m, struct err *e)
{
	struct mail_connection c = {0};

	text_cut(c.client, sizeof(c.client), s->client);
	text_cut(c.helo, sizeof(c.helo), s->helo);
	text_cut(c.tls, sizeof(c.tls), s->tls);
	text_cut(c.certificate, sizeof(c.certificate), s->certificate);
	if (s->authenticated)
		text_cut(c.account, sizeof(c.account), s->address);
	return manifest_connection(m, &c, e);
}
