-- Who may send what to whom, and what an address of a tenant stands for: settings of the
-- tenant, its relays and partners, aliases and lists.

SET LOCAL ROLE restante_owner;

ALTER TABLE tenant
	ADD inward_policy smallint NOT NULL DEFAULT 1 CHECK (inward_policy IN (1, 2, 3)),
	ADD inward_way smallint NOT NULL DEFAULT 1 CHECK (inward_way IN (1, 2, 3)),
	ADD inward_server text NOT NULL DEFAULT '' CHECK (length(inward_server) <= 255),
	ADD inward_port integer NOT NULL DEFAULT 25 CHECK (inward_port BETWEEN 1 AND 65535),
	ADD subject_tag text NOT NULL DEFAULT '' CHECK (octet_length(subject_tag) < 64),
	ADD plus_addresses boolean NOT NULL DEFAULT true,
	ADD catch_all text NOT NULL DEFAULT '' CHECK (catch_all = lower(catch_all) AND length(catch_all) <= 254),
	ADD messages_unknown integer CHECK (messages_unknown > 0),
	ADD messages_known integer CHECK (messages_known > 0),
	ADD messages_trusted integer CHECK (messages_trusted > 0),
	ADD recipients_unknown integer CHECK (recipients_unknown > 0),
	ADD recipients_known integer CHECK (recipients_known > 0),
	ADD recipients_trusted integer CHECK (recipients_trusted > 0),
	ADD harvest integer CHECK (harvest > 0),
	ADD CHECK (inward_way = 1 OR inward_server <> '');
COMMENT ON COLUMN tenant.inward_policy IS 'Who outside may write to its people: 1 anyone, 2 partners and known addresses, 3 partners.';
COMMENT ON COLUMN tenant.inward_way IS 'Mail to its people: 1 into the portal, 2 forwarded to its own server, 3 both.';
COMMENT ON COLUMN tenant.inward_server IS 'Host name of that server; empty for none.';
COMMENT ON COLUMN tenant.inward_port IS 'And its port.';
COMMENT ON COLUMN tenant.subject_tag IS 'What is put before the subject of forwarded mail; empty for nothing.';
COMMENT ON COLUMN tenant.plus_addresses IS 'alice+tag@ is alice@.';
COMMENT ON COLUMN tenant.catch_all IS 'Address, in lower case, of the member who gets mail to nobody; empty: such mail is refused.';
COMMENT ON COLUMN tenant.messages_unknown IS 'Messages a client and hour may send to it from senders it does not know; null: the installation''s default.';
COMMENT ON COLUMN tenant.messages_known IS 'The same from partners and known addresses.';
COMMENT ON COLUMN tenant.messages_trusted IS 'The same from its members and relays.';
COMMENT ON COLUMN tenant.recipients_unknown IS 'Recipients a client and hour may name to it for senders it does not know; null: the installation''s default.';
COMMENT ON COLUMN tenant.recipients_known IS 'The same for partners and known addresses.';
COMMENT ON COLUMN tenant.recipients_trusted IS 'The same for its members and relays.';
COMMENT ON COLUMN tenant.harvest IS 'Unknown recipients a client may name within ten minutes before it is told less; null: the installation''s default.';

CREATE TABLE relay (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	relay_id	uuid NOT NULL,
	kind		smallint NOT NULL CHECK (kind IN (1, 2, 3)),
	certificate	bytea CHECK (octet_length(certificate) = 32),
	range		cidr CHECK (masklen(range) >= CASE family(range) WHEN 4 THEN 8 ELSE 32 END),
	account_id	uuid,
	label		text NOT NULL DEFAULT '',
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, relay_id),
	UNIQUE (tenant_id, certificate),
	UNIQUE (tenant_id, range),
	UNIQUE (tenant_id, account_id),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account,
	CHECK ((kind = 1) = (certificate IS NOT NULL)),
	CHECK ((kind = 2) = (range IS NOT NULL)),
	CHECK ((kind = 3) = (account_id IS NOT NULL))
);
COMMENT ON TABLE relay IS 'Servers of a tenant''s own, that may send for every address of its domains.';
COMMENT ON COLUMN relay.tenant_id IS 'Whose.';
COMMENT ON COLUMN relay.relay_id IS 'UUID version 7.';
COMMENT ON COLUMN relay.kind IS 'Known by: 1 its TLS certificate, 2 its network address, 3 an account''s SMTP token.';
COMMENT ON COLUMN relay.certificate IS 'SHA-256 of the certificate it shows; null for the others.';
COMMENT ON COLUMN relay.range IS 'Where it connects from; null for the others.';
COMMENT ON COLUMN relay.account_id IS 'Whose token it uses; null for the others.';
COMMENT ON COLUMN relay.label IS 'What operators call it.';
COMMENT ON COLUMN relay.created IS 'When it was added.';

CREATE TABLE partner (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	domain		text NOT NULL CHECK (domain = lower(domain) AND length(domain) BETWEEN 1 AND 255),
	tls_in		boolean NOT NULL DEFAULT true,
	pin		bytea CHECK (octet_length(pin) = 32),
	tls_out		boolean NOT NULL DEFAULT false,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, domain),
	CHECK (pin IS NULL OR tls_in)
);
COMMENT ON TABLE partner IS 'Mail domains a tenant has an agreement with.';
COMMENT ON COLUMN partner.tenant_id IS 'Whose.';
COMMENT ON COLUMN partner.domain IS 'The partner''s, lower case, in its ASCII form; no subdomain of it.';
COMMENT ON COLUMN partner.tls_in IS 'Mail that claims to be from there is taken over TLS alone.';
COMMENT ON COLUMN partner.pin IS 'And only with the certificate, or under the authority, of this SHA-256; null: any client.';
COMMENT ON COLUMN partner.tls_out IS 'Mail to there asks for verified TLS all the way (REQUIRETLS), or fails.';
COMMENT ON COLUMN partner.created IS 'When it was added.';

CREATE TABLE mail_alias (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	address_key	text NOT NULL CHECK (address_key = lower(address_key) AND length(address_key) BETWEEN 1 AND 254),
	account_id	uuid NOT NULL,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, address_key),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
COMMENT ON TABLE mail_alias IS 'Other addresses of members.';
COMMENT ON COLUMN mail_alias.tenant_id IS 'Whose.';
COMMENT ON COLUMN mail_alias.address_key IS 'The address in lower case.';
COMMENT ON COLUMN mail_alias.account_id IS 'The member it stands for.';
COMMENT ON COLUMN mail_alias.created IS 'When it was added.';

CREATE TABLE mail_list (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	list_id		uuid NOT NULL,
	address_key	text NOT NULL CHECK (address_key = lower(address_key) AND length(address_key) BETWEEN 1 AND 254),
	open		boolean NOT NULL DEFAULT false,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, list_id),
	UNIQUE (tenant_id, address_key)
);
COMMENT ON TABLE mail_list IS 'Distribution lists.';
COMMENT ON COLUMN mail_list.tenant_id IS 'Whose.';
COMMENT ON COLUMN mail_list.list_id IS 'UUID version 7.';
COMMENT ON COLUMN mail_list.address_key IS 'Its address in lower case.';
COMMENT ON COLUMN mail_list.open IS 'Anyone the tenant takes mail from may write to it; else members and relays alone.';
COMMENT ON COLUMN mail_list.created IS 'When it was added.';

CREATE TABLE mail_list_entry (
	tenant_id	uuid NOT NULL,
	list_id		uuid NOT NULL,
	address_key	text NOT NULL CHECK (address_key = lower(address_key) AND length(address_key) BETWEEN 1 AND 254),
	PRIMARY KEY (tenant_id, list_id, address_key),
	FOREIGN KEY (tenant_id, list_id) REFERENCES mail_list ON DELETE CASCADE
);
COMMENT ON TABLE mail_list_entry IS 'Who is on a list: members, aliases, other lists, addresses outside.';
COMMENT ON COLUMN mail_list_entry.tenant_id IS 'Whose.';
COMMENT ON COLUMN mail_list_entry.list_id IS 'Which list.';
COMMENT ON COLUMN mail_list_entry.address_key IS 'The address in lower case.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['relay', 'partner', 'mail_alias', 'mail_list', 'mail_list_entry'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant_id = current_tenant()) '
		    'WITH CHECK (tenant_id = current_tenant())', t);
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', t);
	END LOOP;
END
$$;

GRANT SELECT ON relay, partner, mail_alias, mail_list, mail_list_entry
	TO restante_portal, restante_intake, restante_ctl;
GRANT SELECT ON partner TO restante_courier;
GRANT UPDATE (inward_policy, inward_way, inward_server, inward_port, subject_tag, plus_addresses,
	catch_all, messages_unknown, messages_known, messages_trusted, recipients_unknown,
	recipients_known, recipients_trusted, harvest) ON tenant TO restante_ctl;
GRANT INSERT, DELETE ON relay, mail_alias, mail_list, mail_list_entry TO restante_ctl;
GRANT INSERT, UPDATE (tls_in, pin, tls_out), DELETE ON partner TO restante_ctl;
GRANT SELECT (tenant_id, address_key, role, account_id) ON reader TO restante_definer;
GRANT SELECT (tenant_id, address_key) ON account TO restante_definer;

-- As in 0003: across tenants, owned by the role that may.
RESET ROLE;

-- Intake may not read who a message went to; this one thing it and the portal ask, of
-- the tenant whose transaction it is.
CREATE FUNCTION sender_known(wanted text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT FROM account a WHERE a.tenant_id = current_tenant()
			AND a.address_key = wanted)
		OR EXISTS (SELECT FROM reader r WHERE r.tenant_id = current_tenant()
			AND r.address_key = wanted AND r.role = 2 AND r.account_id IS NULL);
END
$$;
COMMENT ON FUNCTION sender_known(text) IS 'Has this address an account with the transaction''s tenant, or was it sent a message?';

CREATE FUNCTION house_tenant() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT t.tenant_id FROM tenant t ORDER BY t.created, t.tenant_id LIMIT 1
$$;
COMMENT ON FUNCTION house_tenant() IS 'The first organisation: its administrator answers for the host itself.';

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOREACH f IN ARRAY ARRAY['sender_known(text)', 'house_tenant()']::regprocedure[] LOOP
		EXECUTE format('ALTER FUNCTION %s OWNER TO restante_definer', f);
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO restante_portal, restante_intake', f);
	END LOOP;
END
$$;
