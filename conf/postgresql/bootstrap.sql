-- bootstrap.sql: roles and the database, once a cluster; run by psql as its
-- superuser, again at any time without harm:
--
--	psql -X -v ON_ERROR_STOP=1 -U postgres -d postgres -f bootstrap.sql
--
-- Tables and functions are the migrations' (restantectl migrate).

DO $$
DECLARE
	r text;
BEGIN
	FOREACH r IN ARRAY ARRAY['owner', 'definer', 'portal', 'intake', 'courier', 'ctl'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'restante_' || r) THEN
			EXECUTE format('CREATE ROLE %I', 'restante_' || r);
		END IF;
	END LOOP;
END
$$;

-- Owns the tables. Nobody logs in as it; row-level security binds it too.
ALTER ROLE restante_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
-- Owns the few functions that look across tenants.
ALTER ROLE restante_definer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS NOINHERIT;
-- One a process. None owns anything or is a member of anything.
ALTER ROLE restante_portal LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
ALTER ROLE restante_intake LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
ALTER ROLE restante_courier LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
ALTER ROLE restante_ctl LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;

SELECT 'CREATE DATABASE restante OWNER restante_owner ENCODING ''UTF8'' TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'restante') \gexec

REVOKE ALL ON DATABASE restante FROM PUBLIC;
GRANT CONNECT ON DATABASE restante TO restante_portal, restante_intake, restante_courier, restante_ctl;

\connect restante
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO restante_owner;
GRANT USAGE ON SCHEMA public TO restante_definer, restante_portal, restante_intake, restante_courier, restante_ctl;
