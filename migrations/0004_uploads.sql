-- Files on their way from a browser before their letter is sent, and, once it is,
-- kept beside it. Their bytes lie in rows of several sealed chunks; those that an
-- upload's row does not count yet are nobody's and are replaced by the next slice.

SET LOCAL ROLE restante_owner;

CREATE TABLE upload (
	tenant_id	uuid NOT NULL,
	upload_id	uuid NOT NULL,
	account_id	uuid,
	session		bytea CHECK (octet_length(session) = 32),
	address_key	text NOT NULL CHECK (length(address_key) BETWEEN 1 AND 254),
	length		bigint NOT NULL CHECK (length >= 0),
	taken		bigint NOT NULL DEFAULT 0 CHECK (taken BETWEEN 0 AND length),
	header		bytea NOT NULL CHECK (octet_length(header) = 96),
	key_version	integer,
	key_wrap	bytea,
	facts		bytea NOT NULL,
	tail		bytea,
	writer		uuid,
	created		timestamptz NOT NULL DEFAULT now(),
	expires		timestamptz NOT NULL,
	message_id	uuid,
	PRIMARY KEY (tenant_id, upload_id),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account,
	FOREIGN KEY (tenant_id, message_id) REFERENCES message DEFERRABLE INITIALLY DEFERRED,
	CHECK ((account_id IS NULL) = (session IS NOT NULL)),
	CHECK ((account_id IS NULL) = (key_version IS NULL)),
	CHECK (message_id IS NULL OR (key_wrap IS NULL AND taken = length))
) WITH (fillfactor = 50);
ALTER TABLE upload ALTER tail SET STORAGE EXTERNAL;
CREATE INDEX upload_owner ON upload (address_key, tenant_id) WHERE message_id IS NULL;
CREATE INDEX upload_expires ON upload (expires) WHERE message_id IS NULL;
CREATE INDEX upload_message ON upload (message_id) WHERE message_id IS NOT NULL;
COMMENT ON TABLE upload IS 'Files from browsers: on their way, waiting for their letter, or sent with it.';
COMMENT ON COLUMN upload.tenant_id IS 'Whose.';
COMMENT ON COLUMN upload.upload_id IS 'UUID version 7; bound into every chunk.';
COMMENT ON COLUMN upload.account_id IS 'Whose account brought it; null: a guest''s.';
COMMENT ON COLUMN upload.session IS 'A guest''s session, by the hash of its id; null with an account.';
COMMENT ON COLUMN upload.address_key IS 'Address of its owner in lower case: quotas are by it.';
COMMENT ON COLUMN upload.length IS 'Clear bytes in all, said at the beginning.';
COMMENT ON COLUMN upload.taken IS 'Clear bytes that are here for good: whole chunks, and the tail.';
COMMENT ON COLUMN upload.header IS 'Header of the sealed content (RSC1, loose).';
COMMENT ON COLUMN upload.key_version IS 'Version of the account''s key the file key is boxed to.';
COMMENT ON COLUMN upload.key_wrap IS 'The file key for its owner (RSB1, a guest''s RSW1); null once sent or removed.';
COMMENT ON COLUMN upload.facts IS 'Name and type of the file, sealed (RSW1).';
COMMENT ON COLUMN upload.tail IS 'What was taken of the next chunk, sealed (RSW1); null when nothing.';
COMMENT ON COLUMN upload.writer IS 'The slice that may go on; the newest one that began.';
COMMENT ON COLUMN upload.created IS 'When it was begun.';
COMMENT ON COLUMN upload.expires IS 'When it goes unless it was sent.';
COMMENT ON COLUMN upload.message_id IS 'The message it was sent with; null before.';

-- No foreign key: the policy below asks for the upload, which is locked by
-- whoever adds or removes. Rows are written once: their bytes are not read again
-- for every fifth part that is added.
CREATE TABLE upload_chunk (
	tenant_id	uuid NOT NULL,
	upload_id	uuid NOT NULL,
	seq		integer NOT NULL CHECK (seq >= 0),
	data		bytea NOT NULL CHECK (octet_length(data) BETWEEN 36 AND 600000),
	PRIMARY KEY (tenant_id, upload_id, seq)
) WITH (toast.autovacuum_vacuum_insert_scale_factor = 1);
ALTER TABLE upload_chunk ALTER data SET STORAGE EXTERNAL;
COMMENT ON TABLE upload_chunk IS 'Sealed content of uploads, several chunks of 64 KiB a row.';
COMMENT ON COLUMN upload_chunk.tenant_id IS 'Whose.';
COMMENT ON COLUMN upload_chunk.upload_id IS 'Of which upload.';
COMMENT ON COLUMN upload_chunk.seq IS 'Number of the first chunk in the row, from 0.';
COMMENT ON COLUMN upload_chunk.data IS 'Chunks one after another (RSC1, loose), before each its length in four octets.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['upload', 'upload_chunk'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant_id = current_tenant()) '
		    'WITH CHECK (tenant_id = current_tenant())', t);
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', t);
	END LOOP;
END
$$;

-- What was sent is neither changed nor removed, whatever a portal asks for.
CREATE POLICY unsent_changes ON upload AS RESTRICTIVE FOR UPDATE
	USING (message_id IS NULL) WITH CHECK (true);
CREATE POLICY unsent_goes ON upload AS RESTRICTIVE FOR DELETE USING (message_id IS NULL);
CREATE POLICY unsent_grows ON upload_chunk AS RESTRICTIVE FOR INSERT
	WITH CHECK (EXISTS (SELECT FROM upload u WHERE u.tenant_id = upload_chunk.tenant_id
		AND u.upload_id = upload_chunk.upload_id AND u.message_id IS NULL));
CREATE POLICY unsent_goes ON upload_chunk AS RESTRICTIVE FOR DELETE
	USING (EXISTS (SELECT FROM upload u WHERE u.tenant_id = upload_chunk.tenant_id
		AND u.upload_id = upload_chunk.upload_id AND u.message_id IS NULL));

GRANT SELECT, INSERT, UPDATE (taken, key_wrap, tail, writer, expires, message_id), DELETE
	ON upload TO restante_portal;
GRANT SELECT, INSERT, DELETE ON upload_chunk TO restante_portal;
GRANT SELECT (tenant_id, upload_id, expires, message_id), UPDATE (expires), DELETE
	ON upload TO restante_definer;
GRANT SELECT (tenant_id, upload_id, seq), DELETE ON upload_chunk TO restante_definer;

-- As in 0003: across tenants, owned by the role that may.
RESET ROLE;

CREATE FUNCTION upload_sweep(most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	u record;
	left_over bigint := most;
	gone bigint;
BEGIN
	FOR u IN SELECT d.tenant_id, d.upload_id FROM upload d
		WHERE d.message_id IS NULL AND d.expires < now()
		ORDER BY d.expires LIMIT most FOR UPDATE SKIP LOCKED
	LOOP
		DELETE FROM upload_chunk c WHERE c.tenant_id = u.tenant_id
			AND c.upload_id = u.upload_id AND c.seq IN (
				SELECT s.seq FROM upload_chunk s WHERE s.tenant_id = u.tenant_id
				AND s.upload_id = u.upload_id ORDER BY s.seq LIMIT left_over);
		GET DIAGNOSTICS gone = ROW_COUNT;
		left_over := left_over - gone;
		EXIT WHEN left_over <= 0;
		DELETE FROM upload d WHERE d.tenant_id = u.tenant_id AND d.upload_id = u.upload_id;
		left_over := left_over - 1;
		EXIT WHEN left_over <= 0;
	END LOOP;
	RETURN most - left_over;
END
$$;
COMMENT ON FUNCTION upload_sweep(integer) IS 'Removes uploads past their time, at most so many rows; how many it were.';
ALTER FUNCTION upload_sweep(integer) OWNER TO restante_definer;
REVOKE ALL ON FUNCTION upload_sweep(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION upload_sweep(integer) TO restante_courier;
