-- The operator's tool counts the files of a message: their lengths, nothing of them.

SET LOCAL ROLE restante_owner;

GRANT SELECT (tenant_id, message_id, length) ON upload TO restante_ctl;
