-- Mail that is handed on to a tenant's own server, and what senders are told of the
-- way their messages took.

SET LOCAL ROLE restante_owner;

ALTER TABLE tenant
	ADD inward_authority text NOT NULL DEFAULT '' CHECK (length(inward_authority) <= 65536);
COMMENT ON COLUMN tenant.inward_authority IS 'Certificates (PEM) under which that server''s must stand; empty: the system''s authorities.';
GRANT UPDATE (inward_authority) ON tenant TO restante_ctl;

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind BETWEEN 1 AND 5);
ALTER TABLE outbox ADD told boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN outbox.kind IS '1 notice, 2 code, 3 receipt, 4 forwarded message, 5 delivery status.';
COMMENT ON COLUMN outbox.item IS 'Address and secret, boxed to keyd''s outbox key, or a forwarded copy''s data key, boxed to its forward key (RSB1); destroyed at the final answer.';
COMMENT ON COLUMN outbox.told IS 'Its sender was told of the delay.';
CREATE INDEX outbox_forward_due ON outbox (due) WHERE state = 1 AND kind = 4;

ALTER TABLE event DROP CONSTRAINT event_kind_check;
ALTER TABLE event ADD CONSTRAINT event_kind_check CHECK (kind BETWEEN 1 AND 18);
COMMENT ON COLUMN event.kind IS '1 accepted, 2 notice queued, 3 notice taken, 4 notice failed, 5 code sent, 6 code taken, 7 code failed, 8 proved, 9 displayed, 10 downloaded, 11 replied, 12 retracted, 13 expired, 14 receipt taken, 15 wrong person, 16 forward queued, 17 forward taken, 18 forward failed.';

CREATE TABLE forward (
	tenant_id	uuid NOT NULL,
	forward_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	sender		text NOT NULL,
	proved		boolean NOT NULL,
	content_header	bytea NOT NULL CHECK (octet_length(content_header) = 96),
	size		bigint NOT NULL CHECK (size >= 0),
	chunks		integer NOT NULL CHECK (chunks > 0),
	body		smallint NOT NULL CHECK (body IN (0, 1, 2)),
	utf8		boolean NOT NULL,
	require_tls	boolean NOT NULL,
	ret		smallint NOT NULL CHECK (ret IN (0, 1, 2)),
	envid		text NOT NULL DEFAULT '',
	PRIMARY KEY (tenant_id, forward_id)
);
COMMENT ON TABLE forward IS 'Sealed copies on their way to a tenant''s own server; one goes when that server has given its final answer.';
COMMENT ON COLUMN forward.tenant_id IS 'Whose.';
COMMENT ON COLUMN forward.forward_id IS 'The outbox row''s, whose item holds its data key.';
COMMENT ON COLUMN forward.message_id IS 'Which message.';
COMMENT ON COLUMN forward.sender IS 'Envelope sender; empty for the null sender.';
COMMENT ON COLUMN forward.proved IS 'It is who it says.';
COMMENT ON COLUMN forward.content_header IS 'Header of the sealed content (RSC1).';
COMMENT ON COLUMN forward.size IS 'Clear bytes.';
COMMENT ON COLUMN forward.chunks IS 'Number of sealed chunks.';
COMMENT ON COLUMN forward.body IS 'What it is: 0 7bit, 1 8bit, 2 binary.';
COMMENT ON COLUMN forward.utf8 IS 'It needs SMTPUTF8.';
COMMENT ON COLUMN forward.require_tls IS 'Its sender required TLS on the whole way (RFC 8689).';
COMMENT ON COLUMN forward.ret IS 'What a notice of failure may bring back (RFC 3461): 0 not said, 1 header, 2 all.';
COMMENT ON COLUMN forward.envid IS 'Its sender''s name for it (RFC 3461); empty for none.';

CREATE TABLE forward_chunk (
	tenant_id	uuid NOT NULL,
	forward_id	uuid NOT NULL,
	seq		integer NOT NULL CHECK (seq >= 0),
	data		bytea NOT NULL CHECK (octet_length(data) BETWEEN 17 AND 65553),
	PRIMARY KEY (tenant_id, forward_id, seq),
	FOREIGN KEY (tenant_id, forward_id) REFERENCES forward ON DELETE CASCADE
);
ALTER TABLE forward_chunk ALTER data SET STORAGE EXTERNAL;
COMMENT ON TABLE forward_chunk IS 'Their content, 64 KiB of clear bytes a row.';
COMMENT ON COLUMN forward_chunk.tenant_id IS 'Whose.';
COMMENT ON COLUMN forward_chunk.forward_id IS 'Of which copy.';
COMMENT ON COLUMN forward_chunk.seq IS 'From 0.';
COMMENT ON COLUMN forward_chunk.data IS 'One sealed chunk (RSC1).';

CREATE TABLE forward_rcpt (
	tenant_id	uuid NOT NULL,
	forward_id	uuid NOT NULL,
	slot		integer NOT NULL CHECK (slot > 0),
	address		text NOT NULL,
	given		text NOT NULL,
	notify		smallint NOT NULL DEFAULT 0,
	orcpt		text NOT NULL DEFAULT '',
	state		smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
	PRIMARY KEY (tenant_id, forward_id, slot),
	FOREIGN KEY (tenant_id, forward_id) REFERENCES forward ON DELETE CASCADE
);
COMMENT ON TABLE forward_rcpt IS 'Whom they go to.';
COMMENT ON COLUMN forward_rcpt.tenant_id IS 'Whose.';
COMMENT ON COLUMN forward_rcpt.forward_id IS 'Of which copy.';
COMMENT ON COLUMN forward_rcpt.slot IS 'The recipient''s number within the message; events name it.';
COMMENT ON COLUMN forward_rcpt.address IS 'The member''s.';
COMMENT ON COLUMN forward_rcpt.given IS 'The address the sender named: what it is told of.';
COMMENT ON COLUMN forward_rcpt.notify IS 'NOTIFY (RFC 3461): 1 never, 2 success, 4 failure, 8 delay; 0 not said.';
COMMENT ON COLUMN forward_rcpt.orcpt IS 'ORCPT, decoded; empty for none.';
COMMENT ON COLUMN forward_rcpt.state IS '1 to be sent, 2 taken, 3 refused for good.';

CREATE TABLE dsn (
	tenant_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	slot		integer NOT NULL CHECK (slot > 0),
	given		text NOT NULL,
	notify		smallint NOT NULL,
	orcpt		text NOT NULL DEFAULT '',
	envid		text NOT NULL DEFAULT '',
	PRIMARY KEY (tenant_id, message_id, slot)
);
COMMENT ON TABLE dsn IS 'What a sender asked to be told of a recipient who is sent a notice, where something was asked; and recipients who were handed a message by mail alone, for its sender to see.';
COMMENT ON COLUMN dsn.tenant_id IS 'Whose.';
COMMENT ON COLUMN dsn.message_id IS 'Of which message.';
COMMENT ON COLUMN dsn.slot IS 'Which recipient.';
COMMENT ON COLUMN dsn.given IS 'The address the sender named.';
COMMENT ON COLUMN dsn.notify IS 'NOTIFY (RFC 3461), as in forward_rcpt.';
COMMENT ON COLUMN dsn.orcpt IS 'ORCPT, decoded; empty for none.';
COMMENT ON COLUMN dsn.envid IS 'Its sender''s name for the message; empty for none.';

CREATE TABLE report (
	tenant_id	uuid NOT NULL,
	outbox_id	uuid NOT NULL,
	n		integer NOT NULL CHECK (n >= 0),
	action		smallint NOT NULL CHECK (action BETWEEN 1 AND 5),
	recipient	text NOT NULL,
	orcpt		text NOT NULL DEFAULT '',
	envid		text NOT NULL DEFAULT '',
	status		text NOT NULL,
	diagnostic	text NOT NULL DEFAULT '' CHECK (length(diagnostic) < 200),
	remote		text NOT NULL DEFAULT '',
	PRIMARY KEY (tenant_id, outbox_id, n),
	FOREIGN KEY (tenant_id, outbox_id) REFERENCES outbox ON DELETE CASCADE
);
COMMENT ON TABLE report IS 'What a delivery status mail says, a row a recipient; they go with the mail.';
COMMENT ON COLUMN report.tenant_id IS 'Whose.';
COMMENT ON COLUMN report.outbox_id IS 'Of which mail.';
COMMENT ON COLUMN report.n IS 'From 0.';
COMMENT ON COLUMN report.action IS '1 delivered, 2 relayed, 3 expanded, 4 failed, 5 delayed (RFC 3464).';
COMMENT ON COLUMN report.recipient IS 'The address the sender named.';
COMMENT ON COLUMN report.orcpt IS 'ORCPT, decoded; empty for none.';
COMMENT ON COLUMN report.envid IS 'Its sender''s name for the message; empty for none.';
COMMENT ON COLUMN report.status IS 'Enhanced status code (RFC 3463).';
COMMENT ON COLUMN report.diagnostic IS 'The other server''s answer, cut, without addresses; empty for none.';
COMMENT ON COLUMN report.remote IS 'That server; empty for none.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['forward', 'forward_chunk', 'forward_rcpt', 'dsn', 'report'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant_id = current_tenant()) '
		    'WITH CHECK (tenant_id = current_tenant())', t);
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', t);
	END LOOP;
END
$$;

GRANT INSERT ON forward, forward_chunk, forward_rcpt, dsn, report
	TO restante_intake, restante_portal;
GRANT SELECT (tenant_id, message_id, slot, given) ON dsn TO restante_portal;
GRANT SELECT, DELETE ON forward TO restante_courier;
GRANT SELECT ON forward_chunk, dsn TO restante_courier;
GRANT SELECT, UPDATE (state) ON forward_rcpt TO restante_courier;
GRANT SELECT, INSERT ON report TO restante_courier;
GRANT INSERT, UPDATE (told) ON outbox TO restante_courier;
GRANT SELECT (tenant_id, forward_id, message_id, size) ON forward TO restante_ctl;
GRANT SELECT (tenant_id, forward_id, slot, address, state) ON forward_rcpt TO restante_ctl;

-- The courier queues delivery status mails and nothing else.
CREATE POLICY courier_tells ON outbox AS RESTRICTIVE FOR INSERT TO restante_courier
	WITH CHECK (kind = 5);

-- Forwarded messages have lanes of their own: they are large and their servers may hang.
RESET ROLE;

CREATE OR REPLACE FUNCTION outbox_take(codes boolean, lease_s integer, most integer)
RETURNS TABLE (tenant_id uuid, outbox_id uuid, kind smallint, message_id uuid, slot integer,
	notice_id uuid, at timestamptz, item bytea, item_kind smallint, created timestamptz,
	due timestamptz, tries integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
	couriers CONSTANT integer := 1919251311;	-- class of the advisory locks
BEGIN
	-- A connection that takes mails holds a lock of its own number until it ends,
	-- so that the others see at once when a courier died with mails in its hands.
	PERFORM pg_advisory_lock_shared(couriers, pg_backend_pid());
	UPDATE outbox o SET due = now(), holder = NULL
	FROM (SELECT h.tenant_id, h.outbox_id FROM outbox h
		WHERE h.holder IS NOT NULL AND h.state = 1 AND NOT EXISTS (
			SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted
			AND l.classid = couriers AND l.objid = h.holder)
		FOR UPDATE SKIP LOCKED) dead
	WHERE o.tenant_id = dead.tenant_id AND o.outbox_id = dead.outbox_id;
	RETURN QUERY WITH ready AS (
		SELECT o.tenant_id, o.outbox_id, o.due FROM outbox o
		WHERE o.state = 1 AND (o.kind = 2) = codes AND o.kind <> 4 AND o.due <= now()
		ORDER BY o.due LIMIT most
		FOR UPDATE SKIP LOCKED)
	UPDATE outbox o SET due = now() + make_interval(secs => lease_s), tries = o.tries + 1,
		holder = pg_backend_pid()
	FROM ready r
	WHERE o.tenant_id = r.tenant_id AND o.outbox_id = r.outbox_id
	RETURNING o.tenant_id, o.outbox_id, o.kind, o.message_id, o.slot, o.notice_id, o.at, o.item,
		o.item_kind, o.created, r.due, o.tries;
END
$$;

CREATE FUNCTION outbox_take_forward(lease_s integer, most integer)
RETURNS TABLE (tenant_id uuid, outbox_id uuid, kind smallint, message_id uuid, slot integer,
	notice_id uuid, at timestamptz, item bytea, item_kind smallint, created timestamptz,
	due timestamptz, tries integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
	couriers CONSTANT integer := 1919251311;	-- as in outbox_take()
BEGIN
	PERFORM pg_advisory_lock_shared(couriers, pg_backend_pid());
	RETURN QUERY WITH ready AS (
		SELECT o.tenant_id, o.outbox_id, o.due FROM outbox o
		WHERE o.state = 1 AND o.kind = 4 AND o.due <= now()
		ORDER BY o.due LIMIT most
		FOR UPDATE SKIP LOCKED)
	UPDATE outbox o SET due = now() + make_interval(secs => lease_s), tries = o.tries + 1,
		holder = pg_backend_pid()
	FROM ready r
	WHERE o.tenant_id = r.tenant_id AND o.outbox_id = r.outbox_id
	RETURNING o.tenant_id, o.outbox_id, o.kind, o.message_id, o.slot, o.notice_id, o.at, o.item,
		o.item_kind, o.created, r.due, o.tries;
END
$$;
COMMENT ON FUNCTION outbox_take_forward(integer, integer) IS 'Due forwarded messages for one courier, leased as other mails are.';
ALTER FUNCTION outbox_take_forward(integer, integer) OWNER TO restante_definer;
REVOKE ALL ON FUNCTION outbox_take_forward(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbox_take_forward(integer, integer) TO restante_courier;
