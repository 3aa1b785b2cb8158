// upload.mjs: files that come by slices, go with a letter and are read by whom it is for;
// resumed after a killed portal in another session; each in one letter, once.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { startInstallation } from '../lib/installation.mjs';
import { descendants, until } from '../lib/process.mjs';
import { messageIds, pickUp, signIn } from '../lib/road.mjs';

const MIB = 1024 * 1024;
const HOST = 'acme.localhost';
let inst;
let alice;
let notice; // of the first letter, to Carla

const sha1 = (bytes) => createHash('sha1').update(bytes).digest('base64');
const b64 = (text) => Buffer.from(text).toString('base64');

/** One request of the protocol. */
const tus = (who, method, path, headers = {}, body = undefined) => who.go(path, { method, body, follow: false,
  headers: { 'tus-resumable': '1.0.0', origin: inst.url(HOST, '').replace(/\/$/, ''), 'sec-fetch-site': 'same-origin', ...headers } });

async function create(who, length, name = 'figures.bin') {
  const page = await tus(who, 'POST', '/upload', { 'upload-length': `${length}`, 'upload-metadata': `filename ${b64(name)},filetype ${b64('application/pdf')}` });
  assert.equal(page.status, 201, page.text);
  return page.headers.location;
}

const patch = (who, where, offset, bytes, headers = {}) => tus(who, 'PATCH', where,
  { 'upload-offset': `${offset}`, 'content-type': 'application/offset+octet-stream', ...headers }, bytes);

async function upload(who, file, name) {
  const where = await create(who, file.length, name);
  for (let at = 0; at < file.length; at += 8 * MIB) {
    const piece = file.subarray(at, at + 8 * MIB);
    const page = await patch(who, where, at, piece);
    assert.equal(page.status, 204, page.text);
    assert.equal(Number(page.headers['upload-offset']), at + piece.length);
  }
  return where;
}

const idOf = (where) => where.split('/').pop();

/** The form as the page's script would send it. */
async function send(who, to, subject, uploads, { page = undefined } = {}) {
  if (page) who.page = page;
  else await who.go('/compose');
  const html = who.page.text;
  const hidden = uploads.map((u) => `<input type="hidden" name="upload" value="${idOf(u)}">`);
  who.page = { ...who.page, text: html.replace(/(<form[^>]*action="\/compose"[^>]*>|<form[^>]*enctype[^>]*>)/, `$1${hidden.join('')}`) };
  return who.submit({ to, subject, body: 'See the file.' }, { which: /name="subject"/ });
}

/** The file of a message that a reader was shown: { path, raw }. */
async function fileOf(reader, id) {
  const page = await reader.go(`/message/${id}`);
  assert.equal(page.status, 200);
  return { text: page.text, paths: [...new Set([...page.text.matchAll(/\/message\/[0-9a-f-]+\/part\/\d+/g)].map(([p]) => p))] };
}

before(async () => {
  inst = await startInstallation('upload');
  alice = await signIn(inst, HOST, 'alice@acme.example');
});
after(() => inst?.stop());

test('a file goes with a letter, and both its readers have it', async () => {
  const file = Buffer.concat([randomBytes(9 * MIB + 17), Buffer.alloc(MIB, 'shrinks ')]);
  const where = await upload(alice, file, 'Bericht «Q3».pdf');
  const sent = await send(alice, 'admin@acme.example, carla@partner.example', 'A large one', [where]);
  assert.match(alice.path, /\/message\/[0-9a-f-]+\/track/, sent.text);

  const admin = await signIn(inst, HOST, 'admin@acme.example');
  const [id] = messageIds((await admin.go('/inbox')).text);
  notice = await inst.catcher.wait({ to: 'carla@partner.example' });
  const { visitor: carla } = await pickUp(inst, HOST, 'carla@partner.example', notice);
  for (const reader of [admin, carla, alice]) {
    const { text, paths } = await fileOf(reader, id);
    assert.match(text, /Bericht «Q3»\.pdf/);
    assert.equal(paths.length, 1);
    const got = await reader.go(paths[0]);
    assert.equal(got.status, 200);
    assert.ok(got.body.equals(file));
    assert.match(got.headers['content-disposition'], /Bericht/);
    const part = await reader.go(paths[0], { headers: { range: `bytes=${8 * MIB - 3}-${8 * MIB + 70000}` } });
    assert.equal(part.status, 206);
    assert.ok(part.body.equals(file.subarray(8 * MIB - 3, 8 * MIB + 70001)));
    const raw = await reader.go(`/message/${id}/raw`);
    assert.equal(raw.status, 200);
    assert.ok(raw.body.length < 5000, 'the raw message is without it');
  }
  assert.equal((await tus(alice, 'HEAD', where)).status, 404);
  assert.equal((await tus(alice, 'DELETE', where)).status, 404);
  assert.equal((await patch(alice, where, file.length, Buffer.alloc(0))).status, 404);
  await until(async () => Number((await inst.rows(`SELECT count(*) FROM event WHERE kind = 10 AND detail LIKE 'part%' AND message_id = '${id}'`))[0][0]) === 2,
    { what: 'two downloads by recipients' });
  // A stranger to the message gets none of it, by its path or any other.
  const bob = await signIn(inst, 'globex.localhost', 'bob@globex.example');
  assert.equal((await bob.go(`/message/${id}/part/1`)).status, 404);
});

test('each once: the same form twice is one letter, and two letters do not share a file', async () => {
  const where = await upload(alice, randomBytes(100000), 'once.bin');
  await alice.go('/compose');
  const form = alice.page;
  const before = Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);
  const twice = [await signIn(inst, HOST, 'alice@acme.example'), alice];
  twice[0].cookies = new Map(alice.cookies);
  const pages = await Promise.all(twice.map((who) => send(who, 'admin@acme.example', 'Clicked twice', [where], { page: form })));
  assert.equal(Number((await inst.rows('SELECT count(*) FROM message'))[0][0]), before + 1);
  assert.match(twice[0].path, /\/message\/[0-9a-f-]+\/track/, pages[0].text);
  assert.equal(twice[0].path.replace(/\?.*/, ''), twice[1].path.replace(/\?.*/, ''), pages[1].text);
  // Long after: the same form once more.
  await send(alice, 'admin@acme.example', 'Clicked twice', [where], { page: form });
  assert.equal(alice.path.replace(/\?.*/, ''), twice[0].path.replace(/\?.*/, ''));
  const other = await send(alice, 'admin@acme.example', 'Another letter', [where]);
  assert.ok(other.status >= 400, `${other.status}`);
  assert.equal(Number((await inst.rows('SELECT count(*) FROM message'))[0][0]), before + 1);
  assert.equal(Number((await inst.rows('SELECT count(*) FROM upload WHERE message_id IS NOT NULL'))[0][0]), 2);
});

test('an unfinished file goes with no letter', async () => {
  const where = await create(alice, 100);
  assert.equal((await patch(alice, where, 0, randomBytes(50))).status, 204);
  const page = await send(alice, 'admin@acme.example', 'Too early', [where]);
  assert.ok(page.status >= 400);
  assert.equal((await tus(alice, 'HEAD', where)).headers['upload-offset'], '50');
  assert.equal((await tus(alice, 'DELETE', where)).status, 204);
});

test('a checksum that differs counts for nothing', async () => {
  const file = randomBytes(3 * MIB);
  const where = await create(alice, file.length);
  const wrong = await patch(alice, where, 0, file, { 'upload-checksum': `sha1 ${sha1(Buffer.from('x'))}` });
  assert.equal(wrong.status, 460);
  assert.equal((await tus(alice, 'HEAD', where)).headers['upload-offset'], '0');
  assert.equal((await patch(alice, where, 0, file, { 'upload-checksum': `sha1 ${sha1(file)}` })).status, 204);
  assert.equal((await tus(alice, 'HEAD', where)).headers['upload-offset'], `${file.length}`);
});

test('a killed portal, another session: it goes on where it stood', async () => {
  const file = randomBytes(24 * MIB);
  const where = await create(alice, file.length, 'resumed.bin');
  let at = 0;
  for (let round = 0; at < file.length; round++) {
    assert.ok(round < 30);
    const who = await signIn(inst, HOST, 'alice@acme.example');
    const head = await tus(who, 'HEAD', where);
    assert.equal(head.status, 200);
    at = Number(head.headers['upload-offset']);
    const going = patch(who, where, at, file.subarray(at, at + 8 * MIB)).catch(() => null);
    if (round < 3) {
      await new Promise((r) => setTimeout(r, 15 + 15 * round));
      for (const pid of await descendants(await inst.pid('portal'))) process.kill(pid, 'SIGKILL');
    }
    const page = await going;
    await until(async () => (await who.go('/login').catch(() => null))?.status === 200, { what: 'the portal is back' });
    if (page?.status === 204) at = Number(page.headers['upload-offset']);
  }
  await send(await signIn(inst, HOST, 'alice@acme.example'), 'admin@acme.example', 'Resumed', [where]);
  const admin = await signIn(inst, HOST, 'admin@acme.example');
  const [id] = messageIds((await admin.go('/inbox')).text);
  const { paths } = await fileOf(admin, id);
  assert.ok((await admin.go(paths[0])).body.equals(file));
});

test('a guest uploads and answers with it; nobody else finds it', async () => {
  const { visitor: carla } = await pickUp(inst, HOST, 'carla@partner.example', notice);
  const file = randomBytes(700000);
  const where = await upload(carla, file, 'signed.pdf');
  assert.equal((await tus(alice, 'HEAD', where)).status, 404);
  const { visitor: again } = await pickUp(inst, HOST, 'carla@partner.example', notice);
  assert.equal((await tus(again, 'HEAD', where)).status, 404, 'another session of the same address');
  await send(carla, 'alice@acme.example', 'Signed', [where]);
  assert.match(carla.path, /\/message\/[0-9a-f-]+\/track/, carla.page.text);
  const who = await signIn(inst, HOST, 'alice@acme.example');
  const [id] = messageIds((await who.go('/inbox')).text);
  const { paths } = await fileOf(who, id);
  assert.ok((await who.go(paths[0])).body.equals(file));
});

test('the store holds neither names nor bytes of it', async () => {
  const secret = 'the-one-word-nobody-else-writes';
  const file = Buffer.from(`${secret} `.repeat(3000));
  await upload(alice, file, `${secret}.txt`);
  const found = await inst.rows(`SELECT count(*) FROM upload_chunk WHERE position('${secret}'::bytea in data) > 0`);
  assert.equal(Number(found[0][0]), 0);
  const facts = await inst.rows(`SELECT count(*) FROM upload WHERE position('${secret}'::bytea in facts) > 0`);
  assert.equal(Number(facts[0][0]), 0);
});
