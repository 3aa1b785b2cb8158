// The inbox's page is kept for its session, sealed. Whatever is on it changes at once
// where the row behind it does; nobody else's session sees it, and none that has ended.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startInstallation } from '../lib/installation.mjs';
import { until } from '../lib/process.mjs';
import { messageIds, signIn } from '../lib/road.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { request } from '../lib/web.mjs';

const host = 'acme.localhost';
const admin = 'admin@acme.example';
let inst;
let reader;

const send = async (subject, to = admin) => {
  assert.equal((await sendMail(inst, { from: 'alice@acme.example', to, subject })).code, 250);
};
const inbox = async (visitor = reader) => {
  const page = await visitor.go('/inbox');
  assert.equal(page.status, 200);
  return page.text;
};
const cookieOf = (visitor) => [...visitor.cookies].map((pair) => pair.join('=')).join('; ');

before(async () => {
  inst = await startInstallation();
  for (const n of ['one', 'two', 'three']) await send(`Figures, part ${n}`);
  reader = await signIn(inst, host, admin);
}, { timeout: 240000 });
after(() => inst?.stop());

test('a page is kept: seen again it needs no keys, changed it does; and each session has its own', async () => {
  const first = await inbox();
  assert.match(first, /Figures, part one/);
  const other = await signIn(inst, host, admin);
  await inst.kill('keyd', 'SIGSTOP');
  try {
    assert.equal(await inbox(), first);
    await inst.rows('UPDATE reader SET first_displayed = now() WHERE role = 2');
    assert.equal((await reader.go('/inbox')).status, 503, 'control: what changed is read again');
  } finally {
    await inst.kill('keyd', 'SIGCONT');
  }
  // Nobody asks it for a second after it hung.
  await until(async () => (await other.go('/inbox')).status === 200, { what: 'keyd is asked again' });
  const csrf = (page) => page.match(/name="csrf" value="([^"]+)"/)[1];
  assert.notEqual(csrf(await inbox(other)), csrf(first));
  assert.equal(csrf(await inbox()), csrf(first));
});

test('a new message, one that was shown, taken back or over: each shows at once', async () => {
  await inbox();
  await send('Figures, part four');
  let page = await inbox();
  assert.match(page, /part four/);
  const [newest, next, third] = messageIds(page);
  assert.equal((await reader.go(`/message/${newest}`)).status, 200);
  const shown = await inbox();
  assert.notEqual(shown, page);
  assert.match(shown, /part four/);

  await inst.rows(`UPDATE reader SET state = 3 WHERE message_id = '${next}'`);
  page = await inbox();
  assert.deepEqual(messageIds(page).includes(next), false);
  assert.doesNotMatch(page, /part three/);
  await inst.rows(`UPDATE message SET expires = now() + interval '2 seconds' WHERE message_id = '${third}'`);
  assert.match(await inbox(), /part two/);
  await until(async () => !messageIds(await inbox()).includes(third), { timeout: 10000 });
  assert.doesNotMatch(await inbox(), /part two/);
  // Back as it was: the page made then is not what is shown now.
  await inst.rows(`UPDATE reader SET state = 2 WHERE message_id = '${next}'`);
  assert.match(await inbox(), /part three/);
});

test('no other account, nobody without the cookie, and no session that has ended', async () => {
  await inbox();
  const alice = await signIn(inst, host, 'alice@acme.example');
  assert.doesNotMatch(await inbox(alice), /Figures, part/);
  const cookie = cookieOf(reader);
  const at = cookie.lastIndexOf('=') + 1;
  // The same session id under another secret.
  const wrong = cookie.slice(0, at + 30) + (cookie[at + 30] === 'A' ? 'B' : 'A') + cookie.slice(at + 31);
  const ask = async (headers) => (await request(inst, host, '/inbox', { headers })).status;
  assert.equal(await ask({ cookie }), 200);
  assert.equal(await ask({ cookie: wrong }), 303);
  assert.equal(await ask({}), 303);

  const again = await signIn(inst, host, admin);
  await inbox(again);
  await inst.rows(`DELETE FROM session WHERE hash = (SELECT hash FROM session ORDER BY created DESC LIMIT 1)`);
  assert.equal(await ask({ cookie: cookieOf(again) }), 303);
  await reader.go('/inbox');
  await reader.submit({}, { which: '/logout', follow: false });
  assert.equal(await ask({ cookie }), 303);
});

/** How often a text stands in a process's memory. */
async function inMemory(pid, text) {
  const what = Buffer.from(text);
  const mem = await fs.open(`/proc/${pid}/mem`, 'r');
  let n = 0;
  for (const line of (await fs.readFile(`/proc/${pid}/maps`, 'latin1')).split('\n')) {
    const [, from, to, rights, name] = line.match(/^(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)$/) ?? [];
    if (!rights?.startsWith('rw') || name.startsWith('[v')) continue;
    const size = Number(`0x${to}`) - Number(`0x${from}`);
    const { bytesRead, buffer } = await mem.read(Buffer.alloc(size), 0, size, Number(`0x${from}`)).catch(() => ({ bytesRead: 0 }));
    for (let at = -1; bytesRead > 0 && (at = buffer.indexOf(what, at + 1)) >= 0 && at < bytesRead;) n += 1;
  }
  await mem.close();
  return n;
}

test('what lies in memory between two looks is sealed', async () => {
  const token = `Quellwasser${process.pid}`;
  await send(`${token} ${'x'.repeat(40)}`);
  const visitor = await signIn(inst, host, admin);
  assert.match(await inbox(visitor), new RegExp(token));
  assert.match(await inbox(visitor), new RegExp(token));
  const parent = await inst.pid('portal');
  const [worker] = (await fs.readFile(`/proc/${parent}/task/${parent}/children`, 'utf8')).trim().split(' ').slice(-1);
  assert.ok(await inMemory(worker, 'restante_http_requests_total') + await inMemory(worker, 'Acme Bank') > 0, 'control: what is there is found');
  assert.equal(await inMemory(worker, token), 0);
});
