-- A copy that nobody would hear of is kept when it failed: its recipient says so.

SET LOCAL ROLE restante_owner;

COMMENT ON COLUMN forward_rcpt.notify IS 'NOTIFY (RFC 3461): 1 never, 2 success, 4 failure, 8 delay; 0 not said. 16: the sender is a program and is told nothing, 32: there is no copy in the portal.';
COMMENT ON COLUMN dsn.notify IS 'NOTIFY (RFC 3461): 1 never, 2 success, 4 failure, 8 delay; 0 not said.';
