-- Messages are written many at once, and what only ever is written together is not
-- compared row by row any more: a foreign key is a query for each row, and those to
-- accounts locked one row for all mail to the same address. What they held is held by the
-- one transaction that writes a message, and nothing of one can be deleted; orphans()
-- finds what should not be.

SET LOCAL ROLE restante_owner;

ALTER TABLE message DROP CONSTRAINT message_tenant_id_sender_account_fkey;
ALTER TABLE chunk DROP CONSTRAINT chunk_tenant_id_message_id_fkey;
ALTER TABLE notice
	DROP CONSTRAINT notice_tenant_id_message_id_slot_fkey,
	DROP CONSTRAINT notice_tenant_id_account_id_fkey;
ALTER TABLE outbox
	DROP CONSTRAINT outbox_tenant_id_message_id_fkey,
	DROP CONSTRAINT outbox_tenant_id_notice_id_fkey;
ALTER TABLE duplicate DROP CONSTRAINT duplicate_tenant_id_message_id_fkey;

-- Whoever adds a reader says when the message came.
DROP TRIGGER reader_order ON reader;
ALTER TABLE reader
	DROP CONSTRAINT reader_tenant_id_message_id_fkey,
	DROP CONSTRAINT reader_tenant_id_notice_id_fkey,
	DROP CONSTRAINT reader_tenant_id_account_id_key_version_fkey;

-- A check is parsed and planned anew by every statement that adds to its table, which was a
-- fifth of what PostgreSQL did for a message. Lengths are fixed by the types that rows are
-- written from, and compared where they are read.
ALTER TABLE message
	DROP CONSTRAINT message_size_check,
	DROP CONSTRAINT message_chunks_check,
	DROP CONSTRAINT message_ephemeral_pk_check,
	DROP CONSTRAINT message_dek_commit_check,
	DROP CONSTRAINT message_content_header_check,
	DROP CONSTRAINT message_signature_check,
	DROP CONSTRAINT message_signer_cert_check;
ALTER TABLE chunk
	DROP CONSTRAINT chunk_part_check,
	DROP CONSTRAINT chunk_seq_check,
	DROP CONSTRAINT chunk_data_check;
ALTER TABLE reader
	DROP CONSTRAINT reader_slot_check,
	DROP CONSTRAINT reader_role_check,
	DROP CONSTRAINT reader_state_check,
	DROP CONSTRAINT reader_ephemeral_pk_check,
	DROP CONSTRAINT reader_sealed_check;
ALTER TABLE notice
	DROP CONSTRAINT notice_slot_check,
	DROP CONSTRAINT notice_pickup_check,
	DROP CONSTRAINT notice_link_hash_check,
	DROP CONSTRAINT notice_cert_check;
ALTER TABLE event
	DROP CONSTRAINT event_slot_check,
	DROP CONSTRAINT event_detail_check;
ALTER TABLE duplicate DROP CONSTRAINT duplicate_tag_check;

-- Indexes that nobody asks, or that helped those keys; a reader with an account is not
-- looked for by address, and old tags are swept in the order they were written.
DROP INDEX message_expires, outbox_message, duplicate_message, duplicate_created, reader_address;
CREATE INDEX reader_address ON reader (tenant_id, address_key, role, created DESC) WHERE account_id IS NULL;
CREATE INDEX duplicate_created ON duplicate USING brin (created);

-- A sealed message of a few KiB stays in its row's page.
ALTER TABLE chunk SET (toast_tuple_target = 8160);

GRANT SELECT (chunks) ON message TO restante_definer;
GRANT SELECT (tenant_id, message_id, part) ON chunk TO restante_definer;
GRANT SELECT (tenant_id, message_id, slot, account_id, key_version, notice_id, created) ON reader
	TO restante_definer;
GRANT SELECT (tenant_id, notice_id, message_id, slot, created) ON notice TO restante_definer;
GRANT SELECT (tenant_id, message_id) ON duplicate TO restante_definer;
GRANT SELECT (tenant_id, account_id, version) ON account_key TO restante_definer;

-- Of a notice without a link, which is an account's, event_list() tells that it was queued.
GRANT SELECT (link_hash) ON notice TO restante_ctl;

RESET ROLE;
DROP FUNCTION reader_order();

-- Whatever its connection prefers: there is no other way along this index.
ALTER FUNCTION sweep() SET enable_bitmapscan = on;

CREATE FUNCTION orphans(since timestamptz) RETURNS TABLE (what text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT 'messages without all their chunks', count(*) FROM message m
		WHERE m.created >= since AND m.chunks <> (SELECT count(*) FROM chunk c
			WHERE c.tenant_id = m.tenant_id AND c.message_id = m.message_id AND c.part = 0)
		-- What is handed on alone has no reader here, and no content.
		AND EXISTS (SELECT FROM reader r
			WHERE r.tenant_id = m.tenant_id AND r.message_id = m.message_id)
	UNION ALL
	SELECT 'readers without their message', count(*) FROM reader r
		WHERE r.created >= since AND NOT EXISTS (SELECT FROM message m
			WHERE m.tenant_id = r.tenant_id AND m.message_id = r.message_id)
	UNION ALL
	SELECT 'readers without their notice', count(*) FROM reader r
		WHERE r.created >= since AND r.notice_id IS NOT NULL AND NOT EXISTS (SELECT FROM notice n
			WHERE n.tenant_id = r.tenant_id AND n.notice_id = r.notice_id)
	UNION ALL
	SELECT 'readers without their key', count(*) FROM reader r
		WHERE r.created >= since AND r.account_id IS NOT NULL AND NOT EXISTS (SELECT FROM account_key k
			WHERE k.tenant_id = r.tenant_id AND k.account_id = r.account_id AND k.version = r.key_version)
	UNION ALL
	SELECT 'notices without their reader', count(*) FROM notice n
		WHERE n.created >= since AND NOT EXISTS (SELECT FROM reader r
			WHERE r.tenant_id = n.tenant_id AND r.message_id = n.message_id AND r.slot = n.slot)
	UNION ALL
	SELECT 'mails without their notice', count(*) FROM outbox o
		WHERE o.created >= since AND o.notice_id IS NOT NULL AND NOT EXISTS (SELECT FROM notice n
			WHERE n.tenant_id = o.tenant_id AND n.notice_id = o.notice_id)
	UNION ALL
	SELECT 'tags without their message', count(*) FROM duplicate d
		WHERE d.created >= since AND NOT EXISTS (SELECT FROM message m
			WHERE m.tenant_id = d.tenant_id AND m.message_id = d.message_id)
$$;
COMMENT ON FUNCTION orphans(timestamptz) IS 'Rows written since then that lack what they were written with: none, unless a program of ours is wrong.';
ALTER FUNCTION orphans(timestamptz) OWNER TO restante_definer;
REVOKE ALL ON FUNCTION orphans(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION orphans(timestamptz) TO restante_ctl;
