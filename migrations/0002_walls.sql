-- The walls: row-level security on every tenant table, and what each role may.
-- Without a tenant set in the transaction the policy's comparison is with null:
-- no row is seen and none can be written.

SET LOCAL ROLE restante_owner;

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
	RETURN nullif(current_setting('restante.tenant', true), '')::uuid;
COMMENT ON FUNCTION current_tenant() IS 'The transaction''s tenant, or null: then row-level security shows nothing.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['tenant', 'tenant_domain', 'account', 'account_key', 'unlocker',
	    'smtp_token', 'session', 'message', 'chunk', 'reader', 'notice', 'event', 'outbox',
	    'duplicate'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant_id = current_tenant()) '
		    'WITH CHECK (tenant_id = current_tenant())', t);
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', t);
	END LOOP;
END
$$;

-- Everybody knows the organisation it serves.
GRANT SELECT ON tenant, tenant_domain
	TO restante_portal, restante_intake, restante_courier, restante_ctl, restante_definer;

-- The portal: readers' and senders' requests.
GRANT SELECT, INSERT, UPDATE (active, name, last_login) ON account TO restante_portal;
GRANT SELECT, INSERT, UPDATE (cert) ON account_key TO restante_portal;
GRANT SELECT, INSERT ON unlocker TO restante_portal;
GRANT SELECT, INSERT, UPDATE (blob, last_seen), DELETE ON session TO restante_portal;
GRANT SELECT, INSERT, UPDATE (expires) ON message TO restante_portal;
GRANT SELECT, INSERT ON chunk TO restante_portal;
GRANT SELECT, INSERT, UPDATE (state, account_id, key_version, slot_id, ephemeral_pk, sealed,
	first_displayed) ON reader TO restante_portal;
GRANT SELECT, INSERT, UPDATE (account_id, link_wrap, escrow, expires) ON notice TO restante_portal;
GRANT SELECT, INSERT ON event, duplicate TO restante_portal;
GRANT INSERT ON outbox TO restante_portal;

-- Intake adds messages and sees none: no SELECT on anything of one. Of accounts
-- it reads public keys, and puts newly dated certificates in place.
GRANT SELECT (tenant_id, account_id, kind, admin, active, address, address_key, name, created,
	last_login) ON account TO restante_intake;
GRANT SELECT (tenant_id, account_id, version, pk, cert), UPDATE (cert) ON account_key TO restante_intake;
GRANT SELECT ON smtp_token TO restante_intake;
GRANT INSERT ON message, chunk, reader, notice, event, outbox TO restante_intake;
GRANT SELECT, INSERT ON duplicate TO restante_intake;

-- The courier reads names and addresses, no sealed column but the queue's items.
GRANT SELECT (tenant_id, account_id, address, address_key, name) ON account TO restante_courier;
GRANT SELECT (tenant_id, message_id, sender, sender_name, sender_account, created, expires)
	ON message TO restante_courier;
GRANT SELECT (tenant_id, message_id, slot, role, state, address, address_key, account_id, notice_id,
	first_displayed) ON reader TO restante_courier;
GRANT SELECT (tenant_id, notice_id, message_id, slot, pickup, address_key, account_id, created, expires)
	ON notice TO restante_courier;
GRANT SELECT, UPDATE (item, state, due, holder, last_reply), DELETE ON outbox TO restante_courier;
GRANT INSERT ON event TO restante_courier;

-- The operator's tool: organisations and people; of messages what stands on the envelope.
GRANT INSERT ON tenant, tenant_domain TO restante_ctl;
GRANT SELECT, INSERT, UPDATE (active, name, admin) ON account TO restante_ctl;
GRANT SELECT (tenant_id, account_id, version, pk, cert, created), INSERT ON account_key TO restante_ctl;
GRANT INSERT ON unlocker, smtp_token TO restante_ctl;
GRANT SELECT (tenant_id, token_id, account_id, label, verifier, created) ON smtp_token TO restante_ctl;
GRANT SELECT (tenant_id, message_id, sender, sender_name, sender_account, in_reply_to, created, expires,
	size, chunks) ON message TO restante_ctl;
GRANT SELECT (tenant_id, message_id, slot, role, state, address, address_key, account_id, key_version,
	notice_id, slot_id, first_displayed, created) ON reader TO restante_ctl;
GRANT SELECT (tenant_id, notice_id, message_id, slot, address_key, account_id, created, expires)
	ON notice TO restante_ctl;
GRANT SELECT ON event TO restante_ctl;

-- What the functions of 0003 read and change across tenants.
GRANT SELECT (tenant_id, message_id, created) ON message TO restante_definer;
GRANT SELECT, UPDATE (due, holder, tries) ON outbox TO restante_definer;
GRANT SELECT (expires), DELETE ON session TO restante_definer;
GRANT SELECT (created), DELETE ON duplicate TO restante_definer;
