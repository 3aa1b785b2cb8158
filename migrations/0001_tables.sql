-- The tables. Every primary key is led by the tenant, every foreign key carries
-- it, and row-level security is forced on every one of them (0002). Of a table that
-- grows with every message, other indexes begin with what tells rows apart: plans are
-- kept, and one made while a table is small or empty must not walk through a tenant.

SET LOCAL ROLE restante_owner;

CREATE TABLE tenant (
	tenant_id	uuid PRIMARY KEY,
	slug		text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,30}$'),
	name		text NOT NULL CHECK (name <> ''),
	host		text NOT NULL UNIQUE CHECK (host = lower(host) AND length(host) BETWEEN 1 AND 255),
	contact		text NOT NULL DEFAULT '',
	color		text NOT NULL DEFAULT '#1f4b8f' CHECK (color ~ '^#[0-9a-f]{6}$'),
	retention_days	integer NOT NULL DEFAULT 30 CHECK (retention_days BETWEEN 1 AND 3650),
	escrow		boolean NOT NULL DEFAULT true,
	created		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenant IS 'Organisations that share this installation.';
COMMENT ON COLUMN tenant.tenant_id IS 'UUID version 7.';
COMMENT ON COLUMN tenant.slug IS 'What operators call it on the command line.';
COMMENT ON COLUMN tenant.name IS 'What its people and recipients know it as.';
COMMENT ON COLUMN tenant.host IS 'Host name of its portal, lower case, without port.';
COMMENT ON COLUMN tenant.contact IS 'How recipients reach it: on every page and notice; empty for none.';
COMMENT ON COLUMN tenant.color IS 'The one colour of its pages, #rrggbb.';
COMMENT ON COLUMN tenant.retention_days IS 'How long a message stays available.';
COMMENT ON COLUMN tenant.escrow IS 'Links may be sent again: provisional keys are held in escrow until registration or expiry.';
COMMENT ON COLUMN tenant.created IS 'When it was added.';

CREATE TABLE tenant_domain (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	domain		text NOT NULL UNIQUE CHECK (domain = lower(domain) AND length(domain) BETWEEN 1 AND 255),
	is_first	boolean NOT NULL DEFAULT false,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, domain)
);
CREATE UNIQUE INDEX tenant_domain_first ON tenant_domain (tenant_id) WHERE is_first;
COMMENT ON TABLE tenant_domain IS 'Mail domains; a domain belongs to one tenant.';
COMMENT ON COLUMN tenant_domain.tenant_id IS 'Whose.';
COMMENT ON COLUMN tenant_domain.domain IS 'Lower case, in its ASCII form.';
COMMENT ON COLUMN tenant_domain.is_first IS 'The one domain its system mail comes from.';
COMMENT ON COLUMN tenant_domain.created IS 'When it was added.';

CREATE TABLE account (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	account_id	uuid NOT NULL,
	kind		smallint NOT NULL CHECK (kind IN (1, 2)),
	admin		boolean NOT NULL DEFAULT false,
	active		boolean NOT NULL DEFAULT false,
	address		text NOT NULL CHECK (length(address) BETWEEN 1 AND 254),
	address_key	text NOT NULL CHECK (length(address_key) BETWEEN 1 AND 254),
	name		text NOT NULL DEFAULT '',
	created		timestamptz NOT NULL DEFAULT now(),
	last_login	timestamptz,
	PRIMARY KEY (tenant_id, account_id),
	UNIQUE (tenant_id, address_key),
	CHECK (kind = 1 OR NOT admin)
);
COMMENT ON TABLE account IS 'People of a tenant: its members, and outside recipients who registered.';
COMMENT ON COLUMN account.tenant_id IS 'Whose.';
COMMENT ON COLUMN account.account_id IS 'UUID version 7.';
COMMENT ON COLUMN account.kind IS '1 member, 2 guest (an outside recipient).';
COMMENT ON COLUMN account.admin IS 'May use the admin console; members only.';
COMMENT ON COLUMN account.active IS 'Registered: has a key and an unlocker.';
COMMENT ON COLUMN account.address IS 'Mail address as people write it.';
COMMENT ON COLUMN account.address_key IS 'The address in lower case: what it is looked up by.';
COMMENT ON COLUMN account.name IS 'Display name; empty when unknown.';
COMMENT ON COLUMN account.created IS 'When it was added.';
COMMENT ON COLUMN account.last_login IS 'Last sign-in; null before the first.';

CREATE TABLE account_key (
	tenant_id	uuid NOT NULL,
	account_id	uuid NOT NULL,
	version		integer NOT NULL CHECK (version > 0),
	pk		bytea NOT NULL CHECK (octet_length(pk) = 32),
	cert		bytea NOT NULL CHECK (octet_length(cert) = 208),
	sk_wrap		bytea NOT NULL CHECK (octet_length(sk_wrap) = 112),
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, account_id, version),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
COMMENT ON TABLE account_key IS 'Versions of an account''s X25519 key; the newest is sealed to, older ones still open.';
COMMENT ON COLUMN account_key.tenant_id IS 'Whose.';
COMMENT ON COLUMN account_key.account_id IS 'Whose key.';
COMMENT ON COLUMN account_key.version IS 'From 1 upward.';
COMMENT ON COLUMN account_key.pk IS 'Public key.';
COMMENT ON COLUMN account_key.cert IS 'Certificate of the public key by keyd''s directory key (RSK1).';
COMMENT ON COLUMN account_key.sk_wrap IS 'Secret key under the account''s master key (RSW1).';
COMMENT ON COLUMN account_key.created IS 'When it was made.';

CREATE TABLE unlocker (
	tenant_id	uuid NOT NULL,
	unlocker_id	uuid NOT NULL,
	account_id	uuid NOT NULL,
	kind		smallint NOT NULL CHECK (kind = 1),
	salt		bytea NOT NULL CHECK (octet_length(salt) = 16),
	blob		bytea NOT NULL CHECK (octet_length(blob) = 112),
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, unlocker_id),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
CREATE UNIQUE INDEX unlocker_password ON unlocker (tenant_id, account_id) WHERE kind = 1;
COMMENT ON TABLE unlocker IS 'Ways to an account''s master key; opening the blob is the check.';
COMMENT ON COLUMN unlocker.tenant_id IS 'Whose.';
COMMENT ON COLUMN unlocker.unlocker_id IS 'Bound into the blob.';
COMMENT ON COLUMN unlocker.account_id IS 'Whose master key.';
COMMENT ON COLUMN unlocker.kind IS '1 password: one an account.';
COMMENT ON COLUMN unlocker.salt IS 'Salt of Argon2id.';
COMMENT ON COLUMN unlocker.blob IS 'Master key under the key from password and keyd (RSW1).';
COMMENT ON COLUMN unlocker.created IS 'When it was set.';

CREATE TABLE smtp_token (
	tenant_id	uuid NOT NULL,
	token_id	uuid NOT NULL,
	account_id	uuid NOT NULL,
	label		text NOT NULL DEFAULT '',
	verifier	bytea NOT NULL CHECK (octet_length(verifier) = 32),
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, token_id),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
CREATE INDEX smtp_token_account ON smtp_token (tenant_id, account_id);
COMMENT ON TABLE smtp_token IS 'SMTP AUTH: keyd answers yes or no to a verifier; nothing here unwraps anything.';
COMMENT ON COLUMN smtp_token.tenant_id IS 'Whose.';
COMMENT ON COLUMN smtp_token.token_id IS 'Bound into the verifier.';
COMMENT ON COLUMN smtp_token.account_id IS 'Who sends with it.';
COMMENT ON COLUMN smtp_token.label IS 'What its owner calls it.';
COMMENT ON COLUMN smtp_token.verifier IS 'Keyed hash, the key in keyd.';
COMMENT ON COLUMN smtp_token.created IS 'When it was made.';

CREATE TABLE session (
	tenant_id	uuid NOT NULL REFERENCES tenant,
	hash		bytea NOT NULL CHECK (octet_length(hash) = 32),
	kind		smallint NOT NULL CHECK (kind IN (1, 2, 3)),
	account_id	uuid,
	address		text NOT NULL DEFAULT '',
	blob		bytea NOT NULL,
	created		timestamptz NOT NULL DEFAULT now(),
	last_seen	timestamptz NOT NULL DEFAULT now(),
	expires		timestamptz NOT NULL,
	PRIMARY KEY (tenant_id, hash),
	FOREIGN KEY (tenant_id, account_id) REFERENCES account,
	CHECK ((kind = 3) = (account_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX session_address ON session (tenant_id, address);
CREATE INDEX session_expires ON session (expires);
COMMENT ON TABLE session IS 'Browsers'' sessions: nothing here opens anything without the cookie''s secret.';
COMMENT ON COLUMN session.tenant_id IS 'Whose host the browser talks to.';
COMMENT ON COLUMN session.hash IS 'Hash of the session id in the cookie.';
COMMENT ON COLUMN session.kind IS '1 visitor (typed an address), 2 guest (proved it), 3 signed in.';
COMMENT ON COLUMN session.account_id IS 'Who signed in; null otherwise.';
COMMENT ON COLUMN session.address IS 'Lower case; proved, unless a visitor''s.';
COMMENT ON COLUMN session.blob IS 'Reading keys and proofs under the cookie''s secret (RSW1).';
COMMENT ON COLUMN session.created IS 'When it began.';
COMMENT ON COLUMN session.last_seen IS 'Last request, to the minute.';
COMMENT ON COLUMN session.expires IS 'Its absolute end.';

-- No foreign key to tenant: every message would lock the tenant's one row. The
-- tenant comes from that table, and row-level security holds it there.
CREATE TABLE message (
	tenant_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	sender		text NOT NULL,
	sender_name	text NOT NULL DEFAULT '',
	sender_account	uuid,
	in_reply_to	uuid,
	created		timestamptz NOT NULL DEFAULT now(),
	expires		timestamptz NOT NULL,
	size		bigint NOT NULL CHECK (size >= 0),
	chunks		integer NOT NULL CHECK (chunks > 0),
	ephemeral_pk	bytea NOT NULL CHECK (octet_length(ephemeral_pk) = 32),
	dek_commit	bytea NOT NULL CHECK (octet_length(dek_commit) = 32),
	content_header	bytea NOT NULL CHECK (octet_length(content_header) = 96),
	signature	bytea NOT NULL CHECK (octet_length(signature) = 64),
	signer_cert	bytea NOT NULL CHECK (octet_length(signer_cert) = 208),
	manifest	bytea NOT NULL,
	PRIMARY KEY (tenant_id, message_id),
	FOREIGN KEY (tenant_id, sender_account) REFERENCES account
);
ALTER TABLE message ALTER manifest SET STORAGE EXTERNAL;
CREATE INDEX message_created ON message (created, tenant_id);
CREATE INDEX message_expires ON message (expires);
COMMENT ON TABLE message IS 'Sealed messages: the envelope in clear, everything else sealed.';
COMMENT ON COLUMN message.tenant_id IS 'Whose.';
COMMENT ON COLUMN message.message_id IS 'UUID version 7.';
COMMENT ON COLUMN message.sender IS 'Envelope sender as given; empty for the null sender.';
COMMENT ON COLUMN message.sender_name IS 'Name of the sender''s account; empty when none.';
COMMENT ON COLUMN message.sender_account IS 'Who sent it; null unless authenticated.';
COMMENT ON COLUMN message.in_reply_to IS 'The message of ours it answers; no foreign key, that one may be gone.';
COMMENT ON COLUMN message.created IS 'When it was accepted.';
COMMENT ON COLUMN message.expires IS 'Until when it can be read; moved out at its first opening.';
COMMENT ON COLUMN message.size IS 'Clear bytes of the raw message.';
COMMENT ON COLUMN message.chunks IS 'Number of sealed chunks of part 0.';
COMMENT ON COLUMN message.ephemeral_pk IS 'Public half of the one pair its slots were sealed with.';
COMMENT ON COLUMN message.dek_commit IS 'Commitment to its data key: every reader is shown the same message.';
COMMENT ON COLUMN message.content_header IS 'Header of the sealed content (RSC1).';
COMMENT ON COLUMN message.signature IS 'Of the accepting process over the envelope (Ed25519).';
COMMENT ON COLUMN message.signer_cert IS 'That process''s certificate (RSK1).';
COMMENT ON COLUMN message.manifest IS 'Subject, names, MIME tree, sizes, hashes: sealed (RSW1).';

CREATE TABLE chunk (
	tenant_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	part		integer NOT NULL CHECK (part >= 0),
	seq		integer NOT NULL CHECK (seq >= 0),
	data		bytea NOT NULL CHECK (octet_length(data) BETWEEN 17 AND 65553),
	PRIMARY KEY (tenant_id, message_id, part, seq),
	FOREIGN KEY (tenant_id, message_id) REFERENCES message DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE chunk ALTER data SET STORAGE EXTERNAL;
COMMENT ON TABLE chunk IS 'Sealed content, 64 KiB of clear bytes a row.';
COMMENT ON COLUMN chunk.tenant_id IS 'Whose.';
COMMENT ON COLUMN chunk.message_id IS 'Of which message.';
COMMENT ON COLUMN chunk.part IS '0 is the raw message.';
COMMENT ON COLUMN chunk.seq IS 'From 0.';
COMMENT ON COLUMN chunk.data IS 'One sealed chunk (RSC1).';

CREATE TABLE reader (
	tenant_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	slot		integer NOT NULL CHECK (slot >= 0),
	role		smallint NOT NULL CHECK (role IN (1, 2)),
	state		smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
	address		text NOT NULL,
	address_key	text NOT NULL,
	account_id	uuid,
	key_version	integer,
	notice_id	uuid,
	slot_id		bigint NOT NULL,
	ephemeral_pk	bytea NOT NULL CHECK (octet_length(ephemeral_pk) = 32),
	sealed		bytea NOT NULL CHECK (octet_length(sealed) = 112),
	first_displayed	timestamptz,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, message_id, slot),
	FOREIGN KEY (tenant_id, message_id) REFERENCES message DEFERRABLE INITIALLY DEFERRED,
	FOREIGN KEY (tenant_id, account_id, key_version) REFERENCES account_key,
	CHECK ((account_id IS NULL) = (key_version IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX reader_account ON reader (tenant_id, account_id, role, created DESC) WHERE account_id IS NOT NULL;
CREATE INDEX reader_address ON reader (tenant_id, address_key, role, created DESC);
COMMENT ON TABLE reader IS 'Slots: who can open a message, one row a reader.';
COMMENT ON COLUMN reader.tenant_id IS 'Whose.';
COMMENT ON COLUMN reader.message_id IS 'Of which message.';
COMMENT ON COLUMN reader.slot IS '0 is the sender''s, recipients from 1.';
COMMENT ON COLUMN reader.role IS '1 sender, 2 recipient.';
COMMENT ON COLUMN reader.state IS '1 waiting, 2 read, 3 retracted.';
COMMENT ON COLUMN reader.address IS 'As in the envelope.';
COMMENT ON COLUMN reader.address_key IS 'The address in lower case.';
COMMENT ON COLUMN reader.account_id IS 'Whose key it is sealed to; null: a notice''s provisional key.';
COMMENT ON COLUMN reader.key_version IS 'Version of that account''s key; null without an account.';
COMMENT ON COLUMN reader.notice_id IS 'The notice that told of it; null for a sender with an account.';
COMMENT ON COLUMN reader.slot_id IS 'keyd''s name of the slot''s shred key.';
COMMENT ON COLUMN reader.ephemeral_pk IS 'Public key the slot was sealed with: the message''s, or a newer one after adoption.';
COMMENT ON COLUMN reader.sealed IS 'The message''s data key for this reader (RSW1).';
COMMENT ON COLUMN reader.first_displayed IS 'When it was first shown to this reader, set once.';
COMMENT ON COLUMN reader.created IS 'The message''s, kept here for the order of lists.';

CREATE TABLE notice (
	tenant_id	uuid NOT NULL,
	notice_id	uuid NOT NULL,
	message_id	uuid NOT NULL,
	slot		integer NOT NULL CHECK (slot >= 0),
	pickup		text NOT NULL CHECK (length(pickup) = 8),
	address_key	text NOT NULL,
	account_id	uuid,
	link_hash	bytea CHECK (octet_length(link_hash) = 32),
	link_wrap	bytea,
	escrow		bytea,
	cert		bytea CHECK (octet_length(cert) = 208),
	created		timestamptz NOT NULL DEFAULT now(),
	expires		timestamptz NOT NULL,
	PRIMARY KEY (tenant_id, notice_id),
	UNIQUE (pickup, tenant_id),
	FOREIGN KEY (tenant_id, message_id, slot) REFERENCES reader DEFERRABLE INITIALLY DEFERRED,
	FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
ALTER TABLE notice ALTER link_wrap SET STORAGE EXTERNAL, ALTER escrow SET STORAGE EXTERNAL;
ALTER TABLE reader ADD FOREIGN KEY (tenant_id, notice_id) REFERENCES notice DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX notice_slot ON notice (message_id, slot);
CREATE INDEX notice_address ON notice (tenant_id, address_key, created DESC) WHERE escrow IS NOT NULL;
COMMENT ON TABLE notice IS 'What a pick-up code finds.';
COMMENT ON COLUMN notice.tenant_id IS 'Whose.';
COMMENT ON COLUMN notice.notice_id IS 'UUID version 7.';
COMMENT ON COLUMN notice.message_id IS 'Which message it tells of.';
COMMENT ON COLUMN notice.slot IS 'Whose slot of it.';
COMMENT ON COLUMN notice.pickup IS 'Pick-up code, 8 characters: locates, grants nothing.';
COMMENT ON COLUMN notice.address_key IS 'The address it went to, in lower case.';
COMMENT ON COLUMN notice.account_id IS 'The recipient''s account: then it is a bare locator.';
COMMENT ON COLUMN notice.link_hash IS 'Hash of the link secret, to tell a mistyped link; null for an account''s.';
COMMENT ON COLUMN notice.link_wrap IS 'Provisional secret key under link secret and keyd''s half (RSW1); deleted at adoption.';
COMMENT ON COLUMN notice.escrow IS 'Escrow record, boxed to keyd (RSB1); deleted at adoption.';
COMMENT ON COLUMN notice.cert IS 'Certificate of the provisional key by the process that made it (RSK1).';
COMMENT ON COLUMN notice.created IS 'When it was made.';
COMMENT ON COLUMN notice.expires IS 'Until when the link works.';

-- No foreign key to the message: evidence outlives what it tells of.
CREATE TABLE event (
	tenant_id	uuid NOT NULL,
	event_id	bigint GENERATED ALWAYS AS IDENTITY,
	message_id	uuid NOT NULL,
	slot		integer NOT NULL DEFAULT 0 CHECK (slot >= 0),
	kind		smallint NOT NULL CHECK (kind BETWEEN 1 AND 15),
	at		timestamptz NOT NULL DEFAULT now(),
	detail		text NOT NULL DEFAULT '' CHECK (length(detail) < 200),
	PRIMARY KEY (tenant_id, event_id)
);
CREATE INDEX event_message ON event (tenant_id, message_id, at);
COMMENT ON TABLE event IS 'What happened to a message; written with the change it tells of, never changed.';
COMMENT ON COLUMN event.tenant_id IS 'Whose.';
COMMENT ON COLUMN event.event_id IS 'Order of writing.';
COMMENT ON COLUMN event.message_id IS 'Which message.';
COMMENT ON COLUMN event.slot IS 'Which reader; 0 the sender or the message itself.';
COMMENT ON COLUMN event.kind IS '1 accepted, 2 notice queued, 3 notice taken, 4 notice failed, 5 code sent, 6 code taken, 7 code failed, 8 proved, 9 displayed, 10 downloaded, 11 replied, 12 retracted, 13 expired, 14 receipt taken, 15 wrong person.';
COMMENT ON COLUMN event.at IS 'Start of the transaction that made it.';
COMMENT ON COLUMN event.detail IS 'How, in a few words: never content, never an address.';

CREATE TABLE outbox (
	tenant_id	uuid NOT NULL,
	outbox_id	uuid NOT NULL,
	kind		smallint NOT NULL CHECK (kind IN (1, 2, 3)),
	message_id	uuid,
	slot		integer NOT NULL DEFAULT 0,
	notice_id	uuid,
	at		timestamptz,
	item		bytea,
	item_kind	smallint NOT NULL DEFAULT 0,
	state		smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2)),
	created		timestamptz NOT NULL DEFAULT now(),
	due		timestamptz NOT NULL DEFAULT now(),
	tries		integer NOT NULL DEFAULT 0,
	holder		integer,
	last_reply	text NOT NULL DEFAULT '',
	PRIMARY KEY (tenant_id, outbox_id),
	FOREIGN KEY (tenant_id, message_id) REFERENCES message DEFERRABLE INITIALLY DEFERRED,
	FOREIGN KEY (tenant_id, notice_id) REFERENCES notice DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE outbox ALTER item SET STORAGE EXTERNAL;
CREATE INDEX outbox_due ON outbox ((kind = 2), due) WHERE state = 1;
CREATE INDEX outbox_holder ON outbox (holder) WHERE holder IS NOT NULL;
CREATE INDEX outbox_message ON outbox (message_id);
COMMENT ON TABLE outbox IS 'Mails to be sent, one row a mail; a row goes when its mail is taken.';
COMMENT ON COLUMN outbox.tenant_id IS 'Whose.';
COMMENT ON COLUMN outbox.outbox_id IS 'UUID version 7; bound into the item.';
COMMENT ON COLUMN outbox.kind IS '1 notice, 2 code, 3 receipt.';
COMMENT ON COLUMN outbox.message_id IS 'About which message; null when about none.';
COMMENT ON COLUMN outbox.slot IS 'Whose notice or receipt.';
COMMENT ON COLUMN outbox.notice_id IS 'Which notice; null when none.';
COMMENT ON COLUMN outbox.at IS 'Receipt: when the message was displayed.';
COMMENT ON COLUMN outbox.item IS 'Address and secret, boxed to keyd''s outbox key (RSB1); destroyed at the final answer.';
COMMENT ON COLUMN outbox.item_kind IS 'What is inside the item; 0 for none.';
COMMENT ON COLUMN outbox.state IS '1 to be sent, 2 failed for good.';
COMMENT ON COLUMN outbox.created IS 'When it was queued.';
COMMENT ON COLUMN outbox.due IS 'When it is tried next; a courier that takes it moves this to the end of its lease.';
COMMENT ON COLUMN outbox.tries IS 'How often it was taken.';
COMMENT ON COLUMN outbox.holder IS 'Server process of the courier''s connection that took it; null when nobody holds it.';
COMMENT ON COLUMN outbox.last_reply IS 'The other server''s last answer, cut, without addresses.';

CREATE TABLE duplicate (
	tenant_id	uuid NOT NULL,
	tag		bytea NOT NULL CHECK (octet_length(tag) = 32),
	message_id	uuid NOT NULL,
	created		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (tenant_id, tag),
	FOREIGN KEY (tenant_id, message_id) REFERENCES message DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX duplicate_created ON duplicate (created);
CREATE INDEX duplicate_message ON duplicate (message_id);
COMMENT ON TABLE duplicate IS 'Tags of accepted messages: a client that lost our 250 gets the first message''s id (RFC 1047).';
COMMENT ON COLUMN duplicate.tenant_id IS 'Whose.';
COMMENT ON COLUMN duplicate.tag IS 'Keyed hash under a key of the day in keyd: confirms no guess.';
COMMENT ON COLUMN duplicate.message_id IS 'The first message.';
COMMENT ON COLUMN duplicate.created IS 'When; known for 72 hours.';
