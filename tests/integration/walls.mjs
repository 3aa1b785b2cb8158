// walls.mjs: tenants do not see each other: not through pages, and not through SQL.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startInstallation } from '../lib/installation.mjs';
import { sendMail, smtpConnect } from '../lib/smtp.mjs';
import { signIn, messageIds } from '../lib/road.mjs';
import { Visitor } from '../lib/web.mjs';

let inst;
let bob;
let ids;

const routes = (id) => [`/message/${id}`, `/message/${id}/raw`, `/message/${id}/part/0`, `/message/${id}/part/1`,
  `/message/${id}/track`, `/compose?reply=${id}`];

before(async () => {
  inst = await startInstallation();
  for (const [from, to] of [['alice@acme.example', 'admin@acme.example'], ['alice@acme.example', 'carol@partner.example'],
    ['bob@globex.example', 'admin@globex.example']]) {
    const reply = await sendMail(inst, { from, to, subject: `Of ${from}` });
    assert.equal(reply.code, 250, reply.text);
  }
  const alice = await signIn(inst, 'acme.localhost', 'alice@acme.example');
  ids = messageIds((await alice.go('/sent')).text);
  assert.equal(ids.length, 2);
  for (const path of routes(ids[0]).filter((p) => !/part/.test(p))) {
    assert.equal((await alice.go(path)).status, 200, `Alice may: ${path}`);
  }
  bob = await signIn(inst, 'globex.localhost', 'bob@globex.example');
  assert.equal((await bob.go('/inbox')).status, 200);
});
after(() => inst?.stop());

/** What may differ between two answers about different ids. */
const plain = (page, id) => [page.status, page.text.replaceAll(id, 'ID').replace(/name="csrf" value="[^"]*"/g, ''),
  page.headers.location?.replaceAll(id, 'ID') ?? ''];

test('on his own host Bob gets 404 for every id of Acme, like for an id that does not exist', async () => {
  for (const id of ids) {
    const nothing = randomUUID();
    for (const [i, path] of routes(id).entries()) {
      const foreign = await bob.go(path, { follow: false });
      assert.equal(foreign.status, 404, path);
      assert.deepEqual(plain(foreign, id), plain(await bob.go(routes(nothing)[i], { follow: false }), nothing));
    }
  }
});

test('on Acme\'s host Bob is nobody: the same answer for every id', async () => {
  const there = new Visitor(inst, 'acme.localhost');
  there.cookies = new Map(bob.cookies);
  const nobody = new Visitor(inst, 'acme.localhost');
  const nothing = randomUUID();
  for (const id of ids) {
    for (const [i, path] of routes(id).entries()) {
      const seen = plain(await there.go(path, { follow: false }), id);
      assert.notEqual(seen[0], 200);
      assert.deepEqual(seen, plain(await there.go(routes(nothing)[i], { follow: false }), nothing));
      assert.deepEqual(seen, plain(await nobody.go(path, { follow: false }), id));
    }
  }
});

test('another member of the same tenant gets 404 too', async () => {
  const admin = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  const mine = messageIds((await admin.go('/inbox')).text);
  const [foreign] = ids.filter((id) => !mine.includes(id));
  for (const path of routes(foreign)) assert.equal((await admin.go(path, { follow: false })).status, 404, path);
  assert.equal((await admin.go(`/message/${mine[0]}/track`)).status, 404, 'who did not send it does not track it');
});

test('an SMTP transaction belongs to one tenant', async () => {
  const session = await smtpConnect(inst, {});
  assert.equal((await session.command('MAIL FROM:<out@partner.example>')).code, 250);
  assert.equal((await session.command('RCPT TO:<alice@acme.example>')).code, 250);
  const other = await session.command('RCPT TO:<bob@globex.example>');
  assert.match(other.text, /^452 4\.5\.3/);
  await session.quit();
});

const tenantTables = async () => (await inst.rows(`SELECT table_name FROM information_schema.columns
  WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1`)).map(([name]) => name);

test('row-level security alone yields no foreign row, and none at all without a tenant', async () => {
  const [[acme], [globex]] = await inst.rows(`SELECT tenant_id FROM tenant ORDER BY slug`);
  const tables = await tenantTables();
  assert.ok(tables.length > 8, tables.join());
  let seen = 0;
  for (const role of ['restante_portal', 'restante_intake', 'restante_courier', 'restante_ctl']) {
    for (const table of tables) {
      const own = await inst.psql(`BEGIN; SET LOCAL restante.tenant = '${globex}';
        SELECT count(*), count(*) FILTER (WHERE tenant_id = '${acme}') FROM ${table}`, { role });
      if (/permission denied/.test(own.stderr)) continue;
      assert.equal(own.status, 0, own.stderr);
      const [rows, foreign] = own.stdout.trim().split('|').map(Number);
      assert.equal(foreign, 0, `${role} sees foreign rows of ${table}`);
      seen += rows;
      const none = await inst.psql(`SELECT count(*) FROM ${table}`, { role });
      assert.ok(none.status !== 0 || none.stdout.trim() === '0', `${role} sees ${table} without a tenant`);
    }
  }
  assert.ok(seen > 10, 'the roles do see their own rows');
});

test('control: with row-level security off the same question finds foreign rows', async () => {
  const [[acme], [globex]] = await inst.rows(`SELECT tenant_id FROM tenant ORDER BY slug`);
  await inst.rows('ALTER TABLE message DISABLE ROW LEVEL SECURITY');
  const { stdout } = await inst.psql(`BEGIN; SET LOCAL restante.tenant = '${globex}';
    SELECT count(*) FROM message WHERE tenant_id = '${acme}'`, { role: 'restante_portal' });
  await inst.rows('ALTER TABLE message ENABLE ROW LEVEL SECURITY');
  assert.notEqual(stdout.trim(), '0');
});

test('intake\'s role cannot read content, keys or sessions', async () => {
  for (const sql of ['SELECT data FROM chunk', 'SELECT manifest FROM message', 'SELECT sealed FROM reader',
    'SELECT blob FROM session', 'SELECT blob FROM unlocker', 'SELECT sk_wrap FROM account_key', 'SELECT escrow FROM notice']) {
    const { status, stderr } = await inst.psql(sql, { role: 'restante_intake' });
    assert.notEqual(status, 0, sql);
    assert.match(stderr, /permission denied/, sql);
  }
  const owners = await inst.rows(`SELECT tableowner FROM pg_tables WHERE schemaname = 'public'
    AND tableowner IN ('restante_portal', 'restante_intake', 'restante_courier', 'restante_ctl')`);
  assert.equal(owners.length, 0, 'no program owns a table');
});
