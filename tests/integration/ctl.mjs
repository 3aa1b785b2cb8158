// ctl.mjs: restantectl as an operator uses it, over a throw-away cluster and the real
// keyd: what it says, what it prints as JSON, and with which status it ends.
import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bin, must, run, top, until } from '../lib/process.mjs';

const program = path.join(bin, 'restantectl');
const password = 'correct horse battery staple';
const cluster = path.join(os.tmpdir(), `restante-ctl-${process.pid}`);
let dir;
let keyd;
let env;

/** Runs it as role ctl; answers status, stdout, stderr and, with --json, the value. */
async function ctl(args, { as = 'restante_ctl', more = {} } = {}) {
  const done = await run(program, args, {
    env: { ...env, RESTANTE_DB: `host=${cluster} dbname=restante user=${as}`, ...more },
  });
  if (args.includes('--json') && done.stdout) done.json = JSON.parse(done.stdout);
  return done;
}

async function good(args, options) {
  const done = await ctl(args, options);
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return done.json ?? done.stdout;
}

async function startKeyd() {
  keyd = spawn(path.join(bin, 'restante-keyd'), [], {
    env: { ...process.env, ...env, RESTANTE_KEYD_DIR: path.join(dir, 'keyd') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  keyd.stderr.on('data', (d) => { log += d; });
  await until(() => log.includes('"started"'), { what: 'keyd started' });
}

async function stopKeyd() {
  const ended = new Promise((done) => keyd.on('close', done));
  keyd.kill('SIGTERM');
  await ended;
}

before(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'restante-ctl-'));
  env = {
    RESTANTE_SHARE: top,
    RESTANTE_KEYD: path.join(dir, 'keyd/sock/ctl'),
    RESTANTE_SPOOL: path.join(dir, 'spool'),
    RESTANTE_HTTPS_PORT: '8443',
    RESTANTE_TLS_CERT: path.join(dir, 'cert.pem'),
    RESTANTE_TLS_KEY: path.join(dir, 'key.pem'),
  };
  await mkdir(env.RESTANTE_SPOOL);
  await must('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '30', '-subj', '/CN=x', '-keyout', env.RESTANTE_TLS_KEY, '-out', env.RESTANTE_TLS_CERT]);
  await must(path.join(top, 'tests/lib/cluster'), ['start', cluster]);
  await startKeyd();
});

after(async () => {
  if (keyd?.exitCode === null) await stopKeyd();
  await run(path.join(top, 'tests/lib/cluster'), ['stop', cluster]);
  await rm(dir, { recursive: true, force: true });
});

test('before the migrations the doctor says what to do', async () => {
  const { status, stdout } = await ctl(['doctor']);
  assert.equal(status, 1);
  assert.match(stdout, /failed +The schema is at version 0; these programs need \d+\./);
  assert.match(stdout, /-> run restantectl migrate/);
});

test('migrate goes forward once', async () => {
  const superuser = { as: 'postgres' };
  assert.match(await good(['migrate'], superuser), /^applied 0001_tables\.sql\napplied 0002_/);
  assert.match(await good(['migrate'], superuser), /up to date \(version \d+\)/);
  const again = await good(['migrate', '--json'], superuser);
  assert.deepEqual(again.applied, []);
  const { status, stderr } = await ctl(['migrate']);
  assert.equal(status, 1, 'role ctl may not');
  assert.match(stderr, /not brought to its newest version/);
});

test('tenants are added once, and listed', async () => {
  const acme = ['tenant', 'add', '--id-name', 'acme', '--name', 'Acme Bank', '--domain', 'acme.example',
    '--host', 'Acme.localhost', '--contact', '+44 20 7946 0000', '--color', '#1F4B8F'];
  assert.match(await good(acme), /^added acme: Acme Bank, host acme\.localhost, mail domain acme\.example\n$/);
  assert.equal((await ctl(acme)).status, 1);
  assert.match(await good([...acme, '--if-missing']), /^acme exists/);
  await good(['tenant', 'add', '--slug=globex', '--name=Globex', '--domain=globex.example', '--host=globex.localhost',
    '--retention', '90', '--no-escrow', '--json']);
  const list = await good(['tenant', 'list', '--json']);
  assert.deepEqual(list.map((t) => t.slug), ['acme', 'globex']);
  assert.equal(list[0].color, '#1f4b8f');
  assert.equal(list[0].escrow, true);
  assert.equal(list[1].retention_days, 90);
  assert.equal(list[1].escrow, false);
  const taken = await ctl(['tenant', 'add', '--slug', 'third', '--name', 'T', '--domain', 'acme.example', '--host', 't.localhost', '--json']);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /another tenant has the host t\.localhost or the mail domain acme\.example/);
  assert.match(taken.json.message, /another tenant/);
});

test('a member gets a code and a token, once, and neither is in the database', async () => {
  const text = await good(['member', 'add', '--tenant', 'acme', '--address', 'Dave@acme.example', '--name', 'Dave']);
  const [, code] = text.match(/^registration code +([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}) .*https:\/\/acme\.localhost:8443\/register/m);
  const [, token] = text.match(/^SMTP token +([0-9A-Z]{26})$/m);
  const { stdout: dump } = await run('pg_dump', ['-h', cluster, '-U', 'postgres', 'restante']);
  assert.ok(dump.includes('dave@acme.example'), 'the dump shows the member');
  for (const secret of [code, code.replaceAll('-', ''), token]) {
    assert.ok(!dump.includes(secret));
    assert.ok(!dump.includes(Buffer.from(secret).toString('hex')));
  }
  const again = await ctl(['member', 'add', '--tenant', 'acme', '--address', 'dave@ACME.example']);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /is a member of Acme Bank already/);
});

test('a member with a password from the environment is registered at once', async () => {
  const args = ['member', 'add', '--tenant', 'acme', '--address', 'alice@acme.example', '--name', 'Alice Example', '--admin',
    '--password-env', 'DEMO_PASSWORD', '--token-env', 'DEMO_PASSWORD'];
  const more = { DEMO_PASSWORD: password };
  assert.equal(await good(args, { more }), 'alice@acme.example added\n');
  assert.equal(await good([...args, '--if-missing'], { more }), 'alice@acme.example exists\n');
  const [alice, dave] = await good(['member', 'list', '--tenant', 'acme', '--json']);
  assert.equal(alice.address, 'alice@acme.example');
  assert.equal(alice.registered, true);
  assert.equal(alice.admin, true);
  assert.equal(dave.address, 'Dave@acme.example');
  assert.equal(dave.registered, false);
  const short = await ctl(['member', 'add', '--tenant', 'acme', '--address', 'x@acme.example', '--password-env', 'P'], { more: { P: 'short' } });
  assert.equal(short.status, 1);
  assert.match(short.stderr, /the password in P is refused: short/);
  const empty = await ctl(['member', 'add', '--tenant', 'acme', '--address', 'x@acme.example', '--token-env', 'NONE']);
  assert.equal(empty.status, 2);
  const { stdout: dump } = await run('pg_dump', ['-h', cluster, '-U', 'postgres', 'restante']);
  assert.ok(!dump.includes(password));
});

test('nobody is added outside the tenant’s own domains', async () => {
  const other = await ctl(['member', 'add', '--tenant', 'acme', '--address', 'bob@globex.example']);
  assert.equal(other.status, 1);
  assert.match(other.stderr, /globex\.example is not a mail domain of Acme Bank/);
  const none = await ctl(['member', 'add', '--tenant', 'initech', '--address', 'x@acme.example']);
  assert.match(none.stderr, /there is no tenant "initech"; `restantectl tenant list`/);
});

test('without keyd nobody is added', async () => {
  await stopKeyd();
  const { status, stderr } = await ctl(['member', 'add', '--tenant', 'acme', '--address', 'nobody@acme.example']);
  assert.equal(status, 1, stderr);
  const list = await good(['member', 'list', '--tenant', 'acme', '--json']);
  assert.ok(!list.some((m) => m.address.startsWith('nobody')));
  await startKeyd();
});

test('messages and queue show envelopes only', async () => {
  assert.deepEqual(await good(['message', 'list', '--tenant', 'acme', '--json']), []);
  const queue = await good(['queue', '--json']);
  assert.deepEqual(queue, { waiting: 0, retrying: 0, failed: 0, oldest: null, rows: [] });
  const id = '0190a0a0-0000-7000-8000-000000000001';
  await must('psql', ['-X', '-q', '-h', cluster, '-U', 'postgres', '-d', 'restante', '-v', 'ON_ERROR_STOP=1'], {
    input: `BEGIN;
      INSERT INTO message (tenant_id, message_id, sender, expires, size, chunks, ephemeral_pk, dek_commit, content_header,
        signature, signer_cert, manifest)
      SELECT tenant_id, '${id}', 'alice@acme.example', now() + interval '1 day', 4096, 1, decode(repeat('00', 32), 'hex'),
        decode(repeat('00', 32), 'hex'), decode(repeat('00', 96), 'hex'), decode(repeat('00', 64), 'hex'),
        decode(repeat('00', 208), 'hex'), 'sealed-manifest' FROM tenant WHERE slug = 'acme';
      INSERT INTO reader (tenant_id, message_id, slot, role, address, address_key, slot_id, ephemeral_pk, sealed)
      SELECT tenant_id, '${id}', 1, 2, 'Carol@partner.example', 'carol@partner.example', 1, decode(repeat('00', 32), 'hex'),
        decode(repeat('00', 112), 'hex') FROM tenant WHERE slug = 'acme';
      INSERT INTO event (tenant_id, message_id, kind, detail) SELECT tenant_id, '${id}', 1, 'by SMTP' FROM tenant WHERE slug = 'acme';
      INSERT INTO outbox (tenant_id, outbox_id, kind, message_id, slot, tries, last_reply, created)
      SELECT tenant_id, '${id}', 1, '${id}', 1, 2, '451 4.3.0', now() - interval '1 hour' FROM tenant WHERE slug = 'acme';
      COMMIT;`,
  });
  const [facts] = await good(['message', 'list', '--tenant', 'acme', '--json', '--limit', '5']);
  assert.equal(facts.id, id);
  assert.equal(facts.size, 4096);
  assert.equal(facts.recipients, 1);
  const story = await good(['message', 'show', id, '--json']);
  assert.deepEqual(story.readers.map((r) => [r.slot, r.role, r.address, r.state, r.first_displayed]),
    [[1, 'recipient', 'Carol@partner.example', 'waiting', null]]);
  assert.deepEqual(story.events.map((e) => [e.event, e.detail]), [['accepted', 'by SMTP']]);
  const text = await good(['message', 'show', id]);
  assert.match(text, /Carol@partner\.example/);
  assert.ok(!text.includes('sealed-manifest') && !JSON.stringify(story).includes('sealed-manifest'));
  assert.match(await good(['queue']), /notice +retrying.*451 4\.3\.0\n0 waiting, 1 to be tried again, 0 failed; the oldest is of /);
  assert.equal((await ctl(['message', 'show', '0190a0a0-0000-7000-8000-000000000002'])).status, 1);
  assert.match(await good(['message', 'list', '--tenant', 'globex', '--json']).then(JSON.stringify), /^\[\]$/);
});

test('the doctor sees what is wrong, each by its own name', async () => {
  const named = (report, check) => report.checks.filter((c) => c.check === check).map((c) => c.result);
  const first = await ctl(['doctor', '--json']);
  assert.equal(first.status, 1, 'a test’s cluster has fsync off');
  assert.equal(first.json.healthy, false);
  assert.deepEqual(named(first.json, 'durability'), ['failed', 'failed']);
  for (const check of ['settings', 'database', 'schema', 'walls', 'keyd', 'tls', 'spool']) {
    assert.deepEqual(named(first.json, check), ['ok'], check);
  }
  assert.deepEqual(named(first.json, 'outbox'), ['warning']);
  const sql = (text) => must('psql', ['-X', '-q', '-h', cluster, '-U', 'postgres', '-d', 'restante', '-c', text]);
  await sql('ALTER TABLE chunk DISABLE ROW LEVEL SECURITY');
  const wall = await ctl(['doctor']);
  assert.match(wall.stdout, /failed +table chunk: row-level security is not forced\n +-> /);
  await sql('ALTER TABLE chunk ENABLE ROW LEVEL SECURITY');
  const other = path.join(dir, 'other.pem');
  await must('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', other]);
  const tls = await ctl(['doctor', '--json'], { more: { RESTANTE_TLS_KEY: other } });
  assert.deepEqual(named(tls.json, 'tls'), ['failed']);
  const short = path.join(dir, 'short.pem');
  await must('openssl', ['req', '-x509', '-new', '-key', other, '-days', '3', '-subj', '/CN=x', '-out', short]);
  const soon = await ctl(['doctor', '--json'], { more: { RESTANTE_TLS_KEY: other, RESTANTE_TLS_CERT: short } });
  assert.deepEqual(named(soon.json, 'tls'), ['warning']);
  const gone = await ctl(['doctor', '--json'], { more: { RESTANTE_TLS_CERT: '/nonexistent', RESTANTE_SPOOL: '/nonexistent', RESTANTE_KEYD: '/nonexistent', RESTANTE_SHARE: '/nonexistent' } });
  for (const check of ['tls', 'spool', 'keyd', 'settings', 'schema']) assert.ok(named(gone.json, check).includes('failed'), check);
  const down = await ctl(['doctor', '--json'], { more: { RESTANTE_DB: 'host=/nonexistent user=restante_ctl' } });
  assert.equal(down.status, 1);
  assert.deepEqual(named(down.json, 'database'), ['failed']);
});

test('what is not understood ends with status 2 and the usage', async () => {
  for (const args of [[], ['tenant'], ['tenant', 'remove'], ['tenant', 'add'], ['tenant', 'add', '--slug', 'Bad Slug', '--name', 'x', '--domain', 'x.example', '--host', 'x'],
    ['tenant', 'list', 'more'], ['tenant', 'list', '--nonsense'], ['member', 'add', '--tenant'], ['member', 'list'],
    ['member', 'add', '--tenant', 'acme', '--address', 'no address'], ['message', 'show'], ['message', 'show', 'x'],
    ['message', 'list', '--tenant', 'acme', '--limit', '0'], ['queue', '--json=1', '--tenant', 'x'], ['member', 'add', '--admin=yes']]) {
    const { status, stderr } = await ctl(args);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /usage: restantectl/, args.join(' '));
  }
  for (const args of [['--help'], ['tenant', 'add', '--help'], ['help']]) {
    const { status, stdout } = await ctl(args);
    assert.equal(status, 0);
    assert.match(stdout, /usage: restantectl COMMAND/);
  }
  // What is said of one word is of that word alone, and below what was wrong.
  for (const args of [['help', 'relay'], ['relay', '--help'], ['relay', 'add', '-h'], ['relay'], ['relay', 'ad']]) {
    const { stdout, stderr } = await ctl(args);
    assert.deepEqual([...(stdout + stderr).matchAll(/^ {2}(\w+ \w+)/mg)].map((m) => m[1]),
      ['relay add', 'relay list', 'relay remove'], args.join(' '));
  }
  assert.equal((await ctl(['nonsense'])).stderr.split('\n').length, 3);
  const unset = await run(program, ['queue'], { env: { ...env, RESTANTE_DB: '' } });
  assert.equal(unset.status, 1);
  assert.match(unset.stderr, /RESTANTE_DB is not set/);
});
