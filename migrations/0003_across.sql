-- What must look across tenants: a short list of functions, owned by a role that
-- cannot log in and that row-level security does not bind. Each pins its search
-- path and is given to the roles that need it, never to everybody. Those that are
-- asked for every request and every address are in PL/pgSQL, which keeps its plans.

CREATE FUNCTION tenant_by_host(wanted text)
RETURNS TABLE (tenant_id uuid, slug text, name text, host text, domain text, contact text,
	color text, retention_days integer, escrow boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.tenant_id, t.slug, t.name, t.host, coalesce(d.domain, ''), t.contact,
		t.color, t.retention_days, t.escrow
	FROM tenant t LEFT JOIN tenant_domain d ON d.tenant_id = t.tenant_id AND d.is_first
	WHERE t.host = wanted;
END
$$;
COMMENT ON FUNCTION tenant_by_host(text) IS 'The organisation whose portal a browser asked for.';

CREATE FUNCTION tenant_by_domain(wanted text)
RETURNS TABLE (tenant_id uuid, slug text, name text, host text, domain text, contact text,
	color text, retention_days integer, escrow boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.tenant_id, t.slug, t.name, t.host, coalesce(d.domain, ''), t.contact,
		t.color, t.retention_days, t.escrow
	FROM tenant_domain w JOIN tenant t ON t.tenant_id = w.tenant_id
		LEFT JOIN tenant_domain d ON d.tenant_id = t.tenant_id AND d.is_first
	WHERE w.domain = wanted;
END
$$;
COMMENT ON FUNCTION tenant_by_domain(text) IS 'The organisation a mail domain belongs to.';

CREATE FUNCTION tenant_by_slug(wanted text)
RETURNS TABLE (tenant_id uuid, slug text, name text, host text, domain text, contact text,
	color text, retention_days integer, escrow boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT t.tenant_id, t.slug, t.name, t.host, coalesce(d.domain, ''), t.contact, t.color,
		t.retention_days, t.escrow
	FROM tenant t LEFT JOIN tenant_domain d ON d.tenant_id = t.tenant_id AND d.is_first
	WHERE t.slug = wanted
$$;
COMMENT ON FUNCTION tenant_by_slug(text) IS 'The organisation an operator names.';

CREATE FUNCTION tenant_list()
RETURNS TABLE (tenant_id uuid, slug text, name text, host text, domain text, contact text,
	color text, retention_days integer, escrow boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT t.tenant_id, t.slug, t.name, t.host, coalesce(d.domain, ''), t.contact, t.color,
		t.retention_days, t.escrow
	FROM tenant t LEFT JOIN tenant_domain d ON d.tenant_id = t.tenant_id AND d.is_first
	ORDER BY t.slug
$$;
COMMENT ON FUNCTION tenant_list() IS 'All organisations, for the operator.';

CREATE FUNCTION message_tenant(wanted uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT m.tenant_id FROM tenant t
		JOIN message m ON m.tenant_id = t.tenant_id AND m.message_id = wanted
$$;
COMMENT ON FUNCTION message_tenant(uuid) IS 'Whose message an operator names by its id.';

-- Readers' rows are listed in the order of their messages; intake, which adds
-- them, may not read the message's row.
CREATE FUNCTION reader_order() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	SELECT m.created INTO NEW.created FROM message m
	WHERE m.tenant_id = NEW.tenant_id AND m.message_id = NEW.message_id;
	NEW.created := coalesce(NEW.created, now());
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION reader_order() IS 'Copies the message''s time into a new reader''s row.';
CREATE TRIGGER reader_order BEFORE INSERT ON reader
	FOR EACH ROW EXECUTE FUNCTION reader_order();

CREATE FUNCTION outbox_take(codes boolean, lease_s integer, most integer)
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
		WHERE o.state = 1 AND (o.kind = 2) = codes AND o.due <= now()
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
COMMENT ON FUNCTION outbox_take(boolean, integer, integer) IS 'Due mails for one courier, leased: a crashed courier''s come back at once, a frozen one''s when the lease ends.';

CREATE FUNCTION outbox_counts()
RETURNS TABLE (waiting bigint, retrying bigint, failed bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT count(*) FILTER (WHERE o.state = 1 AND o.tries = 0),
		count(*) FILTER (WHERE o.state = 1 AND o.tries > 0),
		count(*) FILTER (WHERE o.state = 2),
		min(o.created) FILTER (WHERE o.state = 1)
	FROM outbox o
$$;
COMMENT ON FUNCTION outbox_counts() IS 'The state of the queue.';

CREATE FUNCTION outbox_list(most integer)
RETURNS TABLE (tenant_id uuid, outbox_id uuid, kind smallint, message_id uuid, slot integer,
	created timestamptz, due timestamptz, tries integer, state smallint, last_reply text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT o.tenant_id, o.outbox_id, o.kind, o.message_id, o.slot, o.created, o.due, o.tries,
		o.state, o.last_reply
	FROM outbox o ORDER BY o.created, o.outbox_id LIMIT most
$$;
COMMENT ON FUNCTION outbox_list(integer) IS 'The rows of the queue, without their items.';

CREATE FUNCTION sweep() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	WITH s AS (DELETE FROM session WHERE expires < now() RETURNING 1),
	d AS (DELETE FROM duplicate WHERE created < now() - interval '96 hours' RETURNING 1)
	SELECT (SELECT count(*) FROM s) + (SELECT count(*) FROM d)
$$;
COMMENT ON FUNCTION sweep() IS 'Removes ended sessions and duplicate tags past their time.';

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOREACH f IN ARRAY ARRAY['tenant_by_host(text)', 'tenant_by_domain(text)',
	    'tenant_by_slug(text)', 'tenant_list()', 'message_tenant(uuid)', 'reader_order()',
	    'outbox_take(boolean, integer, integer)', 'outbox_counts()', 'outbox_list(integer)',
	    'sweep()']::regprocedure[] LOOP
		EXECUTE format('ALTER FUNCTION %s OWNER TO restante_definer', f);
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
	END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION tenant_by_host(text) TO restante_portal, restante_ctl;
GRANT EXECUTE ON FUNCTION tenant_by_domain(text) TO restante_portal, restante_intake, restante_ctl;
GRANT EXECUTE ON FUNCTION tenant_by_slug(text), tenant_list(), message_tenant(uuid),
	outbox_counts(), outbox_list(integer) TO restante_ctl;
GRANT EXECUTE ON FUNCTION outbox_take(boolean, integer, integer), outbox_counts(), sweep()
	TO restante_courier;
