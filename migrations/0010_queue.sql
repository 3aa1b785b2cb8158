-- The queue: what a courier had in its hands when it died is found without a look at all
-- that waits; and a copy that nobody would hear of is kept when it failed.

CREATE OR REPLACE FUNCTION outbox_take(codes boolean, lease_s integer, most integer)
RETURNS TABLE (tenant_id uuid, outbox_id uuid, kind smallint, message_id uuid, slot integer,
	notice_id uuid, at timestamptz, item bytea, item_kind smallint, created timestamptz,
	due timestamptz, tries integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
	couriers CONSTANT integer := 1919251311;	-- class of the advisory locks
	taker integer := 0;
BEGIN
	-- A connection that takes mails holds a lock of its own number until it ends,
	-- so that the others see at once when a courier died with mails in its hands.
	PERFORM pg_advisory_lock_shared(couriers, pg_backend_pid());
	LOOP
		-- One after another from their index: it must be used however long the queue is.
		SELECT min(o.holder) INTO taker FROM outbox o WHERE o.holder > taker;
		EXIT WHEN taker IS NULL;
		CONTINUE WHEN EXISTS (SELECT FROM pg_locks l
			WHERE l.locktype = 'advisory' AND l.granted
			AND l.classid = couriers AND l.objid = taker);
		UPDATE outbox o SET due = now(), holder = NULL
		FROM (SELECT h.tenant_id, h.outbox_id FROM outbox h
			WHERE h.holder = taker AND h.state = 1
			FOR UPDATE SKIP LOCKED) dead
		WHERE o.tenant_id = dead.tenant_id AND o.outbox_id = dead.outbox_id;
	END LOOP;
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

SET LOCAL ROLE restante_owner;

COMMENT ON COLUMN forward_rcpt.notify IS 'NOTIFY (RFC 3461): 1 never, 2 success, 4 failure, 8 delay; 0 not said. 16: the sender is a program and is told nothing, 32: there is no copy in the portal.';
COMMENT ON COLUMN dsn.notify IS 'NOTIFY (RFC 3461): 1 never, 2 success, 4 failure, 8 delay; 0 not said.';
