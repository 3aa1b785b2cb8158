// tus.mjs: uploads by tus 1.0.0 on the running portal: every status of the protocol, who
// may and who may not, slices that collide, break off or lie, and a client of others.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import https from 'node:https';
import * as tus from 'tus-js-client';
import { startInstallation } from '../lib/installation.mjs';
import { pickUp, signIn, messageIds } from '../lib/road.mjs';
import { Visitor, request } from '../lib/web.mjs';
import { until } from '../lib/process.mjs';

const MIB = 1024 * 1024;
const sha = (kind, bytes) => `${kind} ${createHash(kind).update(bytes).digest('base64')}`;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const meta = (name, type) => `filename ${Buffer.from(name).toString('base64')},filetype ${Buffer.from(type).toString('base64')}`;
const slice = 'application/offset+octet-stream';
let inst;
let alice;

before(async () => {
  inst = await startInstallation();
  alice = await signIn(inst, 'acme.localhost', 'alice@acme.example');
});
after(() => inst?.stop());

const ask = (who, method, path, headers = {}, body = undefined) => who.go(path,
  { method, body, follow: false, headers: { 'tus-resumable': '1.0.0', ...headers } });
const patch = (who, path, offset, bytes, headers = {}) => ask(who, 'PATCH', path,
  { 'content-type': slice, 'upload-offset': String(offset), ...headers }, bytes);
async function create(who, length, headers = { 'upload-metadata': meta('figures.pdf', 'application/pdf') }) {
  const made = await ask(who, 'POST', '/upload', { 'upload-length': String(length), ...headers });
  assert.equal(made.status, 201, made.text);
  assert.match(made.headers.location, /^\/upload\/[0-9a-f-]{36}$/);
  return made.headers.location;
}
async function offset(who, path) {
  const { status, headers } = await ask(who, 'HEAD', path);
  assert.equal(status, 200);
  return Number(headers['upload-offset']);
}
async function compose(who, fields) {
  await who.go('/compose');
  return who.submit({ to: 'carol@partner.example', subject: 'Figures', body: 'Here.', ...fields },
    { which: '/compose', follow: false });
}

test('the server says what it can', async () => {
  for (const [path, allow] of [['/upload', 'POST, OPTIONS'],
    ['/upload/01936f3e-7a00-7000-8000-000000000001', 'HEAD, PATCH, DELETE, OPTIONS']]) {
    const { status, headers } = await request(inst, 'acme.localhost', path, { method: 'OPTIONS' });
    assert.equal(status, 204);
    assert.equal(headers.allow, allow);
    assert.equal(headers['tus-version'], '1.0.0');
    assert.equal(headers['tus-extension'], 'creation,termination,expiration,checksum');
    assert.equal(headers['tus-max-size'], String(2 ** 31));
    assert.equal(headers['tus-checksum-algorithm'], 'sha1,sha256');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});

test('an upload from its first byte to its last', async () => {
  const bytes = randomBytes(3 * MIB + 1234);
  const path = await create(alice, bytes.length);
  let at = 0;
  for (const size of [1, 65536, 1000000, 700, bytes.length]) {
    const part = bytes.subarray(at, at + size);
    const { status, headers, text } = await patch(alice, path, at, part);
    assert.equal(status, 204, text);
    assert.equal(headers['tus-resumable'], '1.0.0');
    assert.ok(Date.parse(headers['upload-expires']) > Date.now());
    at += part.length;
    assert.equal(Number(headers['upload-offset']), at);
    assert.equal(await offset(alice, path), at);
  }
  const { headers } = await ask(alice, 'HEAD', path);
  assert.equal(headers['upload-length'], String(bytes.length));
  assert.equal(headers['upload-metadata'], meta('figures.pdf', 'application/pdf'));
  assert.match(headers['cache-control'], /no-store/);
});

test('what is malformed, too big or not there has its status', async () => {
  const path = await create(alice, 1000);
  const none = '/upload/01936f3e-7a00-7000-8000-000000000001';
  const table = [
    ['POST', '/upload', {}, undefined, 400],
    ['POST', '/upload', { 'upload-length': '-1' }, undefined, 400],
    ['POST', '/upload', { 'upload-defer-length': '1' }, undefined, 400],
    ['POST', '/upload', { 'upload-length': '1', 'upload-metadata': 'filename ?' }, undefined, 400],
    ['POST', '/upload', { 'upload-length': String(2 ** 31 + 1) }, undefined, 413],
    ['POST', '/upload', { 'upload-length': '1', 'tus-resumable': '2.0.0' }, undefined, 412],
    ['POST', '/upload', { 'upload-length': '1', 'tus-resumable': '' }, undefined, 412],
    ['HEAD', none, {}, undefined, 404],
    ['HEAD', '/upload/x', {}, undefined, 404],
    ['HEAD', path, { 'tus-resumable': '0.2.2' }, undefined, 412],
    ['DELETE', none, {}, undefined, 404],
    ['DELETE', path, { 'tus-resumable': '' }, undefined, 412],
    ['PATCH', none, { 'content-type': slice, 'upload-offset': '0' }, 'abc', 404],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '1' }, 'abc', 409],
    ['PATCH', path, { 'content-type': slice }, 'abc', 400],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': 'x' }, 'abc', 400],
    ['PATCH', path, { 'content-type': 'application/octet-stream', 'upload-offset': '0' }, 'abc', 415],
    ['PATCH', path, { 'upload-offset': '0' }, 'abc', 415],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '0', 'tus-resumable': '0.1' }, 'abc', 412],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '0', 'upload-checksum': 'md5 AAAA' }, 'abc', 400],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '0', 'upload-checksum': 'sha1 AAAA' }, 'abc', 400],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '0' }, Buffer.alloc(1001), 413],
    ['PATCH', path, { 'content-type': slice, 'upload-offset': '0' }, '', 204],
    ['GET', path, {}, undefined, 405],
    ['PUT', path, {}, 'abc', 405],
  ];
  for (const [method, where, headers, body, want] of table) {
    const got = await ask(alice, method, where, headers, body);
    assert.equal(got.status, want, `${method} ${where} ${JSON.stringify(headers)}: ${got.text.slice(0, 200)}`);
    assert.equal(got.headers.location, undefined);
    if (want === 412) assert.equal(got.headers['tus-version'], '1.0.0');
    if (want === 413 && method === 'POST') assert.equal(got.headers['tus-max-size'], String(2 ** 31));
    if (want !== 405) assert.doesNotMatch(got.text, /</, 'text, not a page');
  }
  assert.equal(await offset(alice, path), 0, 'nothing of all that was taken');
});

test('a slice of 8 MiB is taken, one byte more is not', async () => {
  const bytes = randomBytes(8 * MIB + 1);
  const path = await create(alice, bytes.length);
  const refused = await patch(alice, path, 0, bytes).catch((error) => error);
  assert.ok(refused.status === 413 || ['ECONNRESET', 'EPIPE'].includes(refused.code), String(refused.status ?? refused));
  assert.equal(await offset(alice, path), 0);
  assert.equal((await patch(alice, path, 0, bytes.subarray(0, 8 * MIB))).status, 204);
  assert.equal((await patch(alice, path, 8 * MIB, bytes.subarray(8 * MIB))).status, 204);
});

test('a checksum that is right is taken, one that differs takes nothing', async () => {
  const bytes = randomBytes(300000);
  for (const kind of ['sha1', 'sha256']) {
    const path = await create(alice, bytes.length);
    const wrong = await patch(alice, path, 0, bytes, { 'upload-checksum': sha(kind, bytes.subarray(1)) });
    assert.equal(wrong.status, 460, wrong.text);
    assert.equal(await offset(alice, path), 0);
    const half = bytes.subarray(0, 150000);
    assert.equal((await patch(alice, path, 0, half, { 'upload-checksum': sha(kind, half) })).status, 204);
    const again = await patch(alice, path, 150000, half, { 'upload-checksum': sha(kind, bytes) });
    assert.equal(again.status, 460);
    assert.equal(await offset(alice, path), 150000, 'what was there stays');
    const rest = bytes.subarray(150000);
    assert.equal((await patch(alice, path, 150000, rest, { 'upload-checksum': sha(kind, rest) })).status, 204);
  }
});

test('two at once: each byte is taken once', async () => {
  const bytes = randomBytes(4 * MIB);
  const path = await create(alice, bytes.length);
  const first = bytes.subarray(0, 2 * MIB);
  const answers = await Promise.all(Array.from({ length: 4 }, () => patch(alice, path, 0, first).catch(() => ({ status: 0 }))));
  const statuses = answers.map(({ status }) => status).sort();
  assert.ok(statuses.filter((s) => s === 204).length <= 1, statuses.join());
  for (const status of statuses) assert.ok([204, 409, 423].includes(status), statuses.join());
  for (let at = await offset(alice, path); at < bytes.length; at = await offset(alice, path)) {
    assert.equal((await patch(alice, path, at, bytes.subarray(at))).status, 204);
  }
  const sent = await compose(alice, { upload: path.split('/').pop() });
  assert.equal(sent.status, 303, sent.text);
  const id = sent.headers.location.match(/message\/([0-9a-f-]+)/)[1];
  const page = await alice.go(`/message/${id}`);
  const part = page.text.match(/\/message\/[0-9a-f-]+\/part\/\d+/)[0];
  const got = await alice.go(part);
  assert.equal(sha256(got.body), sha256(bytes));
});

test('a slice that breaks off: what came of it whole is kept', async () => {
  const bytes = randomBytes(3 * MIB);
  const path = await create(alice, bytes.length);
  const cookie = [...alice.cookies].map((pair) => pair.join('=')).join('; ');
  await new Promise((done) => {
    const r = https.request({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: 'acme.localhost', ca: inst.ca,
      agent: false, method: 'PATCH', path, headers: { host: `acme.localhost:${inst.ports.HTTPS_PORT}`, cookie,
        'tus-resumable': '1.0.0', 'content-type': slice, 'upload-offset': '0', 'content-length': bytes.length } });
    r.on('error', done);
    r.on('close', done);
    r.write(bytes.subarray(0, 2 * MIB), () => setTimeout(() => r.destroy(), 300));
  });
  const at = await until(async () => (await offset(alice, path)) || undefined);
  assert.ok(at > 0 && at <= 2 * MIB, String(at));
  assert.equal((await patch(alice, path, at, bytes.subarray(at))).status, 204);
});

test('another session of the same account goes on; nobody else even learns of it', async () => {
  const bytes = randomBytes(200000);
  const path = await create(alice, bytes.length);
  assert.equal((await patch(alice, path, 0, bytes.subarray(0, 100000))).status, 204);
  const again = await signIn(inst, 'acme.localhost', 'alice@acme.example');
  const admin = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  const bob = await signIn(inst, 'globex.localhost', 'bob@globex.example');
  const nobody = new Visitor(inst, 'acme.localhost');
  for (const [who, status] of [[admin, 404], [bob, 404], [nobody, 401]]) {
    assert.equal((await ask(who, 'HEAD', path)).status, status);
    assert.equal((await patch(who, path, 100000, bytes.subarray(100000))).status, status);
    assert.equal((await ask(who, 'DELETE', path)).status, status);
  }
  const made = await ask(nobody, 'POST', '/upload', { 'upload-length': '1' });
  assert.equal(made.status, 401);
  assert.ok(made.headers['www-authenticate']);
  assert.equal(made.headers.location, undefined);
  const stolen = await compose(admin, { upload: path.split('/').pop() });
  assert.equal(stolen.status, 400, 'nobody sends another’s file');
  assert.equal(await offset(again, path), 100000);
  assert.equal((await patch(again, path, 100000, bytes.subarray(100000))).status, 204);
});

test('a form of another site reaches nothing', async () => {
  const path = await create(alice, 10);
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }]) {
    assert.equal((await patch(alice, path, 0, 'abc', headers)).status, 403);
    assert.equal((await ask(alice, 'DELETE', path, headers)).status, 403);
    assert.equal((await ask(alice, 'POST', '/upload', { 'upload-length': '1', ...headers })).status, 403);
  }
  assert.equal(await offset(alice, path), 0);
});

test('removed, it is gone with its bytes; its time over, it is 410', async () => {
  const path = await create(alice, 1000);
  assert.equal((await patch(alice, path, 0, randomBytes(500))).status, 204);
  assert.equal((await ask(alice, 'DELETE', path)).status, 204);
  assert.equal((await ask(alice, 'HEAD', path)).status, 404);
  assert.equal((await patch(alice, path, 500, randomBytes(500))).status, 404);
  assert.equal((await ask(alice, 'DELETE', path)).status, 404);
  const late = await create(alice, 1000);
  const id = late.split('/').pop();
  const { status, stderr } = await inst.psql(`UPDATE upload SET expires = now() - interval '1 second' WHERE upload_id = '${id}'`);
  assert.equal(status, 0, stderr);
  assert.equal((await ask(alice, 'HEAD', late)).status, 410);
  assert.equal((await patch(alice, late, 0, randomBytes(500))).status, 410);
});

test('a letter takes what is finished, once, and says what is missing', async () => {
  const whole = await create(alice, 1000, { 'upload-metadata': meta('Figures “Q3”.txt', 'text/plain') });
  await patch(alice, whole, 0, Buffer.alloc(1000, 'x'));
  const half = await create(alice, 1000);
  await patch(alice, half, 0, Buffer.alloc(500));
  const id = whole.split('/').pop();
  const missing = await compose(alice, { upload: half.split('/').pop() });
  assert.equal(missing.status, 400);
  assert.match(missing.text, /no longer there, or it was not complete/);
  const typo = await compose(alice, { to: 'nobody', upload: id });
  assert.equal(typo.status, 400);
  assert.match(typo.text, /Figures “Q3”\.txt/);
  // The page that came back sends it as it stands.
  const sent = await alice.submit({ to: 'carol@partner.example' }, { which: '/compose', follow: false });
  assert.equal(sent.status, 303, sent.text);
  const again = await compose(alice, { upload: id });
  assert.equal(again.status, 400, 'it went already');
  assert.equal((await ask(alice, 'HEAD', whole)).status, 404);
  const notice = await inst.catcher.wait({ to: 'carol@partner.example', text: /\/m\// });
  const { visitor } = await pickUp(inst, 'acme.localhost', 'carol@partner.example', notice);
  const list = await visitor.go('/inbox');
  let found;
  for (const one of messageIds(list.text)) {
    const page = await visitor.go(`/message/${one}`);
    if (/Figures “Q3”\.txt/.test(page.text)) found = { page, one };
  }
  assert.ok(found, list.text);
  assert.match(found.page.text, /uploaded beside the message/);
  const part = found.page.text.match(/\/message\/[0-9a-f-]+\/part\/\d+/)[0];
  const got = await visitor.go(part);
  assert.equal(got.status, 200);
  assert.ok(got.body.equals(Buffer.alloc(1000, 'x')));
  assert.match(got.headers['content-disposition'], /attachment; filename=/);
});

test('a guest uploads too, for the length of the visit', async () => {
  const notice = await inst.catcher.wait({ to: 'carol@partner.example', text: /\/m\// });
  const { visitor } = await pickUp(inst, 'acme.localhost', 'carol@partner.example', notice);
  const path = await create(visitor, 5);
  assert.equal((await patch(visitor, path, 0, 'hello')).status, 204);
  const other = await pickUp(inst, 'acme.localhost', 'carol@partner.example', notice);
  assert.equal((await ask(other.visitor, 'HEAD', path)).status, 404, 'another visit of theirs');
  const sent = await compose(visitor, { to: 'alice@acme.example', upload: path.split('/').pop() });
  assert.equal(sent.status, 303, sent.text);
});

test('no more wait unsent than may', async () => {
  const admin = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  const paths = [];
  for (let i = 0; i < 20; i += 1) paths.push(await create(admin, 1));
  const over = await ask(admin, 'POST', '/upload', { 'upload-length': '1' });
  assert.equal(over.status, 409, over.text);
  assert.equal((await ask(admin, 'DELETE', paths[0])).status, 204);
  await create(admin, 1);
});

test('the clients of others: tus-js-client, broken off and resumed', async () => {
  const bytes = randomBytes(5 * MIB + 77);
  const root = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  for (const { 0: id } of await inst.rows("SELECT upload_id FROM upload WHERE message_id IS NULL AND address_key = 'admin@acme.example'")) {
    await ask(root, 'DELETE', `/upload/${id}`);
  }
  const agent = new https.Agent({ ca: inst.ca, servername: 'acme.localhost', keepAlive: true,
    lookup: (name, options, done) => (options.all
      ? done(null, [{ address: inst.host, family: 4 }]) : done(null, inst.host, 4)) });
  const cookie = [...root.cookies].map((pair) => pair.join('=')).join('; ');
  const base = inst.url('acme.localhost', '/upload');
  const options = { endpoint: base, chunkSize: MIB, retryDelays: [0, 500, 1000],
    httpStack: new tus.DefaultHttpStack({ agent }), headers: { cookie }, metadata: { filename: 'peer.bin', filetype: 'application/x-peer' } };
  const run = (source, more, abortAt) => new Promise((resolve, reject) => {
    const upload = new tus.Upload(source, { ...options, ...more, onError: reject, onSuccess: () => resolve(upload.url),
      onChunkComplete: (size, taken) => {
        if (taken >= abortAt) upload.abort().then(() => resolve(upload.url), reject);
      } });
    upload.start();
  });
  const url = await run(bytes, {}, 2 * MIB);
  const at = await offset(root, new URL(url).pathname);
  assert.ok(at >= 2 * MIB && at < bytes.length, String(at));
  assert.equal(await run(bytes, { uploadUrl: url }), url);
  const path = new URL(url).pathname;
  assert.equal(await offset(root, path), bytes.length);
  const { headers } = await ask(root, 'HEAD', path);
  assert.equal(headers['upload-metadata'], meta('peer.bin', 'application/x-peer'));
  const sent = await compose(root, { upload: path.split('/').pop() });
  const id = sent.headers.location.match(/message\/([0-9a-f-]+)/)[1];
  const page = await root.go(`/message/${id}`);
  const got = await root.go(page.text.match(/\/message\/[0-9a-f-]+\/part\/\d+/)[0]);
  assert.equal(sha256(got.body), sha256(bytes));
  // And termination, by the same client.
  const doomed = await run(Buffer.alloc(10), {});
  await tus.Upload.terminate(doomed, options);
  assert.equal((await ask(root, 'HEAD', new URL(doomed).pathname)).status, 404);
  agent.destroy();
});
