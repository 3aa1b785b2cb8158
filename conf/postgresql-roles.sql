-- What a cluster needs once before `restantectl migrate`: the roles and their
-- database. Run as superuser, in any database, as often as one likes.
--   restante_owner    owns the tables; nobody logs in as it
--   restante_definer  owns the SECURITY DEFINER functions that look across tenants
--   the rest          one login role for each process
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['restante_owner', 'restante_definer',
	    'restante_portal', 'restante_intake', 'restante_courier', 'restante_ctl']
	LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
		END IF;
	END LOOP;
END
$$;
ALTER ROLE restante_definer BYPASSRLS;
ALTER ROLE restante_portal LOGIN;
ALTER ROLE restante_intake LOGIN;
ALTER ROLE restante_courier LOGIN;
ALTER ROLE restante_ctl LOGIN;

SELECT 'CREATE DATABASE restante OWNER restante_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'restante') \gexec
REVOKE ALL ON DATABASE restante FROM PUBLIC;
GRANT CONNECT ON DATABASE restante
TO restante_portal, restante_intake, restante_courier, restante_ctl;
