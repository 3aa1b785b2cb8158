-- Messages are written many at once, and what only ever is written together is not
-- compared row by row any more: a foreign key is a query for each row, and those to
-- accounts locked one row for all mail to the same address. What they held is held by the
-- one transaction that writes a message, and nothing of one can be deleted;
-- orphans() finds what should not be.

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

-- A sealed message of a few KiB stays in its row's page.
ALTER TABLE chunk SET (toast_tuple_target = 8160);

RESET ROLE;
DROP FUNCTION reader_order();
