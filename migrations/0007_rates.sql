-- What all intake processes have counted together, and limits that are not the
-- installation's usual ones.

SET LOCAL ROLE restante_owner;

-- Unlogged: its changes are not written ahead, so counting never waits for a disk. A crash of
-- the server empties it. Each process goes on by its own counts, which it adds again only as
-- they grow: for the rest of two windows the counts of processes that ended before are missing.
CREATE UNLOGGED TABLE rate (
	tenant_id	uuid NOT NULL,
	key		bytea NOT NULL CHECK (octet_length(key) = 12),
	began		timestamptz NOT NULL,
	used		bigint NOT NULL CHECK (used >= 0),
	ends		timestamptz NOT NULL,
	PRIMARY KEY (tenant_id, key, began)
) WITH (fillfactor = 50);
COMMENT ON TABLE rate IS 'Counts of connections, messages, recipients and failures, by client or tenant, class and window of time.';
COMMENT ON COLUMN rate.tenant_id IS 'At which tenant; all zeros: counted for none in particular.';
COMMENT ON COLUMN rate.key IS 'Of whom (0 client, 1 tenant), what (0 connections, 1 messages, 2 recipients, 3 unknown recipients, 4 failed authentications), class (0 unknown, 1 known, 2 trusted), and of a client its network: 4 and an IPv4 address, or 6 and the first half of an IPv6 address.';
COMMENT ON COLUMN rate.began IS 'When the window began.';
COMMENT ON COLUMN rate.used IS 'The count; of unknown recipients in millionths of the tenant''s threshold.';
COMMENT ON COLUMN rate.ends IS 'When it counts no longer: two windows after it began.';

CREATE TABLE rate_limit (
	tenant_id	uuid NOT NULL,
	whose		smallint NOT NULL CHECK (whose IN (0, 1)),
	what		smallint NOT NULL CHECK (what BETWEEN 0 AND 4),
	class		smallint NOT NULL CHECK (class BETWEEN 0 AND 2),
	most		bigint NOT NULL CHECK (most >= 0),
	changed		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, whose, what, class)
);
COMMENT ON TABLE rate_limit IS 'Limits other than those the programs come with.';
COMMENT ON COLUMN rate_limit.tenant_id IS 'Which tenant''s; all zeros: of every tenant without one of its own.';
COMMENT ON COLUMN rate_limit.whose IS 'What is limited is 0 a client''s, 1 the tenant''s altogether.';
COMMENT ON COLUMN rate_limit.what IS 'As in the key of a count.';
COMMENT ON COLUMN rate_limit.class IS 'As in the key of a count.';
COMMENT ON COLUMN rate_limit.most IS 'How many within a window.';
COMMENT ON COLUMN rate_limit.changed IS 'When it was first set.';

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['rate', 'rate_limit'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant_id = current_tenant()) '
		    'WITH CHECK (tenant_id = current_tenant())', t);
		EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', t);
	END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE (most), DELETE ON rate_limit TO restante_ctl;
GRANT SELECT ON rate_limit TO restante_definer;
GRANT SELECT, INSERT, UPDATE (used), DELETE ON rate TO restante_definer;

-- As in 0003: across tenants, owned by the role that may. A process counts for many tenants at
-- once. Rows are touched in one order, so that two processes never wait for each other.
RESET ROLE;

CREATE FUNCTION rate_merge(packed bytea)
RETURNS TABLE (at integer, used bigint, before bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY WITH told AS MATERIALIZED (
		SELECT i AS at, encode(substring(packed FROM i * 52 + 1 FOR 16), 'hex')::uuid AS tenant_id,
			substring(packed FROM i * 52 + 17 FOR 12) AS key,
			to_timestamp(('x' || encode(substring(packed FROM i * 52 + 29 FOR 8), 'hex'))::bit(64)::bigint)
				AS began,
			make_interval(secs => ('x' || encode(substring(packed FROM i * 52 + 37 FOR 8), 'hex'))
				::bit(64)::bigint) AS span,
			('x' || encode(substring(packed FROM i * 52 + 45 FOR 8), 'hex'))::bit(64)::bigint AS n
		FROM generate_series(0, octet_length(packed) / 52 - 1) i),
	added AS (
		INSERT INTO rate AS r (tenant_id, key, began, used, ends)
		SELECT t.tenant_id, t.key, t.began, t.n, t.began + 2 * t.span FROM told t WHERE t.n > 0
		ORDER BY t.tenant_id, t.key, t.began
		ON CONFLICT (tenant_id, key, began) DO UPDATE SET used = r.used + EXCLUDED.used
		RETURNING r.tenant_id, r.key, r.began, r.used)
	SELECT t.at, coalesce(a.used, c.used, 0), coalesce(b.used, 0) FROM told t
		LEFT JOIN added a ON a.tenant_id = t.tenant_id AND a.key = t.key AND a.began = t.began
		LEFT JOIN rate c ON c.tenant_id = t.tenant_id AND c.key = t.key AND c.began = t.began
		LEFT JOIN rate b ON b.tenant_id = t.tenant_id AND b.key = t.key AND b.began = t.began - t.span;
END
$$;
COMMENT ON FUNCTION rate_merge(bytea) IS 'Adds what a process has counted, and tells what all have: this window''s count and that of the one before.';

CREATE FUNCTION rate_sweep() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	WITH gone AS (DELETE FROM rate WHERE ends < now() RETURNING 1) SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION rate_sweep() IS 'Removes counts of windows that count no longer.';

CREATE FUNCTION rate_limits()
RETURNS TABLE (tenant_id uuid, whose smallint, what smallint, class smallint, most bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
	SELECT l.tenant_id, l.whose, l.what, l.class, l.most FROM rate_limit l
	ORDER BY l.tenant_id, l.whose, l.what, l.class
$$;
COMMENT ON FUNCTION rate_limits() IS 'All limits that are not the usual ones.';

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOREACH f IN ARRAY ARRAY['rate_merge(bytea)', 'rate_sweep()', 'rate_limits()']::regprocedure[] LOOP
		EXECUTE format('ALTER FUNCTION %s OWNER TO restante_definer', f);
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
	END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION rate_merge(bytea), rate_sweep() TO restante_intake;
GRANT EXECUTE ON FUNCTION rate_limits() TO restante_intake, restante_ctl;
