// http_engine.mjs: how connections live: who half-closes, who is slow, who asks for too much
// at once, and what a stop leaves to whom. Deadlines are looked at from below, and beside
// each stands one that keeps to them and is served.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { startInstallation } from '../lib/installation.mjs';
import { alive, sleep, until } from '../lib/process.mjs';
import { signIn } from '../lib/road.mjs';
import { Wire, portalOf } from '../lib/wire.mjs';

const host = 'Host: acme.localhost';
const get = (path = '/healthz', ...more) => `${[`GET ${path} HTTP/1.1`, host, ...more].join('\r\n')}\r\n\r\n`;
const post = (length, ...more) => `${['POST /login HTTP/1.1', host, 'Content-Type: application/x-www-form-urlencoded',
  `Content-Length: ${length}`, ...more].join('\r\n')}\r\n\r\n`;
const LONG = 120000; // a deadline is waited for; how much longer it took says nothing
const tests = { concurrency: true, timeout: 300000 };

let inst;
let alice;
let cookie;
before(async () => {
  inst = await startInstallation();
  alice = await signIn(inst, 'acme.localhost', 'alice@acme.example');
  cookie = `Cookie: ${[...alice.cookies].map((pair) => pair.join('=')).join('; ')}`;
});
after(() => inst?.stop());

const open = (more = {}) => Wire.open({ ...portalOf(inst), ...more });
const took = async (work) => {
  const start = performance.now();
  return { got: await work(), seconds: (performance.now() - start) / 1000 };
};
/** Waits for the log's line of the request that `pick` wants. */
const logged = (pick) => until(async () => (await inst.log('portal')).split('\n').filter((line) => line.includes('"event":"request"'))
  .map((line) => JSON.parse(line)).find(pick), { timeout: 20000, what: 'a line of the access log' });

// ---- a side closed, a client gone ----

test('a client that closes its side gets every answer it asked for before', async () => {
  const wire = await open({ allowHalfOpen: true });
  wire.send(get() + get('/no-such-page') + get('/inbox', cookie));
  wire.socket.end();
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await wire.answer())?.status);
  assert.deepEqual(statuses, [200, 404, 200]);
  assert.ok(await wire.end());
});

test('clients that vanish while they are served leave nothing behind', async () => {
  for (let i = 0; i < 40; i += 1) {
    const wire = await open();
    wire.send(get('/inbox', cookie) + get('/inbox', cookie) + post(100));
    wire.close();
  }
  const wire = await open();
  assert.equal((await wire.send(get('/inbox', cookie)).answer()).status, 200);
  wire.close();
});

// ---- Expect: 100-continue ----

test('100 Continue comes when the body will be read', async () => {
  const wire = await open();
  wire.send(post(3, 'Expect: 100-continue'));
  assert.equal((await wire.answer()).status, 100);
  wire.send(`a=b${get()}`);
  assert.ok((await wire.answer()).status >= 200);
  assert.equal((await wire.answer()).status, 200);
  wire.close();
});

test('no 100 Continue where the body came along, nor where it is refused', async () => {
  const along = await open();
  along.send(`${post(3, 'Expect: 100-continue')}a=b`);
  assert.ok((await along.answer()).status >= 200);
  along.close();
  const big = await open();
  big.send(post(13 * 1024 * 1024, 'Expect: 100-continue'));
  const answer = await big.answer();
  assert.equal(answer.status, 413);
  assert.equal(answer.headers.connection, 'close');
  assert.ok(await big.end());
});

// ---- deadlines ----

test('deadlines', tests, async (t) => {
  await Promise.all([
    t.test('a head that takes longer than ten seconds: 408', tests, async () => {
      const wire = await open();
      const { got, seconds } = await took(async () => {
        wire.send('GET /healthz HTTP/1.1\r\n');
        const drip = setInterval(() => wire.send('X: y\r\n'), 500);
        const answer = await wire.answer({ timeout: LONG });
        clearInterval(drip);
        return answer;
      });
      assert.equal(got.status, 408);
      assert.equal(got.headers.connection, 'close');
      assert.ok(seconds > 9, `after ${seconds} s`);
    }),
    t.test('a connection that never asks is closed without an answer', tests, async () => {
      const wire = await open();
      const { got, seconds } = await took(() => wire.end(LONG));
      assert.ok(got);
      assert.equal(wire.bytes.length, 0);
      assert.ok(seconds > 9, `after ${seconds} s`);
    }),
    t.test('between requests there are twenty seconds', tests, async () => {
      const wire = await open();
      wire.send(get());
      assert.equal((await wire.answer()).status, 200);
      await sleep(12000);
      wire.send(get());
      assert.equal((await wire.answer()).status, 200, 'the control: after twelve seconds it is still there');
      const { got, seconds } = await took(() => wire.end(LONG));
      assert.ok(got);
      assert.ok(seconds > 19, `after ${seconds} s`);
    }),
    t.test('a body below the least rate: 408, though it began fast', tests, async () => {
      const wire = await open();
      wire.send(post(60000)).send('x'.repeat(30000));
      const { got, seconds } = await took(async () => {
        const drip = setInterval(() => wire.send('x'), 500);
        const answer = await wire.answer({ timeout: LONG });
        clearInterval(drip);
        return answer;
      });
      assert.equal(got.status, 408);
      assert.ok(seconds > 19, `after ${seconds} s`);
    }),
    t.test('the control: a body above the least rate goes on for longer', tests, async () => {
      const wire = await open();
      wire.send(post(60000 + 3)).send('a=b');
      for (let i = 0; i < 24; i += 1) {
        await sleep(1000);
        wire.send('x'.repeat(2500));
      }
      assert.ok((await wire.answer({ timeout: LONG })).status < 500);
      wire.close();
    }),
  ]);
});

// ---- shares ----

test('bodies of one stranger that are waited for: the sixty-fifth is 429', async () => {
  const from = '127.3.3.3';
  const wires = [];
  for (let i = 0; i < 64; i += 1) wires.push((await open({ from })).send(post(10)));
  await sleep(500);
  const past = await open({ from });
  const refused = await past.send(post(10)).answer();
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.ok(await past.end());
  const other = await open({ from: '127.3.3.4' });
  assert.ok((await other.send(`${post(3)}a=b`).answer()).status < 429, 'the control: another address is served');
  other.close();
  wires.pop().close();
  await sleep(500);
  const again = await open({ from });
  again.send(post(3));
  await sleep(100);
  assert.notEqual((await again.send('a=b').answer()).status, 429, 'one has gone');
  for (const wire of [...wires, again]) wire.close();
});

test('large bodies are counted for a session too: from however many addresses, the seventeenth is 429', async () => {
  const form = (length, ...more) => `${['POST /compose HTTP/1.1', host, cookie, 'Content-Type: multipart/form-data; boundary=x',
    `Content-Length: ${length}`, ...more].join('\r\n')}\r\n\r\n`;
  await alice.go('/inbox');
  const wires = [];
  for (let i = 0; i < 16; i += 1) wires.push((await open()).send(form(10 * 1024 * 1024)));
  await sleep(500);
  const past = await open();
  assert.equal((await past.send(form(10 * 1024 * 1024)).answer()).status, 429);
  const small = await open();
  small.send(form(10));
  await sleep(100);
  assert.notEqual((await small.send('0123456789').answer()).status, 429, 'the control: small ones go on');
  for (const wire of [...wires, past, small]) wire.close();
});

test('what strangers ask for takes no place of files', async () => {
  await alice.go('/inbox');
  const from = '127.3.3.6';
  const file = '/message/01936f3e-7a00-7000-8000-000000000001/raw';
  const unread = [];
  for (let i = 0; i < 64; i += 1) {
    const wire = await open({ from });
    wire.socket.pause(); // no answer is ever read
    unread.push(wire.send(get(file).repeat(6000)));
  }
  let over = false;
  const asking = Array.from({ length: 150 }, async () => {
    const wire = await open({ from });
    while (!over) await wire.send(get(file)).answer({ timeout: LONG });
    wire.close();
  });
  await sleep(1000);
  const reader = await open({ from });
  const statuses = [];
  for (let i = 0; i < 10; i += 1) {
    statuses.push((await reader.send(get(file, cookie)).answer({ timeout: LONG })).status);
  }
  over = true;
  await Promise.all(asking);
  assert.deepEqual(statuses, Array(10).fill(404));
  for (const wire of [...unread, reader]) wire.close();
});

test('connections of one address: the 513th is closed at once', async () => {
  const from = '127.4.4.4';
  const wires = await Promise.all(Array.from({ length: 16 }, async () => {
    const some = [];
    for (let i = 0; i < 32; i += 1) some.push(await open({ from }));
    return some;
  })).then((lists) => lists.flat());
  assert.equal((await wires.at(-1).send(get()).answer()).status, 200, 'the 512th is served');
  await assert.rejects(open({ from }));
  const other = await open({ from: '127.4.4.5' });
  assert.equal((await other.send(get()).answer()).status, 200);
  other.close();
  for (const wire of wires) wire.close();
});

// ---- bodies that are streamed ----

const MIB = 1024 * 1024;
const length = 3 * MIB + 12345;
async function upload() {
  const made = await alice.go('/upload', { method: 'POST', follow: false,
    headers: { 'tus-resumable': '1.0.0', 'upload-length': String(length) } });
  assert.equal(made.status, 201, made.text);
  return made.headers.location;
}
const patch = (path, bytes, ...more) => [`PATCH ${path} HTTP/1.1`, host, cookie, 'Tus-Resumable: 1.0.0', 'Upload-Offset: 0',
  'Content-Type: application/offset+octet-stream', `Content-Length: ${bytes.length}`, ...more, '', ''].join('\r\n');
const offset = async (path) => Number((await alice.go(path, { method: 'HEAD', follow: false,
  headers: { 'tus-resumable': '1.0.0' } })).headers['upload-offset']);

test('a slice goes to its sink block by block, and the next request comes behind it', async () => {
  const path = await upload();
  const bytes = randomBytes(length);
  const wire = await open();
  wire.send(patch(path, bytes, `Upload-Checksum: sha256 ${createHash('sha256').update(bytes).digest('base64')}`,
    'Expect: 100-continue'));
  assert.equal((await wire.answer()).status, 100);
  for (let at = 0; at < length; at += 700001) {
    wire.send(bytes.subarray(at, at + 700001));
    await sleep(20);
  }
  wire.send(get());
  const done = await wire.answer({ timeout: 30000 });
  assert.equal(done.status, 204);
  assert.equal(done.headers['upload-offset'], String(length));
  assert.equal((await wire.answer()).status, 200);
  wire.close();
});

test('a client that goes in the middle of its slice: what came is kept, and the line says so', async () => {
  const path = await upload();
  const bytes = randomBytes(length);
  const wire = await open();
  wire.send(patch(path, bytes)).send(bytes.subarray(0, 2 * MIB));
  await sleep(1000);
  wire.close();
  await logged(({ method, end }) => method === 'PATCH' && end === 'gone');
  const kept = await offset(path);
  assert.ok(kept > 0 && kept <= 2 * MIB, String(kept));
});

test('a slice that is not wanted is refused before its body', async () => {
  const wire = await open();
  wire.send(patch('/upload/01936f3e-7a00-7000-8000-000000000001', { length: 8 * MIB }, 'Expect: 100-continue'));
  const answer = await wire.answer();
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.connection, 'close');
  assert.ok(await wire.end());
});

test('one session has sixty-four files on their way, from however many addresses', async () => {
  const path = await upload();
  const wires = [];
  for (let i = 0; i < 64; i += 1) {
    wires.push((await open()).send(patch(path, { length: MIB }, 'Expect: 100-continue')));
    assert.equal((await wires.at(-1).answer({ timeout: LONG })).status, 100);
  }
  const past = await open();
  assert.equal((await past.send(patch(path, { length: MIB })).answer()).status, 429);
  const admin = await signIn(inst, 'acme.localhost', 'admin@acme.example');
  const other = await admin.go('/message/01936f3e-7a00-7000-8000-000000000001/raw');
  assert.equal(other.status, 404, 'the control: another session is served');
  for (const wire of [...wires, past]) wire.close();
});

// ---- the end ----

test('SIGTERM: what runs is answered, who just came may ask, who idles is closed', async () => {
  const path = await upload();
  const bytes = randomBytes(length);
  const idle = await open();
  assert.equal((await idle.send(get()).answer()).status, 200);
  const slice = await open();
  slice.send(patch(path, bytes)).send(bytes.subarray(0, MIB));
  const form = (await open()).send(post(5)).send('he');
  const fresh = await open();
  await sleep(500);
  const pid = await inst.kill('portal', 'SIGTERM');
  assert.ok(await idle.end(), 'idle connections are closed');
  assert.equal(idle.bytes.length, 0);
  fresh.send(get('/inbox', cookie));
  form.send('llo');
  for (const wire of [fresh, form]) {
    const answer = await wire.answer();
    assert.ok(answer.status < 500);
    assert.equal(answer.headers.connection, 'close');
  }
  assert.ok(await alive(pid));
  slice.send(bytes.subarray(MIB));
  const done = await slice.answer({ timeout: 20000 });
  assert.equal(done.status, 204);
  assert.equal(done.headers['upload-offset'], String(length));
  await until(async () => !(await alive(pid)), { timeout: 20000, what: 'the end of the old portal' });
  await inst.back('portal', pid);
  await until(async () => (await offset(path).catch(() => -1)) === length, { what: 'the whole upload' });
});
